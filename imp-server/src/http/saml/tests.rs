use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use imp_identity::authentication::{Aal, Authentication, Method};
use imp_identity::clock::SystemClock;
use imp_identity::sign_on::{SignOn, SignOnEnd};
use imp_identity::user::Role;
use imp_identity::{Actor, InteractionId, Secret};
use imp_saml::{Credential, ServiceProvider, SigningKey, query_of_form, signed_redirect};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::app::{self, App};
use crate::command::{self, InteractionAnswer, NewSignOn, NewUser};
use crate::config::Config;
use crate::http::router::router;
use crate::store::Tables as _;

mod keys;
mod providers;
mod sign_out;

const ENTITY: &str = "https://lab.example/saml";
const CONSUMER: &str = "https://lab.example/saml/acs";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";

struct House {
    app: App,
    lab: SigningKey,
    _folder: TempDir,
}

/// What a browser got.
struct Got {
    status: StatusCode,
    location: String,
    cookies: Vec<String>,
    body: String,
}

impl House {
    async fn new() -> Self {
        let redirect = "<SingleLogoutService \
             Binding='urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect' Location='https://lab.example/saml/slo'/>";
        Self::with_logout(redirect).await
    }

    /// The laboratory's metadata has these services for logout.
    async fn with_logout(services: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::at(&folder.path().join("data"));
        let app = App::open(config, Arc::new(SystemClock), 8443).await.unwrap();
        let mut rng = app::rng();
        let credential = Credential::generate("lab", app.now(), &mut rng).unwrap();
        let lab = SigningKey::open(&credential).unwrap();
        let certificate = data_encoding::BASE64.encode(lab.certificate());
        let metadata = format!(
            "<EntityDescriptor xmlns='urn:oasis:names:tc:SAML:2.0:metadata' entityID='{ENTITY}'>\
             <SPSSODescriptor protocolSupportEnumeration='{PROTOCOL}'><KeyDescriptor use='signing'>\
             <KeyInfo xmlns='http://www.w3.org/2000/09/xmldsig#'><X509Data><X509Certificate>{certificate}</X509Certificate>\
             </X509Data></KeyInfo></KeyDescriptor>{services}<AssertionConsumerService index='0' Binding='urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST' \
             Location='{CONSUMER}'/></SPSSODescriptor></EntityDescriptor>"
        );
        let provider = ServiceProvider::from_metadata(metadata.as_bytes()).unwrap();
        let name = "Laboratory".parse().unwrap();
        let context = &mut app.context(&mut rng);
        command::register_service_provider(context, &Actor::Server, name, provider).await.unwrap();
        Self { app, lab, _folder: folder }
    }

    /// Signs a browser on; answers its cookie.
    async fn sign_on(
        &self,
        name: &str,
        authentication: Authentication,
    ) -> (SignOn, Secret<String>) {
        let mut rng = app::rng();
        let context = &mut self.app.context(&mut rng);
        let new = NewUser {
            username: name.parse().unwrap(),
            display_name: "Nurse".parse().unwrap(),
            role: Role::Staff,
            unit: None,
            email: None,
        };
        let user = command::create_user(context, Actor::Server, new).await.unwrap().id;
        let new =
            NewSignOn { user, session: None, authentication, credential: None, replaces: None };
        let mut transaction = self.app.storage.begin().await.unwrap();
        let actor = Actor::User(user);
        let made =
            command::establish_sign_on(context, &mut transaction, &actor, new).await.unwrap();
        transaction.commit().await.unwrap();
        made
    }

    async fn ended(&self, sign_on: &SignOn) -> Option<SignOnEnd> {
        let mut reading = self.app.storage.read().await.unwrap();
        let found = reading.sign_ons().find(sign_on.id).await.unwrap().unwrap();
        found.ended.map(|(_, reason)| reason)
    }

    /// How many entries the log has.
    async fn entries(&self) -> u64 {
        let origin = self.app.keys.log_key().verifier_key().name().to_owned();
        let head = self.app.storage.read().await.unwrap().log().head(&origin).await.unwrap();
        head.unwrap().size
    }

    async fn ask(&self, request: Request<Body>) -> Got {
        let response: Response<Body> = router(self.app.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
        let location = parts.headers.get(header::LOCATION).map(text).unwrap_or_default();
        let cookies = parts.headers.get_all(header::SET_COOKIE).iter().map(text).collect();
        let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
        Got { status: parts.status, location, cookies, body: String::from_utf8(body).unwrap() }
    }

    async fn visit(&self, path: &str, cookies: &str) -> Got {
        let request = Request::get(path).header(header::COOKIE, cookies);
        self.ask(request.body(Body::empty()).unwrap()).await
    }

    fn request(&self, attributes: &str, inside: &str) -> String {
        let now = self.app.now();
        format!(
            "<p:AuthnRequest xmlns:p='{PROTOCOL}' xmlns:a='{ASSERTION}' ID='_r' Version='2.0' IssueInstant='{now}' \
             {attributes}><a:Issuer>{ENTITY}</a:Issuer>{inside}</p:AuthnRequest>"
        )
    }

    fn address(&self, attributes: &str, inside: &str) -> String {
        let document = self.request(attributes, inside);
        let message = data_encoding::BASE64.encode(document.as_bytes());
        format!("/saml/sso?{}", query_of_form(&message, Some("where she was")).unwrap())
    }
}

impl Got {
    /// The response that the page carries to the application.
    fn response(&self) -> String {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        assert!(self.body.contains(&format!("action=\"{CONSUMER}\"")), "{}", self.body);
        assert!(self.body.contains("value=\"where she was\""), "{}", self.body);
        let after = self.body.split_once("name=\"SAMLResponse\" value=\"").unwrap().1;
        let encoded = after.split_once('"').unwrap().0.replace("&#43;", "+").replace("&#x2b;", "+");
        let response = data_encoding::BASE64.decode(encoded.as_bytes()).unwrap();
        String::from_utf8(response).unwrap()
    }

    fn status_is(&self, code: &str) -> bool {
        self.response().contains(&format!("\"urn:oasis:names:tc:SAML:2.0:status:{code}\""))
    }
}

fn tap(house: &House) -> Authentication {
    Authentication::tap(house.app.now())
}

fn cookie(value: &Secret<String>) -> String {
    format!("__Host-imp-sign-on={}", value.expose())
}

#[tokio::test]
async fn a_browser_that_is_signed_on_goes_straight_back() {
    let house = House::new().await;
    let (_, value) = house.sign_on("nurse", tap(&house)).await;
    let got = house.visit(&house.address("", ""), &cookie(&value)).await;
    let response = got.response();
    assert!(got.status_is("Success"));
    assert!(response.contains(&format!("<saml:Audience>{ENTITY}</saml:Audience>")));
    assert!(response.contains(">http://idmanagement.gov/ns/assurance/aal/2<"));
    assert!(
        !response.contains("nurse"),
        "an application gets no name that it is not registered for"
    );
    let again = house.visit(&house.address("", ""), &cookie(&value)).await.response();
    let name = |response: &str| {
        let name =
            response.split_once("<saml:NameID ").unwrap().1.split_once("</saml:NameID>").unwrap().0;
        name.split_once('>').unwrap().1.to_owned()
    };
    assert_eq!(name(&again), name(&response), "she is always called the same there");
    assert_eq!(name(&response).len(), 64);
}

#[tokio::test]
async fn who_is_not_signed_on_signs_in_and_goes_on_once_in_the_same_browser() {
    let house = House::new().await;
    let got = house.visit(&house.address("", ""), "").await;
    assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.body);
    let id = got.location.strip_prefix("/sign-in?interaction=").unwrap();
    let id: InteractionId = id.parse().unwrap();
    let binding = got.cookies[0].split_once(';').unwrap().0.to_owned();
    let path = format!("/saml/continue?interaction={id}");
    let early = house.visit(&path, &binding).await;
    assert_eq!(early.status, StatusCode::BAD_REQUEST, "nobody has signed in yet");

    let (sign_on, _) = house.sign_on("nurse", tap(&house)).await;
    let mut rng = app::rng();
    let context = &mut house.app.context(&mut rng);
    let answer = InteractionAnswer::SignOn(&sign_on);
    command::answer_interaction(context, id, answer).await.unwrap();
    assert_eq!(house.visit(&path, "").await.status, StatusCode::BAD_REQUEST, "another browser");
    assert!(house.visit(&path, &binding).await.status_is("Success"));
    assert_eq!(house.visit(&path, &binding).await.status, StatusCode::BAD_REQUEST, "twice");
}

#[tokio::test]
async fn what_cannot_be_is_said_to_the_application() {
    let house = House::new().await;
    assert!(house.visit(&house.address("IsPassive='true'", ""), "").await.status_is("NoPassive"));
    let password = "<p:RequestedAuthnContext><a:AuthnContextClassRef>\
         urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</a:AuthnContextClassRef></p:RequestedAuthnContext>";
    assert!(house.visit(&house.address("", password), "").await.status_is("NoAuthnContext"));
    let mail = "<p:NameIDPolicy Format='urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress'/>";
    assert!(house.visit(&house.address("", mail), "").await.status_is("InvalidNameIDPolicy"));
}

#[tokio::test]
async fn too_little_assurance_or_force_lead_to_the_sign_in_page() {
    let house = House::new().await;
    let weak = Authentication::new(house.app.now(), vec![Method::SoftwareKey], Aal::Aal1);
    let (_, value) = house.sign_on("nurse", weak).await;
    let two = "<p:RequestedAuthnContext><a:AuthnContextClassRef>https://refeds.org/profile/mfa\
         </a:AuthnContextClassRef></p:RequestedAuthnContext>";
    for (attributes, inside) in [("", two), ("ForceAuthn='true'", "")] {
        let got = house.visit(&house.address(attributes, inside), &cookie(&value)).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.body);
    }
    assert!(house.visit(&house.address("", ""), &cookie(&value)).await.status_is("Success"));
    let both = house.address("IsPassive='true' ForceAuthn='true'", "");
    assert!(house.visit(&both, &cookie(&value)).await.status_is("NoPassive"));
}

#[tokio::test]
async fn nothing_goes_to_an_address_that_is_not_registered() {
    let house = House::new().await;
    let (_, value) = house.sign_on("nurse", tap(&house)).await;
    let elsewhere = "AssertionConsumerServiceURL='https://evil.example/acs'";
    let unknown = query_of_form(
        &data_encoding::BASE64
            .encode(house.request("", "").replace(ENTITY, "https://evil.example").as_bytes()),
        None,
    );
    for path in [
        house.address(elsewhere, ""),
        format!("/saml/sso?{}", unknown.unwrap()),
        "/saml/sso".to_owned(),
    ] {
        let got = house.visit(&path, &cookie(&value)).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST);
        assert!(!got.body.contains("<form"), "{}", got.body);
    }
}

#[tokio::test]
async fn a_posted_request_goes_on_by_redirect() {
    let house = House::new().await;
    let message = data_encoding::BASE64.encode(house.request("", "").as_bytes());
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("SAMLRequest", &message)
        .append_pair("RelayState", "where she was")
        .finish();
    let request = Request::post("/saml/sso")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let got = house.ask(request.body(Body::from(form)).unwrap()).await;
    assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.body);
    let path = got.location.strip_prefix(&*house.app.issuer).unwrap();
    let (_, value) = house.sign_on("nurse", tap(&house)).await;
    assert!(house.visit(path, &cookie(&value)).await.status_is("Success"));
}

#[tokio::test]
async fn an_application_signs_out_whom_it_knows_and_nobody_else() {
    let house = House::new().await;
    let (sign_on, value) = house.sign_on("nurse", tap(&house)).await;
    let response = house.visit(&house.address("", ""), &cookie(&value)).await.response();
    let name =
        response.split_once("<saml:NameID ").unwrap().1.split_once("</saml:NameID>").unwrap().0;
    let name = name.split_once('>').unwrap().1;
    let issuer = &house.app.issuer;
    let request = |name: &str| {
        let now = house.app.now();
        let document = format!(
            "<p:LogoutRequest xmlns:p='{PROTOCOL}' xmlns:a='{ASSERTION}' ID='_l' Version='2.0' IssueInstant='{now}' \
             Destination='{issuer}/saml/slo'><a:Issuer>{ENTITY}</a:Issuer><a:NameID>{name}</a:NameID></p:LogoutRequest>"
        );
        signed_redirect("/saml/slo", ("SAMLRequest", &document), Some("state"), &house.lab).unwrap()
    };
    let other = house.visit(&request("somebody else"), &cookie(&value)).await;
    assert!(
        other.location.starts_with("https://lab.example/saml/slo?SAMLResponse="),
        "{}",
        other.body
    );
    assert_eq!(house.ended(&sign_on).await, None);
    let altered = request(name).replace("RelayState=state", "RelayState=other");
    assert_eq!(house.visit(&altered, &cookie(&value)).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(house.ended(&sign_on).await, None);
    let got = house.visit(&request(name), &cookie(&value)).await;
    assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.body);
    assert!(got.cookies.iter().any(|cookie| cookie.contains("Max-Age=0")));
    assert_eq!(house.ended(&sign_on).await, Some(SignOnEnd::SignedOut));
}

#[tokio::test]
async fn wrong_requests_do_not_fill_the_log() {
    let house = House::new().await;
    let elsewhere = "AssertionConsumerServiceURL='https://evil.example/acs'";
    let before = house.entries().await;
    for _ in 0..3 {
        let got = house.visit(&house.address(elsewhere, ""), "").await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(house.entries().await, before + 1);
}

#[tokio::test]
async fn an_instant_at_the_edge_of_time_is_refused_and_breaks_nothing() {
    let house = House::new().await;
    for far in ["-009999-01-02T01:59:59Z", "9999-12-30T22:00:00Z"] {
        let document = format!(
            "<p:AuthnRequest xmlns:p='{PROTOCOL}' xmlns:a='{ASSERTION}' ID='_r' Version='2.0' IssueInstant='{far}'>\
             <a:Issuer>{ENTITY}</a:Issuer></p:AuthnRequest>"
        );
        let message = data_encoding::BASE64.encode(document.as_bytes());
        let path = format!("/saml/sso?{}", query_of_form(&message, None).unwrap());
        assert_eq!(house.visit(&path, "").await.status, StatusCode::BAD_REQUEST, "{far}");
    }
}

#[tokio::test]
async fn nobody_is_told_of_a_sign_on_that_ended_in_the_meantime() {
    let house = House::new().await;
    let (sign_on, _) = house.sign_on("nurse", tap(&house)).await;
    let mut rng = app::rng();
    let context = &mut house.app.context(&mut rng);
    let client = command::find_service_provider(&house.app.storage, ENTITY).await.unwrap().unwrap();
    let known = crate::store::KnownAs {
        subject: "her".to_owned(),
        session: "morning".to_owned(),
        format: Some(imp_saml::NameIdFormat::Transient),
    };
    let visit = crate::store::Visit { sign_on: sign_on.id, client: client.stored.id, known };
    assert!(command::record_assertion(context, &visit, &sign_on).await.unwrap());
    let reason = SignOnEnd::SessionSuspended;
    command::end_sign_on(context, &Actor::Server, sign_on.id, reason).await.unwrap();
    assert!(!command::record_assertion(context, &visit, &sign_on).await.unwrap());
}
