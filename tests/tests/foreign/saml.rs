//! What other people's SAML libraries make of our responses, and of what attackers make of them.
use imp_identity::Clock as _;
use imp_identity::authentication::{Aal, Authentication};
use imp_identity::clock::SystemClock;
use imp_saml::{
    AuthnRequest, ContextClass, Credential, IdentityProvider, NameId, NameIdFormat,
    RequestedContext, SigningKey, Statement, Status,
};
use imp_tests::python::{self, Verdict};
use jiff::SignedDuration;
use serde_json::{Value, json};

const ENTITY: &str = "https://emr.example/saml";
const CONSUMER: &str = "https://emr.example/saml/acs";
const LIBRARIES: [&str; 2] = ["pysaml2", "signxml"];

/// A provider, and a response of it that an application waits for.
struct Issued {
    provider: IdentityProvider,
    response: String,
}

fn provider() -> IdentityProvider {
    let credential = Credential::generate("imp", SystemClock.now(), &mut rand::rng()).unwrap();
    IdentityProvider::new("https://imp.example", SigningKey::open(&credential).unwrap())
}

/// A provider, and the same after its key was replaced.
fn before_and_after() -> [IdentityProvider; 2] {
    let [old, new] =
        [(); 2].map(|()| Credential::generate("imp", SystemClock.now(), &mut rand::rng()).unwrap());
    let provider = |credential: &Credential| {
        IdentityProvider::new("https://imp.example", SigningKey::open(credential).unwrap())
    };
    let other = |credential: &Credential| vec![credential.certificate.clone()];
    [provider(&old).announcing(other(&new)), provider(&new).announcing(other(&old))]
}

#[test]
fn an_application_that_knows_both_keys_outlives_their_change_and_one_that_does_not_is_shut_out() {
    let [before, after] = before_and_after();
    let respond = |provider: &IdentityProvider| respond(provider, &request(), "nurse");
    let responses = [respond(&before), respond(&after)];
    for provider in [before, after] {
        let issued = Issued { provider, response: String::new() };
        for response in &responses {
            let verdict = issued.judged("pysaml2", response, "response");
            assert!(verdict.accepted, "{}", verdict.said);
            assert_eq!(read(&verdict)["name"], "nurse");
        }
        let alone = Issued { provider: issued.provider.announcing(vec![]), ..issued };
        let taken = responses.iter().map(|it| alone.judged("pysaml2", it, "response").accepted);
        assert_eq!(taken.filter(|accepted| *accepted).count(), 1, "its own only");
    }
}

fn request() -> AuthnRequest {
    AuthnRequest {
        id: "_request".to_owned(),
        issuer: ENTITY.to_owned(),
        consumer: CONSUMER.to_owned(),
        force: false,
        passive: false,
        name_id: Some(NameIdFormat::Persistent),
        context: RequestedContext::default(),
        relay_state: None,
    }
}

/// A response to `request` that calls the user `name`.
fn respond(provider: &IdentityProvider, request: &AuthnRequest, name: &str) -> String {
    let now = SystemClock.now();
    let authentication = Authentication::tap(now);
    let statement = Statement {
        name_id: NameId { format: NameIdFormat::Persistent, value: name.to_owned() },
        authentication: &authentication,
        context: ContextClass::Aal(Aal::Aal2),
        session_index: "session-1".to_owned(),
        session_ends: now + SignedDuration::from_hours(8),
        names: Some(("nurse", "Nurse <A> & \"B\" \u{1F9E1}")),
    };
    provider.assertion(request, &statement, now, &mut rand::rng()).unwrap()
}

impl Issued {
    fn new() -> Self {
        let provider = provider();
        let response = respond(&provider, &request(), "nurse");
        Self { provider, response }
    }

    /// What a library makes of each case: a response, and what must be signed of it.
    fn judged_all(&self, library: &str, cases: &[(&str, &str)]) -> Vec<Verdict> {
        let metadata = self.provider.metadata(SystemClock.now(), &mut rand::rng()).unwrap();
        let case =
            |(response, demand): &(&str, &str)| json!({ "response": response, "demand": demand });
        let document = json!({
            "metadata": metadata, "request": "_request", "entity": ENTITY, "consumer": CONSUMER,
            "cases": cases.iter().map(case).collect::<Vec<_>>(),
        });
        let judged =
            python::script("saml.py", &[library], document.to_string().as_bytes()).unwrap();
        assert!(judged.accepted, "{}", judged.said);
        let verdicts: Vec<Value> =
            judged.said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(verdicts.len(), cases.len(), "{}", judged.said);
        let verdict = |value: Value| Verdict {
            accepted: value["accepted"].as_bool().unwrap(),
            said: value["said"].as_str().map_or_else(|| value["said"].to_string(), str::to_owned),
        };
        verdicts.into_iter().map(verdict).collect()
    }

    fn judged(&self, library: &str, response: &str, demand: &str) -> Verdict {
        self.judged_all(library, &[(response, demand)]).remove(0)
    }

    /// Nobody may take one of the `attacks` for an assertion about the attacker; whoever takes it must read what we signed.
    fn holds_against(&self, attacks: &[(&str, String)]) {
        let unchanged = attacks.iter().find(|(_, response)| *response == self.response);
        assert_eq!(unchanged, None, "it changed nothing");
        let demands = ["response", "assertion"];
        let cases: Vec<_> = attacks
            .iter()
            .flat_map(|(attack, response)| {
                demands.map(|demand| (*attack, response.as_str(), demand))
            })
            .collect();
        let asked: Vec<_> =
            cases.iter().map(|(_, response, demand)| (*response, *demand)).collect();
        for library in LIBRARIES {
            for ((attack, _, demand), verdict) in cases.iter().zip(self.judged_all(library, &asked))
            {
                assert!(
                    !verdict.accepted || read(&verdict)["name"] == "nurse",
                    "{library} ({demand}) fell for {attack}: {}",
                    verdict.said
                );
            }
        }
    }
}

fn read(verdict: &Verdict) -> Value {
    serde_json::from_str(&verdict.said).unwrap()
}

/// The first element called `name`, whole. None of those asked for is nested in itself.
fn element<'a>(document: &'a str, name: &str) -> &'a str {
    let start = document.find(&format!("<{name}")).unwrap();
    let end = format!("</{name}>");
    let length = document[start..].find(&end).unwrap() + end.len();
    &document[start..start + length]
}

#[test]
fn both_libraries_take_a_response_and_read_what_was_said() {
    let issued = Issued::new();
    for (library, demand) in LIBRARIES.iter().flat_map(|l| [(l, "response"), (l, "assertion")]) {
        let verdict = issued.judged(library, &issued.response, demand);
        assert!(verdict.accepted, "{library}: {}", verdict.said);
        assert_eq!(read(&verdict)["name"], "nurse");
        assert_eq!(read(&verdict)["format"], NameIdFormat::Persistent.uri());
    }
    let read = read(&issued.judged("pysaml2", &issued.response, "response"));
    assert_eq!(read["class"], "http://idmanagement.gov/ns/assurance/aal/2");
    assert_eq!(read["session"], "session-1");
    assert_eq!(read["attributes"]["displayName"], json!(["Nurse <A> & \"B\" \u{1F9E1}"]));
}

#[test]
fn a_response_is_for_one_application_and_one_request() {
    let issued = Issued::new();
    let elsewhere = AuthnRequest { issuer: "https://other.example".to_owned(), ..request() };
    let other = AuthnRequest { id: "_other".to_owned(), ..request() };
    let moved = AuthnRequest { consumer: "https://emr.example/other".to_owned(), ..request() };
    for request in [elsewhere, other, moved] {
        let response = respond(&issued.provider, &request, "nurse");
        let verdict = issued.judged("pysaml2", &response, "response");
        assert!(!verdict.accepted, "{request:?}: {}", verdict.said);
    }
}

#[test]
fn a_refusal_is_no_sign_on() {
    let issued = Issued::new();
    for status in [Status::NoPassive, Status::NoAuthnContext, Status::AuthnFailed] {
        let refusal = issued
            .provider
            .refusal(&request(), status, SystemClock.now(), &mut rand::rng())
            .unwrap();
        let verdict = issued.judged("pysaml2", &refusal, "response");
        assert!(!verdict.accepted, "{status:?}: {}", verdict.said);
        assert!(verdict.said.contains(&format!("{status:?}")), "{}", verdict.said);
    }
}

#[test]
fn nobody_takes_what_was_altered_or_signed_by_somebody_else() {
    let issued = Issued::new();
    let response = &issued.response;
    let assertion = element(response, "saml:Assertion");
    let signature = element(assertion, "ds:Signature");
    let bare = assertion.replace(signature, "").replace(">nurse<", ">mallory<");
    issued.holds_against(&[
        ("another name", response.replace(">nurse<", ">mallory<")),
        ("a comment in the name", response.replace(">nurse<", ">mallory<!-- -->nurse<")),
        ("a comment after a name", response.replace(">nurse<", ">nurse<!-- -->.mallory<")),
        ("no signature", response.replace(assertion, &bare)),
    ]);
    let stranger = provider();
    let forged = respond(&stranger, &request(), "mallory");
    for library in LIBRARIES {
        let verdict = issued.judged(library, &forged, "assertion");
        assert!(!verdict.accepted, "{library} trusts any key: {}", verdict.said);
    }
}

/// The eight shapes of Somorovsky et al., "On Breaking SAML: Be Whoever You Want to Be" (2012), §4: what we signed stays in the
/// document, unchanged, where a verifier finds it, and what the application should read is the attacker's.
#[test]
fn nobody_falls_for_a_wrapped_signature() {
    let issued = Issued::new();
    let response = &issued.response;
    // An attacker takes the outer signature away; only the assertion's is left to hold.
    let outer = element(response, "ds:Signature");
    let stripped = response.replacen(outer, "", 1);
    for library in LIBRARIES {
        assert!(issued.judged(library, &stripped, "assertion").accepted, "{library}");
        assert!(!issued.judged(library, &stripped, "response").accepted, "{library}");
    }
    let original = element(&stripped, "saml:Assertion");
    let signature = element(original, "ds:Signature");
    let unsigned = original.replace(signature, "");
    let forged = unsigned.replace(">nurse<", ">mallory<").replacen(" ID=\"_", " ID=\"_f", 1);
    let same_id = unsigned.replace(">nurse<", ">mallory<");
    let inside = |carrier: &str, cargo: &str| {
        let open = format!("<x:{carrier} xmlns:x=\"urn:x\">");
        format!("{open}{cargo}</x:{carrier}>")
    };
    let object = signature
        .replace("</ds:Signature>", &format!("<ds:Object>{unsigned}</ds:Object></ds:Signature>"));
    let issuer_end = "</saml:Issuer>";
    let with_signature = |assertion: &str, signature: &str| {
        assertion.replacen(issuer_end, &format!("{issuer_end}{signature}"), 1)
    };
    let attacks = [
        (
            "the forged one before the signed",
            stripped.replace(original, &format!("{forged}{original}")),
        ),
        (
            "the forged one after the signed",
            stripped.replace(original, &format!("{original}{forged}")),
        ),
        (
            "the signed in the forged",
            stripped.replace(original, &with_signature(&forged, original)),
        ),
        (
            "the signed beside its signature in the forged",
            stripped.replace(original, &with_signature(&forged, &format!("{signature}{unsigned}"))),
        ),
        (
            "the signed in the signature's object",
            stripped.replace(original, &with_signature(&forged, &object)),
        ),
        (
            "the signed in extensions",
            stripped.replace(original, &forged).replacen(
                "<samlp:Status>",
                &format!("<samlp:Extensions>{original}</samlp:Extensions><samlp:Status>"),
                1,
            ),
        ),
        (
            "the signed in a wrapper",
            stripped.replace(original, &format!("{}{forged}", inside("wrapper", original))),
        ),
        (
            "two with one ID, forged first",
            stripped
                .replace(original, &format!("{}{original}", with_signature(&same_id, signature))),
        ),
        (
            "two with one ID, forged last",
            stripped
                .replace(original, &format!("{original}{}", with_signature(&same_id, signature))),
        ),
        ("the whole response in another", {
            let status = element(response, "samlp:Status");
            let named = element(response, "saml:Issuer");
            let open = response.split_once('>').unwrap().0.replacen(" ID=\"_", " ID=\"_f", 1);
            format!(
                "{open}>{named}{outer}<samlp:Extensions>{response}</samlp:Extensions>{status}{forged}</samlp:Response>"
            )
        }),
    ];
    issued.holds_against(&attacks);
}
