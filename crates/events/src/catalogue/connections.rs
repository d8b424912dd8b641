//! Which connections are expected, and what machines refuse.
use super::event_type::{EventType, PersonalContent};
use super::fields::{PEER, field};
use super::retention;
use crate::mapping::{Action, Audit, Indicator, Mapping, Ocsf, Severity, dicom};

pub(super) static CONNECTION_POLICY_CHANGED: EventType = EventType {
    name: "connection-policy-changed",
    standard: None,
    meaning: "Another policy says which connections are expected.",
    fields: &[field("version", "its number"), field("policy", "SHA-256 of its document")],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::High,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NETWORK_CONFIGURATION),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 3 },
    },
};

pub(super) static MACHINE_REFUSED: EventType = EventType {
    name: "machine-refused",
    standard: None,
    meaning: "A machine refused a peer that it does not trust.",
    fields: &[
        field("at", "the machine that refused, by its SPIFFE ID"),
        PEER,
        field("reason", "why it was refused, a word"),
    ],
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

pub(super) static MESSAGE_REFUSED: EventType = EventType {
    name: "message-refused",
    standard: None,
    meaning: "A machine refused a message.",
    fields: &[
        field("receiver", "the machine that refused it, by its SPIFFE ID"),
        field("sender", "whose it was, as far as it is known"),
        field(
            "reason",
            "`replayed`, `reordered`, `altered`, `late`, `early`, `unknown-sender`, `misdirected` or `malformed`",
        ),
    ],
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
