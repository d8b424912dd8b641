//! The log about itself.
use super::event_type::{EventType, Field, PersonalContent};
use super::fields::{ERASURE, REASON, WORKSTATION_IF_ANY, field};
use super::retention;
use crate::mapping::{Action, Audit, Indicator, Mapping, Ocsf, Severity, dicom};

pub(super) static LOG_READ: EventType = EventType {
    name: "log-read",
    standard: None,
    meaning: "Somebody read the log.",
    fields: &[
        field("means", "how: `search`, `timeline`, `export`, `stream`, `record` or `own`"),
        field("question", "what she asked, as the JSON of the question"),
        field("user", "the user asked about; null if nobody is"),
        WORKSTATION_IF_ANY,
        field("case", "the case that she asked for; null without one"),
    ],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::OVERSIGHT,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::AUDIT_LOG_USED,
            kind: None,
            action: Action::Read,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 6005, activity: 1 },
    },
};

const INDEX_IF_ONE: Field =
    field("index", "the index of the one entry; null for all about a person");
const PERSON: Field =
    field("user", "the user about whom everything is to be erased; null for one entry");

pub(super) static ERASURE_REQUESTED: EventType = EventType {
    name: "erasure-requested",
    standard: None,
    meaning: "An administrator asks that one record, or all about a person, be erased.",
    fields: &[ERASURE, INDEX_IF_ONE, PERSON, REASON],
    personal: PersonalContent::Personal,
    presence: false,
    retention: retention::OVERSIGHT,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::OBJECT_SECURITY_ATTRIBUTES_CHANGED),
            action: Action::Create,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 6005, activity: 99 },
    },
};

pub(super) static ERASURE_REFUSED: EventType = EventType {
    name: "erasure-refused",
    standard: None,
    meaning: "An auditor refused to have records erased.",
    fields: &[ERASURE, INDEX_IF_ONE, PERSON, REASON],
    personal: PersonalContent::Personal,
    presence: false,
    retention: retention::OVERSIGHT,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::OBJECT_SECURITY_ATTRIBUTES_CHANGED),
            action: Action::Update,
            outcome: Indicator::MinorFailure,
        },
        ocsf: Ocsf { class: 6005, activity: 7 },
    },
};

pub(super) static RECORDS_ERASED: EventType = EventType {
    name: "records-erased",
    standard: None,
    meaning: "Records were erased: an administrator asked, an auditor agreed. Their leaves stay.",
    fields: &[
        ERASURE,
        field("entries", "the indexes of the entries whose records were erased"),
        REASON,
        field("requested_by", "the one who asked"),
    ],
    personal: PersonalContent::Personal,
    presence: false,
    retention: retention::ERASURE,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::OBJECT_SECURITY_ATTRIBUTES_CHANGED),
            action: Action::Delete,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 6005, activity: 7 },
    },
};

pub(super) static RECORDS_EXPIRED: EventType = EventType {
    name: "records-expired",
    standard: None,
    meaning: "Records of one kind were past their retention and were erased. Their leaves stay.",
    fields: &[
        field("of", "the kind"),
        field("from", "the first index that was looked at"),
        field("until", "the first index that was not"),
        field("erased", "how many records"),
    ],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::ERASURE,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::APPLICATION_ACTIVITY,
            kind: None,
            action: Action::Delete,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 6005, activity: 7 },
    },
};

pub(super) static CHECKPOINT_REFUSED: EventType = EventType {
    name: "checkpoint-refused",
    standard: None,
    meaning: "A witness refused a checkpoint: the log may have been split or rolled back.",
    fields: &[
        field("origin", "the log"),
        field("size", "the size that the checkpoint claims"),
        field("witness", "who refused it"),
        field("why", "what does not fit together"),
    ],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::OVERSIGHT,
    export: Mapping {
        severity: Severity::Critical,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::SECURITY_CONFIGURATION),
            action: Action::Execute,
            outcome: Indicator::MajorFailure,
        },
        ocsf: Ocsf { class: 2004, activity: 1 },
    },
};
