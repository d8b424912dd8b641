//! Security keys at workstations: `/v1/security-keys`. The way in for whoever has no phone, or does not want her face to be compared.
use imp_identity::SessionId;
use imp_identity::tap::Purpose;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// `POST /v1/security-keys/challenge` by a workstation: somebody has put her key in and pressed. Answers 201 [`KeyChallenge`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskKey {
    /// What for; if absent: unlock for whoever has a session here that was locked, tap in for anybody else.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub purpose: Option<Purpose>,
    /// A touch is to suffice, without PIN or finger, to unlock this session, which was locked a moment ago at this workstation (the policy's
    /// `session.reauthentication`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub touch: Option<SessionId>,
}

/// What the key is asked to sign.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct KeyChallenge {
    /// Names the question.
    pub challenge: Uuid,
    /// The origin that goes into the client data (WebAuthn L3 §5.8.1).
    pub origin: String,
    /// The options of `navigator.credentials.get` (WebAuthn L3 §5.5), in JSON.
    #[schema(value_type = Object)]
    pub options: Value,
    /// First instant at which it no longer counts.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// `POST /v1/security-keys/assertion` by the workstation that asked. Answers 200 [`KeyAccepted`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerKey {
    /// Which question.
    pub challenge: Uuid,
    /// What `navigator.credentials.get` gives (`toJSON`, WebAuthn L3 §5.1).
    #[schema(value_type = Object)]
    pub answer: Value,
}

/// The key was accepted.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct KeyAccepted {
    /// What for.
    #[schema(value_type = String)]
    pub purpose: Purpose,
    /// The session that was opened, resumed, stepped up or ended.
    pub session: crate::tap::Session,
}
