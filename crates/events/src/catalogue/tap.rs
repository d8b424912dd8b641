//! Taps, attempts and sessions.
use super::event_type::{EventType, PersonalContent};
use super::fields::{
    EXPIRES_AT, FAILURES, MODEL_SET, PHONE, PHONE_IF_KNOWN, PURPOSE, SESSION, TAP, USER,
    USER_IF_KNOWN, WORKSTATION, field,
};
use super::retention;
use crate::mapping::{Action, Audit, Indicator, Mapping, Ocsf, Severity, dicom};

pub(super) static TAP_ACCEPTED: EventType = EventType {
    name: "tap-accepted",
    standard: None,
    meaning: "A tap was accepted: the phone is hers, the face is hers, and policy allows it.",
    fields: &[
        TAP,
        WORKSTATION,
        PHONE,
        USER,
        PURPOSE,
        field("session", "the session that it opened, resumed, stepped up or ended"),
        MODEL_SET,
        field("mask", "whether she wore a mask"),
        field("steps", "how long each step took, in microseconds"),
    ],
    personal: PersonalContent::Pseudonymous,
    presence: true,
    retention: retention::USE,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::USER_AUTHENTICATION,
            kind: Some(dicom::LOGIN),
            action: Action::Execute,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3002, activity: 1 },
    },
};

pub(super) static TAP_REFUSED: EventType = EventType {
    name: "tap-refused",
    standard: None,
    meaning: "A tap was refused, for the first reason that applied.",
    fields: &[
        TAP,
        WORKSTATION,
        PHONE_IF_KNOWN,
        USER_IF_KNOWN,
        field("purpose", "what for; null if it is not known"),
        field("reason", "the code of the refusal, as in the reference of reasons"),
    ],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::USE,
    export: Mapping {
        severity: Severity::Low,
        audit: Audit {
            event: dicom::USER_AUTHENTICATION,
            kind: Some(dicom::LOGIN),
            action: Action::Execute,
            outcome: Indicator::MinorFailure,
        },
        ocsf: Ocsf { class: 3002, activity: 1 },
    },
};

pub(super) static TAP_ABANDONED: EventType = EventType {
    name: "tap-abandoned",
    standard: None,
    meaning: "A workstation gave a tap up before there was anything for the server to decide.",
    fields: &[
        TAP,
        WORKSTATION,
        PHONE_IF_KNOWN,
        USER_IF_KNOWN,
        PURPOSE,
        field("reason", "the code of the abandonment, as in the reference of reasons"),
    ],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::USE,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::USER_AUTHENTICATION,
            kind: Some(dicom::LOGIN),
            action: Action::Execute,
            outcome: Indicator::MinorFailure,
        },
        ocsf: Ocsf { class: 3002, activity: 1 },
    },
};

pub(super) static BIOMETRIC_DELAYED: EventType = EventType {
    name: "biometric-delayed",
    standard: None,
    meaning: "Too many failed comparisons in a row: a wait runs.",
    fields: &[USER, FAILURES, field("until", "the end of the wait")],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::USE,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::USE_OF_RESTRICTED_FUNCTION),
            action: Action::Execute,
            outcome: Indicator::MinorFailure,
        },
        ocsf: Ocsf { class: 3001, activity: 9 },
    },
};

pub(super) static BIOMETRIC_DISABLED: EventType = EventType {
    name: "biometric-disabled",
    standard: None,
    meaning: "Far too many failed comparisons in a row: the face does not count until it is enrolled again.",
    fields: &[USER, FAILURES],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::USE,
    export: Mapping {
        severity: Severity::High,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::USER_SECURITY_ATTRIBUTES_CHANGED),
            action: Action::Update,
            outcome: Indicator::SeriousFailure,
        },
        ocsf: Ocsf { class: 3001, activity: 11 },
    },
};

pub(super) static SESSION_ESTABLISHED: EventType = EventType {
    name: "session-established",
    standard: Some("https://schemas.openid.net/secevent/caep/event-type/session-established"),
    meaning: "A session was opened.",
    fields: &[SESSION, USER, WORKSTATION, EXPIRES_AT],
    personal: PersonalContent::Pseudonymous,
    presence: true,
    retention: retention::USE,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::USER_AUTHENTICATION,
            kind: Some(dicom::LOGIN),
            action: Action::Execute,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3002, activity: 1 },
    },
};

pub(super) static SESSION_SUSPENDED: EventType = EventType {
    name: "session-suspended",
    standard: None,
    meaning: "A session was locked; a tap resumes it.",
    fields: &[SESSION, USER, WORKSTATION],
    personal: PersonalContent::Pseudonymous,
    presence: true,
    retention: retention::USE,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::USER_AUTHENTICATION,
            kind: Some(dicom::LOGOUT),
            action: Action::Execute,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3002, activity: 2 },
    },
};

pub(super) static SESSION_RESUMED: EventType = EventType {
    name: "session-resumed",
    standard: None,
    meaning: "A locked session goes on, perhaps at another workstation.",
    fields: &[SESSION, USER, WORKSTATION],
    personal: PersonalContent::Pseudonymous,
    presence: true,
    retention: retention::USE,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::USER_AUTHENTICATION,
            kind: Some(dicom::LOGIN),
            action: Action::Execute,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3002, activity: 1 },
    },
};

pub(super) static SESSION_REVOKED: EventType = EventType {
    name: "session-revoked",
    standard: Some("https://schemas.openid.net/secevent/caep/event-type/session-revoked"),
    meaning: "A session ended.",
    fields: &[
        SESSION,
        USER,
        WORKSTATION,
        field(
            "reason",
            "why: `tap-out`, `superseded`, `administrator`, `user-disabled` or `expired`",
        ),
    ],
    personal: PersonalContent::Pseudonymous,
    presence: true,
    retention: retention::USE,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::USER_AUTHENTICATION,
            kind: Some(dicom::LOGOUT),
            action: Action::Execute,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3002, activity: 2 },
    },
};
