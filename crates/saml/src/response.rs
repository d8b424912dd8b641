//! Answers to requests: an assertion, or why there is none (saml-core-2.0-os §3.3.3, saml-profiles-2.0-os §4.1.4).
use imp_identity::authentication::Authentication;
use jiff::{SignedDuration, Timestamp};

use crate::authn_request::AuthnRequest;
use crate::context::ContextClass;
use crate::identity_provider::{IdentityProvider, identifier, instant};
use crate::key::KeyError;
use crate::name_id::NameId;
use crate::xml::{Node, node};

/// How long an assertion may be on its way.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_mins(3);
/// How far the application's clock may be behind.
const BACKDATED: SignedDuration = SignedDuration::from_secs(30);
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const URI_NAMES: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri";

/// What an assertion says of somebody.
#[derive(Clone, Debug)]
pub struct Statement<'a> {
    /// What the application calls her.
    pub name_id: NameId,
    /// How she was authenticated, and when.
    pub authentication: &'a Authentication,
    /// What that is called.
    pub context: ContextClass,
    /// Names her sign-on at this application, and at no other.
    pub session_index: String,
    /// When she must be asked for again.
    pub session_ends: Timestamp,
    /// Her user name and her name, if the application is told.
    pub names: Option<(&'a str, &'a str)>,
}

/// Why nobody is signed on (saml-core-2.0-os §3.2.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing could be shown, and that was needed.
    NoPassive,
    /// She cannot be authenticated as was asked.
    NoAuthnContext,
    /// She cannot be named as was asked.
    InvalidNameIdPolicy,
    /// She did not sign in.
    AuthnFailed,
    /// Policy does not allow it.
    RequestDenied,
}

impl Status {
    const fn codes(self) -> (&'static str, &'static str) {
        const REQUESTER: &str = "urn:oasis:names:tc:SAML:2.0:status:Requester";
        const RESPONDER: &str = "urn:oasis:names:tc:SAML:2.0:status:Responder";
        match self {
            Self::NoPassive => (RESPONDER, "urn:oasis:names:tc:SAML:2.0:status:NoPassive"),
            Self::NoAuthnContext => {
                (RESPONDER, "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext")
            }
            Self::InvalidNameIdPolicy => {
                (REQUESTER, "urn:oasis:names:tc:SAML:2.0:status:InvalidNameIDPolicy")
            }
            Self::AuthnFailed => (RESPONDER, "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"),
            Self::RequestDenied => (RESPONDER, "urn:oasis:names:tc:SAML:2.0:status:RequestDenied"),
        }
    }
}

impl IdentityProvider {
    /// A signed response with a signed assertion for who made `request`, and nobody else.
    pub fn assertion(
        &self,
        request: &AuthnRequest,
        statement: &Statement<'_>,
        now: Timestamp,
        rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<String, KeyError> {
        let assertion = node("saml", "Assertion")
            .with("ID", identifier(rng))
            .with("IssueInstant", instant(now))
            .with("Version", "2.0")
            .child(self.issuer())
            .child(self.subject(request, statement, now))
            .child(conditions(request, now))
            .child(authentication(statement))
            .child_some(statement.names.map(attributes));
        // After the issuer (§2.3.3)
        let assertion = self.key().envelop(assertion, 1)?;
        let success =
            node("samlp", "StatusCode").with("Value", "urn:oasis:names:tc:SAML:2.0:status:Success");
        self.response(request, success, Some(assertion), now, rng)
    }

    /// A signed response that says why there is no assertion.
    pub fn refusal(
        &self,
        request: &AuthnRequest,
        status: Status,
        now: Timestamp,
        rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<String, KeyError> {
        let (first, second) = status.codes();
        let code = node("samlp", "StatusCode").with("Value", second);
        self.response(
            request,
            node("samlp", "StatusCode").with("Value", first).child(code),
            None,
            now,
            rng,
        )
    }

    fn response(
        &self,
        request: &AuthnRequest,
        code: Node,
        assertion: Option<Node>,
        now: Timestamp,
        rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<String, KeyError> {
        let response = node("samlp", "Response")
            .with("ID", identifier(rng))
            .with("Version", "2.0")
            .with("IssueInstant", instant(now))
            .with("Destination", &request.consumer)
            .with("InResponseTo", &request.id)
            .child(self.issuer())
            .child(node("samlp", "Status").child(code))
            .child_some(assertion);
        Ok(self.key().envelop(response, 1)?.canonical())
    }

    fn subject(&self, request: &AuthnRequest, statement: &Statement<'_>, now: Timestamp) -> Node {
        let data = node("saml", "SubjectConfirmationData")
            .with("InResponseTo", &request.id)
            .with("NotOnOrAfter", instant(now + ON_ITS_WAY))
            .with("Recipient", &request.consumer);
        let name = node("saml", "NameID")
            .with("Format", statement.name_id.format.uri())
            .with("NameQualifier", &self.entity_id)
            .with("SPNameQualifier", &request.issuer)
            .text(&statement.name_id.value);
        let confirmation = node("saml", "SubjectConfirmation").with("Method", BEARER).child(data);
        node("saml", "Subject").child(name).child(confirmation)
    }
}

fn conditions(request: &AuthnRequest, now: Timestamp) -> Node {
    let audience = node("saml", "Audience").text(&request.issuer);
    node("saml", "Conditions")
        .with("NotBefore", instant(now - BACKDATED))
        .with("NotOnOrAfter", instant(now + ON_ITS_WAY))
        .child(node("saml", "AudienceRestriction").child(audience))
}

fn authentication(statement: &Statement<'_>) -> Node {
    let class = node("saml", "AuthnContextClassRef").text(statement.context.uri());
    node("saml", "AuthnStatement")
        .with("AuthnInstant", instant(statement.authentication.at))
        .with("SessionIndex", &statement.session_index)
        .with("SessionNotOnOrAfter", instant(statement.session_ends))
        .child(node("saml", "AuthnContext").child(class))
}

/// By the names of RFC 4519 §2.39 and RFC 2798 §2.3.
fn attributes((username, name): (&str, &str)) -> Node {
    let attribute = |oid: &str, friendly: &str, value: &str| {
        node("saml", "Attribute")
            .with("FriendlyName", friendly)
            .with("Name", oid)
            .with("NameFormat", URI_NAMES)
            .child(node("saml", "AttributeValue").text(value))
    };
    node("saml", "AttributeStatement")
        .child(attribute("urn:oid:0.9.2342.19200300.100.1.1", "uid", username))
        .child(attribute("urn:oid:2.16.840.1.113730.3.1.241", "displayName", name))
}
