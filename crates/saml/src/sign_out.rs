//! Telling an application that somebody is signed out (saml-profiles-2.0-os §4.4.3.3): a `LogoutRequest` of our own, by SOAP
//! (saml-bindings-2.0-os §3.2) or through the browser (HTTP-Redirect).
use jiff::{SignedDuration, Timestamp};

use crate::binding::{RedirectMessage, signed_redirect};
use crate::identity_provider::{IdentityProvider, identifier, instant};
use crate::key::KeyError;
use crate::name_id::NameId;
use crate::service_provider::ServiceProvider;
use crate::xml::{Bounds, ENVELOPE, Element, Node, PROTOCOL, XmlError, node, read};

/// How long the request counts: clocks differ, and it may wait in a queue of the application.
const COUNTS: SignedDuration = SignedDuration::from_mins(5);
/// An answer is a handful of elements, and may carry a signature with certificates.
const BOUNDS: Bounds = Bounds { size: 64 * 1024, elements: 200, depth: 16 };
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const PARTIAL: &str = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout";

/// Who is signed out, as the application knows her.
#[derive(Clone, Debug)]
pub struct SignedOut<'a> {
    /// The application's entity ID.
    pub application: &'a str,
    /// Where the request goes.
    pub destination: &'a str,
    /// What the application was told to call her.
    pub name_id: &'a NameId,
    /// What it was told to call the sign-on.
    pub session_index: &'a str,
}

/// A request of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its identifier, which the answer must name.
    pub id: String,
    /// What is sent: an envelope, or the address that a browser goes to.
    pub text: String,
}

/// What came back is no answer to the request.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerRefused {
    /// Not XML that is read.
    #[error("the answer cannot be read")]
    Xml(#[from] XmlError),
    /// No envelope with one `LogoutResponse`, or one to another request.
    #[error("the answer is not the LogoutResponse to this request")]
    Other,
    /// The application says that it did not.
    #[error("the application answers {0}")]
    Status(String),
}

impl IdentityProvider {
    /// The signed request in a SOAP envelope.
    pub fn sign_out_by_soap(
        &self,
        whom: &SignedOut<'_>,
        now: Timestamp,
        rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<Question, KeyError> {
        let id = identifier(rng);
        // After the issuer (saml-core-2.0-os §3.2.1)
        let request = self.key().envelop(self.logout_request(&id, whom, now), 1)?;
        let body = node("soap", "Body").child(request);
        Ok(Question { id, text: node("soap", "Envelope").child(body).canonical() })
    }

    /// The address that takes the browser to the application with the signed request; `relay_state` comes back with the answer.
    pub fn sign_out_by_redirect(
        &self,
        whom: &SignedOut<'_>,
        relay_state: Option<&str>,
        now: Timestamp,
        rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<Question, KeyError> {
        let id = identifier(rng);
        let document = self.logout_request(&id, whom, now).canonical();
        let message = ("SAMLRequest", document.as_str());
        let text = signed_redirect(whom.destination, message, relay_state, self.key())?;
        Ok(Question { id, text })
    }

    fn logout_request(&self, id: &str, whom: &SignedOut<'_>, now: Timestamp) -> Node {
        let name = node("saml", "NameID")
            .with("Format", whom.name_id.format.uri())
            .with("NameQualifier", &self.entity_id)
            .with("SPNameQualifier", whom.application)
            .text(&whom.name_id.value);
        node("samlp", "LogoutRequest")
            .with("ID", id)
            .with("Version", "2.0")
            .with("IssueInstant", instant(now))
            .with("Destination", whom.destination)
            .with("NotOnOrAfter", instant(now + COUNTS))
            .child(self.issuer())
            .child(name)
            .child(node("samlp", "SessionIndex").text(whom.session_index))
    }
}

/// Reads what an application answers by SOAP to the request `id`: `Ok` if it signed her out. Whose answer it is, TLS says; a
/// signature in it is not looked at, because nothing follows from the answer but that we stop asking.
pub fn read_answer(body: &[u8], id: &str) -> Result<(), AnswerRefused> {
    let root = read(body, BOUNDS)?;
    if !root.is(ENVELOPE, "Envelope") {
        return Err(AnswerRefused::Other);
    }
    let body = root.child(ENVELOPE, "Body")?.ok_or(AnswerRefused::Other)?;
    let answer = body.child(PROTOCOL, "LogoutResponse")?.ok_or(AnswerRefused::Other)?;
    judge(answer, id)
}

/// Whether what a browser brings back (HTTP-Redirect) is the answer of `provider` to the request `id`, signed by it
/// (saml-profiles-2.0-os §4.4.4.2), and says that it signed her out.
pub fn is_signed_out(
    message: &RedirectMessage,
    provider: &ServiceProvider,
    id: &str,
) -> Result<(), AnswerRefused> {
    let answer = message.root();
    if !answer.is(PROTOCOL, "LogoutResponse") || !message.is_signed_by(&provider.keys()) {
        return Err(AnswerRefused::Other);
    }
    judge(answer, id)
}

fn judge(answer: &Element, id: &str) -> Result<(), AnswerRefused> {
    if answer.attribute("InResponseTo") != Some(id) {
        return Err(AnswerRefused::Other);
    }
    let status = answer.child(PROTOCOL, "Status")?.ok_or(AnswerRefused::Other)?;
    let code = status.child(PROTOCOL, "StatusCode")?.ok_or(AnswerRefused::Other)?;
    match code.attribute("Value") {
        Some(SUCCESS) if !is_partial(code)? => Ok(()),
        other => {
            let said: String = other.unwrap_or("nothing").chars().take(100).collect();
            Err(AnswerRefused::Status(said))
        }
    }
}

/// Whether it could not sign her out everywhere (saml-core-2.0-os §3.7.3.2).
fn is_partial(code: &Element) -> Result<bool, XmlError> {
    let inner = code.child(PROTOCOL, "StatusCode")?;
    Ok(inner.is_some_and(|inner| inner.attribute("Value") == Some(PARTIAL)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Credential, SigningKey, VerifyingKey};
    use crate::name_id::NameIdFormat;

    fn now() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    fn ourselves() -> IdentityProvider {
        let made = Credential::generate("imp", now(), &mut rand::rng()).unwrap();
        IdentityProvider::new("https://imp.example", SigningKey::open(&made).unwrap())
    }

    fn alice() -> NameId {
        NameId { format: NameIdFormat::Persistent, value: "a<b".to_owned() }
    }

    fn whom(name_id: &NameId) -> SignedOut<'_> {
        SignedOut {
            application: "https://emr.example/saml",
            destination: "https://emr.example/saml/logout",
            name_id,
            session_index: "morning",
        }
    }

    fn answer(id: &str, status: &str) -> String {
        format!(
            "<e:Envelope xmlns:e='{ENVELOPE}'><e:Body><p:LogoutResponse xmlns:p='{PROTOCOL}' InResponseTo='{id}'>\
             <p:Status><p:StatusCode Value='urn:oasis:names:tc:SAML:2.0:status:{status}'/></p:Status>\
             </p:LogoutResponse></e:Body></e:Envelope>"
        )
    }

    #[test]
    fn an_application_is_told_in_an_envelope_with_a_signed_request() {
        let (ourselves, alice) = (ourselves(), alice());
        let question = ourselves.sign_out_by_soap(&whom(&alice), now(), &mut rand::rng()).unwrap();
        let root = read(question.text.as_bytes(), BOUNDS).unwrap();
        let body = root.child(ENVELOPE, "Body").unwrap().unwrap();
        let request = body.child(PROTOCOL, "LogoutRequest").unwrap().unwrap();
        assert_eq!(request.attribute("ID"), Some(question.id.as_str()));
        assert_eq!(request.attribute("NotOnOrAfter"), Some("2026-11-22T10:05:00Z"));
        let name = request.child(crate::xml::ASSERTION, "NameID").unwrap().unwrap();
        assert_eq!(name.text().unwrap(), "a<b");
        let index = request.child(PROTOCOL, "SessionIndex").unwrap().unwrap();
        assert_eq!(index.text().unwrap(), "morning");
        assert!(request.child(crate::xml::SIGNATURE, "Signature").unwrap().is_some());
    }

    #[test]
    fn a_browser_carries_a_request_that_is_signed_in_its_query() {
        let (ourselves, alice) = (ourselves(), alice());
        let question = ourselves
            .sign_out_by_redirect(&whom(&alice), Some("next"), now(), &mut rand::rng())
            .unwrap();
        let (address, query) = question.text.split_once('?').unwrap();
        assert_eq!(address, "https://emr.example/saml/logout");
        let message = RedirectMessage::from_query(query, "SAMLRequest").unwrap();
        assert_eq!(message.relay_state.as_deref(), Some("next"));
        let ours = VerifyingKey::from_certificate(ourselves.key().certificate()).unwrap();
        assert!(message.is_signed_by(&[ours]));
    }

    #[test]
    fn what_a_browser_brings_back_is_the_applications_own_answer_or_nothing() {
        let theirs = Credential::generate("emr", now(), &mut rand::rng()).unwrap();
        let theirs = SigningKey::open(&theirs).unwrap();
        let info = crate::key::key_info(theirs.certificate()).canonical();
        let descriptor = format!("<KeyDescriptor use='signing'>{info}</KeyDescriptor>");
        let metadata = crate::service_provider::tests::metadata("", &descriptor);
        let provider = ServiceProvider::from_metadata(metadata.as_bytes()).unwrap();
        let bring = |key: &SigningKey, status: &str| {
            let answer = answer("_1", status);
            let (_, inner) = answer.split_once("<e:Body>").unwrap();
            let (inner, _) = inner.split_once("</e:Body>").unwrap();
            let to = "https://imp.example/saml/slo";
            let url = signed_redirect(to, ("SAMLResponse", inner), None, key).unwrap();
            let query = url.split_once('?').unwrap().1.to_owned();
            RedirectMessage::from_query(&query, "SAMLResponse").unwrap()
        };
        let answer = bring(&theirs, "Success");
        assert_eq!(is_signed_out(&answer, &provider, "_1"), Ok(()));
        assert_eq!(is_signed_out(&answer, &provider, "_2"), Err(AnswerRefused::Other));
        let failed = is_signed_out(&bring(&theirs, "Responder"), &provider, "_1");
        assert!(matches!(failed, Err(AnswerRefused::Status(_))));
        let forged = bring(ourselves().key(), "Success");
        assert_eq!(is_signed_out(&forged, &provider, "_1"), Err(AnswerRefused::Other));
    }

    #[test]
    fn only_success_to_this_very_request_is_success() {
        assert_eq!(read_answer(answer("_1", "Success").as_bytes(), "_1"), Ok(()));
        let other = read_answer(answer("_2", "Success").as_bytes(), "_1");
        assert_eq!(other, Err(AnswerRefused::Other));
        let failed = read_answer(answer("_1", "Responder").as_bytes(), "_1").unwrap_err();
        assert!(matches!(failed, AnswerRefused::Status(code) if code.ends_with(":Responder")));
        let partial = format!("Success'><p:StatusCode Value='{PARTIAL}'/></p:StatusCode><p:x a='");
        let partial = read_answer(answer("_1", &partial).as_bytes(), "_1").unwrap_err();
        assert!(matches!(partial, AnswerRefused::Status(_)), "{partial:?}");
        assert_eq!(read_answer(b"<html/>", "_1"), Err(AnswerRefused::Other));
        assert!(matches!(read_answer(b"<!DOCTYPE x><x/>", "_1"), Err(AnswerRefused::Xml(_))));
    }
}
