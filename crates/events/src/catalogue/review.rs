//! Review: cases, saved searches, findings, notices.
use super::event_type::{EventType, PersonalContent};
use super::fields::{CASE, REASON, SEARCH, USER, USER_IF_KNOWN, WORKSTATION_IF_ANY, field};
use super::retention;
use crate::mapping::{Action, Audit, Indicator, Mapping, Ocsf, Severity, dicom};

pub(super) static CASE_OPENED: EventType = EventType {
    name: "case-opened",
    standard: None,
    meaning: "A case was opened, about these entries.",
    fields: &[
        CASE,
        field("number", "what people call it"),
        field("title", "what it is about, in a line"),
        USER_IF_KNOWN,
        WORKSTATION_IF_ANY,
        field("entries", "the indexes of the entries"),
    ],
    personal: PersonalContent::Personal,
    presence: false,
    retention: retention::OVERSIGHT,
    export: Mapping {
        severity: Severity::Medium,
        audit: Audit {
            event: dicom::AUDIT_LOG_USED,
            kind: None,
            action: Action::Create,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 2005, activity: 1 },
    },
};

pub(super) static CASE_ASSIGNED: EventType = EventType {
    name: "case-assigned",
    standard: None,
    meaning: "Somebody is to work on a case.",
    fields: &[CASE, field("assignee", "the user who is to work on it")],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::OVERSIGHT,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::AUDIT_LOG_USED,
            kind: None,
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 2005, activity: 2 },
    },
};

pub(super) static CASE_COMMENTED: EventType = EventType {
    name: "case-commented",
    standard: None,
    meaning: "Somebody wrote into a case.",
    fields: &[
        CASE,
        field("comment", "what she wrote"),
        field("entries", "the indexes of further entries that it is about"),
    ],
    personal: PersonalContent::Personal,
    presence: false,
    retention: retention::OVERSIGHT,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::AUDIT_LOG_USED,
            kind: None,
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 2005, activity: 2 },
    },
};

pub(super) static CASE_CLOSED: EventType = EventType {
    name: "case-closed",
    standard: None,
    meaning: "A case was closed.",
    fields: &[
        CASE,
        field("conclusion", "`legitimate`, `misuse`, `technical`, `duplicate` or `inconclusive`"),
        REASON,
    ],
    personal: PersonalContent::Personal,
    presence: false,
    retention: retention::OVERSIGHT,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::AUDIT_LOG_USED,
            kind: None,
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 2005, activity: 3 },
    },
};

pub(super) static CASE_REOPENED: EventType = EventType {
    name: "case-reopened",
    standard: None,
    meaning: "A closed case was opened again.",
    fields: &[CASE, REASON],
    personal: PersonalContent::Personal,
    presence: false,
    retention: retention::OVERSIGHT,
    export: Mapping {
        severity: Severity::Low,
        audit: Audit {
            event: dicom::AUDIT_LOG_USED,
            kind: None,
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 2005, activity: 2 },
    },
};

pub(super) static SEARCH_SAVED: EventType = EventType {
    name: "search-saved",
    standard: None,
    meaning: "A question was saved under a name.",
    fields: &[
        SEARCH,
        field("name", "what it is called"),
        field("shared", "whether every auditor finds it"),
        field("question", "the question, as JSON"),
    ],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::OVERSIGHT,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::AUDIT_LOG_USED,
            kind: None,
            action: Action::Create,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 1 },
    },
};

pub(super) static SEARCH_DELETED: EventType = EventType {
    name: "search-deleted",
    standard: None,
    meaning: "A saved question was deleted.",
    fields: &[SEARCH],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::OVERSIGHT,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::AUDIT_LOG_USED,
            kind: None,
            action: Action::Delete,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 4 },
    },
};

pub(super) static FINDING_MADE: EventType = EventType {
    name: "finding-made",
    standard: None,
    meaning: "A rule found that an entry deserves a look.",
    fields: &[
        field("rule", "the rule"),
        field("cause", "the index of the entry that completed the pattern"),
        USER_IF_KNOWN,
        WORKSTATION_IF_ANY,
        field("device", "the phone or machine concerned, by identifier; null without one"),
        field("sentence", "why, in a sentence"),
    ],
    personal: PersonalContent::Personal,
    presence: false,
    retention: retention::USE,
    export: Mapping {
        severity: Severity::High,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: None,
            action: Action::Create,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 2004, activity: 1 },
    },
};

pub(super) static NOTICE_SENT: EventType = EventType {
    name: "notice-sent",
    standard: None,
    meaning: "The person concerned was told what was done in her name on one day.",
    fields: &[
        field("notice", "the notice"),
        USER,
        field("day", "the day, in the hospital's time zone"),
        field("uses", "how many uses it listed"),
        field("channel", "`mail` or `phone`"),
    ],
    personal: PersonalContent::Pseudonymous,
    presence: true,
    retention: retention::USE,
    export: Mapping {
        severity: Severity::Informational,
        audit: Audit {
            event: dicom::EXPORT,
            kind: None,
            action: Action::Execute,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 1 },
    },
};

pub(super) static USE_DISPUTED: EventType = EventType {
    name: "use-disputed",
    standard: None,
    meaning: "The person concerned says that a use was not hers; a case is open.",
    fields: &[
        USER,
        field("index", "the index of the use"),
        CASE,
        field("notice", "the notice that told her; null if none did"),
    ],
    personal: PersonalContent::Pseudonymous,
    presence: false,
    retention: retention::OVERSIGHT,
    export: Mapping {
        severity: Severity::High,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: None,
            action: Action::Create,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 2005, activity: 1 },
    },
};
