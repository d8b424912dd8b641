//! Applications, and what they are granted.
use super::event_type::{EventType, PersonalContent};
use super::fields::{CLIENT, GRANT, OUTCOME, SIGN_ON, USER, WORKSTATION_IF_ANY, field};
use super::retention;
use crate::mapping::{Action, Audit, Indicator, Mapping, Ocsf, Severity, dicom};

pub(super) static CLIENT_REGISTERED: EventType = EventType {
    name: "client-registered",
    standard: None,
    meaning: "An application was registered, to which people may be signed on.",
    fields: &[CLIENT, field("name", "how it is shown to people")],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::SECURITY_CONFIGURATION),
            action: Action::Create,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 1 },
    },
};

pub(super) static CLIENT_CHANGED: EventType = EventType {
    name: "client-changed",
    standard: None,
    meaning: "The registration of an application was changed, or its secret replaced.",
    fields: &[CLIENT, field("name", "how it is shown to people")],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::SECURITY_CONFIGURATION),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 3 },
    },
};

pub(super) static CLIENT_REMOVED: EventType = EventType {
    name: "client-removed",
    standard: None,
    meaning: "An application is no longer registered; what it was granted counts no longer.",
    fields: &[CLIENT],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::SECURITY_CONFIGURATION),
            action: Action::Delete,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 4 },
    },
};

pub(super) static CLIENT_REFUSED: EventType = EventType {
    name: "client-refused",
    standard: None,
    meaning: "An application could not prove who it is, or asked for what it may not have.",
    fields: &[
        field("client", "the application; null if it is not known"),
        field("reason", "why, in a word"),
    ],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::OPERATION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NODE_AUTHENTICATION),
            action: Action::Execute,
            outcome: Indicator::MinorFailure,
        },
        ocsf: Ocsf { class: 3002, activity: 1 },
    },
};

pub(super) static GRANT_MADE: EventType = EventType {
    name: "grant-made",
    standard: None,
    meaning: "A user was signed on to an application.",
    fields: &[
        GRANT,
        USER,
        CLIENT,
        WORKSTATION_IF_ANY,
        field("scopes", "what it may do in her name"),
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

pub(super) static GRANT_REVOKED: EventType = EventType {
    name: "grant-revoked",
    standard: None,
    meaning: "What an application was granted in a user's name counts no longer.",
    fields: &[
        GRANT,
        USER,
        CLIENT,
        field(
            "reason",
            "why: `code-reused`, `refresh-reused`, `signed-out`, `client`, `user`, `administrator`, `user-disabled` or `client-removed`",
        ),
    ],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::USE,
    export: Mapping {
        severity: Severity::Low,
        audit: Audit {
            event: dicom::USER_AUTHENTICATION,
            kind: Some(dicom::LOGOUT),
            action: Action::Execute,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3002, activity: 2 },
    },
};

pub(super) static LOGOUT_SENT: EventType = EventType {
    name: "logout-sent",
    standard: None,
    meaning: "An application was told that a user is signed out, or could not be told.",
    fields: &[SIGN_ON, CLIENT, USER, OUTCOME],
    personal: PersonalContent::Pseudonymous,
    presence: true,
    retention: retention::OPERATION,
    export: Mapping {
        severity: Severity::Low,
        audit: Audit {
            event: dicom::USER_AUTHENTICATION,
            kind: Some(dicom::LOGOUT),
            action: Action::Execute,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3002, activity: 2 },
    },
};

pub(super) static APPLICATION_SESSION_REVOKED: EventType = EventType {
    name: "application-session-revoked",
    standard: Some("https://schemas.openid.net/secevent/caep/event-type/session-revoked"),
    meaning: "A user's session at one application is over, and the application is told by this event.",
    fields: &[
        SIGN_ON,
        CLIENT,
        USER,
        field("session", "what the application calls the session: `sid` of its ID token"),
        field("subject", "what the application calls the user: `sub` of its ID token"),
        field(
            "reason",
            "why: `signed-out`, `session-ended`, `session-suspended`, `superseded`, `expired`, `administrator`, `user-disabled` or `credential-removed`",
        ),
    ],
    personal: PersonalContent::Pseudonymous,
    presence: true,
    retention: retention::OPERATION,
    export: Mapping {
        severity: Severity::Low,
        audit: Audit {
            event: dicom::USER_AUTHENTICATION,
            kind: Some(dicom::LOGOUT),
            action: Action::Execute,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3002, activity: 2 },
    },
};

pub(super) static SIGNING_KEY_MADE: EventType = EventType {
    name: "signing-key-made",
    standard: None,
    meaning: "A key was made with which tokens will be signed.",
    fields: &[field("key", "its `kid`"), field("algorithm", "as in JWS")],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::SECURITY_CONFIGURATION),
            action: Action::Create,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 1 },
    },
};

pub(super) static SIGNING_KEY_RETIRED: EventType = EventType {
    name: "signing-key-retired",
    standard: None,
    meaning: "Tokens that this key signed count no longer.",
    fields: &[field("key", "its `kid`")],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::SECURITY_CONFIGURATION),
            action: Action::Delete,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 4 },
    },
};
