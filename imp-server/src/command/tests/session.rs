//! What taps do to sessions, and `suspend_session`, `end_session`, `sessions_of_workstation`, `expire_sessions`
use imp_identity::session::{End, State};
use imp_identity::tap::Purpose;
use imp_identity::{Actor, Refusal, SessionId};
use jiff::SignedDuration;
use uuid::Uuid;

use super::{Ward, wards};
use crate::command::{
    EndSessionError, SubmitTapError, SuspendSessionError, TapAccepted, end_session,
    expire_sessions, sessions_of_workstation, suspend_session,
};

fn no_session(result: Result<TapAccepted, SubmitTapError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, SubmitTapError::Refused(Refusal::NoSession)), "{error:?}");
}

#[tokio::test]
async fn a_second_tap_in_supersedes_the_first_session() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let elsewhere = hospital.desk("Ward 4").await;
        let first = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        let place = hospital.place().await;
        let second = hospital.tap(&nurse, &elsewhere, Purpose::TapIn).await.unwrap();
        assert_ne!(first.session.id, second.session.id);
        assert_eq!(
            hospital.events_after(place).await,
            ["session-revoked", "session-established", "tap-accepted"]
        );
        let now = hospital.now;
        let left = sessions_of_workstation(&hospital.storage, desk.id, now).await.unwrap();
        assert_eq!(left, []);
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
        let stepped = hospital.tap(&nurse, &desk, Purpose::StepUp).await.unwrap().session;
        assert_eq!(stepped, opened);
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
