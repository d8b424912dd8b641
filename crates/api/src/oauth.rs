//! Applications that people are signed on to, as administrators see them.
use imp_identity::{ClientId, Secret};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// An application that speaks OAuth.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Client {
    /// Names it: `client_id` of its requests.
    #[schema(value_type = String)]
    pub client_id: ClientId,
    /// What is registered of it: the members of RFC 7591 §2, and our own, which begin with `imp_`.
    #[schema(value_type = Object)]
    pub metadata: Value,
    /// Counts its changes.
    pub revision: u64,
    /// When it was registered.
    #[schema(value_type = String)]
    pub registered_at: Timestamp,
}

/// An application with the secret that it just got, if it needs one.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ClientRegistered {
    /// The application.
    #[serde(flatten)]
    pub client: Client,
    /// Shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub client_secret: Option<Secret<String>>,
}

/// A page of applications, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Clients {
    /// The applications.
    pub clients: Vec<Client>,
    /// After which the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<ClientId>,
}
