//! Devices, their certificates, and the authorities that sign them.
use super::event_type::{EventType, PersonalContent};
use super::fields::{
    ACCOUNT, APPROVAL, CERTIFICATE, DEVICE, EXPIRES_AT, MACHINE, MEANS, SERIAL, SUBJECT, field,
};
use super::retention;
use crate::mapping::{Action, Audit, Indicator, Mapping, Ocsf, Severity, dicom};

pub(super) static DEVICE_REGISTERED: EventType = EventType {
    name: "device-registered",
    standard: None,
    meaning: "A device stands in the inventory.",
    fields: &[
        DEVICE,
        field("class", "what sort of device it is"),
        field("name", "how it is shown to people"),
    ],
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

pub(super) static DEVICE_CHANGED: EventType = EventType {
    name: "device-changed",
    standard: None,
    meaning: "What the inventory says of a device was changed. The values are not said.",
    fields: &[DEVICE, field("attributes", "which")],
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

pub(super) static DEVICE_STATE_CHANGED: EventType = EventType {
    name: "device-state-changed",
    standard: None,
    meaning: "A device is in another state of its life.",
    fields: &[
        DEVICE,
        field("state", "`registered`, `active`, `suspended`, `quarantined` or `retired`"),
        field("reason", "why, in somebody's words"),
    ],
    personal: PersonalContent::Personal,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NETWORK_CONFIGURATION),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 3 },
    },
};

pub(super) static DEVICE_INVITED: EventType = EventType {
    name: "device-invited",
    standard: None,
    meaning: "A one-time token for enrolling a device was made; the one before no longer counts.",
    fields: &[DEVICE, EXPIRES_AT],
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

pub(super) static DEVICE_ENROLMENT_REQUESTED: EventType = EventType {
    name: "device-enrolment-requested",
    standard: None,
    meaning: "A device asked for a certificate that a second person must approve.",
    fields: &[DEVICE, APPROVAL, MEANS],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Low,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NODE_AUTHENTICATION),
            action: Action::Execute,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 1 },
    },
};

pub(super) static DEVICE_ENROLMENT_APPROVED: EventType = EventType {
    name: "device-enrolment-approved",
    standard: None,
    meaning: "Somebody approved that a device is given a certificate.",
    fields: &[DEVICE, APPROVAL],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NETWORK_CONFIGURATION),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 3 },
    },
};

pub(super) static DEVICE_ENROLMENT_REJECTED: EventType = EventType {
    name: "device-enrolment-rejected",
    standard: None,
    meaning: "Somebody decided that a device is not given a certificate.",
    fields: &[DEVICE, APPROVAL, field("reason", "why, in that person's words")],
    personal: PersonalContent::Personal,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NETWORK_CONFIGURATION),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 3 },
    },
};

pub(super) static DEVICE_ENROLMENT_REFUSED: EventType = EventType {
    name: "device-enrolment-refused",
    standard: None,
    meaning: "A device asked for a certificate and was refused.",
    fields: &[
        field("device", "the device; null if it is not known"),
        MEANS,
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

pub(super) static CERTIFICATE_REVOKED: EventType = EventType {
    name: "certificate-revoked",
    standard: None,
    meaning: "A certificate counts no longer, or is held.",
    fields: &[
        MACHINE,
        SERIAL,
        field("reason", "why, as RFC 5280 names it; `certificate-hold` can be taken back"),
    ],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NODE_AUTHENTICATION),
            action: Action::Delete,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 4 },
    },
};

pub(super) static CERTIFICATE_REINSTATED: EventType = EventType {
    name: "certificate-reinstated",
    standard: None,
    meaning: "A certificate that was held counts again.",
    fields: &[MACHINE, SERIAL],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NODE_AUTHENTICATION),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 3 },
    },
};

pub(super) static CERTIFICATE_EXPIRING: EventType = EventType {
    name: "certificate-expiring",
    standard: None,
    meaning: "A machine's last certificate expires soon, and nobody has renewed it.",
    fields: &[MACHINE, SERIAL, EXPIRES_AT],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::OPERATION,
    export: Mapping {
        severity: Severity::High,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NODE_AUTHENTICATION),
            action: Action::Read,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 99 },
    },
};

pub(super) static SERVICE_CERTIFICATE_ISSUED: EventType = EventType {
    name: "service-certificate-issued",
    standard: None,
    meaning: "A service of the server was given a certificate.",
    fields: &[field("service", "`listener` (HTTPS) or `ocsp-responder`"), SERIAL, EXPIRES_AT],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Low,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NODE_AUTHENTICATION),
            action: Action::Create,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 1 },
    },
};

pub(super) static AUTHORITY_MADE: EventType = EventType {
    name: "authority-made",
    standard: None,
    meaning: "A certificate authority was made.",
    fields: &[CERTIFICATE, SUBJECT],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::High,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NETWORK_CONFIGURATION),
            action: Action::Create,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 1 },
    },
};

pub(super) static AUTHORITY_CROSS_SIGNED: EventType = EventType {
    name: "authority-cross-signed",
    standard: None,
    meaning: "A certificate authority was signed by another root too.",
    fields: &[CERTIFICATE, SUBJECT],
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

pub(super) static AUTHORITY_RETIRED: EventType = EventType {
    name: "authority-retired",
    standard: None,
    meaning: "A certificate authority issues no more.",
    fields: &[CERTIFICATE, SUBJECT],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::High,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NETWORK_CONFIGURATION),
            action: Action::Delete,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 4 },
    },
};

pub(super) static ACME_ACCOUNT_REGISTERED: EventType = EventType {
    name: "acme-account-registered",
    standard: None,
    meaning: "An ACME account was registered.",
    fields: &[ACCOUNT],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Low,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NODE_AUTHENTICATION),
            action: Action::Create,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 1 },
    },
};

pub(super) static ACME_ACCOUNT_CHANGED: EventType = EventType {
    name: "acme-account-changed",
    standard: None,
    meaning: "An ACME account was changed.",
    fields: &[ACCOUNT, field("change", "`key-changed`, `deactivated` or `contact`")],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::NODE_AUTHENTICATION),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 3 },
    },
};
