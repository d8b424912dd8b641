//! A desktop that was locked a moment ago is unlocked by one factor, if the policy lets it; and what applications learn of that.
use imp_client::entry::{EntryError, KeyCommand};
use imp_client::tap::{TapMeans, TapOutcome, TapReport};
use imp_hardware::security_key::SecurityKeyError;
use imp_identity::event::Event;
use imp_identity::session::OneFactor;
use imp_identity::tap::Purpose;
use imp_identity::{Refusal, Secret};
use imp_phone::Misbehaviour;
use imp_tests::world::{PIN, faces};
use jiff::SignedDuration;
use reqwest::StatusCode;
use serde_json::json;

use super::sign_on::{Desk, claims, register_key};

const AAL1: &str = "http://idmanagement.gov/ns/assurance/aal/1";
const AAL2: &str = "http://idmanagement.gov/ns/assurance/aal/2";

impl Desk {
    /// For five minutes after the desktop was locked one factor suffices.
    async fn let_one_factor_suffice(&self, only: Option<OneFactor>) {
        let change = |policy: &mut imp_identity::policy::Policy| {
            policy.session.reauthentication = Some(SignedDuration::from_mins(5));
            policy.session.one_factor = only;
        };
        self.ward.world.set_policy(change).await;
    }

    async fn phone_alone_is_refused(&self) {
        match self.ward.workstation.tap_by_phone_alone().await {
            TapReport { outcome: TapOutcome::Refused { reason }, .. } => {
                assert_eq!(reason, Refusal::OneFactorInsufficient);
            }
            report => panic!("the phone alone was not refused: {report:?}"),
        }
        assert!(self.ward.workstation.agent.desktop().is_locked());
    }

    fn advance(&self, by: SignedDuration) {
        self.ward.world.clock.advance(by);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn her_phone_alone_unlocks_what_it_opened_with_her_face_and_applications_are_told_the_truth()
{
    let mut desk = Desk::open().await;
    let session = desk.ward.workstation.admits("ada").await;
    let tapped_at = desk.ward.world.now().as_second();
    desk.ward.workstation.agent.lock().await;
    desk.phone_alone_is_refused().await;
    desk.let_one_factor_suffice(None).await;

    // Nobody is before the camera.
    desk.ward.workstation.scene.shows(faces::path(faces::BEA));
    desk.advance(SignedDuration::from_mins(2));
    let before = desk.ward.events().await;
    let report = desk.ward.workstation.tap_by_phone_alone().await;
    let TapOutcome::Accepted { session: resumed } = &report.outcome else { panic!("{report:?}") };
    assert_eq!((resumed.id, resumed.state.as_str()), (session.id, "active"));
    assert_eq!((report.purpose, report.means), (Some(Purpose::Unlock), TapMeans::Phone));
    assert!(!desk.ward.workstation.agent.desktop().is_locked());
    let names = desk.ward.world.event_names(before).await;
    assert_eq!(names, ["session-resumed", "session-reauthenticated"]);
    let events = desk.ward.world.events().await;
    let means = events.iter().rev().find_map(|entry| {
        if let Event::SessionReauthenticated { means, .. } = &entry.record.event {
            Some(*means)
        } else {
            None
        }
    });
    assert_eq!(means, Some(OneFactor::Phone));

    let said = desk.sign_on().await;
    assert_eq!(said["auth_time"], tapped_at, "the last full authentication");
    assert_eq!((&said["acr"], &said["amr"]), (&json!(AAL1), &json!(["hwk"])), "what was shown");
    desk.browser.forget();
    let interaction = desk.interaction(&format!("&acr_values={AAL2}")).await;
    let (status, told) = desk.fetch(&desk.browser.origin(), &interaction).await;
    assert_eq!((status, told["error"].as_str()), (StatusCode::FORBIDDEN, Some("step-up-required")));
    desk.ward.workstation.scene.shows(faces::path(faces::ADA));
    let confirmed = desk.ward.workstation.tap_for("ada", Some(Purpose::StepUp)).await;
    assert!(confirmed.accepted(), "{confirmed:?}");
    let (_, told) = desk.fetch(&desk.browser.origin(), &interaction).await;
    let (_, next) = desk.redeem(&interaction, told["code"].as_str().unwrap()).await;
    let sent = desk.browser.open(next["next"].as_str().unwrap()).await.application();
    let said = claims(&desk.token(sent.get("code").unwrap()).await);
    assert_eq!((&said["acr"], &said["amr"]), (&json!(AAL2), &json!(["face", "hwk", "mfa"])));
    assert_eq!(said["auth_time"], desk.ward.world.now().as_second());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_factor_counts_soon_where_she_was_and_opens_nothing() {
    let desk = Desk::open().await;
    desk.let_one_factor_suffice(None).await;
    let nobody = desk.ward.workstation.tap_by_phone_alone().await;
    let refused = TapOutcome::Refused { reason: Refusal::OneFactorInsufficient };
    assert_eq!(nobody.outcome, refused, "nobody is locked out here");
    desk.ward.workstation.admits("ada").await;
    assert_eq!(desk.ward.workstation.tap_by_phone_alone().await.outcome, refused, "it is open");
    desk.ward.workstation.agent.lock().await;
    desk.advance(SignedDuration::from_mins(5));
    desk.phone_alone_is_refused().await;
    desk.ward.workstation.admits("ada").await;

    desk.let_one_factor_suffice(Some(OneFactor::SecurityKey)).await;
    desk.ward.workstation.agent.lock().await;
    let before = desk.ward.events().await;
    desk.phone_alone_is_refused().await;
    assert_eq!(desk.ward.world.event_names(before).await, ["tap-refused"], "a try is in the log");
    desk.ward.workstation.admits("ada").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dishonest_phone_gets_no_further_without_a_face_than_with_one() {
    let mut desk = Desk::open().await;
    desk.let_one_factor_suffice(None).await;
    desk.ward.workstation.admits("ada").await;
    for (misbehaviour, reason) in [
        (Misbehaviour::OtherWorkstation, Refusal::WrongWorkstation),
        (Misbehaviour::OtherExporter, Refusal::ExporterMismatch),
    ] {
        desk.ward.workstation.agent.lock().await;
        desk.ward.phone.serve(&desk.ward.world, Some(misbehaviour)).await;
        let report = desk.ward.workstation.tap_by_phone_alone().await;
        assert_eq!(report.outcome, TapOutcome::Refused { reason });
        assert!(desk.ward.workstation.agent.desktop().is_locked());
    }
    desk.ward.phone.serve(&desk.ward.world, None).await;
    let report = desk.ward.workstation.tap_by_phone_alone().await;
    assert!(report.accepted(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_touch_of_her_security_key_unlocks_and_is_one_factor() {
    let mut desk = Desk::open().await;
    register_key(&mut desk).await;
    let agent = desk.ward.workstation.agent.clone();
    let touch = || KeyCommand { purpose: None, pin: None, touch: true };
    let pin = || KeyCommand { purpose: None, pin: Some(Secret::new(PIN.to_owned())), touch: false };
    let (_, session) = agent.use_key(pin()).await.expect("she is let in");
    assert!(matches!(agent.use_key(touch()).await, Err(EntryError::NotLocked)), "it is open");
    agent.lock().await;
    let refused = agent.use_key(touch()).await;
    assert!(
        matches!(refused, Err(EntryError::Server(_))),
        "the policy does not let it: {refused:?}"
    );

    desk.let_one_factor_suffice(None).await;
    let before = desk.ward.events().await;
    let (purpose, resumed) = agent.use_key(touch()).await.expect("a touch suffices");
    assert_eq!((purpose, resumed.id), (Purpose::Unlock, session.id));
    assert_eq!(
        desk.ward.world.event_names(before).await,
        ["session-resumed", "security-key-accepted", "session-reauthenticated"]
    );
    let said = desk.sign_on().await;
    assert_eq!((&said["acr"], &said["amr"]), (&json!(AAL1), &json!(["swk", "user"])), "{said}");

    // Somebody else's key, which is not registered at all.
    agent.lock().await;
    desk.ward.workstation.key.plug(false);
    let gone = agent.use_key(touch()).await;
    assert!(matches!(gone, Err(EntryError::Key(SecurityKeyError::NoKey))), "{gone:?}");
    desk.ward.workstation.key.plug(true);
    // Ada's tap with her face is a full authentication again.
    desk.ward.workstation.admits("ada").await;
    let said = desk.sign_on().await;
    assert_eq!(said["acr"], AAL2, "{said}");
}
