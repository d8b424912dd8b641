//! The installation, its users and its policy.
use super::event_type::{EventType, PersonalContent};
use super::fields::{EXPIRES_AT, USER, field};
use super::retention;
use crate::mapping::{Action, Audit, Indicator, Mapping, Ocsf, Severity, dicom};

pub(super) static SERVER_INITIALISED: EventType = EventType {
    name: "server-initialised",
    standard: None,
    meaning: "The server made its keys, at its first start.",
    fields: &[
        field("trust_domain", "the name of the installation"),
        field("ca", "SHA-256 of the root certificate"),
    ],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::APPLICATION_ACTIVITY,
            kind: Some(dicom::APPLICATION_START),
            action: Action::Execute,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 6002, activity: 3 },
    },
};

pub(super) static ADMINISTRATOR_TOKEN_ISSUED: EventType = EventType {
    name: "administrator-token-issued",
    standard: None,
    meaning: "A one-time administrator token was made, while there is no administrator; the one before no longer counts.",
    fields: &[EXPIRES_AT],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::SECURITY_ROLES_CHANGED),
            action: Action::Create,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 1 },
    },
};

pub(super) static ADMINISTRATOR_TOKEN_REDEEMED: EventType = EventType {
    name: "administrator-token-redeemed",
    standard: None,
    meaning: "Somebody used the one-time administrator token and is the first administrator.",
    fields: &[USER],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::SECURITY_ROLES_CHANGED),
            action: Action::Execute,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3005, activity: 1 },
    },
};

pub(super) static SIGN_IN_CODE_ISSUED: EventType = EventType {
    name: "sign-in-code-issued",
    standard: None,
    meaning: "A one-time code for signing in was made for a person.",
    fields: &[USER, EXPIRES_AT],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Low,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::USER_SECURITY_ATTRIBUTES_CHANGED),
            action: Action::Create,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3002, activity: 3 },
    },
};

pub(super) static ACCESS_TOKEN_ISSUED: EventType = EventType {
    name: "access-token-issued",
    standard: None,
    meaning: "A person signed in with a one-time code and was given a bearer token.",
    fields: &[USER, EXPIRES_AT],
    personal: PersonalContent::Pseudonymous,
    presence: false,
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

pub(super) static USER_CREATED: EventType = EventType {
    name: "user-created",
    standard: None,
    meaning: "A user was created.",
    fields: &[
        USER,
        field("username", "what she signs in as"),
        field("display_name", "how she is shown to people"),
        field("role", "`staff`, `officer`, `administrator` or `auditor`"),
    ],
    personal: PersonalContent::Personal,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Low,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::USER_SECURITY_ATTRIBUTES_CHANGED),
            action: Action::Create,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3001, activity: 1 },
    },
};

pub(super) static USER_DISABLED: EventType = EventType {
    name: "user-disabled",
    standard: Some("https://schemas.openid.net/secevent/risc/event-type/account-disabled"),
    meaning: "A user may no longer be authenticated.",
    fields: &[USER],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::USER_SECURITY_ATTRIBUTES_CHANGED),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3001, activity: 5 },
    },
};

pub(super) static USER_ENABLED: EventType = EventType {
    name: "user-enabled",
    standard: Some("https://schemas.openid.net/secevent/risc/event-type/account-enabled"),
    meaning: "A user may be authenticated again.",
    fields: &[USER],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Low,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::USER_SECURITY_ATTRIBUTES_CHANGED),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3001, activity: 2 },
    },
};

pub(super) static USER_CONTACT_CHANGED: EventType = EventType {
    name: "user-contact-changed",
    standard: None,
    meaning: "Where notices to a user go was changed; the address itself is not recorded.",
    fields: &[USER],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Low,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::USER_SECURITY_ATTRIBUTES_CHANGED),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3001, activity: 99 },
    },
};

pub(super) static POLICY_CHANGED: EventType = EventType {
    name: "policy-changed",
    standard: None,
    meaning: "Another policy is in force.",
    fields: &[field("version", "the version of the policy")],
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
