//! Signing on without a tap: browsers, passkeys, security keys, emergencies.
use super::event_type::{EventType, PersonalContent};
use super::fields::{
    CREDENTIAL, EXPIRES_AT, PURPOSE, REVOCATION, SESSION, SIGN_ON, USER, USER_IF_KNOWN,
    WORKSTATION, WORKSTATION_IF_ANY, field,
};
use super::retention;
use crate::mapping::{Action, Audit, Indicator, Mapping, Ocsf, Severity, dicom};

pub(super) static SIGN_ON_ESTABLISHED: EventType = EventType {
    name: "sign-on-established",
    standard: None,
    meaning: "A browser was signed on; with a session, by the desktop that it stands on.",
    fields: &[
        SIGN_ON,
        USER,
        WORKSTATION_IF_ANY,
        field("session", "the session of the desktop; null without one"),
        field("methods", "how she was authenticated, as RFC 8176 names it"),
        EXPIRES_AT,
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

pub(super) static SIGN_ON_ENDED: EventType = EventType {
    name: "sign-on-ended",
    standard: Some("https://schemas.openid.net/secevent/caep/event-type/session-revoked"),
    meaning: "A browser is no longer signed on.",
    fields: &[
        SIGN_ON,
        USER,
        WORKSTATION_IF_ANY,
        field(
            "reason",
            "why: `signed-out`, `session-ended`, `session-suspended`, `superseded`, `expired`, `administrator`, `user-disabled` or `credential-removed`",
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

pub(super) static SIGN_IN_REFUSED: EventType = EventType {
    name: "sign-in-refused",
    standard: None,
    meaning: "Somebody tried to sign in without a tap, and was refused.",
    fields: &[
        USER_IF_KNOWN,
        WORKSTATION_IF_ANY,
        field("means", "by what: `passkey`, `security-key`, `phone`, `workstation` or `code`"),
        field("reason", "why, in a word"),
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

pub(super) static CREDENTIAL_REGISTERED: EventType = EventType {
    name: "credential-registered",
    standard: None,
    meaning: "A passkey or security key was registered for a user.",
    fields: &[
        CREDENTIAL,
        USER,
        field("kind", "`passkey` or `security-key`"),
        field("aaguid", "its model, where it says so; null without"),
    ],
    personal: PersonalContent::Pseudonymous,
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
        ocsf: Ocsf { class: 3001, activity: 99 },
    },
};

pub(super) static CREDENTIAL_RENAMED: EventType = EventType {
    name: "credential-renamed",
    standard: None,
    meaning: "A user's passkey or security key has another name. The name is not said.",
    fields: &[CREDENTIAL, USER],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::OPERATION,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::SECURITY_CONFIGURATION),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3001, activity: 99 },
    },
};

pub(super) static CREDENTIAL_REMOVED: EventType = EventType {
    name: "credential-removed",
    standard: None,
    meaning: "A user's passkey or security key counts no longer.",
    fields: &[CREDENTIAL, USER, REVOCATION],
    personal: PersonalContent::Pseudonymous,
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
        ocsf: Ocsf { class: 3001, activity: 99 },
    },
};

pub(super) static SECURITY_KEY_ACCEPTED: EventType = EventType {
    name: "security-key-accepted",
    standard: None,
    meaning: "A passkey or security key was accepted at a workstation, in place of phone and face.",
    fields: &[CREDENTIAL, USER, WORKSTATION, PURPOSE, SESSION],
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

pub(super) static BREAK_GLASS_REVIEWED: EventType = EventType {
    name: "break-glass-reviewed",
    standard: None,
    meaning: "Somebody judged an entry in an emergency afterwards.",
    fields: &[
        SESSION,
        USER,
        WORKSTATION,
        field("justified", "whether it was right to enter"),
        field("remark", "why, in the reviewer's words"),
    ],
    personal: PersonalContent::Personal,
    presence: false,
    retention: retention::OVERSIGHT,
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

pub(super) static SESSION_REAUTHENTICATED: EventType = EventType {
    name: "session-reauthenticated",
    standard: None,
    meaning: "Somebody let herself in again at her locked desktop with one factor, within the session's time.",
    fields: &[SESSION, USER, WORKSTATION, field("means", "with what: `phone` or `security-key`")],
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
