use data_encoding::BASE64;
use imp_identity::authentication::Aal;
use miniz_oxide::deflate::compress_to_vec;

use super::*;
use crate::binding::query_of_form;
use crate::service_provider::tests::metadata;

const ADDRESS: &str = "https://imp.example/saml/sso";

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn provider() -> ServiceProvider {
    ServiceProvider::from_metadata(metadata("", "").as_bytes()).unwrap()
}

fn document(attributes: &str, inside: &str) -> String {
    format!(
        "<p:AuthnRequest xmlns:p='{PROTOCOL}' xmlns:a='{ASSERTION}' ID='_1' Version='2.0' \
         IssueInstant='2026-11-22T09:59:58.5Z' {attributes}><a:Issuer>https://emr.example/saml</a:Issuer>{inside}</p:AuthnRequest>"
    )
}

fn message(document: &str) -> RedirectMessage {
    let message = BASE64.encode(&compress_to_vec(document.as_bytes(), 6));
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("SAMLRequest", &message)
        .append_pair("RelayState", "state")
        .finish();
    RedirectMessage::from_query(&query, "SAMLRequest").unwrap()
}

fn accept(document: &str) -> Result<AuthnRequest, RequestError> {
    AuthnRequest::accept(message(document), &provider(), ADDRESS, now())
}

#[test]
fn takes_a_plain_request() {
    let request = accept(&document("", "")).unwrap();
    assert_eq!(request.id, "_1");
    assert_eq!(request.consumer, "https://emr.example/saml/default");
    assert_eq!(request.relay_state.as_deref(), Some("state"));
    assert!(!request.force && !request.passive);
    assert_eq!(request.name_id, Some(NameIdFormat::Persistent));
    assert_eq!(request.context.least(), None);
}

#[test]
fn takes_what_is_asked_for() {
    let attributes = "ForceAuthn='true' IsPassive='1' AssertionConsumerServiceURL='https://emr.example/saml/acs'";
    let inside = format!(
        "<p:NameIDPolicy Format='{}'/><p:RequestedAuthnContext><a:AuthnContextClassRef>\
         http://idmanagement.gov/ns/assurance/aal/2</a:AuthnContextClassRef></p:RequestedAuthnContext>",
        NameIdFormat::Transient.uri()
    );
    let request = accept(&document(attributes, &inside)).unwrap();
    assert!(request.force && request.passive);
    assert_eq!(request.consumer, "https://emr.example/saml/acs");
    assert_eq!(request.name_id, Some(NameIdFormat::Transient));
    assert_eq!(request.context.least(), Some(Aal::Aal2));
}

#[test]
fn a_name_that_the_application_may_not_have_is_told_apart() {
    let mail = "<p:NameIDPolicy Format='urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress'/>";
    assert_eq!(accept(&document("", mail)).unwrap().name_id, None);
    let other = "<p:NameIDPolicy SPNameQualifier='https://other.example'/>";
    assert_eq!(accept(&document("", other)).unwrap().name_id, None);
}

#[test]
fn answers_go_to_registered_addresses_only() {
    for wrong in
        ["https://evil.example/", "https://emr.example/saml/acs?", "https://emr.example/saml/ACS"]
    {
        let attributes = format!("AssertionConsumerServiceURL='{wrong}'");
        assert_eq!(accept(&document(&attributes, "")), Err(RequestError::Consumer), "{wrong}");
    }
    for wrong in ["9", "-1", "one", "65536"] {
        let attributes = format!("AssertionConsumerServiceIndex='{wrong}'");
        assert_eq!(accept(&document(&attributes, "")), Err(RequestError::Consumer), "{wrong}");
    }
    let artifact = "ProtocolBinding='urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact'";
    assert!(matches!(accept(&document(artifact, "")), Err(RequestError::Unsupported(_))));
}

#[test]
fn refuses_what_is_old_or_meant_for_others() {
    let old = document("", "").replace("09:59:58.5", "09:49:59");
    assert_eq!(accept(&old), Err(RequestError::Time));
    let future = document("", "").replace("09:59:58.5", "10:03:01");
    assert_eq!(accept(&future), Err(RequestError::Time));
    for far in
        ["-009999-01-02T01:59:59Z", "9999-12-30T22:00:00Z", "2026-11-22T09:59:58+99:99", "now"]
    {
        let far = document("", "").replace("2026-11-22T09:59:58.5Z", far);
        assert_eq!(accept(&far), Err(RequestError::Time), "{far}");
    }
    let other = document("Destination='https://other.example/saml/sso'", "");
    assert_eq!(accept(&other), Err(RequestError::Destination));
    assert!(accept(&document(&format!("Destination='{ADDRESS}'"), "")).is_ok());
}

#[test]
fn an_issuer_is_one_plain_text() {
    let doubled = document("", "<a:Issuer>https://other.example</a:Issuer>");
    assert!(matches!(accept(&doubled), Err(RequestError::Xml(_))));
    let nested = document("", "").replace("https://emr", "<a:x/>https://emr");
    assert!(matches!(accept(&nested), Err(RequestError::Xml(_))));
    let other = document("", "").replace("emr.example", "other.example");
    assert_eq!(accept(&other), Err(RequestError::Issuer));
    let comment = document("", "").replace("https://emr", "<!-- -->https://emr");
    let query = query_of_form(&BASE64.encode(comment.as_bytes()), None).unwrap();
    assert!(RedirectMessage::from_query(&query, "SAMLRequest").is_err());
}

#[test]
fn doubled_elements_and_things_not_done_are_refused() {
    let doubled = document("", "<p:NameIDPolicy/><p:NameIDPolicy/>");
    assert!(matches!(accept(&doubled), Err(RequestError::Xml(_))));
    for inside in ["<a:Subject/>", "<a:Conditions/>", "<p:Scoping/>"] {
        assert!(matches!(accept(&document("", inside)), Err(RequestError::Unsupported(_))));
    }
    assert_eq!(
        accept(&document("", "").replace("AuthnRequest", "LogoutRequest")),
        Err(RequestError::Kind)
    );
    assert_eq!(accept(&document("", "").replace("'2.0'", "'1.1'")), Err(RequestError::Kind));
    assert_eq!(accept(&document("", "").replace("'_1'", "'1 2'")), Err(RequestError::Id));
    // In another namespace it is another element
    assert!(accept(&document("", "<x:Subject xmlns:x='urn:x'/>")).is_ok());
}

#[test]
fn who_signs_must_have_signed() {
    let mut provider = provider();
    provider.signs_requests = true;
    let accepted = AuthnRequest::accept(message(&document("", "")), &provider, ADDRESS, now());
    assert_eq!(accepted, Err(RequestError::Signature));
    // An enveloped signature is never processed, whatever it says
    let enveloped = document("", "<ds:Signature xmlns:ds='http://www.w3.org/2000/09/xmldsig#'/>");
    let query = query_of_form(&BASE64.encode(enveloped.as_bytes()), None).unwrap();
    let form = RedirectMessage::from_query(&query, "SAMLRequest").unwrap();
    let accepted = AuthnRequest::accept(form, &provider, ADDRESS, now());
    assert_eq!(accepted, Err(RequestError::Signature));
}
