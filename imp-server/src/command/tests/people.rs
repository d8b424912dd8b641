//! `initialise_server`, `redeem_sign_in_code`, `issue_sign_in_code`, `authenticate_token`, `create_user`, `disable_user`,
//! `enable_user`, `find_user`, `find_username`, `list_users`
use imp_identity::session::{End, State};
use imp_identity::tap::Purpose;
use imp_identity::user::Role;
use imp_identity::{Actor, Digest, Event, UserId};
use jiff::SignedDuration;
use uuid::Uuid;

use super::{Ward, hospitals, wards};
use crate::command::{
    CreateUserError, DisableUserError, EnableUserError, IssueSignInCodeError, NewUser,
    RedeemSignInCodeError, authenticate_token, create_user, disable_user, enable_user, find_user,
    find_username, initialise_server, issue_sign_in_code, list_users, redeem_sign_in_code,
};
use crate::store::Tables as _;

fn new(name: &str) -> NewUser {
    NewUser {
        username: name.parse().unwrap(),
        display_name: name.parse().unwrap(),
        role: Role::Staff,
        unit: None,
        email: None,
    }
}

#[tokio::test]
async fn the_administrator_token_makes_the_first_administrator_once() {
    for mut hospital in hospitals().await {
        let ca = Digest::of(&[b"ca"]);
        let lost =
            initialise_server(&mut hospital.context(), &Actor::Server, ca).await.unwrap().unwrap();
        let token =
            initialise_server(&mut hospital.context(), &Actor::Server, ca).await.unwrap().unwrap();
        assert_eq!(
            hospital.facts_after(0).await[1..],
            [lost.expires_at, token.expires_at]
                .map(|expires_at| Event::AdministratorTokenIssued { expires_at })
        );
        let place = hospital.place().await;
        let context = &mut hospital.context();
        let stale = redeem_sign_in_code(context, &lost.code, Some(new("root"))).await;
        assert!(matches!(stale, Err(RedeemSignInCodeError::Invalid)), "a newer start replaced it");
        let nameless = redeem_sign_in_code(&mut hospital.context(), &token.code, None).await;
        assert!(matches!(nameless, Err(RedeemSignInCodeError::AdministratorMissing)));
        let context = &mut hospital.context();
        let signed_in = redeem_sign_in_code(context, &token.code, Some(new("root"))).await.unwrap();
        assert_eq!(signed_in.user.role, Role::Administrator);
        assert_eq!(
            hospital.events_after(place).await,
            ["administrator-token-redeemed", "user-created", "access-token-issued"]
        );
        let context = &mut hospital.context();
        let again = redeem_sign_in_code(context, &token.code, Some(new("root2"))).await;
        assert!(matches!(again, Err(RedeemSignInCodeError::Invalid)));
        assert!(
            initialise_server(&mut hospital.context(), &Actor::Server, ca).await.unwrap().is_none()
        );
    }
}

#[tokio::test]
async fn a_bearer_token_stands_for_its_user_for_twelve_hours() {
    for mut hospital in hospitals().await {
        let user = hospital.user("ada", Role::Auditor).await;
        let issued = issue_sign_in_code(&mut hospital.context(), Actor::Server, user.id).await;
        let code = issued.unwrap().code;
        let signed_in = redeem_sign_in_code(&mut hospital.context(), &code, None).await.unwrap();
        let token = signed_in.token.expose();
        let (storage, now) = (&hospital.storage, hospital.now);
        assert_eq!(authenticate_token(storage, token, now).await.unwrap(), Some(user));
        for wrong in ["", "x", &token[1..]] {
            assert_eq!(authenticate_token(storage, wrong, now).await.unwrap(), None);
        }
        let late = now + SignedDuration::from_hours(12);
        assert_eq!(authenticate_token(storage, token, late).await.unwrap(), None);
        let events = hospital.events_after(1).await;
        assert_eq!(events, ["sign-in-code-issued", "access-token-issued"]);
    }
}

#[tokio::test]
async fn a_sign_in_code_counts_once_for_an_hour_and_only_the_latest() {
    for mut hospital in hospitals().await {
        let user = hospital.user("ada", Role::Staff).await.id;
        let first = issue_sign_in_code(&mut hospital.context(), Actor::Server, user).await.unwrap();
        let second =
            issue_sign_in_code(&mut hospital.context(), Actor::Server, user).await.unwrap();
        let context = &mut hospital.context();
        let stale = redeem_sign_in_code(context, &first.code, None).await;
        assert!(matches!(stale, Err(RedeemSignInCodeError::Invalid)));
        let context = &mut hospital.context();
        let extra = redeem_sign_in_code(context, &second.code, Some(new("root"))).await;
        assert!(matches!(extra, Err(RedeemSignInCodeError::AdministratorUnexpected)));
        hospital.advance(SignedDuration::from_hours(1));
        let late = redeem_sign_in_code(&mut hospital.context(), &second.code, None).await;
        assert!(matches!(late, Err(RedeemSignInCodeError::Expired)));
        let nobody = UserId::from(Uuid::from_u128(3));
        let refused = issue_sign_in_code(&mut hospital.context(), Actor::Server, nobody).await;
        assert!(matches!(refused, Err(IssueSignInCodeError::NotFound)));
    }
}

#[tokio::test]
async fn a_username_is_taken_once() {
    for mut hospital in hospitals().await {
        let first = hospital.user("ada", Role::Staff).await;
        let place = hospital.place().await;
        let second = create_user(&mut hospital.context(), Actor::Server, new("ada")).await;
        assert!(matches!(second, Err(CreateUserError::UsernameTaken)));
        assert_eq!(hospital.place().await, place);
        let found = find_username(&hospital.storage, &first.username).await.unwrap();
        assert_eq!(found.as_ref(), Some(&first));
        assert_eq!(find_user(&hospital.storage, first.id).await.unwrap(), Some(first));
    }
}

#[tokio::test]
async fn users_are_listed_by_name_page_by_page() {
    for mut hospital in hospitals().await {
        for name in ["cleo", "ada", "bea"] {
            hospital.user(name, Role::Staff).await;
        }
        let first = list_users(&hospital.storage, None, 2).await.unwrap();
        let names: Vec<_> = first.items.iter().map(|user| user.username.as_str()).collect();
        assert_eq!(names, ["ada", "bea"]);
        let rest = list_users(&hospital.storage, first.next.as_ref(), 2).await.unwrap();
        let names: Vec<_> = rest.items.iter().map(|user| user.username.as_str()).collect();
        assert_eq!((names, rest.next), (vec!["cleo"], None));
    }
}

#[tokio::test]
async fn disabling_a_user_ends_her_session_and_tokens() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let id = nurse.user.id;
        let session = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap().session.id;
        let issued = issue_sign_in_code(&mut hospital.context(), Actor::Server, id).await.unwrap();
        let signed_in = redeem_sign_in_code(&mut hospital.context(), &issued.code, None).await;
        let token = signed_in.unwrap().token;
        let unused = issue_sign_in_code(&mut hospital.context(), Actor::Server, id).await.unwrap();

        let place = hospital.place().await;
        disable_user(&mut hospital.context(), Actor::Server, id).await.unwrap();
        assert_eq!(hospital.events_after(place).await, ["user-disabled", "session-revoked"]);
        let mut transaction = hospital.storage.read().await.unwrap();
        let ended = transaction.sessions().find(session).await.unwrap().unwrap().session;
        let reason = End::UserDisabled;
        assert!(matches!(ended.state, State::Ended { reason: r, .. } if r == reason));
        drop(transaction);
        let now = hospital.now;
        let stands = authenticate_token(&hospital.storage, token.expose(), now).await.unwrap();
        assert_eq!(stands, None);
        let refused = redeem_sign_in_code(&mut hospital.context(), &unused.code, None).await;
        assert!(matches!(refused, Err(RedeemSignInCodeError::Invalid)));
        let refused = issue_sign_in_code(&mut hospital.context(), Actor::Server, id).await;
        assert!(matches!(refused, Err(IssueSignInCodeError::UserDisabled)));

        let again = disable_user(&mut hospital.context(), Actor::Server, id).await;
        assert!(matches!(again, Err(DisableUserError::AlreadyDisabled)));
        enable_user(&mut hospital.context(), Actor::Server, id).await.unwrap();
        let again = enable_user(&mut hospital.context(), Actor::Server, id).await;
        assert!(matches!(again, Err(EnableUserError::AlreadyActive)));
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
    }
}

#[tokio::test]
async fn the_last_administrator_stays() {
    for mut hospital in hospitals().await {
        let first = hospital.user("root", Role::Administrator).await.id;
        let refused = disable_user(&mut hospital.context(), Actor::Server, first).await;
        assert!(matches!(refused, Err(DisableUserError::LastAdministrator)));
        let second = hospital.user("root2", Role::Administrator).await.id;
        disable_user(&mut hospital.context(), Actor::User(second), first).await.unwrap();
        let nobody = UserId::from(Uuid::from_u128(3));
        let refused = disable_user(&mut hospital.context(), Actor::Server, nobody).await;
        assert!(matches!(refused, Err(DisableUserError::NotFound)));
        let refused = enable_user(&mut hospital.context(), Actor::Server, nobody).await;
        assert!(matches!(refused, Err(EnableUserError::NotFound)));
        let events = hospital.facts_after(2).await;
        assert_eq!(events, [Event::UserDisabled { user: first }]);
    }
}
