//! Types that nothing writes yet; rules and exports know them already.
use super::event_type::{EventType, PersonalContent};
use super::fields::{MACHINE, OUTCOME, PHONE, PURPOSE, REASON, TAP, USER, WORKSTATION, field};
use super::retention;
use crate::mapping::{Action, Audit, Indicator, Mapping, Ocsf, Severity, dicom};

pub(super) static OFFLINE_TAP_RECONCILED: EventType = EventType {
    name: "offline-tap-reconciled",
    standard: None,
    meaning: "A workstation reported a tap that it decided while the server was out of reach.",
    fields: &[
        TAP,
        WORKSTATION,
        PHONE,
        USER,
        PURPOSE,
        field("decided_at", "when the workstation decided"),
        OUTCOME,
    ],
    personal: PersonalContent::Pseudonymous,
    presence: true,
    retention: retention::USE,
    export: Mapping {
        severity: Severity::Low,
        audit: Audit {
            event: dicom::USER_AUTHENTICATION,
            kind: Some(dicom::LOGIN),
            action: Action::Execute,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3002, activity: 1 },
    },
};

pub(super) static BREAK_GLASS_USED: EventType = EventType {
    name: "break-glass-used",
    standard: None,
    meaning: "Somebody entered without the usual proof, in an emergency, and said why.",
    fields: &[
        USER,
        WORKSTATION,
        REASON,
        field("session", "the session that was opened; missing in older entries"),
        field("second", "who let her enter beside herself; missing without one"),
    ],
    personal: PersonalContent::Personal,
    presence: false,
    retention: retention::OVERSIGHT,
    export: Mapping {
        severity: Severity::High,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::EMERGENCY_OVERRIDE_STARTED),
            action: Action::Execute,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3002, activity: 1 },
    },
};

pub(super) static CONNECTION_UNEXPECTED: EventType = EventType {
    name: "connection-unexpected",
    standard: None,
    meaning: "A machine talked, or tried to talk, to a peer that nobody expects.",
    fields: &[MACHINE, field("peer", "whom it talked to"), OUTCOME],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::OPERATION,
    export: Mapping {
        severity: Severity::High,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NODE_AUTHENTICATION),
            action: Action::Execute,
            outcome: Indicator::SeriousFailure,
        },
        ocsf: Ocsf { class: 4001, activity: 6 },
    },
};
