//! Browsers: signing on by passkey, code, desktop and phone; what they are asked; credentials.
use imp_authenticator::SignInStatement;
use imp_identity::authentication::{Aal, Authentication, Method, SignInRefusal};
use imp_identity::credential::{Credential, CredentialKind};
use imp_identity::phone::Revocation;
use imp_identity::sign_on::{Requirements, SignOn, SignOnEnd};
use imp_identity::tap::Purpose;
use imp_identity::user::{Role, User};
use imp_identity::{Actor, Event, InteractionId};
use imp_webauthn::testing::{SoftwareAuthenticator, Traits};
use imp_webauthn::{Attestation, Authenticator, Mediation, RelyingParty};
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

use super::hospital::{Hospital, Nurse};
use super::{Ward, hospitals, wards};
use crate::command::{
    AnswerPhoneError, Browser, ChangeCredentialError, InteractionAnswer, InteractionError,
    InteractionFailure, NewInteraction, RegisterCredentialError, SignInError, SignedOn,
    answer_interaction, answer_phone, await_phone, begin_credential, begin_passkey, disable_user,
    end_session, end_sign_on, expire_sign_ons, find_sign_on_by_cookie, finish_credential,
    finish_passkey, hand_over, issue_sign_in_code, open_interaction, phone_question,
    purge_sign_ons, redeem_code_in_browser, redeem_desktop, redeem_phone, remove_credential,
    remove_own_credential, rename_credential, sign_ons_of_user, suspend_session, take_interaction,
};
use crate::store::Tables as _;

const ORIGIN: &str = "https://id.hospital.example";
const CONTINUE: &str = "/oauth/continue";

fn party() -> RelyingParty {
    RelyingParty::new(&ORIGIN.parse().unwrap(), Attestation::None)
}

fn requirements() -> Requirements {
    Requirements {
        aal: None,
        phishing_resistant: false,
        max_age: None,
        force: false,
        hint: None,
        consent: None,
        client_name: "Charts".parse().unwrap(),
    }
}

/// A browser that an application has sent.
struct Sent {
    id: InteractionId,
    binding: String,
}

impl Sent {
    async fn with(hospital: &mut Hospital, requirements: Requirements) -> Self {
        let new =
            NewInteraction { continue_at: CONTINUE, request: "mine".to_owned(), requirements };
        let (id, binding) = open_interaction(&mut hospital.context(), new).await.unwrap();
        Self { id, binding: binding.expose().clone() }
    }

    async fn new(hospital: &mut Hospital) -> Self {
        Self::with(hospital, requirements()).await
    }

    fn browser(&self) -> Browser<'_> {
        Browser { interaction: self.id, binding: Some(&self.binding), before: None }
    }
}

async fn register(hospital: &mut Hospital, user: &User) -> (SoftwareAuthenticator, Credential) {
    let party = party();
    let asked =
        begin_credential(&mut hospital.context(), &party, user, Authenticator::Any).await.unwrap();
    let (key, answer) = SoftwareAuthenticator::create(ORIGIN, &asked.options, Traits::default());
    let named = ("Blue key".parse().unwrap(), answer);
    let context = &mut hospital.context();
    let credential = finish_credential(context, &party, user, asked.ceremony, named).await;
    (key, credential.unwrap())
}

async fn sign_in(
    hospital: &mut Hospital,
    browser: Browser<'_>,
    key: &mut SoftwareAuthenticator,
) -> Result<SignedOn, SignInError> {
    let party = party();
    let context = &mut hospital.context();
    let asked = begin_passkey(context, &party, browser, Mediation::Modal).await?;
    let answer = key.get(ORIGIN, &asked.options);
    finish_passkey(&mut hospital.context(), &party, browser, asked.ceremony, answer).await
}

fn reason(result: Result<SignedOn, SignInError>) -> SignInRefusal {
    let error = result.unwrap_err();
    let SignInError::Refused(reason) = error else { panic!("{error:?}") };
    reason
}

async fn cookie_of(hospital: &Hospital, cookie: &str) -> Option<(SignOn, User)> {
    find_sign_on_by_cookie(&hospital.storage, cookie, hospital.now).await.unwrap()
}

#[tokio::test]
async fn a_passkey_signs_a_browser_on_and_answers_what_it_was_asked() {
    for mut hospital in hospitals().await {
        let ada = hospital.user("ada", Role::Staff).await;
        let place = hospital.place().await;
        let (mut key, credential) = register(&mut hospital, &ada).await;
        assert_eq!(credential.kind, CredentialKind::SecurityKey);
        assert_eq!(hospital.events_after(place).await, ["credential-registered"]);
        let sent = Sent::new(&mut hospital).await;
        let context = &mut hospital.context();
        let early = take_interaction(context, sent.id, &sent.binding, CONTINUE).await;
        assert!(matches!(early, Err(InteractionError::Unanswered)));
        let place = hospital.place().await;
        let signed = sign_in(&mut hospital, sent.browser(), &mut key).await.unwrap();
        assert_eq!(hospital.events_after(place).await, ["sign-on-established"]);
        assert_eq!(signed.sign_on.credential, Some(credential.id));

        let context = &mut hospital.context();
        let stranger = take_interaction(context, sent.id, "another", CONTINUE).await;
        assert!(matches!(stranger, Err(InteractionError::OtherBrowser)));
        let elsewhere = take_interaction(context, sent.id, &sent.binding, "/account").await;
        assert!(matches!(elsewhere, Err(InteractionError::Unknown)));
        let taken = take_interaction(context, sent.id, &sent.binding, CONTINUE).await.unwrap();
        assert_eq!((taken.request.as_str(), taken.failed), ("mine", None));
        assert_eq!(taken.sign_on, Some((signed.sign_on.clone(), ada.clone())));
        let twice = take_interaction(context, sent.id, &sent.binding, CONTINUE).await;
        assert!(matches!(twice, Err(InteractionError::Unknown)));
        let found = cookie_of(&hospital, signed.cookie.expose()).await.unwrap();
        assert_eq!(found, (signed.sign_on, ada));
        assert_eq!(cookie_of(&hospital, "made up").await, None);
    }
}

#[tokio::test]
async fn signing_on_again_renews_what_is_there_with_another_cookie() {
    for mut hospital in hospitals().await {
        let ada = hospital.user("ada", Role::Staff).await;
        let grace = hospital.user("grace", Role::Staff).await;
        let (mut hers, _) = register(&mut hospital, &ada).await;
        let (mut others, _) = register(&mut hospital, &grace).await;
        let sent = Sent::new(&mut hospital).await;
        let first = sign_in(&mut hospital, sent.browser(), &mut hers).await.unwrap();
        hospital.advance(SignedDuration::from_mins(5));
        let before = Some(first.sign_on.id);
        let again = Browser { before, ..sent.browser() };
        let second = sign_in(&mut hospital, again, &mut hers).await.unwrap();
        assert_eq!(second.sign_on.id, first.sign_on.id, "applications keep their sid");
        assert_eq!(second.sign_on.authentication.at, hospital.now);
        assert_eq!(cookie_of(&hospital, first.cookie.expose()).await, None, "the old cookie");
        let place = hospital.place().await;
        let third = sign_in(&mut hospital, again, &mut others).await.unwrap();
        assert_ne!(third.sign_on.id, first.sign_on.id);
        assert_eq!(
            hospital.events_after(place).await,
            ["sign-on-ended", "sign-on-established"],
            "somebody else"
        );
        assert_eq!(cookie_of(&hospital, second.cookie.expose()).await, None);
    }
}

#[tokio::test]
async fn answers_that_do_not_count_are_refused_each_for_its_reason() {
    for mut hospital in hospitals().await {
        let ada = hospital.user("ada", Role::Staff).await;
        let (mut key, _) = register(&mut hospital, &ada).await;
        let sent = Sent::new(&mut hospital).await;
        let party = party();
        let context = &mut hospital.context();
        let asked =
            begin_passkey(context, &party, sent.browser(), Mediation::Conditional).await.unwrap();
        let answer = key.get(ORIGIN, &asked.options);
        let other = Sent::new(&mut hospital).await;
        let context = &mut hospital.context();
        let stolen =
            finish_passkey(context, &party, other.browser(), asked.ceremony, answer.clone()).await;
        assert_eq!(reason(stolen), SignInRefusal::Expired, "another browser's question");
        let late = finish_passkey(context, &party, sent.browser(), asked.ceremony, answer).await;
        assert_eq!(reason(late), SignInRefusal::Expired, "and that used it up");
        let asked = begin_passkey(context, &party, sent.browser(), Mediation::Modal).await.unwrap();
        let (ceremony, rubbish) = (asked.ceremony, json!({ "id": 7 }));
        let refused = finish_passkey(context, &party, sent.browser(), ceremony, rubbish).await;
        assert_eq!(reason(refused), SignInRefusal::Signature);
        key.counter = 7;
        sign_in(&mut hospital, sent.browser(), &mut key).await.unwrap();
        key.counter = 3;
        let place = hospital.place().await;
        let copied = sign_in(&mut hospital, sent.browser(), &mut key).await;
        assert_eq!(reason(copied), SignInRefusal::Counter);
        assert_eq!(hospital.events_after(place).await, ["sign-in-refused"]);
        key.counter = 100;
        key.traits.verifies = false;
        let careless = sign_in(&mut hospital, sent.browser(), &mut key).await;
        assert_eq!(reason(careless), SignInRefusal::NotVerified);
        key.traits.verifies = true;
        disable_user(&mut hospital.context(), Actor::Server, ada.id).await.unwrap();
        let disabled = sign_in(&mut hospital, sent.browser(), &mut key).await;
        assert_eq!(reason(disabled), SignInRefusal::UserDisabled);
        let (mut stranger, _) = {
            let options = json!({ "publicKey": {
                "rp": { "id": "id.hospital.example" }, "challenge": "AA", "user": { "id": "AA" }
            }});
            SoftwareAuthenticator::create(ORIGIN, &options, Traits::default())
        };
        let unknown = sign_in(&mut hospital, sent.browser(), &mut stranger).await;
        assert_eq!(reason(unknown), SignInRefusal::Unknown);
        let wrong = Browser { binding: None, ..sent.browser() };
        let refused = sign_in(&mut hospital, wrong, &mut key).await;
        assert!(matches!(refused, Err(SignInError::Interaction(InteractionError::OtherBrowser))));
    }
}

#[tokio::test]
async fn a_code_opens_the_way_to_a_passkey_and_to_no_application() {
    for mut hospital in hospitals().await {
        let ada = hospital.user("ada", Role::Staff).await;
        let sent = Sent::new(&mut hospital).await;
        let issued = issue_sign_in_code(&mut hospital.context(), Actor::Server, ada.id).await;
        let code = issued.unwrap().code;
        let context = &mut hospital.context();
        let signed = redeem_code_in_browser(context, sent.browser(), &code).await.unwrap();
        let expected = Authentication::new(hospital.now, vec![Method::Code], Aal::Aal1);
        assert_eq!(signed.sign_on.authentication, expected);
        let context = &mut hospital.context();
        let again = redeem_code_in_browser(context, sent.browser(), &code).await;
        assert_eq!(reason(again), SignInRefusal::Unknown, "once");
        let taken = take_interaction(context, sent.id, &sent.binding, CONTINUE).await.unwrap();
        assert_eq!(taken.failed, Some(InteractionFailure::Unmet));
        assert_eq!(taken.sign_on, None);

        let issued = issue_sign_in_code(&mut hospital.context(), Actor::Server, ada.id).await;
        let code = issued.unwrap().code;
        hospital.advance(SignedDuration::from_hours(1));
        let sent = Sent::new(&mut hospital).await;
        let context = &mut hospital.context();
        let late = redeem_code_in_browser(context, sent.browser(), &code).await;
        assert_eq!(reason(late), SignInRefusal::Expired);
        let mut policy = crate::command::current_policy(&hospital.storage).await.unwrap();
        policy.sign_on.codes = false;
        crate::command::set_policy(&mut hospital.context(), Actor::Server, policy).await.unwrap();
        let issued = issue_sign_in_code(&mut hospital.context(), Actor::Server, ada.id).await;
        let code = issued.unwrap().code;
        let context = &mut hospital.context();
        let refused = redeem_code_in_browser(context, sent.browser(), &code).await;
        assert_eq!(reason(refused), SignInRefusal::Policy);
    }
}

#[tokio::test]
async fn what_a_desktop_signs_on_ends_with_its_session() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        for lock in [true, false] {
            let session = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap().session;
            let sent = Sent::new(&mut hospital).await;
            let handed =
                hand_over(&mut hospital.context(), desk.id, (sent.id, false)).await.unwrap();
            let context = &mut hospital.context();
            let signed =
                redeem_desktop(context, sent.browser(), handed.code.expose()).await.unwrap();
            assert_eq!(signed.sign_on.authentication, session.authentication);
            assert_eq!(signed.sign_on.session, Some(session.id));
            assert_eq!(signed.sign_on.workstation, Some(desk.id));
            assert!(signed.sign_on.expires_at <= session.expires_at);
            let context = &mut hospital.context();
            let again = redeem_desktop(context, sent.browser(), handed.code.expose()).await;
            assert_eq!(reason(again), SignInRefusal::NoSession, "once");
            let place = hospital.place().await;
            let context = &mut hospital.context();
            if lock {
                suspend_session(context, desk.id, session.id).await.unwrap();
            } else {
                end_session(context, Actor::Server, session.id).await.unwrap();
            }
            assert!(hospital.events_after(place).await.contains(&"sign-on-ended"));
            assert_eq!(cookie_of(&hospital, signed.cookie.expose()).await, None);
        }
    }
}

#[tokio::test]
async fn limits_end_sign_ons_and_nothing_undoes_an_end() {
    for mut hospital in hospitals().await {
        let ada = hospital.user("ada", Role::Staff).await;
        let (mut key, _) = register(&mut hospital, &ada).await;
        let sent = Sent::new(&mut hospital).await;
        let signed = sign_in(&mut hospital, sent.browser(), &mut key).await.unwrap();
        let cookie = signed.cookie.expose();
        hospital.advance(SignedDuration::from_mins(59));
        assert!(cookie_of(&hospital, cookie).await.is_some(), "and that is a use");
        hospital.advance(SignedDuration::from_mins(59));
        assert!(cookie_of(&hospital, cookie).await.is_some());
        hospital.advance(SignedDuration::from_mins(60));
        assert_eq!(cookie_of(&hospital, cookie).await, None, "idle");
        assert_eq!(sign_ons_of_user(&hospital.storage, ada.id, hospital.now).await.unwrap(), []);
        let place = hospital.place().await;
        assert_eq!(expire_sign_ons(&mut hospital.context()).await.unwrap(), 1);
        assert_eq!(expire_sign_ons(&mut hospital.context()).await.unwrap(), 0);
        assert_eq!(hospital.events_after(place).await, ["sign-on-ended"]);
        let (id, actor) = (signed.sign_on.id, Actor::User(ada.id));
        let ended = end_sign_on(&mut hospital.context(), &actor, id, SignOnEnd::SignedOut).await;
        assert_eq!(ended.unwrap(), None, "it had ended");
        hospital.advance(SignedDuration::from_hours(25));
        assert!(purge_sign_ons(&mut hospital.context()).await.unwrap() >= 2);
    }
}

#[tokio::test]
async fn force_freshness_and_consent_are_required() {
    for mut hospital in hospitals().await {
        let ada = hospital.user("ada", Role::Staff).await;
        let (mut key, _) = register(&mut hospital, &ada).await;
        let sent = Sent::new(&mut hospital).await;
        let old = sign_in(&mut hospital, sent.browser(), &mut key).await.unwrap().sign_on;
        hospital.advance(SignedDuration::from_mins(1));
        let forced = Requirements { force: true, ..requirements() };
        let sent = Sent::with(&mut hospital, forced).await;
        let answer = InteractionAnswer::SignOn(&old);
        answer_interaction(&mut hospital.context(), sent.id, answer).await.unwrap();
        let context = &mut hospital.context();
        let taken = take_interaction(context, sent.id, &sent.binding, CONTINUE).await.unwrap();
        assert_eq!(taken.failed, Some(InteractionFailure::Unmet), "it was made before");

        let asks = Some(vec!["Your name".to_owned()]);
        let wanted = Requirements { force: true, consent: asks, ..requirements() };
        for agrees in [true, false] {
            let sent = Sent::with(&mut hospital, wanted.clone()).await;
            let browser = Browser { before: Some(old.id), ..sent.browser() };
            sign_in(&mut hospital, browser, &mut key).await.unwrap();
            if agrees {
                let answer = InteractionAnswer::Consent;
                answer_interaction(&mut hospital.context(), sent.id, answer).await.unwrap();
            }
            let context = &mut hospital.context();
            let taken = take_interaction(context, sent.id, &sent.binding, CONTINUE).await.unwrap();
            assert_eq!(taken.consented, agrees);
            assert_eq!(taken.failed, (!agrees).then_some(InteractionFailure::Declined));
        }
    }
}

#[tokio::test]
async fn own_credentials_are_renamed_and_removed_but_never_the_last_way_in() {
    for Ward { mut hospital, nurse, officer, .. } in wards().await {
        let (mut key, first) = register(&mut hospital, &officer).await;
        let (id, context) = (first.id, &mut hospital.context());
        let renamed = rename_credential(context, officer.id, id, "Green".parse().unwrap()).await;
        assert_eq!(renamed.unwrap().name.as_str(), "Green");
        let others = rename_credential(context, nurse.user.id, id, "Mine".parse().unwrap()).await;
        assert!(matches!(others, Err(ChangeCredentialError::NotFound)), "somebody else's");
        let last = remove_own_credential(context, officer.id, id).await;
        assert!(matches!(last, Err(ChangeCredentialError::LastWay)));
        let sent = Sent::new(&mut hospital).await;
        let signed = sign_in(&mut hospital, sent.browser(), &mut key).await.unwrap();
        register(&mut hospital, &officer).await;
        let place = hospital.place().await;
        let context = &mut hospital.context();
        remove_own_credential(context, officer.id, id).await.unwrap();
        assert_eq!(
            hospital.events_after(place).await,
            ["credential-removed", "sign-on-ended"],
            "what it opened ends"
        );
        assert_eq!(cookie_of(&hospital, signed.cookie.expose()).await, None);
        // Who can tap has another way in.
        let (_, only) = register(&mut hospital, &nurse.user).await;
        let context = &mut hospital.context();
        remove_own_credential(context, nurse.user.id, only.id).await.unwrap();
        // What was lost goes, also the last.
        let left = hospital.storage.read().await.unwrap().credentials().of_user(officer.id).await;
        let (gone, actor) = (left.unwrap()[0].id, Actor::User(nurse.user.id));
        let context = &mut hospital.context();
        remove_credential(context, &actor, officer.id, gone, Revocation::Lost).await.unwrap();
    }
}

#[tokio::test]
async fn registrations_are_for_who_began_them_and_not_without_number() {
    for mut hospital in hospitals().await {
        let ada = hospital.user("ada", Role::Staff).await;
        let grace = hospital.user("grace", Role::Staff).await;
        let party = party();
        let context = &mut hospital.context();
        let asked = begin_credential(context, &party, &ada, Authenticator::SecurityKey).await;
        let asked = asked.unwrap();
        let (_, answer) = SoftwareAuthenticator::create(ORIGIN, &asked.options, Traits::default());
        let named = ("Hers".parse().unwrap(), answer);
        let stolen = finish_credential(context, &party, &grace, asked.ceremony, named).await;
        assert!(matches!(stolen, Err(RegisterCredentialError::Expired)));
        for _ in 0..imp_identity::credential::MOST {
            register(&mut hospital, &ada).await;
        }
        let context = &mut hospital.context();
        let more = begin_credential(context, &party, &ada, Authenticator::Any).await;
        assert!(matches!(more, Err(RegisterCredentialError::TooMany)));
    }
}

async fn stated(
    hospital: &mut Hospital,
    nurse: &Nurse,
    (id, number): (Uuid, u8),
    change: impl FnOnce(&mut SignInStatement),
) -> Result<(), AnswerPhoneError> {
    let asked = phone_question(&hospital.context(), id).await.unwrap().unwrap();
    assert!(asked.numbers.contains(&number));
    let mut statement = SignInStatement {
        nonce: asked.nonce,
        origin: ORIGIN.to_owned(),
        number,
        verified: false,
        at: hospital.now,
    };
    change(&mut statement);
    let signed = statement.sign(nurse.phone, &nurse.key).unwrap();
    let phone = hospital.storage.read().await.unwrap().phones().find(nurse.phone).await;
    let phone = phone.unwrap().unwrap();
    answer_phone(&mut hospital.context(), &phone, id, ORIGIN, Some(&signed)).await
}

#[tokio::test]
async fn a_phone_signs_the_browser_on_whose_number_it_was_told() {
    for Ward { mut hospital, nurse, .. } in wards().await {
        for (verified, aal) in [(false, Aal::Aal1), (true, Aal::Aal2)] {
            let sent = Sent::new(&mut hospital).await;
            let awaited = await_phone(&mut hospital.context(), sent.browser()).await.unwrap();
            let waiting = redeem_phone(&mut hospital.context(), sent.browser()).await.unwrap();
            assert!(waiting.is_none());
            let question = (awaited.id, awaited.number);
            stated(&mut hospital, &nurse, question, |said| said.verified = verified).await.unwrap();
            let other = Sent::new(&mut hospital).await;
            let refused = redeem_phone(&mut hospital.context(), other.browser()).await;
            assert!(matches!(refused, Err(SignInError::Refused(SignInRefusal::Expired))));
            let signed = redeem_phone(&mut hospital.context(), sent.browser()).await.unwrap();
            let signed = signed.unwrap().sign_on;
            assert_eq!((signed.user, signed.authentication.aal), (nurse.user.id, aal));
            assert_eq!(signed.authentication.methods.contains(&Method::Pin), verified);
            assert!(!signed.authentication.phishing_resistant);
            let again = redeem_phone(&mut hospital.context(), sent.browser()).await;
            assert!(matches!(again, Err(SignInError::Refused(SignInRefusal::Expired))), "once");
        }
    }
}

#[tokio::test]
async fn a_phone_that_says_something_else_signs_nobody_on() {
    for Ward { mut hospital, nurse, .. } in wards().await {
        type Change = fn(&mut SignInStatement);
        let cases: [(Change, SignInRefusal); 3] = [
            (|said| said.nonce = [0; 32], SignInRefusal::Signature),
            (|said| said.origin = "https://evil.example".to_owned(), SignInRefusal::Signature),
            (
                |said| said.number = if said.number == 10 { 11 } else { 10 },
                SignInRefusal::OtherBrowser,
            ),
        ];
        for (change, why) in cases {
            let sent = Sent::new(&mut hospital).await;
            let awaited = await_phone(&mut hospital.context(), sent.browser()).await.unwrap();
            let place = hospital.place().await;
            let question = (awaited.id, awaited.number);
            stated(&mut hospital, &nurse, question, change).await.unwrap_err();
            assert_eq!(hospital.events_after(place).await, ["sign-in-refused"]);
            let told = redeem_phone(&mut hospital.context(), sent.browser()).await;
            assert!(matches!(told, Err(SignInError::Refused(reason)) if reason == why), "{told:?}");
            let over = phone_question(&hospital.context(), awaited.id).await.unwrap();
            assert!(over.is_none(), "the first answer counts");
        }
        let sent = Sent::new(&mut hospital).await;
        let awaited = await_phone(&mut hospital.context(), sent.browser()).await.unwrap();
        hospital.advance(SignedDuration::from_mins(3));
        assert!(phone_question(&hospital.context(), awaited.id).await.unwrap().is_none());
        let strict = Requirements { phishing_resistant: true, ..requirements() };
        let sent = Sent::with(&mut hospital, strict).await;
        let refused = await_phone(&mut hospital.context(), sent.browser()).await;
        assert!(matches!(refused, Err(SignInError::Refused(SignInRefusal::Policy))));
    }
}

#[tokio::test]
async fn a_passkey_in_between_does_not_cut_a_browser_loose_from_its_desktop() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let (mut key, _) = register(&mut hospital, &nurse.user).await;
        let session = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap().session;
        let sent = Sent::new(&mut hospital).await;
        let handed = hand_over(&mut hospital.context(), desk.id, (sent.id, false)).await.unwrap();
        let context = &mut hospital.context();
        let first = redeem_desktop(context, sent.browser(), handed.code.expose()).await.unwrap();
        hospital.advance(SignedDuration::from_mins(5));
        let browser = Browser { before: Some(first.sign_on.id), ..sent.browser() };
        let renewed = sign_in(&mut hospital, browser, &mut key).await.unwrap();
        assert_eq!(renewed.sign_on.session, Some(session.id), "it stays the desktop's");
        suspend_session(&mut hospital.context(), desk.id, session.id).await.unwrap();
        assert_eq!(cookie_of(&hospital, renewed.cookie.expose()).await, None);
    }
}

#[tokio::test]
async fn a_passkey_at_a_desktop_signs_on_for_as_long_as_she_is_at_work_there() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let (mut key, _) = register(&mut hospital, &nurse.user).await;
        // The page has asked the agent, and the desktop is locked or nobody's.
        let nobody = Sent::new(&mut hospital).await;
        hand_over(&mut hospital.context(), desk.id, (nobody.id, true)).await.unwrap_err();
        let place = hospital.place().await;
        let refused = sign_in(&mut hospital, nobody.browser(), &mut key).await;
        assert_eq!(reason(refused), SignInRefusal::NoSession);
        let facts = hospital.facts_after(place).await;
        let [Event::SignInRefused { user, workstation, .. }] = facts.as_slice() else {
            panic!("{facts:?}")
        };
        assert_eq!((*user, *workstation), (Some(nurse.user.id), Some(desk.id)));

        let session = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap().session;
        let signed = sign_in(&mut hospital, nobody.browser(), &mut key).await.unwrap();
        assert_eq!(signed.sign_on.session, Some(session.id));
        assert_eq!(signed.sign_on.workstation, Some(desk.id));
        assert!(signed.sign_on.expires_at <= session.expires_at);
        suspend_session(&mut hospital.context(), desk.id, session.id).await.unwrap();
        assert_eq!(cookie_of(&hospital, signed.cookie.expose()).await, None, "she walked away");

        // Somebody else's desktop is not where she signs on, and the phone is no way around.
        let bea = hospital.user("bea", Role::Staff).await;
        let (mut beas, _) = register(&mut hospital, &bea).await;
        hospital.tap(&nurse, &desk, Purpose::Unlock).await.unwrap();
        let sent = Sent::new(&mut hospital).await;
        hand_over(&mut hospital.context(), desk.id, (sent.id, false)).await.unwrap();
        let refused = sign_in(&mut hospital, sent.browser(), &mut beas).await;
        assert_eq!(reason(refused), SignInRefusal::NoSession);
        let elsewhere = Sent::new(&mut hospital).await;
        let free = sign_in(&mut hospital, elsewhere.browser(), &mut beas).await.unwrap();
        assert_eq!(free.sign_on.session, None, "no agent answered: not a workstation");
    }
}

#[tokio::test]
async fn a_phone_at_a_desktop_signs_on_for_as_long_as_she_is_at_work_there() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        for at_work in [false, true] {
            if at_work {
                hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
            }
            let sent = Sent::new(&mut hospital).await;
            hand_over(&mut hospital.context(), desk.id, (sent.id, true)).await.unwrap_err();
            let awaited = await_phone(&mut hospital.context(), sent.browser()).await.unwrap();
            let question = (awaited.id, awaited.number);
            stated(&mut hospital, &nurse, question, |_| ()).await.unwrap();
            let redeemed = redeem_phone(&mut hospital.context(), sent.browser()).await;
            match redeemed {
                Ok(Some(signed)) if at_work => {
                    assert_eq!(signed.sign_on.workstation, Some(desk.id));
                }
                Err(SignInError::Refused(SignInRefusal::NoSession)) if !at_work => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn what_one_agreed_to_another_has_not() {
    for mut hospital in hospitals().await {
        let (ada, grace) =
            (hospital.user("ada", Role::Staff).await, hospital.user("grace", Role::Staff).await);
        let (mut hers, _) = register(&mut hospital, &ada).await;
        let (mut others, _) = register(&mut hospital, &grace).await;
        let asks = Some(vec!["Your name".to_owned()]);
        let wanted = Requirements { consent: asks, ..requirements() };
        let sent = Sent::with(&mut hospital, wanted).await;
        let first = sign_in(&mut hospital, sent.browser(), &mut hers).await.unwrap();
        let answer = InteractionAnswer::Consent;
        answer_interaction(&mut hospital.context(), sent.id, answer).await.unwrap();
        let browser = Browser { before: Some(first.sign_on.id), ..sent.browser() };
        sign_in(&mut hospital, browser, &mut others).await.unwrap();
        let context = &mut hospital.context();
        let taken = take_interaction(context, sent.id, &sent.binding, CONTINUE).await.unwrap();
        assert!(!taken.consented);
        assert_eq!(taken.failed, Some(InteractionFailure::Declined));
    }
}
