//! People and groups as directories keep them, and who may do what.
use super::event_type::{EventType, PersonalContent};
use super::fields::{GROUP, USER, field};
use super::retention;
use crate::mapping::{Action, Audit, Indicator, Mapping, Ocsf, Severity, dicom};

pub(super) static USER_CHANGED: EventType = EventType {
    name: "user-changed",
    standard: None,
    meaning: "A user's attributes were changed. Their values are not said, but for the role.",
    fields: &[
        USER,
        field("attributes", "which of them"),
        field("role", "her new role; null if it was not changed"),
    ],
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
        ocsf: Ocsf { class: 3001, activity: 99 },
    },
};

pub(super) static USER_REMOVED: EventType = EventType {
    name: "user-removed",
    standard: None,
    meaning: "A user is gone from the directory; she cannot be enabled again.",
    fields: &[USER],
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
        ocsf: Ocsf { class: 3001, activity: 6 },
    },
};

pub(super) static GROUP_CREATED: EventType = EventType {
    name: "group-created",
    standard: None,
    meaning: "A group was created.",
    fields: &[GROUP, field("name", "how it is shown to people")],
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

pub(super) static GROUP_CHANGED: EventType = EventType {
    name: "group-changed",
    standard: None,
    meaning: "A group has another name or other members.",
    fields: &[
        GROUP,
        field("name", "its new name; null if it was not changed"),
        field("added", "who is a member now"),
        field("removed", "who is no longer a member"),
    ],
    personal: PersonalContent::Pseudonymous,
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

pub(super) static GROUP_REMOVED: EventType = EventType {
    name: "group-removed",
    standard: None,
    meaning: "A group is gone.",
    fields: &[GROUP],
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

pub(super) static DIRECTORY_IMPORTED: EventType = EventType {
    name: "directory-imported",
    standard: None,
    meaning: "People were taken over from another directory, or could not be.",
    fields: &[
        field("source", "which one, as the configuration names it"),
        field("created", "how many joined"),
        field("changed", "how many moved"),
        field("disabled", "how many left"),
        field("problem", "why nothing was taken over; null if it was"),
    ],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::OPERATION,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::USER_SECURITY_ATTRIBUTES_CHANGED),
            action: Action::Execute,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 3 },
    },
};

pub(super) static ACCESS_POLICIES_CHANGED: EventType = EventType {
    name: "access-policies-changed",
    standard: None,
    meaning: "Other authorization policies are in force.",
    fields: &[field("policies", "SHA-256 of their text")],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::High,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::SECURITY_CONFIGURATION),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 3 },
    },
};

pub(super) static ACCESS_REFUSED: EventType = EventType {
    name: "access-refused",
    standard: None,
    meaning: "A user asked for what she may not do.",
    fields: &[USER, field("action", "what she asked for")],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::OVERSIGHT,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::USE_OF_RESTRICTED_FUNCTION),
            action: Action::Execute,
            outcome: Indicator::MinorFailure,
        },
        ocsf: Ocsf { class: 3002, activity: 1 },
    },
};
