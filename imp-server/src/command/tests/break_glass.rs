//! `break_glass`, `review_break_glass`, `owed_reviews`
use imp_identity::authentication::{Aal, Method};
use imp_identity::emergency::{ReviewError, VOUCHING};
use imp_identity::policy::{BreakGlass, Witness};
use imp_identity::session::State;
use imp_identity::tap::Purpose;
use imp_identity::user::Role;
use imp_identity::{Actor, WorkstationId};
use jiff::SignedDuration;

use super::hospital::Hospital;
use super::{Ward, wards};
use crate::command::{
    BreakGlassError, BreakingGlass, ReviewBreakGlassError, break_glass, current_policy,
    disable_user, owed_reviews, review_break_glass, set_policy,
};

async fn allow(hospital: &mut Hospital, witness: Witness) {
    let policy = current_policy(&hospital.storage).await.unwrap();
    let emergency = BreakGlass {
        roles: vec![Role::Staff],
        units: vec![],
        witness,
        lifetime: SignedDuration::from_mins(20),
        review_within: SignedDuration::from_hours(24),
    };
    let policy = imp_identity::policy::Policy { break_glass: Some(emergency), ..policy };
    set_policy(&mut hospital.context(), Actor::Server, policy).await.unwrap();
}

fn breaking(workstation: WorkstationId, name: &str) -> BreakingGlass {
    let (username, reason) = (name.parse().unwrap(), "Cardiac arrest".parse().unwrap());
    BreakingGlass { workstation, username, reason }
}

#[tokio::test]
async fn until_the_hospital_says_so_nobody_breaks_glass() {
    for Ward { mut hospital, desk, .. } in wards().await {
        hospital.user("bea", Role::Staff).await;
        let place = hospital.place().await;
        for name in ["bea", "nobody"] {
            let refused = break_glass(&mut hospital.context(), breaking(desk.id, name)).await;
            assert!(matches!(refused, Err(BreakGlassError::Refused)), "the same for both");
        }
        assert_eq!(hospital.events_after(place).await, ["sign-in-refused", "sign-in-refused"]);
    }
}

#[tokio::test]
async fn a_second_person_who_taps_after_the_question_vouches() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let bea = hospital.user("bea", Role::Staff).await;
        allow(&mut hospital, Witness::SecondPerson).await;
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        hospital.advance(SignedDuration::from_secs(1));
        let before = break_glass(&mut hospital.context(), breaking(desk.id, "bea")).await;
        assert!(matches!(before, Err(BreakGlassError::SecondPersonRequired)), "she did not know");
        hospital.advance(VOUCHING + SignedDuration::from_secs(1));
        hospital.tap(&nurse, &desk, Purpose::StepUp).await.unwrap();
        let late = break_glass(&mut hospital.context(), breaking(desk.id, "bea")).await;
        assert!(
            matches!(late, Err(BreakGlassError::SecondPersonRequired)),
            "and now it asks again"
        );
        hospital.advance(SignedDuration::from_secs(1));
        hospital.tap(&nurse, &desk, Purpose::StepUp).await.unwrap();

        let place = hospital.place().await;
        let entered = break_glass(&mut hospital.context(), breaking(desk.id, "bea")).await.unwrap();
        let session = entered.session;
        assert_eq!((session.user, session.state), (bea.id, State::Active));
        assert_eq!(session.authentication.methods, [Method::BreakGlass]);
        assert_eq!(session.authentication.aal, Aal::Aal1);
        assert_eq!(session.expires_at, hospital.now + SignedDuration::from_mins(20));
        assert_eq!(
            hospital.events_after(place).await,
            ["session-suspended", "session-established", "break-glass-used"]
        );
        let owed = owed_reviews(&hospital.storage).await.unwrap();
        assert_eq!(owed.len(), 1, "a review is owed all the same");
        assert_eq!(owed[0].0.second, Some(nurse.user.id));
    }
}

#[tokio::test]
async fn who_may_not_come_in_so_learns_it_only_once_somebody_vouched() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        hospital.user("carl", Role::Auditor).await;
        allow(&mut hospital, Witness::SecondPerson).await;
        let ada = nurse.user.username.as_str();
        for name in ["carl", "nobody", ada] {
            let asked = break_glass(&mut hospital.context(), breaking(desk.id, name)).await;
            assert!(matches!(asked, Err(BreakGlassError::SecondPersonRequired)), "{name}");
            hospital.advance(SignedDuration::from_secs(1));
            hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
            let again = break_glass(&mut hospital.context(), breaking(desk.id, name)).await;
            if name == ada {
                assert!(matches!(again, Err(BreakGlassError::SecondPersonRequired)), "herself");
            } else {
                assert!(matches!(again, Err(BreakGlassError::Refused)), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn an_emergency_does_not_vouch_for_another() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        hospital.user("bea", Role::Staff).await;
        hospital.user("dora", Role::Staff).await;
        allow(&mut hospital, Witness::SecondPerson).await;
        break_glass(&mut hospital.context(), breaking(desk.id, "bea")).await.unwrap_err();
        hospital.advance(SignedDuration::from_secs(1));
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        break_glass(&mut hospital.context(), breaking(desk.id, "bea")).await.unwrap();
        for _ in 0..2 {
            hospital.advance(SignedDuration::from_secs(1));
            let chained = break_glass(&mut hospital.context(), breaking(desk.id, "dora")).await;
            assert!(matches!(chained, Err(BreakGlassError::SecondPersonRequired)));
        }
    }
}

#[tokio::test]
async fn a_typed_name_ends_nobodys_work_elsewhere() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        allow(&mut hospital, Witness::Review).await;
        let theatre = hospital.desk("Theatre 2").await;
        let at_work = hospital.tap(&nurse, &theatre, Purpose::TapIn).await.unwrap().session;
        let place = hospital.place().await;
        let name = nurse.user.username.as_str();
        break_glass(&mut hospital.context(), breaking(desk.id, name)).await.unwrap();
        assert_eq!(hospital.events_after(place).await, ["session-established", "break-glass-used"]);
        let stepped = hospital.tap(&nurse, &theatre, Purpose::StepUp).await.unwrap().session;
        assert_eq!(stepped.id, at_work.id);
    }
}

#[tokio::test]
async fn a_review_by_somebody_else_settles_it_once() {
    for Ward { mut hospital, desk, .. } in wards().await {
        let bea = hospital.user("bea", Role::Staff).await;
        let auditor = hospital.user("carl", Role::Auditor).await;
        allow(&mut hospital, Witness::Review).await;
        let entered = break_glass(&mut hospital.context(), breaking(desk.id, "bea")).await.unwrap();
        let id = entered.session.id;
        hospital.advance(SignedDuration::from_hours(24));
        let owed = owed_reviews(&hospital.storage).await.unwrap();
        assert!(owed[0].0.is_overdue(hospital.now) && owed[0].1.id == bea.id);
        let judged = || (true, "She was alone".parse().unwrap());
        let (herself, other) = (Actor::User(bea.id), Actor::User(auditor.id));
        let own = review_break_glass(&mut hospital.context(), &herself, id, judged()).await;
        assert!(matches!(own, Err(ReviewBreakGlassError::Refused(ReviewError::Involved))));
        let place = hospital.place().await;
        review_break_glass(&mut hospital.context(), &other, id, judged()).await.unwrap();
        assert_eq!(hospital.events_after(place).await, ["break-glass-reviewed"]);
        let again = review_break_glass(&mut hospital.context(), &other, id, judged()).await;
        assert!(matches!(again, Err(ReviewBreakGlassError::Refused(ReviewError::Reviewed))));
        assert_eq!(owed_reviews(&hospital.storage).await.unwrap(), []);
    }
}

#[tokio::test]
async fn who_is_disabled_does_not_come_in_this_way_either() {
    for Ward { mut hospital, desk, .. } in wards().await {
        let bea = hospital.user("bea", Role::Staff).await;
        allow(&mut hospital, Witness::Review).await;
        break_glass(&mut hospital.context(), breaking(desk.id, "bea")).await.unwrap();
        let place = hospital.place().await;
        disable_user(&mut hospital.context(), Actor::Server, bea.id).await.unwrap();
        assert!(hospital.events_after(place).await.contains(&"session-revoked"));
        let refused = break_glass(&mut hospital.context(), breaking(desk.id, "bea")).await;
        assert!(matches!(refused, Err(BreakGlassError::Refused)));
    }
}
