//! Entries in emergencies: `/v1/break-glass`.
use imp_identity::{SessionId, UserId, WorkstationId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/break-glass` by a workstation: somebody has to work and cannot be authenticated. Answers 201 [`crate::tap::Session`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakGlass {
    /// Who she says she is.
    pub username: String,
    /// Why, in her words. It is read by auditors.
    pub reason: String,
}

/// `GET /v1/break-glass` by an auditor: the entries that nobody has reviewed, the most urgent first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Emergencies {
    /// At most 500.
    pub emergencies: Vec<Emergency>,
}

/// An entry in an emergency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Emergency {
    /// The session that was opened.
    #[schema(value_type = Uuid)]
    pub session: SessionId,
    /// As whom.
    #[schema(value_type = Uuid)]
    pub user: UserId,
    /// Where.
    #[schema(value_type = Uuid)]
    pub workstation: WorkstationId,
    /// Why.
    pub reason: String,
    /// Who vouched for her.
    #[schema(value_type = Option<Uuid>)]
    pub second: Option<UserId>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Until when it should be reviewed.
    #[schema(value_type = String, format = DateTime)]
    pub review_by: Timestamp,
    /// Whether that has passed without a review.
    pub overdue: bool,
    /// What was found.
    pub review: Option<Review>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Review {
    /// Who reviewed it; absent for somebody with a shell on the server.
    #[schema(value_type = Option<Uuid>)]
    pub reviewer: Option<UserId>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Whether it was an emergency.
    pub justified: bool,
    /// What else is to be said.
    pub remark: String,
}

/// `POST /v1/break-glass/{session}/review` by an auditor who took no part in it. Answers 200 [`Emergency`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewBreakGlass {
    /// Whether it was an emergency.
    pub justified: bool,
    /// What else is to be said.
    pub remark: String,
}
