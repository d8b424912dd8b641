use super::*;

pub(crate) fn metadata(attributes: &str, inside: &str) -> String {
    format!(
        "<EntityDescriptor xmlns='{METADATA}' entityID='https://emr.example/saml'>\
         <SPSSODescriptor protocolSupportEnumeration='{PROTOCOL}' {attributes}>{inside}\
         <SingleLogoutService Binding='{REDIRECT}' Location='https://emr.example/saml/logout'/>\
         <AssertionConsumerService index='1' Binding='{POST}' Location='https://emr.example/saml/acs'/>\
         <AssertionConsumerService index='0' isDefault='true' Binding='{POST}' Location='https://emr.example/saml/default'/>\
         <AssertionConsumerService index='2' Binding='urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact' Location='http://x'/>\
         </SPSSODescriptor></EntityDescriptor>"
    )
}

fn refused(document: &str) -> MetadataError {
    ServiceProvider::from_metadata(document.as_bytes()).unwrap_err()
}

#[test]
fn reads_what_is_needed() {
    let provider = ServiceProvider::from_metadata(metadata("", "").as_bytes()).unwrap();
    assert_eq!(provider.entity_id, "https://emr.example/saml");
    assert_eq!(provider.assertion_consumers.len(), 2);
    assert_eq!(provider.logout.as_deref(), Some("https://emr.example/saml/logout"));
    assert_eq!(provider.redirect_logout, provider.logout);
    assert_eq!(provider.soap_logout, None);
    assert_eq!(provider.consumer(None, None).unwrap().index, 0);
    assert_eq!(provider.consumer(None, Some(1)).unwrap().location, "https://emr.example/saml/acs");
    let stored = serde_json::to_string(&provider).unwrap();
    assert_eq!(serde_json::from_str::<ServiceProvider>(&stored).unwrap(), provider);
}

#[test]
fn assertions_go_to_no_address_but_exactly_those() {
    let provider = ServiceProvider::from_metadata(metadata("", "").as_bytes()).unwrap();
    assert!(provider.consumer(Some("https://emr.example/saml/acs"), None).is_some());
    for wrong in [
        "https://emr.example/saml/acs/",
        "https://emr.example/saml/acs?x",
        "https://EMR.example/saml/acs",
        "https://emr.example/saml/../saml/acs",
        "https://evil.example/saml/acs",
        "",
    ] {
        assert_eq!(provider.consumer(Some(wrong), None), None, "{wrong}");
    }
    assert_eq!(provider.consumer(None, Some(7)), None);
    assert_eq!(provider.consumer(Some("https://emr.example/saml/acs"), Some(1)), None);
}

#[test]
fn refuses_addresses_that_are_not_secure() {
    for wrong in [
        "http://emr.example/acs",
        "javascript:alert(1)",
        "https://u:p@emr.example/",
        "https://emr.example/#x",
        "/acs",
    ] {
        let document = metadata("", "").replace("https://emr.example/saml/acs", wrong);
        assert_eq!(refused(&document), MetadataError::Location(wrong.to_owned()));
    }
    let here =
        metadata("", "").replace("https://emr.example/saml/acs", "http://localhost:8080/acs");
    assert!(ServiceProvider::from_metadata(here.as_bytes()).is_ok());
}

#[test]
fn refuses_what_is_not_one_application() {
    assert_eq!(refused("<x/>"), MetadataError::NotServiceProvider);
    let federation =
        format!("<EntitiesDescriptor xmlns='{METADATA}'>{}</EntitiesDescriptor>", metadata("", ""));
    assert_eq!(refused(&federation), MetadataError::NotServiceProvider);
    assert_eq!(
        refused(&metadata("", "").replace("SAML:2.0:protocol", "SAML:1.1:protocol")),
        MetadataError::NotServiceProvider
    );
    assert_eq!(
        refused(&metadata("", "").replace(POST, REDIRECT)),
        MetadataError::NoAssertionConsumer
    );
    assert_eq!(refused(&metadata("", "").replace("entityID", "entity")), MetadataError::EntityId);
    let doubled =
        metadata("", "").replace("</EntityDescriptor>", "<SPSSODescriptor/></EntityDescriptor>");
    assert!(matches!(refused(&doubled), MetadataError::Xml(_)));
}

#[test]
fn one_that_says_it_signs_must_show_a_key_that_can() {
    assert_eq!(refused(&metadata("AuthnRequestsSigned='true'", "")), MetadataError::NoCertificate);
    let key = "<KeyDescriptor><ds:KeyInfo xmlns:ds='http://www.w3.org/2000/09/xmldsig#'><ds:X509Data><ds:X509Certificate>\
               AAAA</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>";
    assert_eq!(refused(&metadata("AuthnRequestsSigned='true'", key)), MetadataError::Certificate);
}

#[test]
fn an_application_may_be_given_shorter_sessions_and_never_longer_ones() {
    let mut provider = ServiceProvider::from_metadata(metadata("", "").as_bytes()).unwrap();
    let now = Timestamp::UNIX_EPOCH;
    let hour = now + SignedDuration::from_hours(1);
    assert_eq!(provider.session_ends(hour, now), hour);
    provider.session_minutes = Some(15);
    assert_eq!(provider.session_ends(hour, now), now + SignedDuration::from_mins(15));
    provider.session_minutes = Some(90);
    assert_eq!(provider.session_ends(hour, now), hour);
    provider.session_minutes = Some(u32::MAX);
    assert_eq!(provider.session_ends(hour, Timestamp::MAX), hour);
    assert!(provider.admits("https://emr.example/saml/acs"));
    assert!(!provider.admits("https://emr.example/saml/other"));
}

#[test]
fn requests_and_answers_of_logout_may_have_addresses_of_their_own() {
    let soap = format!(
        "<SingleLogoutService Binding='{SOAP}' Location='https://emr.example/saml/soap'/>\
         <SingleLogoutService Binding='{REDIRECT}' Location='https://emr.example/ask' \
         ResponseLocation='https://emr.example/answer'/>"
    );
    let provider = ServiceProvider::from_metadata(metadata("", &soap).as_bytes()).unwrap();
    assert_eq!(provider.soap_logout.as_deref(), Some("https://emr.example/saml/soap"));
    assert_eq!(provider.redirect_logout.as_deref(), Some("https://emr.example/ask"));
    assert_eq!(provider.logout.as_deref(), Some("https://emr.example/answer"));
    let plain = soap.replace("https://emr.example/saml/soap", "http://emr.example/saml/soap");
    assert!(matches!(refused(&metadata("", &plain)), MetadataError::Location(_)));
}
