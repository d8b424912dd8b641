//! What a person's own phone tells and asks on her behalf: notices of the day, and "that was not me".
use imp_identity::name::Remark;
use imp_identity::{CaseId, NoticeId};
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/me/disputes` by a phone: a use of its owner's face, phone or codes was not she. Answers 201 or, when she
/// said so before, 200 [`Disputed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dispute {
    /// The entry's leaf index.
    pub index: u64,
    /// What she adds: 1 to 2,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub comment: Option<Remark>,
}

/// The case about a disputed use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Disputed {
    /// Names the case.
    #[schema(value_type = Uuid)]
    pub case: CaseId,
    /// What people call it.
    pub number: u64,
}

/// `GET /v1/me/notices` by a phone: its owner's latest notices, latest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notices {
    /// At most 31.
    pub notices: Vec<Notice>,
}

/// What was done in a person's name, as she was told on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// Names the notice.
    #[schema(value_type = Uuid)]
    pub id: NoticeId,
    /// The day, by the hospital's clock.
    #[schema(value_type = String, format = Date)]
    pub day: Date,
    /// What was done, in order.
    pub uses: Vec<NoticeUse>,
}

/// One thing that was done in her name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeUse {
    /// The entry's leaf index.
    pub index: u64,
    /// The wall clock at the hospital, such as `2026-11-22T07:05:00`.
    #[schema(value_type = String)]
    pub at: DateTime,
    /// What, in words.
    pub deed: String,
    /// The workstation, as it is shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}
