//! Sessions: `/v1/sessions`.
use imp_identity::{InteractionId, Secret, SessionId};
use jiff::Timestamp;
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

/// `POST /v1/sessions/watch` by a workstation: what it knows, and what it wants to be told when that is no longer so. Answers 200
/// [`SessionsSeen`], at once when it differs from `known`, else as soon as it does, else after a while.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchSessions {
    /// The version that it was told last; without one it is answered at once.
    #[serde(default)]
    pub known: Option<String>,
    /// The session at the desktop whose user gave a sign of life since the last question.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    pub active: Option<SessionId>,
}

/// The sessions that count at a workstation, and which answer this is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionsSeen {
    /// Changes when the sessions do.
    pub version: String,
    /// Newest first.
    pub sessions: Vec<crate::tap::Session>,
}

/// `POST /v1/sign-ons/handover` by a workstation: the browser on its desktop asks to be signed on. Answers 201 [`HandedOver`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// What the browser was asked to do.
    #[schema(value_type = Uuid)]
    pub interaction: InteractionId,
    /// The desktop is locked, or nobody's: nothing is handed over, and it is only said where the browser stands. Whoever signs on in it by other
    /// means does so at this workstation, and needs a session there.
    #[serde(default)]
    pub locked: bool,
}

/// A one-time code with which one browser takes over the session of the desktop that it stands on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HandedOver {
    /// For the browser that was asked, and for that interaction only.
    #[schema(value_type = String)]
    pub code: Secret<String>,
    /// First instant at which it no longer counts.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// What a workstation exchanges the session of its desktop for (RFC 8693): a token for one application of that desktop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeSession {
    /// The application, as it is registered.
    pub client: String,
    /// What it may do; all that it is registered for, if absent.
    #[serde(default)]
    pub scope: Option<String>,
    /// Where the token is to be shown, if elsewhere than at the server.
    #[serde(default)]
    pub resource: Option<String>,
    /// An ID token instead of an access token.
    #[serde(default)]
    pub id_token: bool,
}

/// A token (RFC 8693 §2.2.1).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExchangedToken {
    /// The token.
    pub access_token: Secret<String>,
    /// How it is used: `Bearer`, `DPoP`, or `N_A` for an ID token.
    pub token_type: String,
    /// Seconds for which it counts.
    #[serde(default)]
    pub expires_in: Option<i64>,
    /// What it allows.
    #[serde(default)]
    pub scope: Option<String>,
}

impl PartialEq for ExchangedToken {
    fn eq(&self, other: &Self) -> bool {
        self.access_token.expose() == other.access_token.expose()
    }
}
