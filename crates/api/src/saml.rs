//! Applications that speak SAML, as administrators see them.
use imp_identity::ClientId;
use imp_identity::name::Label;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an application calls the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NameKind {
    /// By a name that is the same at every sign-on, and another at every application.
    #[default]
    Persistent,
    /// By a name that is new at every sign-on.
    Transient,
    /// By her user name.
    Username,
}

/// How an application hears that a user is signed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignOutWay {
    /// At once, by SOAP.
    Soap,
    /// When she signs out in her browser, which is sent there.
    Redirect,
    /// Not at all: its metadata names no address for it.
    None,
}

/// What an administrator says of an application that speaks SAML.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterServiceProvider {
    /// As people call it.
    #[schema(value_type = String)]
    pub name: Label,
    /// Its metadata: one `EntityDescriptor` of SAML 2.0, at most 256 KiB.
    pub metadata: String,
    /// What it calls users.
    #[serde(default)]
    pub name_id: NameKind,
    /// Whether it is told user names and names, besides.
    #[serde(default)]
    pub attributes: bool,
    /// How long its own sessions may be, in minutes, 1 to 1440; as long as the sign-on without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_minutes: Option<u32>,
    /// Whether it is told only when the session ends, and not when the user walks away.
    #[serde(default)]
    pub ignores_walk_away: bool,
}

/// An application that speaks SAML.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ServiceProvider {
    /// Names it here.
    #[schema(value_type = String)]
    pub client_id: ClientId,
    /// As people call it.
    #[schema(value_type = String)]
    pub name: Label,
    /// What it calls itself.
    pub entity_id: String,
    /// Where assertions go, and nowhere else.
    pub assertion_consumers: Vec<String>,
    /// What it calls users.
    pub name_id: NameKind,
    /// Whether it is told user names and names, besides.
    pub attributes: bool,
    /// How long its own sessions may be, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_minutes: Option<u32>,
    /// Whether it signs its requests, and others in its name are refused.
    pub signs_requests: bool,
    /// How it hears that a user is signed out.
    pub sign_out: SignOutWay,
    /// Whether it is told only when the session ends.
    pub ignores_walk_away: bool,
    /// Counts its changes.
    pub revision: u64,
    /// When it was registered.
    #[schema(value_type = String)]
    pub registered_at: Timestamp,
}

/// A page of applications that speak SAML, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ServiceProviders {
    /// The applications.
    pub service_providers: Vec<ServiceProvider>,
    /// After which the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<ClientId>,
}
