//! `ask_key`, `answer_key`: a security key is a way in of equal rights, and of equal limits.
use imp_identity::authentication::{Aal, Method, SignInRefusal};
use imp_identity::credential::Credential;
use imp_identity::policy::{Policy, Rule};
use imp_identity::tap::Purpose;
use imp_identity::user::{Role, User};
use imp_identity::{Actor, CredentialId, Event, SessionId};
use imp_webauthn::testing::{SoftwareAuthenticator, Traits};
use imp_webauthn::{Attestation, Authenticator, Registrant, RelyingParty};
use jiff::SignedDuration;
use uuid::Uuid;

use super::hospital::{Desk, Hospital};
use super::{Ward, wards};
use crate::command::{
    AnswerKeyError, AskKeyError, KeyAnswer, UserSession, answer_key, ask_key, ask_touch,
    current_policy, disable_user, set_policy, suspend_session,
};
use crate::store::Tables as _;

const ORIGIN: &str = "https://id.hospital.example:8443";

fn party() -> RelyingParty {
    RelyingParty::new(&ORIGIN.parse().unwrap(), Attestation::None)
}

/// A key of the user's.
async fn register(hospital: &Hospital, user: &User, traits: Traits) -> SoftwareAuthenticator {
    let (party, existing) = (party(), []);
    let who = Registrant {
        user: user.id,
        username: &user.username,
        display_name: &user.display_name,
        existing: &existing,
    };
    let begun = party.begin_registration(who, Authenticator::SecurityKey).unwrap();
    let verifying = Traits { verifies: true, ..traits };
    let (mut key, answer) = SoftwareAuthenticator::create(ORIGIN, &begun.options, verifying);
    key.traits = traits;
    let registered = party.finish_registration(answer, &begun.state).unwrap();
    let credential = Credential {
        id: CredentialId::from(Uuid::from_u128(1)),
        user: user.id,
        handle: registered.handle,
        name: "Key".parse().unwrap(),
        kind: registered.kind,
        aaguid: registered.aaguid,
        attested: registered.attested,
        public_part: registered.public_part,
        registered_at: hospital.now,
        used_at: None,
    };
    let mut transaction = hospital.storage.begin().await.unwrap();
    transaction.credentials().add(&credential).await.unwrap();
    transaction.commit().await.unwrap();
    key
}

async fn answered(
    hospital: &mut Hospital,
    desk: &Desk,
    key: &mut SoftwareAuthenticator,
    purpose: Purpose,
) -> KeyAnswer {
    let asked = ask_key(&mut hospital.context(), &party(), desk.id, Some(purpose)).await.unwrap();
    let answer = key.get(ORIGIN, &asked.options);
    KeyAnswer { workstation: desk.id, challenge: asked.challenge, answer }
}

async fn use_key(
    hospital: &mut Hospital,
    desk: &Desk,
    key: &mut SoftwareAuthenticator,
    purpose: Purpose,
) -> Result<UserSession, AnswerKeyError> {
    let answer = answered(hospital, desk, key, purpose).await;
    let used = answer_key(&mut hospital.context(), &party(), answer).await;
    used.map(|(done, session)| {
        assert_eq!(done, purpose);
        session
    })
}

/// Touches it, to go on with a session.
async fn touch(
    hospital: &mut Hospital,
    desk: &Desk,
    key: &mut SoftwareAuthenticator,
    session: SessionId,
) -> Result<UserSession, AnswerKeyError> {
    let asked = ask_touch(&mut hospital.context(), &party(), (desk.id, session)).await.unwrap();
    let answer = key.get(ORIGIN, &asked.options);
    let answer = KeyAnswer { workstation: desk.id, challenge: asked.challenge, answer };
    let used = answer_key(&mut hospital.context(), &party(), answer).await;
    used.map(|(done, session)| {
        assert_eq!(done, Purpose::Unlock);
        session
    })
}

async fn let_a_touch_suffice(hospital: &mut Hospital) {
    let mut policy = current_policy(&hospital.storage).await.unwrap();
    policy.session.reauthentication = Some(SignedDuration::from_mins(5));
    set_policy(&mut hospital.context(), Actor::Server, policy).await.unwrap();
}

fn refused<T: std::fmt::Debug>(result: Result<T, AnswerKeyError>) -> SignInRefusal {
    match result {
        Err(AnswerKeyError::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_touch_goes_on_with_her_own_session_and_nobody_elses() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let bea = hospital.user("bea", Role::Staff).await;
        let mut key = register(&hospital, &bea, Traits::default()).await;
        let opened = use_key(&mut hospital, &desk, &mut key, Purpose::TapIn).await.unwrap().session;
        let ask = (desk.id, opened.id);
        suspend_session(&mut hospital.context(), desk.id, opened.id).await.unwrap();
        let off = ask_touch(&mut hospital.context(), &party(), ask).await;
        assert!(matches!(off, Err(AskKeyError::Insufficient)), "the policy says never: {off:?}");
        let_a_touch_suffice(&mut hospital).await;
        key.traits.verifies = false;
        let elsewhere = hospital.desk("Ward 4").await;
        let away = ask_touch(&mut hospital.context(), &party(), (elsewhere.id, opened.id)).await;
        assert!(matches!(away, Err(AskKeyError::Insufficient)), "{away:?}");

        let authenticated_at = opened.authentication.at;
        hospital.advance(SignedDuration::from_mins(4));
        let place = hospital.place().await;
        let resumed = touch(&mut hospital, &desk, &mut key, opened.id).await.unwrap().session;
        assert_eq!((resumed.id, resumed.authentication.aal), (opened.id, Aal::Aal1));
        assert_eq!(resumed.authentication.methods, [Method::SoftwareKey, Method::Presence]);
        assert_eq!(resumed.authentication.at, authenticated_at);
        assert_eq!(
            hospital.events_after(place).await,
            ["session-resumed", "security-key-accepted", "session-reauthenticated"]
        );

        // The question was Bea's; the key of somebody else does not answer it, nor does hers without a touch in between.
        suspend_session(&mut hospital.context(), desk.id, opened.id).await.unwrap();
        let asked = ask_touch(&mut hospital.context(), &party(), ask).await.unwrap();
        key.pretend(nurse.user.id.as_uuid());
        let answer = key.get(ORIGIN, &asked.options);
        let answer = KeyAnswer { workstation: desk.id, challenge: asked.challenge, answer };
        let used = answer_key(&mut hospital.context(), &party(), answer).await;
        assert_eq!(refused(used), SignInRefusal::Unknown);
        key.pretend(bea.id.as_uuid());

        // Ada is at the desktop by now: a touch puts nobody out.
        let asked = ask_touch(&mut hospital.context(), &party(), ask).await.unwrap();
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        let answer = key.get(ORIGIN, &asked.options);
        let answer = KeyAnswer { workstation: desk.id, challenge: asked.challenge, answer };
        let used = answer_key(&mut hospital.context(), &party(), answer).await;
        assert_eq!(refused(used), SignInRefusal::NotVerified);
    }
}

#[tokio::test]
async fn whoever_names_no_purpose_goes_on_where_she_was_and_else_begins() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let bea = hospital.user("bea", Role::Staff).await;
        let mut key = register(&hospital, &bea, Traits::default()).await;
        // The desktop is locked for Ada.
        let ada = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap().session;
        suspend_session(&mut hospital.context(), desk.id, ada.id).await.unwrap();
        let mut done = vec![];
        for _ in 0..2 {
            let asked = ask_key(&mut hospital.context(), &party(), desk.id, None).await.unwrap();
            let answer = key.get(ORIGIN, &asked.options);
            let answer = KeyAnswer { workstation: desk.id, challenge: asked.challenge, answer };
            let used = answer_key(&mut hospital.context(), &party(), answer).await.unwrap();
            done.push(used.0);
            let session = used.1.session.id;
            suspend_session(&mut hospital.context(), desk.id, session).await.unwrap();
        }
        assert_eq!(done, [Purpose::TapIn, Purpose::Unlock]);
    }
}

#[tokio::test]
async fn a_key_opens_resumes_confirms_and_ends() {
    for Ward { mut hospital, desk, .. } in wards().await {
        let bea = hospital.user("bea", Role::Staff).await;
        let mut key = register(&hospital, &bea, Traits::default()).await;
        let place = hospital.place().await;
        let opened = use_key(&mut hospital, &desk, &mut key, Purpose::TapIn).await.unwrap();
        let session = opened.session;
        assert_eq!((session.user, session.workstation), (bea.id, desk.id));
        assert_eq!(session.authentication.aal, Aal::Aal2);
        assert!(session.authentication.methods.contains(&Method::Pin));
        suspend_session(&mut hospital.context(), desk.id, session.id).await.unwrap();
        hospital.advance(SignedDuration::from_secs(1));
        let again = use_key(&mut hospital, &desk, &mut key, Purpose::Unlock).await.unwrap();
        assert_eq!(again.session.id, session.id);
        hospital.advance(SignedDuration::from_secs(1));
        let confirmed = use_key(&mut hospital, &desk, &mut key, Purpose::StepUp).await.unwrap();
        assert_eq!(confirmed.session.authentication.at, hospital.now);
        use_key(&mut hospital, &desk, &mut key, Purpose::TapOut).await.unwrap();
        let over = use_key(&mut hospital, &desk, &mut key, Purpose::StepUp).await;
        assert_eq!(refused(over), SignInRefusal::NoSession);
        let names = hospital.events_after(place).await;
        assert_eq!(
            names,
            [
                "session-established",
                "security-key-accepted",
                "session-suspended",
                "session-resumed",
                "security-key-accepted",
                "security-key-accepted",
                "session-revoked",
                "security-key-accepted",
                "sign-in-refused"
            ]
        );
    }
}

#[tokio::test]
async fn an_answer_counts_once_in_time_and_where_it_was_asked_for() {
    for Ward { mut hospital, desk, .. } in wards().await {
        let bea = hospital.user("bea", Role::Staff).await;
        let mut key = register(&hospital, &bea, Traits::default()).await;
        let answer = answered(&mut hospital, &desk, &mut key, Purpose::TapIn).await;
        let (challenge, copy) = (answer.challenge, answer.answer.clone());
        answer_key(&mut hospital.context(), &party(), answer).await.unwrap();
        let replay = KeyAnswer { workstation: desk.id, challenge, answer: copy };
        let replayed = answer_key(&mut hospital.context(), &party(), replay).await;
        assert_eq!(refused(replayed), SignInRefusal::Expired);

        let elsewhere = hospital.desk("Ward 4").await;
        let stolen = answered(&mut hospital, &desk, &mut key, Purpose::TapIn).await;
        let stolen = KeyAnswer { workstation: elsewhere.id, ..stolen };
        let used = answer_key(&mut hospital.context(), &party(), stolen).await;
        assert_eq!(refused(used), SignInRefusal::Expired, "asked at another workstation");

        let late = answered(&mut hospital, &desk, &mut key, Purpose::TapIn).await;
        hospital.advance(SignedDuration::from_secs(90));
        let used = answer_key(&mut hospital.context(), &party(), late).await;
        assert_eq!(refused(used), SignInRefusal::Expired);
    }
}

#[tokio::test]
async fn who_may_not_come_in_does_not_come_in_by_a_key() {
    for Ward { mut hospital, desk, .. } in wards().await {
        let bea = hospital.user("bea", Role::Staff).await;
        let touched = Traits { verifies: false, ..Traits::default() };
        let mut key = register(&hospital, &bea, touched).await;
        let refusal = use_key(&mut hospital, &desk, &mut key, Purpose::TapIn).await;
        assert_eq!(refused(refusal), SignInRefusal::NotVerified, "only touched");
        key.traits = Traits::default();

        let policy = current_policy(&hospital.storage).await.unwrap();
        let auditors = Rule { roles: vec![Role::Auditor], ..Rule::default() };
        let strict = Policy { rules: vec![auditors], ..policy };
        let strict = set_policy(&mut hospital.context(), Actor::Server, strict).await.unwrap();
        let refusal = use_key(&mut hospital, &desk, &mut key, Purpose::TapIn).await;
        assert_eq!(refused(refusal), SignInRefusal::Policy, "the rules of taps are those of keys");
        let open = Policy { rules: vec![], ..strict };
        set_policy(&mut hospital.context(), Actor::Server, open).await.unwrap();
        use_key(&mut hospital, &desk, &mut key, Purpose::TapIn).await.unwrap();

        disable_user(&mut hospital.context(), Actor::Server, bea.id).await.unwrap();
        let place = hospital.place().await;
        let refusal = use_key(&mut hospital, &desk, &mut key, Purpose::TapIn).await;
        assert!(matches!(refused(refusal), SignInRefusal::UserDisabled | SignInRefusal::Unknown));
        let facts = hospital.facts_after(place).await;
        assert!(matches!(facts.as_slice(), [Event::SignInRefused { .. }]), "{facts:?}");
    }
}

#[tokio::test]
async fn a_key_that_nobody_registered_opens_nothing() {
    for Ward { mut hospital, desk, .. } in wards().await {
        let bea = hospital.user("bea", Role::Staff).await;
        let mut key = register(&hospital, &bea, Traits::default()).await;
        let mut transaction = hospital.storage.begin().await.unwrap();
        transaction.credentials().remove(CredentialId::from(Uuid::from_u128(1))).await.unwrap();
        transaction.commit().await.unwrap();
        let refusal = use_key(&mut hospital, &desk, &mut key, Purpose::TapIn).await;
        assert_eq!(refused(refusal), SignInRefusal::Unknown);
    }
}
