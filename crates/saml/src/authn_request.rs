//! Requests to sign somebody on (saml-core-2.0-os §3.4).
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::binding::RedirectMessage;
use crate::context::RequestedContext;
use crate::name_id::NameIdFormat;
use crate::service_provider::ServiceProvider;
use crate::xml::{ASSERTION, Element, PROTOCOL, XmlError};

const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";
/// How old a request may be, and how far the clocks may be apart.
const FRESH: SignedDuration = SignedDuration::from_mins(10);
const SKEW: SignedDuration = SignedDuration::from_mins(3);
const LONGEST_ID: usize = 256;

/// What an application asks for; checked against what is registered of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthnRequest {
    /// Its identifier, which the answer names.
    pub id: String,
    /// Who asks.
    pub issuer: String,
    /// Where the answer goes: one of the registered addresses, exactly.
    pub consumer: String,
    /// Whether the user must be authenticated anew.
    pub force: bool,
    /// Whether nothing may be shown to her.
    pub passive: bool,
    /// What to call her; `None` if the application asks for a name that it may not have.
    pub name_id: Option<NameIdFormat>,
    /// How sure we must be.
    pub context: RequestedContext,
    /// What to send back with the answer.
    pub relay_state: Option<String>,
}

/// The request is not one to answer. Whoever made it is told nothing: there is no address that could be trusted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not readable where it had to be read.
    #[error("the request cannot be read")]
    Xml(#[from] XmlError),
    /// Another message.
    #[error("the message is not a request of SAML 2.0 of this kind")]
    Kind,
    /// No identifier, or one that is no name.
    #[error("the request has no ID, or one that is not an XML name of at most 256 characters")]
    Id,
    /// No issuer, or one with another format.
    #[error("the request does not say who makes it")]
    Issuer,
    /// Meant for somebody else.
    #[error("the request is meant for another address")]
    Destination,
    /// Too old, or of the future.
    #[error(
        "the request was made at another time: it is older than ten minutes, or the clocks are apart"
    )]
    Time,
    /// The application signs, and this is not signed, or not by it.
    #[error(
        "the request is not signed by the application that makes it (in the query of HTTP-Redirect)"
    )]
    Signature,
    /// The address is not registered.
    #[error("the address for the answer is not registered for the application")]
    Consumer,
    /// Something that is not done here.
    #[error("the request asks for {0}, which is not done here")]
    Unsupported(&'static str),
}

/// Who makes a request, as it says itself: for looking the application up.
pub fn issuer(message: &RedirectMessage) -> Result<&str, RequestError> {
    let issuer = message.root().child(ASSERTION, "Issuer")?.ok_or(RequestError::Issuer)?;
    let text = issuer.text()?;
    let entity = issuer.attribute("Format").is_none_or(|format| format == ENTITY);
    if entity && !text.is_empty() { Ok(text) } else { Err(RequestError::Issuer) }
}

impl AuthnRequest {
    /// Checks what `provider` asks, at `address`: our own.
    pub fn accept(
        message: RedirectMessage,
        provider: &ServiceProvider,
        address: &str,
        now: Timestamp,
    ) -> Result<Self, RequestError> {
        let root = message.root();
        let id = envelope(root, "AuthnRequest", now)?;
        let issuer = issuer(&message)?.to_owned();
        if issuer != provider.entity_id {
            return Err(RequestError::Issuer);
        }
        authentic(&message, provider, address)?;
        for (name, what) in [("Scoping", "a chain of identity providers")] {
            if root.child(PROTOCOL, name)?.is_some() {
                return Err(RequestError::Unsupported(what));
            }
        }
        for (name, what) in [("Subject", "one person"), ("Conditions", "conditions")] {
            if root.child(ASSERTION, name)?.is_some() {
                return Err(RequestError::Unsupported(what));
            }
        }
        if root.attribute("ProtocolBinding").is_some_and(|binding| binding != POST) {
            return Err(RequestError::Unsupported("another binding than HTTP-POST for the answer"));
        }
        let request = Self {
            id,
            issuer,
            consumer: consumer(root, provider)?,
            force: boolean(root, "ForceAuthn")?,
            passive: boolean(root, "IsPassive")?,
            name_id: name_id(root, provider)?,
            context: RequestedContext::read(root)?,
            relay_state: None,
        };
        Ok(Self { relay_state: message.relay_state, ..request })
    }
}

/// Who signs must have signed, and a signed request says for whom it is (saml-bindings-2.0-os §3.4.5.2).
fn authentic(
    message: &RedirectMessage,
    provider: &ServiceProvider,
    address: &str,
) -> Result<(), RequestError> {
    if (provider.signs_requests || message.is_signed()) && !message.is_signed_by(&provider.keys()) {
        return Err(RequestError::Signature);
    }
    match message.root().attribute("Destination") {
        Some(destination) if destination == address => Ok(()),
        None if !message.is_signed() => Ok(()),
        Some(_) | None => Err(RequestError::Destination),
    }
}

/// What every request has: its kind, version, time; answers its identifier.
pub(crate) fn envelope(root: &Element, name: &str, now: Timestamp) -> Result<String, RequestError> {
    if !root.is(PROTOCOL, name) || root.attribute("Version") != Some("2.0") {
        return Err(RequestError::Kind);
    }
    let at = root.attribute("IssueInstant").and_then(|at| at.parse::<Timestamp>().ok());
    // Of two instants the difference always exists; an instant a little later may not
    let fits = |at: Timestamp| (-SKEW..=FRESH).contains(&now.duration_since(at));
    if !at.is_some_and(fits) {
        return Err(RequestError::Time);
    }
    let id = root.attribute("ID").unwrap_or_default();
    let starts = id.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let continues = id.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if starts && continues && id.len() <= LONGEST_ID {
        Ok(id.to_owned())
    } else {
        Err(RequestError::Id)
    }
}

fn consumer(root: &Element, provider: &ServiceProvider) -> Result<String, RequestError> {
    let index = root.attribute("AssertionConsumerServiceIndex");
    let index = index.map(|index| index.parse().map_err(|_| RequestError::Consumer)).transpose()?;
    let location = root.attribute("AssertionConsumerServiceURL");
    let consumer = provider.consumer(location, index).ok_or(RequestError::Consumer)?;
    Ok(consumer.location.clone())
}

fn name_id(
    root: &Element,
    provider: &ServiceProvider,
) -> Result<Option<NameIdFormat>, RequestError> {
    let Some(policy) = root.child(PROTOCOL, "NameIDPolicy")? else {
        return Ok(Some(provider.name_id));
    };
    // A name in an affiliation's space is nothing that we have
    let own =
        policy.attribute("SPNameQualifier").is_none_or(|qualifier| qualifier == provider.entity_id);
    Ok(provider.name_id.asked(policy.attribute("Format")).filter(|_| own))
}

fn boolean(root: &Element, name: &str) -> Result<bool, RequestError> {
    match root.attribute(name) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(RequestError::Kind),
    }
}

#[cfg(test)]
mod tests;
