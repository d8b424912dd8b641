//! `hand_over`, `redeem_handover`: a desktop's session goes to the one browser that was asked, and to no other.
use imp_identity::sign_on::Requirements;
use imp_identity::tap::Purpose;
use imp_identity::{Actor, Event, InteractionId};
use jiff::SignedDuration;
use uuid::Uuid;

use super::hospital::Hospital;
use super::{Ward, wards};
use crate::command::{
    Desktop, HandOverError, NewInteraction, end_session, hand_over, open_interaction,
    redeem_handover, suspend_session,
};

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

/// An application sends a browser to sign in.
async fn ask(hospital: &mut Hospital, requirements: Requirements) -> InteractionId {
    let new =
        NewInteraction { continue_at: "/oauth/continue", request: "{}".to_owned(), requirements };
    open_interaction(&mut hospital.context(), new).await.unwrap().0
}

async fn redeem(hospital: &mut Hospital, asked: InteractionId, code: &str) -> Option<Desktop> {
    let mut transaction = hospital.storage.begin().await.unwrap();
    let context = &mut hospital.context();
    let desktop = redeem_handover(context, &mut transaction, asked, code).await.unwrap();
    transaction.commit().await.unwrap();
    desktop
}

#[tokio::test]
async fn a_code_hands_the_session_over_once_with_how_she_was_authenticated() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let session = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap().session;
        hospital.advance(SignedDuration::from_mins(3));
        let asked = ask(&mut hospital, requirements()).await;
        let handed = hand_over(&mut hospital.context(), desk.id, (asked, false)).await.unwrap();
        let code = handed.code.expose();
        let desktop = redeem(&mut hospital, asked, code).await.unwrap();
        assert_eq!(
            (desktop.session, desktop.workstation, desktop.user),
            (session.id, desk.id, nurse.user.id)
        );
        assert_eq!(desktop.authentication, session.authentication, "of the tap, not of now");
        assert_eq!(redeem(&mut hospital, asked, code).await, None, "once");
    }
}

#[tokio::test]
async fn a_code_is_worth_nothing_late_elsewhere_or_after_another() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        let (asked, other) =
            (ask(&mut hospital, requirements()).await, ask(&mut hospital, requirements()).await);
        let code = |handed: crate::command::HandedOver| handed.code.expose().clone();
        let first =
            code(hand_over(&mut hospital.context(), desk.id, (asked, false)).await.unwrap());
        assert_eq!(redeem(&mut hospital, other, &first).await, None, "another interaction's");
        assert_eq!(redeem(&mut hospital, asked, &first).await, None, "and that used it up");

        let first =
            code(hand_over(&mut hospital.context(), desk.id, (asked, false)).await.unwrap());
        let second =
            code(hand_over(&mut hospital.context(), desk.id, (asked, false)).await.unwrap());
        assert_eq!(redeem(&mut hospital, asked, &first).await, None, "there is a newer one");
        hospital.advance(SignedDuration::from_secs(30));
        assert_eq!(redeem(&mut hospital, asked, &second).await, None, "too late");
        assert_eq!(redeem(&mut hospital, asked, "").await, None);
    }
}

#[tokio::test]
async fn a_locked_desktop_hands_nothing_over_and_takes_its_codes_back() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let asked = ask(&mut hospital, requirements()).await;
        let place = hospital.place().await;
        let refused = hand_over(&mut hospital.context(), desk.id, (asked, false)).await;
        assert!(matches!(refused, Err(HandOverError::NoSession)), "nobody is here");
        assert_eq!(hospital.events_after(place).await, ["sign-in-refused"]);

        let session = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap().session;
        let handed = hand_over(&mut hospital.context(), desk.id, (asked, false)).await.unwrap();
        suspend_session(&mut hospital.context(), desk.id, session.id).await.unwrap();
        assert_eq!(redeem(&mut hospital, asked, handed.code.expose()).await, None, "locked since");
        let refused = hand_over(&mut hospital.context(), desk.id, (asked, false)).await;
        assert!(matches!(refused, Err(HandOverError::NoSession)), "locked");

        hospital.tap(&nurse, &desk, Purpose::Unlock).await.unwrap();
        let elsewhere = hospital.desk("Ward 4").await;
        let refused = hand_over(&mut hospital.context(), elsewhere.id, (asked, false)).await;
        assert!(matches!(refused, Err(HandOverError::NoSession)), "she is not at that one");
        let handed = hand_over(&mut hospital.context(), desk.id, (asked, false)).await.unwrap();
        end_session(&mut hospital.context(), Actor::Server, session.id).await.unwrap();
        assert_eq!(redeem(&mut hospital, asked, handed.code.expose()).await, None, "ended since");
    }
}

#[tokio::test]
async fn an_application_that_wants_a_fresh_authentication_waits_for_a_tap() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        hospital.advance(SignedDuration::from_mins(10));
        let fresh = Requirements { max_age: Some(SignedDuration::from_mins(5)), ..requirements() };
        let forced = Requirements { force: true, ..requirements() };
        for wanted in [fresh, forced] {
            let asked = ask(&mut hospital, wanted).await;
            let refused = hand_over(&mut hospital.context(), desk.id, (asked, false)).await;
            let named = "Charts asks you to confirm that it is you.";
            assert!(
                matches!(refused, Err(error @ HandOverError::StepUpRequired { .. }) if error.to_string() == named)
            );
            hospital.advance(SignedDuration::from_secs(2));
            hospital.tap(&nurse, &desk, Purpose::StepUp).await.unwrap();
            let handed = hand_over(&mut hospital.context(), desk.id, (asked, false)).await.unwrap();
            let desktop = redeem(&mut hospital, asked, handed.code.expose()).await.unwrap();
            assert_eq!(desktop.authentication.at, hospital.now, "of the step-up");
            hospital.advance(SignedDuration::from_mins(10));
        }
    }
}

#[tokio::test]
async fn what_was_never_asked_or_too_long_ago_is_not_answered() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        let made_up = InteractionId::from(Uuid::from_u128(7));
        let refused = hand_over(&mut hospital.context(), desk.id, (made_up, false)).await;
        assert!(matches!(refused, Err(HandOverError::NoInteraction)));
        let asked = ask(&mut hospital, requirements()).await;
        hospital.advance(SignedDuration::from_mins(10));
        let refused = hand_over(&mut hospital.context(), desk.id, (asked, false)).await;
        assert!(matches!(refused, Err(HandOverError::NoInteraction)));
    }
}

#[tokio::test]
async fn a_refusal_names_the_workstation() {
    for Ward { mut hospital, desk, .. } in wards().await {
        let asked = ask(&mut hospital, requirements()).await;
        let place = hospital.place().await;
        hand_over(&mut hospital.context(), desk.id, (asked, false)).await.unwrap_err();
        let facts = hospital.facts_after(place).await;
        let [Event::SignInRefused { workstation, user: None, .. }] = facts.as_slice() else {
            panic!("{facts:?}")
        };
        assert_eq!(*workstation, Some(desk.id));
    }
}
