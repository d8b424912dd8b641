//! Exports of the event log in other systems' languages.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What `GET /v1/events/export` is asked. Everything that is said must be so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `fhir`, `atna`, `ocsf`, `cef`, `csv` or `json`.
    pub format: String,
    /// Only entries after this index: that of the last line which arrived, or the header `imp-after` of an export that
    /// arrived whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Whether people are named, and texts that they wrote included; unless `true`, people are identifiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<bool>,
    /// Concerned or acting: a username, or the person's identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Where: the workstation's name if only one has it, or its identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workstation: Option<String>,
    /// The phone or other device, by identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Uuid>,
    /// The names of events, such as `tap-refused`, with commas between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `accepted`, `refused` or `abandoned`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Not earlier than this.
    #[param(value_type = Option<String>, format = DateTime)]
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Earlier than this.
    #[param(value_type = Option<String>, format = DateTime)]
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The number of the case for which it is asked: an open one allows what would show when somebody was at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<u64>,
}
