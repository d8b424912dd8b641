//! Single logout, as far as it goes here (saml-profiles-2.0-os §4.4): an application asks by HTTP-Redirect, the browser's sign-on
//! ends, the application is answered.
use imp_identity::digest::Digest;
use jiff::Timestamp;

use crate::authn_request::{self, RequestError, envelope};
use crate::binding::{RedirectMessage, signed_redirect};
use crate::identity_provider::{IdentityProvider, identifier, instant};
use crate::key::KeyError;
use crate::service_provider::ServiceProvider;
use crate::xml::{ASSERTION, PROTOCOL, node};

const LONGEST_NAME: usize = 1024;
const MOST_SESSIONS: usize = 20;

/// An application's request to sign somebody out, signed by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutRequest {
    /// Its identifier, which the answer names.
    pub id: String,
    /// Whom it means: what it was told to call her.
    pub name_id: String,
    /// Which of her sign-ons; all of them if there is none.
    pub sessions: Vec<String>,
    /// What to send back with the answer.
    pub relay_state: Option<String>,
}

/// The request is not one to answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogoutError {
    /// As with any request.
    #[error("the logout request is refused")]
    Request(#[from] RequestError),
    /// The application has no address for the answer.
    #[error("the application has no SingleLogoutService with the HTTP-Redirect binding")]
    NoAddress,
    /// It names nobody.
    #[error("the logout request names nobody")]
    Nobody,
}

impl LogoutRequest {
    /// Checks what `provider` asks, at `address`: our own.
    pub fn accept(
        message: RedirectMessage,
        provider: &ServiceProvider,
        address: &str,
        now: Timestamp,
    ) -> Result<Self, LogoutError> {
        let root = message.root();
        let id = envelope(root, "LogoutRequest", now)?;
        if authn_request::issuer(&message)? != provider.entity_id {
            return Err(RequestError::Issuer.into());
        }
        // §4.4.4.1: it must be signed
        if !message.is_signed_by(&provider.keys()) {
            return Err(RequestError::Signature.into());
        }
        if root.attribute("Destination") != Some(address) {
            return Err(RequestError::Destination.into());
        }
        if let Some(until) = root.attribute("NotOnOrAfter") {
            let until: Timestamp = until.parse().map_err(|_| RequestError::Time)?;
            if until <= now {
                return Err(RequestError::Time.into());
            }
        }
        let name = root.child(ASSERTION, "NameID").map_err(RequestError::from)?;
        let name = name.ok_or(LogoutError::Nobody)?.text().map_err(RequestError::from)?;
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(LogoutError::Nobody);
        }
        let sessions = root.children(PROTOCOL, "SessionIndex").take(MOST_SESSIONS);
        let sessions = sessions.map(|index| index.text().map(str::to_owned));
        let sessions = sessions.collect::<Result<_, _>>().map_err(RequestError::from)?;
        let name_id = name.to_owned();
        Ok(Self { id, name_id, sessions, relay_state: message.relay_state })
    }

    /// Whether it means the sign-on that has this index.
    pub fn means(&self, session_index: &str) -> bool {
        let same = |index: &String| {
            Digest::of(&[index.as_bytes()]) == Digest::of(&[session_index.as_bytes()])
        };
        self.sessions.is_empty() || self.sessions.iter().any(same)
    }
}

impl IdentityProvider {
    /// The address that takes the answer to the application. `ended` says whether she is signed out now.
    pub fn logged_out(
        &self,
        request: &LogoutRequest,
        provider: &ServiceProvider,
        ended: bool,
        now: Timestamp,
        rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<String, AnswerError> {
        let location = provider.logout.as_deref().ok_or(AnswerError::NoAddress)?;
        let status = if ended { "Success" } else { "Responder" };
        let status = format!("urn:oasis:names:tc:SAML:2.0:status:{status}");
        let response = node("samlp", "LogoutResponse")
            .with("ID", identifier(rng))
            .with("Version", "2.0")
            .with("IssueInstant", instant(now))
            .with("Destination", location)
            .with("InResponseTo", &request.id)
            .child(self.issuer())
            .child(
                node("samlp", "Status").child(node("samlp", "StatusCode").with("Value", status)),
            );
        let document = response.canonical();
        let message = ("SAMLResponse", document.as_str());
        Ok(signed_redirect(location, message, request.relay_state.as_deref(), self.key())?)
    }
}

/// An application cannot be answered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It has no address for that.
    #[error("the application has no SingleLogoutService with the HTTP-Redirect binding")]
    NoAddress,
    /// The answer cannot be signed.
    #[error("the answer cannot be signed")]
    Sign(#[from] KeyError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Credential, SigningKey};
    use crate::service_provider::tests::metadata;

    fn now() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    /// An application with a key of its own, and ourselves.
    fn parties() -> (ServiceProvider, SigningKey, IdentityProvider) {
        let key = |name| {
            SigningKey::open(&Credential::generate(name, now(), &mut rand::rng()).unwrap()).unwrap()
        };
        let (theirs, ours) = (key("emr"), key("imp"));
        let info = crate::key::key_info(theirs.certificate()).canonical();
        let descriptor = format!("<KeyDescriptor use='signing'>{info}</KeyDescriptor>");
        let provider =
            ServiceProvider::from_metadata(metadata("", &descriptor).as_bytes()).unwrap();
        (provider, theirs, IdentityProvider::new("https://imp.example", ours))
    }

    fn request(name: &str) -> String {
        node("samlp", "LogoutRequest")
            .with("ID", "_9")
            .with("Version", "2.0")
            .with("IssueInstant", instant(now()))
            .with("Destination", "https://imp.example/saml/slo")
            .child(node("saml", "Issuer").text("https://emr.example/saml"))
            .child(node("saml", "NameID").text(name))
            .child(node("samlp", "SessionIndex").text("one"))
            .canonical()
    }

    fn accept(
        document: &str,
        key: &SigningKey,
        provider: &ServiceProvider,
    ) -> Result<LogoutRequest, LogoutError> {
        let address = "https://imp.example/saml/slo";
        let url = signed_redirect(address, ("SAMLRequest", document), Some("state"), key).unwrap();
        let message =
            RedirectMessage::from_query(url.split_once('?').unwrap().1, "SAMLRequest").unwrap();
        LogoutRequest::accept(message, provider, address, now())
    }

    #[test]
    fn a_signed_request_is_taken_and_answered_with_a_signature() {
        let (provider, theirs, ourselves) = parties();
        let request = accept(&request("alice"), &theirs, &provider).unwrap();
        assert_eq!(request.name_id, "alice");
        assert!(request.means("one") && !request.means("two"));
        let answer =
            ourselves.logged_out(&request, &provider, true, now(), &mut rand::rng()).unwrap();
        assert!(answer.starts_with("https://emr.example/saml/logout?SAMLResponse="));
        let message =
            RedirectMessage::from_query(answer.split_once('?').unwrap().1, "SAMLResponse").unwrap();
        let ours = crate::VerifyingKey::from_certificate(ourselves.key().certificate()).unwrap();
        assert!(message.is_signed_by(&[ours]));
        assert_eq!(message.root().attribute("InResponseTo"), Some("_9"));
        assert_eq!(message.relay_state.as_deref(), Some("state"));
    }

    #[test]
    fn nobody_is_signed_out_by_a_request_of_somebody_else() {
        let (provider, theirs, ourselves) = parties();
        let error = accept(&request("alice"), ourselves.key(), &provider).unwrap_err();
        assert_eq!(error, LogoutError::Request(RequestError::Signature));
        let mut without = provider.clone();
        without.certificates.clear();
        assert!(accept(&request("alice"), &theirs, &without).is_err());
        assert_eq!(accept(&request(""), &theirs, &provider).unwrap_err(), LogoutError::Nobody);
        let elsewhere = request("alice").replace("imp.example", "other.example");
        let error = accept(&elsewhere, &theirs, &provider).unwrap_err();
        assert_eq!(error, LogoutError::Request(RequestError::Destination));
    }
}
