//! Deliveries out, and consumers.
use super::event_type::{EventType, PersonalContent};
use super::fields::{INDEX, RECEIVER, RECEIVER_IF_ANY, STREAM, field};
use super::retention;
use crate::mapping::{Action, Audit, Indicator, Mapping, Ocsf, Severity, dicom};

pub(super) static RECEIVER_ADMITTED: EventType = EventType {
    name: "receiver-admitted",
    standard: None,
    meaning: "A receiver of security events was given a token, with which it manages its own streams.",
    fields: &[RECEIVER, field("name", "how it is shown to people")],
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

pub(super) static RECEIVER_DISMISSED: EventType = EventType {
    name: "receiver-dismissed",
    standard: None,
    meaning: "A receiver's token counts no longer; its streams are deleted.",
    fields: &[RECEIVER],
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

pub(super) static STREAM_CREATED: EventType = EventType {
    name: "stream-created",
    standard: None,
    meaning: "A stream of events to a receiver was made.",
    fields: &[
        STREAM,
        field("name", "how it is shown to people"),
        field("delivery", "`push`, `poll`, `webhook`, `nats` or `syslog`"),
        RECEIVER_IF_ANY,
    ],
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

pub(super) static STREAM_CHANGED: EventType = EventType {
    name: "stream-changed",
    standard: None,
    meaning: "A stream goes on, pauses or stops, or is otherwise changed.",
    fields: &[
        STREAM,
        field("status", "`enabled`, `paused` or `disabled`"),
        field("reason", "why, in somebody's words; null if nobody said"),
        RECEIVER_IF_ANY,
    ],
    personal: PersonalContent::Personal,
    presence: false,
    retention: retention::DECISION,
    export: Mapping {
        severity: Severity::Low,
        audit: Audit {
            event: dicom::SECURITY_ALERT,
            kind: Some(dicom::SECURITY_CONFIGURATION),
            action: Action::Update,
            outcome: Indicator::Success,
        },
        ocsf: Ocsf { class: 3004, activity: 3 },
    },
};

pub(super) static STREAM_DELETED: EventType = EventType {
    name: "stream-deleted",
    standard: None,
    meaning: "A stream was deleted.",
    fields: &[STREAM, RECEIVER_IF_ANY],
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

pub(super) static EVENT_SET_ASIDE: EventType = EventType {
    name: "event-set-aside",
    standard: None,
    meaning: "A consumer cannot digest an entry, which was set aside: somebody must look.",
    fields: &[field("consumer", "the consumer"), INDEX, field("why", "what the consumer said")],
    personal: PersonalContent::None,
    presence: false,
    retention: retention::OPERATION,
    export: Mapping {
        severity: Severity::High,
        audit: Audit {
            event: dicom::APPLICATION_ACTIVITY,
            kind: None,
            action: Action::Execute,
            outcome: Indicator::SeriousFailure,
        },
        ocsf: Ocsf { class: 2004, activity: 1 },
    },
};

pub(super) static CONSUMER_STEERED: EventType = EventType {
    name: "consumer-steered",
    standard: None,
    meaning: "Somebody paused or resumed a consumer, or had it shown entries again.",
    fields: &[
        field("consumer", "the consumer"),
        field("steering", "`paused`, `resumed`, `replayed` or `retried`"),
        field(
            "from",
            "the first index that is shown again; null if nothing is, or all that was set aside",
        ),
    ],
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
