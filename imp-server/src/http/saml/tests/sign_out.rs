//! Applications that speak SAML hear that a user is gone: by SOAP at once, by her browser when she signs out in it.
use std::sync::Mutex;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use imp_saml::RedirectMessage;

use super::*;

const BINDINGS: &str = "urn:oasis:names:tc:SAML:2.0:bindings";

/// The laboratory's own logout service: what it heard, and what it is to answer.
#[derive(Clone, Default)]
struct Laboratory(Arc<Mutex<(Vec<String>, &'static str)>>);

async fn hear(State(Laboratory(state)): State<Laboratory>, body: String) -> String {
    let mut state = state.lock().unwrap();
    let id = body.split_once(" ID=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    state.0.push(body);
    let status = state.1;
    format!(
        "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body>\
         <p:LogoutResponse xmlns:p='{PROTOCOL}' ID='_a' Version='2.0' InResponseTo='{id}'><p:Status>\
         <p:StatusCode Value='urn:oasis:names:tc:SAML:2.0:status:{status}'/></p:Status></p:LogoutResponse>\
         </e:Body></e:Envelope>"
    )
}

impl Laboratory {
    /// Its metadata's element.
    async fn listen(&self, status: &'static str) -> String {
        self.0.lock().unwrap().1 = status;
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let router = Router::new().route("/soap", post(hear)).with_state(self.clone());
        #[expect(clippy::disallowed_methods, reason = "the application ends with its test")]
        tokio::task::spawn(async move { axum::serve(socket, router).await });
        format!("<SingleLogoutService Binding='{BINDINGS}:SOAP' Location='http://{address}/soap'/>")
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().0)
    }
}

fn redirect(location: &str) -> String {
    format!("<SingleLogoutService Binding='{BINDINGS}:HTTP-Redirect' Location='{location}'/>")
}

async fn tell(house: &House) {
    crate::job::logout::Telling::new(&house.app).round().await.unwrap();
}

async fn walk_away(house: &House, sign_on: &SignOn) {
    let mut rng = app::rng();
    let context = &mut house.app.context(&mut rng);
    let reason = SignOnEnd::SessionSuspended;
    command::end_sign_on(context, &Actor::Server, sign_on.id, reason).await.unwrap().unwrap();
}

async fn outcomes(house: &House) -> Vec<String> {
    let entries = command::events_page(&house.app.storage, 0, 500).await.unwrap();
    let sent = entries.into_iter().filter(|entry| entry.kind == "logout-sent");
    let entries = sent.map(|stored| stored.entry().unwrap().unwrap().record.event);
    entries.map(|event| event.outcome().unwrap().to_string()).collect()
}

/// The text of an element in a document of ours.
fn text<'a>(document: &'a str, element: &str) -> &'a str {
    let (_, rest) = document.split_once(&format!("<{element}")).unwrap();
    rest.split_once('>').unwrap().1.split_once('<').unwrap().0
}

#[tokio::test]
async fn an_application_hears_of_a_walk_away_by_soap_as_it_knows_her() {
    let lab = Laboratory::default();
    let house = House::with_logout(&lab.listen("Success").await).await;
    let (sign_on, value) = house.sign_on("nurse", tap(&house)).await;
    let response = house.visit(&house.address("", ""), &cookie(&value)).await.response();
    walk_away(&house, &sign_on).await;
    tell(&house).await;
    let heard = lab.heard();
    let [request] = &*heard else { panic!("{heard:?}") };
    assert!(request.contains("<samlp:LogoutRequest "), "{request}");
    assert_eq!(text(request, "saml:NameID"), text(&response, "saml:NameID"));
    let index = response.split_once("SessionIndex=\"").unwrap().1.split_once('"').unwrap().0;
    assert_eq!(text(request, "samlp:SessionIndex"), index);
    assert!(request.contains("<ds:SignatureValue>"), "it is signed");
    assert_eq!(outcomes(&house).await, ["accepted"]);
    tell(&house).await;
    assert!(lab.heard().is_empty());
}

#[tokio::test]
async fn an_application_that_cannot_sign_her_out_is_written_down() {
    let lab = Laboratory::default();
    let house = House::with_logout(&lab.listen("Responder").await).await;
    let (sign_on, value) = house.sign_on("nurse", tap(&house)).await;
    house.visit(&house.address("", ""), &cookie(&value)).await.response();
    walk_away(&house, &sign_on).await;
    tell(&house).await;
    assert_eq!(outcomes(&house).await, ["refused"]);
}

#[tokio::test]
async fn nobody_is_told_of_her_whom_she_did_not_visit() {
    let lab = Laboratory::default();
    let house = House::with_logout(&lab.listen("Success").await).await;
    let (sign_on, _) = house.sign_on("nurse", tap(&house)).await;
    walk_away(&house, &sign_on).await;
    tell(&house).await;
    assert!(lab.heard().is_empty());
}

/// An application that only a browser can tell, and which a nurse has visited.
async fn visited() -> (House, SignOn, String) {
    let house = House::with_logout(&redirect("https://lab.example/saml/slo")).await;
    let (sign_on, value) = house.sign_on("nurse", tap(&house)).await;
    house.visit(&house.address("", ""), &cookie(&value)).await.response();
    (house, sign_on, cookie(&value))
}

fn answer(house: &House, id: &str, status: &str) -> String {
    let document = format!(
        "<p:LogoutResponse xmlns:p='{PROTOCOL}' xmlns:a='{ASSERTION}' ID='_a' Version='2.0' InResponseTo='{id}'>\
         <a:Issuer>{ENTITY}</a:Issuer><p:Status><p:StatusCode Value='urn:oasis:names:tc:SAML:2.0:status:{status}'/>\
         </p:Status></p:LogoutResponse>"
    );
    signed_redirect("/saml/slo", ("SAMLResponse", &document), None, &house.lab).unwrap()
}

/// Signs out by our own page; where the browser is sent, and its cookie of being on its way.
async fn sign_out(house: &House, cookies: &str) -> (String, String) {
    let request = Request::post("/sign-out")
        .header(header::COOKIE, cookies)
        .header("sec-fetch-site", "same-origin")
        .header(header::ORIGIN, &*house.app.issuer);
    let got = house.ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.body);
    let next = got.body.split_once("id=\"go-on\" href=\"").unwrap().1.split_once('"').unwrap().0;
    let next = next.replace("&#38;", "&").replace("&amp;", "&").replace("&#x26;", "&");
    let way = got.cookies.iter().find(|cookie| cookie.starts_with("__Host-imp-leaving=")).unwrap();
    (next, way.split_once(';').unwrap().0.to_owned())
}

#[tokio::test]
async fn a_browser_that_signs_out_is_sent_to_applications_that_only_it_can_tell() {
    let (house, sign_on, cookies) = visited().await;
    let (next, way) = sign_out(&house, &cookies).await;
    assert_eq!(house.ended(&sign_on).await, Some(SignOnEnd::SignedOut));
    let (to, query) = next.split_once('?').unwrap();
    assert_eq!(to, "https://lab.example/saml/slo");
    let mut rng = app::rng();
    let ours = house.app.saml.provider(house.app.now(), &mut rng).unwrap();
    let key = imp_saml::VerifyingKey::from_certificate(ours.key().certificate()).unwrap();
    assert!(RedirectMessage::from_query(query, "SAMLRequest").unwrap().is_signed_by(&[key]));
    // Without the cookie, or with another, nobody is on her way.
    let answered = answer(&house, &id_of(query), "Success");
    for other in ["", "__Host-imp-leaving=e30.AAAA"] {
        assert_eq!(house.visit(&answered, other).await.status, StatusCode::BAD_REQUEST);
    }
    let got = house.visit(&answered, &way).await;
    assert_eq!((got.status, &*got.location), (StatusCode::SEE_OTHER, "/sign-out"), "{}", got.body);
    assert!(got.cookies.iter().any(|cookie| cookie.contains("Max-Age=0")));
    assert_eq!(outcomes(&house).await, ["accepted"]);
}

#[tokio::test]
async fn an_answer_that_is_not_the_applications_own_is_no_success() {
    let (house, _, cookies) = visited().await;
    let (_, way) = sign_out(&house, &cookies).await;
    let got = house.visit(&answer(&house, "_another", "Success"), &way).await;
    assert_eq!(got.location, "/sign-out", "she goes on in any case");
    assert_eq!(outcomes(&house).await, ["refused"]);
}

/// The identifier of a request in a query.
fn id_of(query: &str) -> String {
    let value = url::form_urlencoded::parse(query.as_bytes()).next().unwrap().1.into_owned();
    let deflated = data_encoding::BASE64.decode(value.as_bytes()).unwrap();
    let text = miniz_oxide::inflate::decompress_to_vec(&deflated).unwrap();
    let text = String::from_utf8(text).unwrap();
    text.split_once(" ID=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
}
