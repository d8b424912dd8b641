//! `purge`, `set_policy`, `current_policy`, `events_page`, `events_of_user`
use imp_identity::policy::Policy;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::tap::Purpose;
use imp_identity::user::Role;
use imp_identity::{Actor, PhoneId};
use jiff::SignedDuration;
use uuid::Uuid;

use super::{Ward, hospitals, wards};
use crate::command::{
    Certificate, Purged, SetPolicyError, current_policy, events_of_user, events_page,
    issue_sign_in_code, purge, record_certificate, redeem_sign_in_code, set_policy,
};

#[tokio::test]
async fn what_can_no_longer_be_used_is_purged_and_the_log_stays() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let user = nurse.user.id;
        hospital.signed(&nurse, &desk, Purpose::TapIn).await;
        let issued = issue_sign_in_code(&mut hospital.context(), Actor::Server, user).await;
        let code = issued.unwrap().code;
        redeem_sign_in_code(&mut hospital.context(), &code, None).await.unwrap();
        issue_sign_in_code(&mut hospital.context(), Actor::Server, user).await.unwrap();
        let machine = Machine::Phone(PhoneId::from(Uuid::from_u128(1)));
        let certificate = Certificate {
            serial: "01ab".to_owned(),
            spiffe_id: SpiffeId { trust_domain: hospital.trust_domain.clone(), machine },
            expires_at: hospital.now,
            issuance: None,
            withdrawal: None,
        };
        let context = &mut hospital.context();
        record_certificate(context, Actor::Server, certificate).await.unwrap();
        let place = hospital.place().await;
        assert_eq!(purge(&mut hospital.context()).await.unwrap(), Purged::default());
        hospital.advance(SignedDuration::from_hours(24 * 91));
        let everything = Purged { challenges: 1, codes: 1, tokens: 1, certificates: 1 };
        assert_eq!(purge(&mut hospital.context()).await.unwrap(), everything);
        assert_eq!(hospital.place().await, place);
    }
}

#[tokio::test]
async fn a_policy_is_edited_from_the_version_in_force() {
    for mut hospital in hospitals().await {
        let policy = current_policy(&hospital.storage).await.unwrap();
        assert_eq!(policy, Policy::default());
        let clock_tolerance = SignedDuration::from_secs(10);
        let edited = Policy { clock_tolerance, ..policy.clone() };
        let context = &mut hospital.context();
        let second = set_policy(context, Actor::Server, edited).await.unwrap();
        assert_eq!((second.version, second.clock_tolerance), (2, clock_tolerance));
        assert_eq!(current_policy(&hospital.storage).await.unwrap(), second);
        let context = &mut hospital.context();
        let stale = set_policy(context, Actor::Server, policy.clone()).await;
        assert!(matches!(stale, Err(SetPolicyError::Conflict { current: 2 })));
        let time_zone = "Mars/Olympus".to_owned();
        let context = &mut hospital.context();
        let invalid = set_policy(context, Actor::Server, Policy { time_zone, ..second }).await;
        assert!(matches!(invalid, Err(SetPolicyError::Invalid(_))));
        assert_eq!(hospital.events_after(0).await, ["policy-changed"]);
    }
}

#[tokio::test]
async fn the_log_is_read_in_pages_and_by_user() {
    for mut hospital in hospitals().await {
        let mut users = vec![];
        for n in 0..5 {
            users.push(hospital.user(&format!("user-{n}"), Role::Staff).await.id);
        }
        let page = events_page(&hospital.storage, 1, 2).await.unwrap();
        assert_eq!(page.iter().map(|entry| entry.index).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(page[0].at, hospital.now);
        assert_eq!(page[0].entry().unwrap().unwrap().record.actor, Actor::Server);
        assert_eq!(events_page(&hospital.storage, u64::MAX, 2).await.unwrap(), []);
        let hers = events_of_user(&hospital.storage, users[3], 0, 10).await.unwrap();
        assert_eq!(hers.iter().map(|entry| entry.index).collect::<Vec<_>>(), [3]);
        assert_eq!(events_of_user(&hospital.storage, users[3], 4, 10).await.unwrap(), []);
    }
}
