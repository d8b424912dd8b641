//! Workstations, phones, certificates, and enrolment.
use super::event_type::{EventType, PersonalContent};
use super::fields::{
    ENROLMENT, EXPIRES_AT, KEY, MACHINE, MODEL_SET, OFFICER, PHONE, REFERENCE, REVOCATION, USER,
    WORKSTATION, field,
};
use super::retention;
use crate::mapping::{Action, Audit, Indicator, Mapping, Ocsf, Severity, dicom};

pub(super) static WORKSTATION_INVITED: EventType = EventType {
    name: "workstation-invited",
    standard: None,
    meaning: "A one-time code for a workstation was given out.",
    fields: &[WORKSTATION, field("name", "how it is shown to people")],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Low,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NETWORK_CONFIGURATION),
            action: Action::Create,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 1 },
    },
};

pub(super) static WORKSTATION_ENROLLED: EventType = EventType {
    name: "workstation-enrolled",
    standard: None,
    meaning: "A workstation used its code; it signs with this key.",
    fields: &[WORKSTATION, KEY],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NETWORK_CONFIGURATION),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 6 },
    },
};

pub(super) static WORKSTATION_MOVED: EventType = EventType {
    name: "workstation-moved",
    standard: None,
    meaning: "A workstation stands elsewhere.",
    fields: &[
        WORKSTATION,
        field("unit", "the ward or department; null without one"),
        field("site", "the site; null without one"),
    ],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Low,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NETWORK_CONFIGURATION),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 3 },
    },
};

pub(super) static WORKSTATION_REVOKED: EventType = EventType {
    name: "workstation-revoked",
    standard: None,
    meaning: "A workstation is no longer accepted.",
    fields: &[WORKSTATION, REVOCATION],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NETWORK_CONFIGURATION),
            action: Action::Delete,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 7 },
    },
};

pub(super) static PHONE_INVITED: EventType = EventType {
    name: "phone-invited",
    standard: None,
    meaning: "A one-time code for a user's phone was shown.",
    fields: &[PHONE, USER],
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
        ocsf: Ocsf { class: 3001, activity: 10 },
    },
};

pub(super) static PHONE_BOUND: EventType = EventType {
    name: "phone-bound",
    standard: None,
    meaning: "A phone used its code; it signs with this key.",
    fields: &[PHONE, USER, KEY],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::USER_SECURITY_ATTRIBUTES_CHANGED),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3001, activity: 10 },
    },
};

pub(super) static PHONE_REVOKED: EventType = EventType {
    name: "phone-revoked",
    standard: None,
    meaning: "A phone is no longer accepted.",
    fields: &[PHONE, USER, REVOCATION],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::USER_SECURITY_ATTRIBUTES_CHANGED),
            action: Action::Delete,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3001, activity: 11 },
    },
};

pub(super) static CERTIFICATE_ISSUED: EventType = EventType {
    name: "certificate-issued",
    standard: None,
    meaning: "A machine was given a certificate.",
    fields: &[MACHINE, field("serial", "the serial number, in hexadecimal"), EXPIRES_AT],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::OPERATION,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NODE_AUTHENTICATION),
            action: Action::Create,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 1 },
    },
};

pub(super) static ENROLMENT_OPENED: EventType = EventType {
    name: "enrolment-opened",
    standard: None,
    meaning: "A supervised enrolment began; the user consented to the named notice.",
    fields: &[
        ENROLMENT,
        USER,
        OFFICER,
        WORKSTATION,
        PHONE,
        field("notice", "the version of the notice that she consented to"),
    ],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::CONSENT,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::USER_SECURITY_ATTRIBUTES_CHANGED),
            action: Action::Create,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3001, activity: 10 },
    },
};

pub(super) static ENROLMENT_COMPLETED: EventType = EventType {
    name: "enrolment-completed",
    standard: None,
    meaning: "The phone confirmed that it holds the reference: the enrolment is complete.",
    fields: &[ENROLMENT, USER, PHONE],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::CONSENT,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::USER_SECURITY_ATTRIBUTES_CHANGED),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3001, activity: 10 },
    },
};

pub(super) static REFERENCE_ISSUED: EventType = EventType {
    name: "reference-issued",
    standard: None,
    meaning: "A reference credential was signed: the digest of a template, not the template.",
    fields: &[REFERENCE, USER, PHONE, ENROLMENT, OFFICER, MODEL_SET, EXPIRES_AT],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::CONSENT,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::USER_SECURITY_ATTRIBUTES_CHANGED),
            action: Action::Create,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3001, activity: 10 },
    },
};

pub(super) static REFERENCE_ACTIVATED: EventType = EventType {
    name: "reference-activated",
    standard: None,
    meaning: "The phone sealed the reference; it counts from now on.",
    fields: &[REFERENCE, USER, PHONE],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::CONSENT,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::USER_SECURITY_ATTRIBUTES_CHANGED),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3001, activity: 10 },
    },
};

pub(super) static REFERENCE_REVOKED: EventType = EventType {
    name: "reference-revoked",
    standard: None,
    meaning: "A reference no longer counts; `erased` says that the user withdrew.",
    fields: &[REFERENCE, USER, REVOCATION],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::CONSENT,
    export: Mapping {
        severity: Severity::Low,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::USER_SECURITY_ATTRIBUTES_CHANGED),
            action: Action::Delete,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3001, activity: 11 },
    },
};
