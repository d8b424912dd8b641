//! Sessions: `/v1/sessions`.
use imp_identity::SessionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/sessions/{session}/suspension` by the workstation where it is active: the desktop was locked. Answers 200 [`crate::tap::Session`].
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspendSession {}

/// `GET /v1/sessions`: the sessions that count at this workstation.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Sessions {
    /// Newest first.
    pub sessions: Vec<crate::tap::Session>,
}

/// Names a session in a path.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionPath {
    /// The session.
    #[schema(value_type = Uuid)]
    pub session: SessionId,
}
