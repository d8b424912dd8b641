//! Security keys at workstations: `/v1/security-keys`. The way in for whoever has no phone, or does not want her face to be compared.
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
    /// What for.
    #[schema(value_type = String)]
    pub purpose: Purpose,
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
    /// The session that was opened, resumed, stepped up or ended.
    pub session: crate::tap::Session,
}
