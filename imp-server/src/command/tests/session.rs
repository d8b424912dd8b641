//! What taps do to sessions, and `suspend_session`, `end_session`, `sessions_of_workstation`, `expire_sessions`
use imp_identity::authentication::Authentication;
use imp_identity::policy::{Policy, SessionLimits};
use imp_identity::session::{End, State};
use imp_identity::tap::Purpose;
use imp_identity::{Actor, Refusal, SessionId};
use jiff::SignedDuration;
use uuid::Uuid;

use super::hospital::Hospital;
use super::{Ward, wards};
use crate::command::{
    EndSessionError, SubmitTapError, SuspendSessionError, TapAccepted, current_policy, end_session,
    expire_sessions, sessions_of_workstation, set_policy, suspend_session, touch_session,
};

fn no_session(result: Result<TapAccepted, SubmitTapError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, SubmitTapError::Refused(Refusal::NoSession)), "{error:?}");
}

#[tokio::test]
async fn a_session_that_she_has_not_left_yet_follows_her_to_the_next_workstation() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let elsewhere = hospital.desk("Ward 4").await;
        let first = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        let place = hospital.place().await;
        let second = hospital.tap(&nurse, &elsewhere, Purpose::TapIn).await.unwrap();
        assert_eq!(first.session.id, second.session.id);
        assert_eq!(
            hospital.events_after(place).await,
            ["session-suspended", "session-resumed", "tap-accepted"]
        );
        let now = hospital.now;
        let left = sessions_of_workstation(&hospital.storage, desk.id, now).await.unwrap();
        assert_eq!(left, []);
    }
}

#[tokio::test]
async fn a_second_tap_in_at_the_same_workstation_supersedes_the_first_session() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let first = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        let place = hospital.place().await;
        let second = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        assert_ne!(first.session.id, second.session.id);
        assert_eq!(
            hospital.events_after(place).await,
            ["session-revoked", "session-established", "tap-accepted"]
        );
    }
}

#[tokio::test]
async fn whoever_taps_in_goes_on_with_what_she_left_behind_here_or_within_the_grace_elsewhere() {
    for Ward { mut hospital, desk, nurse, officer } in wards().await {
        limit(&mut hospital, |session| session.grace = Some(SignedDuration::from_mins(10))).await;
        let other = hospital.nurse("bea", officer.id, &desk).await;
        let elsewhere = hospital.desk("Ward 4").await;
        let hers = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap().session;
        let his = hospital.tap(&other, &desk, Purpose::TapIn).await.unwrap().session;
        let place = hospital.place().await;
        let again = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap().session;
        assert_eq!(again.id, hers.id, "she goes on");
        assert_eq!(
            hospital.events_after(place).await,
            ["session-suspended", "session-resumed", "tap-accepted"]
        );
        hospital.advance(SignedDuration::from_mins(9));
        let moved = hospital.tap(&other, &elsewhere, Purpose::TapIn).await.unwrap().session;
        assert_eq!((moved.id, moved.workstation), (his.id, elsewhere.id));
        suspend_session(&mut hospital.context(), elsewhere.id, his.id).await.unwrap();
        hospital.advance(SignedDuration::from_mins(10));
        let fresh = hospital.tap(&other, &desk, Purpose::TapIn).await.unwrap().session;
        assert_ne!(fresh.id, his.id, "after the grace she begins anew");
    }
}

#[tokio::test]
async fn a_suspended_session_is_unlocked_here_or_elsewhere_within_its_time() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        no_session(hospital.tap(&nurse, &desk, Purpose::Unlock).await);
        let opened = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap().session;
        suspend_session(&mut hospital.context(), desk.id, opened.id).await.unwrap();
        let place = hospital.place().await;
        let again = suspend_session(&mut hospital.context(), desk.id, opened.id).await.unwrap();
        assert!(again.session.is_resumable(hospital.now));
        assert_eq!(hospital.place().await, place, "suspending twice is one event");

        hospital.advance(SignedDuration::from_mins(59));
        let elsewhere = hospital.desk("Ward 4").await;
        let place = hospital.place().await;
        let resumed = hospital.tap(&nurse, &elsewhere, Purpose::Unlock).await.unwrap().session;
        assert_eq!((resumed.id, resumed.workstation), (opened.id, elsewhere.id));
        assert_eq!(hospital.events_after(place).await, ["session-resumed", "tap-accepted"]);

        let place = hospital.place().await;
        let moved = hospital.tap(&nurse, &desk, Purpose::Unlock).await.unwrap().session;
        assert_eq!((moved.id, moved.workstation), (opened.id, desk.id), "active elsewhere: moves");
        assert_eq!(
            hospital.events_after(place).await,
            ["session-suspended", "session-resumed", "tap-accepted"]
        );
        let place = hospital.place().await;
        hospital.tap(&nurse, &desk, Purpose::Unlock).await.unwrap();
        assert_eq!(hospital.events_after(place).await, ["tap-accepted"], "active here: stays");

        suspend_session(&mut hospital.context(), desk.id, opened.id).await.unwrap();
        hospital.advance(SignedDuration::from_hours(1));
        no_session(hospital.tap(&nurse, &desk, Purpose::Unlock).await);
    }
}

#[tokio::test]
async fn a_step_up_needs_a_session_here_and_a_tap_out_ends_it() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        no_session(hospital.tap(&nurse, &desk, Purpose::StepUp).await);
        no_session(hospital.tap(&nurse, &desk, Purpose::TapOut).await);
        let opened = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap().session;
        let elsewhere = hospital.desk("Ward 4").await;
        no_session(hospital.tap(&nurse, &elsewhere, Purpose::StepUp).await);
        hospital.advance(SignedDuration::from_secs(5));
        let stepped = hospital.tap(&nurse, &desk, Purpose::StepUp).await.unwrap().session;
        assert_eq!((stepped.id, stepped.opened_at), (opened.id, opened.opened_at));
        assert_eq!(stepped.authentication, Authentication::tap(hospital.now));
        let ended = hospital.tap(&nurse, &desk, Purpose::TapOut).await.unwrap().session;
        let at = hospital.now;
        assert_eq!(ended.state, State::Ended { at, reason: End::TapOut });
        no_session(hospital.tap(&nurse, &desk, Purpose::TapOut).await);
    }
}

#[tokio::test]
async fn another_persons_tap_suspends_whoever_is_at_the_desk() {
    for Ward { mut hospital, desk, nurse, officer } in wards().await {
        let other = hospital.nurse("bea", officer.id, &desk).await;
        let first = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap().session;
        let place = hospital.place().await;
        hospital.advance(SignedDuration::from_secs(1));
        let second = hospital.tap(&other, &desk, Purpose::TapIn).await.unwrap().session;
        assert_eq!(
            hospital.events_after(place).await,
            ["session-suspended", "session-established", "tap-accepted"]
        );
        let here = sessions_of_workstation(&hospital.storage, desk.id, hospital.now).await.unwrap();
        let here: Vec<_> = here.iter().map(|found| found.session.id).collect();
        assert_eq!(here, [second.id, first.id], "newest first");
        hospital.tap(&nurse, &desk, Purpose::Unlock).await.unwrap();
    }
}

#[tokio::test]
async fn sessions_end_at_their_limits() {
    for Ward { mut hospital, desk, nurse, officer } in wards().await {
        let other = hospital.nurse("bea", officer.id, &desk).await;
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        hospital.tap(&other, &desk, Purpose::TapIn).await.unwrap();
        assert_eq!(expire_sessions(&mut hospital.context()).await.unwrap(), 0);
        hospital.advance(SignedDuration::from_hours(1));
        assert_eq!(expire_sessions(&mut hospital.context()).await.unwrap(), 1, "suspended");
        hospital.advance(SignedDuration::from_hours(11));
        let place = hospital.place().await;
        let now = hospital.now;
        let here = sessions_of_workstation(&hospital.storage, desk.id, now).await.unwrap();
        assert_eq!(here, [], "past its limit, though not swept up");
        assert_eq!(expire_sessions(&mut hospital.context()).await.unwrap(), 1, "overall");
        assert_eq!(hospital.events_after(place).await, ["session-revoked"]);
        assert_eq!(expire_sessions(&mut hospital.context()).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn suspending_what_is_not_here_or_over_is_refused() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let nobody = SessionId::from(Uuid::from_u128(4));
        let refused = suspend_session(&mut hospital.context(), desk.id, nobody).await;
        assert!(matches!(refused, Err(SuspendSessionError::NotFound)));
        let session = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap().session.id;
        let elsewhere = hospital.desk("Ward 4").await;
        let refused = suspend_session(&mut hospital.context(), elsewhere.id, session).await;
        assert!(matches!(refused, Err(SuspendSessionError::NotFound)));
        hospital.advance(SignedDuration::from_hours(12));
        let place = hospital.place().await;
        let refused = suspend_session(&mut hospital.context(), desk.id, session).await;
        assert!(matches!(refused, Err(SuspendSessionError::Ended)));
        let refused = suspend_session(&mut hospital.context(), desk.id, session).await;
        assert!(matches!(refused, Err(SuspendSessionError::Ended)));
        assert_eq!(hospital.events_after(place).await, ["session-revoked"], "once");
    }
}

#[tokio::test]
async fn an_administrator_ends_a_session_once() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let session = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap().session.id;
        end_session(&mut hospital.context(), Actor::Server, session).await.unwrap();
        let again = end_session(&mut hospital.context(), Actor::Server, session).await;
        assert!(matches!(again, Err(EndSessionError::Ended)));
        let nobody = SessionId::from(Uuid::from_u128(4));
        let refused = end_session(&mut hospital.context(), Actor::Server, nobody).await;
        assert!(matches!(refused, Err(EndSessionError::NotFound)));
        no_session(hospital.tap(&nurse, &desk, Purpose::StepUp).await);
    }
}

async fn limit(hospital: &mut Hospital, change: impl FnOnce(&mut SessionLimits)) {
    let policy = current_policy(&hospital.storage).await.unwrap();
    let mut session = policy.session.clone();
    change(&mut session);
    let policy = Policy { session, ..policy };
    set_policy(&mut hospital.context(), Actor::Server, policy).await.unwrap();
}

#[tokio::test]
async fn a_policy_may_allow_several_workstations_and_the_oldest_makes_room() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        limit(&mut hospital, |session| session.several = 2).await;
        let (second, third) = (hospital.desk("Ward 4").await, hospital.desk("Ward 5").await);
        let one = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap().session;
        hospital.advance(SignedDuration::from_secs(1));
        let two = hospital.tap(&nurse, &second, Purpose::TapIn).await.unwrap().session;
        hospital.advance(SignedDuration::from_secs(1));
        let place = hospital.place().await;
        let again = hospital.tap(&nurse, &second, Purpose::TapIn).await.unwrap().session;
        assert_ne!(again.id, two.id, "at the same workstation there is one");
        assert_eq!(
            hospital.events_after(place).await,
            ["session-revoked", "session-established", "tap-accepted"]
        );
        let here = sessions_of_workstation(&hospital.storage, desk.id, hospital.now).await.unwrap();
        assert_eq!(here[0].session.id, one.id, "and the first goes on elsewhere");
        hospital.tap(&nurse, &third, Purpose::TapIn).await.unwrap();
        let here = sessions_of_workstation(&hospital.storage, desk.id, hospital.now).await.unwrap();
        assert_eq!(here, [], "the oldest made room");
        hospital.tap(&nurse, &second, Purpose::StepUp).await.unwrap();
        let out = hospital.tap(&nurse, &third, Purpose::TapOut).await.unwrap().session;
        assert_eq!(out.workstation, third.id, "she taps out where she stands");
        hospital.tap(&nurse, &second, Purpose::StepUp).await.unwrap();
    }
}

#[tokio::test]
async fn a_session_follows_to_another_workstation_within_its_grace_only() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        limit(&mut hospital, |session| session.grace = Some(SignedDuration::from_mins(10))).await;
        let elsewhere = hospital.desk("Ward 4").await;
        let opened = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap().session;
        suspend_session(&mut hospital.context(), desk.id, opened.id).await.unwrap();
        hospital.advance(SignedDuration::from_mins(9));
        let moved = hospital.tap(&nurse, &elsewhere, Purpose::Unlock).await.unwrap().session;
        assert_eq!((moved.id, moved.workstation), (opened.id, elsewhere.id));
        suspend_session(&mut hospital.context(), elsewhere.id, opened.id).await.unwrap();
        hospital.advance(SignedDuration::from_mins(10));
        no_session(hospital.tap(&nurse, &desk, Purpose::Unlock).await);
        hospital.tap(&nurse, &elsewhere, Purpose::Unlock).await.unwrap();
    }
}

#[tokio::test]
async fn a_session_without_a_sign_of_life_is_suspended() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let opened = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap().session;
        hospital.advance(SignedDuration::from_hours(2));
        assert_eq!(expire_sessions(&mut hospital.context()).await.unwrap(), 0, "no limit is set");
        limit(&mut hospital, |session| session.idle = Some(SignedDuration::from_mins(30))).await;
        touch_session(&hospital.storage, desk.id, opened.id, hospital.now).await.unwrap();
        hospital.advance(SignedDuration::from_mins(29));
        assert_eq!(expire_sessions(&mut hospital.context()).await.unwrap(), 0);
        hospital.advance(SignedDuration::from_mins(1));
        let place = hospital.place().await;
        assert_eq!(expire_sessions(&mut hospital.context()).await.unwrap(), 1);
        assert_eq!(hospital.events_after(place).await, ["session-suspended"]);
        assert_eq!(expire_sessions(&mut hospital.context()).await.unwrap(), 0);
        hospital.tap(&nurse, &desk, Purpose::Unlock).await.unwrap();
    }
}
