use imp_identity::authentication::Authentication;
use imp_identity::grant::GrantEnd;
use imp_identity::user::{Role, User};
use imp_identity::{ClientId, Digest, GrantId, SessionId, SignOnId, UserId};
use imp_oauth::pkce::CodeChallenge;
use imp_oauth::token::CodeBinding;
use imp_storage::{Transaction, testing};
use jiff::{Timestamp, ToSpan as _};
use uuid::Uuid;

use super::*;
use crate::store::{
    ClientKind, DeviceCode, DeviceState, KnownAs, Logout, MIGRATIONS, StoredClient,
    StoredSigningKey, Tables as _,
};

const NOW: Timestamp = Timestamp::constant(1_700_000_000, 123_456_000);

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn client(n: u128) -> StoredClient {
    StoredClient {
        id: ClientId::from(uuid(n)),
        name: "Charts".parse().unwrap(),
        kind: ClientKind::Oauth,
        external: None,
        metadata: r#"{"redirect_uris":["https://charts.example/é"]}"#.to_owned(),
        secret: Some(Digest::of(&[b"secret"])),
        registration: None,
        revision: 0,
        registered_at: NOW,
    }
}

fn grant(n: u128) -> Grant {
    Grant {
        id: GrantId::from(uuid(n)),
        client: ClientId::from(uuid(1)),
        user: UserId::from(uuid(2)),
        sign_on: Some(SignOnId::from(uuid(3))),
        session: Some(SessionId::from(uuid(4))),
        scope: "openid profile".parse().unwrap(),
        authentication: Authentication::tap(NOW),
        wishes: Wishes {
            nonce: Some("n".to_owned()),
            resources: vec!["https://fhir.example".to_owned()],
            acr_values: vec!["phr".to_owned()],
            claims: ClaimsRequest::parse(r#"{"userinfo":{"email":null}}"#).unwrap(),
        },
        offline: true,
        granted_at: NOW,
        expires_at: NOW + 8.hours(),
        ended: None,
    }
}

/// A client and a user, in a transaction on each database.
async fn transactions() -> Vec<Transaction> {
    let mut transactions = vec![];
    for storage in testing::both(&MIGRATIONS).await {
        let mut transaction = storage.begin().await.unwrap();
        transaction.clients().add(&client(1)).await.unwrap();
        let (id, name) = (UserId::from(uuid(2)), "ada".parse().unwrap());
        let (ada, _) = User::create(id, name, "Ada".parse().unwrap(), Role::Staff, None);
        transaction.users().add(&ada).await.unwrap();
        transactions.push(transaction);
    }
    transactions
}

#[tokio::test]
async fn clients_are_read_as_they_were_written() {
    for mut transaction in transactions().await {
        let mut charts = client(1);
        assert_eq!(transaction.clients().find(charts.id).await.unwrap(), Some(charts.clone()));
        charts.name = "Charts 2".parse().unwrap();
        charts.secret = None;
        charts.registration = Some(Digest::of(&[b"token"]));
        charts.revision = 1;
        transaction.clients().update(&charts).await.unwrap();
        let found = transaction.clients().called("Charts 2").await.unwrap();
        assert_eq!(found, [charts.clone()]);
        let external = Some("https://sp.example/saml".to_owned());
        let provider = StoredClient { kind: ClientKind::Saml, external, ..client(5) };
        transaction.clients().add(&provider).await.unwrap();
        let found = transaction.clients().find_external("https://sp.example/saml").await.unwrap();
        assert_eq!(found, Some(provider.clone()));
        let page = transaction.clients().page(ClientKind::Oauth, None, 1).await.unwrap();
        assert_eq!((page.items, page.next), (vec![charts.clone()], Some(charts.id)));
        let page = transaction.clients().page(ClientKind::Oauth, Some(charts.id), 1).await.unwrap();
        assert_eq!((page.items, page.next), (vec![], None));
        assert_eq!(transaction.clients().count().await.unwrap(), 2);
    }
}

#[tokio::test]
async fn grants_end_once_and_are_found_by_whatever_may_end_them() {
    for mut transaction in transactions().await {
        let one = grant(10);
        transaction.grants().add(&one).await.unwrap();
        let bare = Grant {
            sign_on: None,
            session: None,
            scope: Scope::default(),
            wishes: Wishes::default(),
            offline: false,
            ..grant(11)
        };
        transaction.grants().add(&bare).await.unwrap();
        assert_eq!(transaction.grants().find(bare.id).await.unwrap(), Some(bare.clone()));
        let both = [one.clone(), bare.clone()];
        assert_eq!(transaction.grants().of_client(one.client).await.unwrap(), both);
        assert_eq!(transaction.grants().of_user(one.user).await.unwrap(), both);
        let of_sign_on = transaction.grants().of_sign_on(one.sign_on.unwrap()).await.unwrap();
        assert_eq!(of_sign_on, std::slice::from_ref(&one));
        let of_session = transaction.grants().of_session(one.session.unwrap()).await.unwrap();
        assert_eq!(of_session, std::slice::from_ref(&one));
        assert!(transaction.grants().end(one.id, NOW, GrantEnd::SignedOut).await.unwrap());
        assert!(!transaction.grants().end(one.id, NOW, GrantEnd::Client).await.unwrap());
        let found = transaction.grants().find(one.id).await.unwrap().unwrap();
        assert_eq!(found.ended, Some((NOW, GrantEnd::SignedOut)));
        assert!(!found.counts(NOW));
        assert_eq!(transaction.grants().of_user(one.user).await.unwrap(), [bare]);
    }
}

#[tokio::test]
async fn codes_and_refresh_tokens_are_used_once_and_go_with_their_grant() {
    for mut transaction in transactions().await {
        let one = grant(10);
        transaction.grants().add(&one).await.unwrap();
        let (first, second) = (Digest::of(&[b"1"]), Digest::of(&[b"2"]));
        let code = AuthorizationCode {
            grant: one.id,
            binding: CodeBinding {
                client: one.client,
                redirect_uri: "https://charts.example/back".to_owned(),
                challenge: CodeChallenge::of("verifier"),
                dpop_jkt: None,
                expires_at: NOW + 1.minute(),
            },
            used_at: None,
        };
        transaction.grants().add_code(first, &code).await.unwrap();
        assert_eq!(transaction.grants().find_code(second).await.unwrap(), None);
        assert!(transaction.grants().use_code(first, NOW).await.unwrap());
        assert!(!transaction.grants().use_code(first, NOW).await.unwrap());
        let found = transaction.grants().find_code(first).await.unwrap();
        assert_eq!(found, Some(AuthorizationCode { used_at: Some(NOW), ..code }));
        let token = RefreshToken {
            grant: one.id,
            confirmation: Some(r#"{"jkt":"x"}"#.to_owned()),
            issued_at: NOW,
            expires_at: NOW + 1.hour(),
            used_at: None,
        };
        transaction.grants().add_refresh(second, &token).await.unwrap();
        assert_eq!(transaction.grants().find_refresh(second).await.unwrap(), Some(token));
        assert!(transaction.grants().use_refresh(second, NOW).await.unwrap());
        assert!(!transaction.grants().use_refresh(second, NOW).await.unwrap());
        assert_eq!(transaction.grants().purge(one.expires_at).await.unwrap(), 0);
        assert_eq!(transaction.grants().purge(one.expires_at + 1.second()).await.unwrap(), 1);
        assert_eq!(transaction.grants().find_refresh(second).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_client_takes_with_it_what_it_was_granted() {
    for mut transaction in transactions().await {
        let one = grant(10);
        transaction.grants().add(&one).await.unwrap();
        let device = device(&one);
        transaction.oauth().add_device(&device).await.unwrap();
        let moved = DeviceState::Granted(one.id);
        transaction.oauth().move_device(device.digest, DeviceState::Waiting, moved).await.unwrap();
        let openid = "openid".parse().unwrap();
        transaction.oauth().consent(one.user, one.client, &openid, NOW).await.unwrap();
        transaction.oauth().push(device.digest, one.client, "{}", NOW).await.unwrap();
        transaction.clients().remove(one.client).await.unwrap();
        assert_eq!(transaction.grants().find(one.id).await.unwrap(), None);
        assert_eq!(transaction.clients().find(one.client).await.unwrap(), None);
    }
}

fn device(grant: &Grant) -> DeviceCode {
    DeviceCode {
        digest: Digest::of(&[b"device"]),
        user_code: "BCDF-GHJK".to_owned(),
        client: grant.client,
        scope: grant.scope.clone(),
        resources: vec!["https://fhir.example".to_owned()],
        expires_at: NOW + 10.minutes(),
        polled_at: None,
        interval: 5,
        state: DeviceState::Waiting,
    }
}

#[tokio::test]
async fn a_device_is_answered_once() {
    for mut transaction in transactions().await {
        let one = grant(10);
        transaction.grants().add(&one).await.unwrap();
        let device = device(&one);
        let digest = device.digest;
        transaction.oauth().add_device(&device).await.unwrap();
        let found = transaction.oauth().find_user_code("BCDF-GHJK").await.unwrap();
        assert_eq!(found, Some(device.clone()));
        let slower = 10;
        transaction.oauth().poll_device(digest, NOW, slower).await.unwrap();
        let granted = DeviceState::Granted(one.id);
        let waiting = DeviceState::Waiting;
        assert!(transaction.oauth().move_device(digest, waiting, granted).await.unwrap());
        let late = transaction.oauth().move_device(digest, waiting, DeviceState::Refused).await;
        assert!(!late.unwrap());
        let found = transaction.oauth().find_device(digest).await.unwrap().unwrap();
        assert_eq!((found.state, found.polled_at, found.interval), (granted, Some(NOW), slower));
    }
}

#[tokio::test]
async fn what_may_be_shown_once_is_shown_once_until_it_expires() {
    for mut transaction in transactions().await {
        let digest = Digest::of(&[b"jti"]);
        assert!(transaction.oauth().show_once(digest, NOW + 1.minute()).await.unwrap());
        assert!(!transaction.oauth().show_once(digest, NOW + 1.minute()).await.unwrap());
        transaction.oauth().revoke_token(digest, NOW + 1.minute()).await.unwrap();
        assert!(transaction.oauth().is_token_revoked(digest).await.unwrap());
        let client = ClientId::from(uuid(1));
        transaction.oauth().push(digest, client, "{}", NOW + 1.minute()).await.unwrap();
        let others = ClientId::from(uuid(9));
        assert_eq!(transaction.oauth().find_pushed(digest, others, NOW).await.unwrap(), None);
        let found = transaction.oauth().find_pushed(digest, client, NOW).await.unwrap();
        assert_eq!(found.as_deref(), Some("{}"));
        let late = transaction.oauth().find_pushed(digest, client, NOW + 1.minute()).await;
        assert_eq!(late.unwrap(), None);
        assert_eq!(transaction.oauth().purge(NOW + 2.minutes()).await.unwrap(), 3);
        assert!(!transaction.oauth().take_pushed(digest).await.unwrap());
        assert!(!transaction.oauth().is_token_revoked(digest).await.unwrap());
    }
}

#[tokio::test]
async fn consent_is_replaced() {
    for mut transaction in transactions().await {
        let (user, client) = (UserId::from(uuid(2)), ClientId::from(uuid(1)));
        assert!(transaction.oauth().consented(user, client).await.unwrap().is_empty());
        for scopes in [&["openid"][..], &["openid", "email"]] {
            let scopes = scopes.iter().copied().collect();
            transaction.oauth().consent(user, client, &scopes, NOW).await.unwrap();
            assert_eq!(transaction.oauth().consented(user, client).await.unwrap(), scopes);
        }
    }
}

#[tokio::test]
async fn a_logout_is_taken_by_one_replica() {
    for mut transaction in transactions().await {
        let logout = Logout {
            id: uuid(20),
            sign_on: SignOnId::from(uuid(3)),
            client: ClientId::from(uuid(1)),
            user: UserId::from(uuid(2)),
            known: KnownAs {
                subject: "ada".to_owned(),
                session: "morning".to_owned(),
                format: Some(imp_saml::NameIdFormat::Transient),
            },
            tries: 0,
            due_at: NOW,
            give_up_at: NOW + 1.hour(),
        };
        transaction.logouts().add(&logout).await.unwrap();
        let due = transaction.logouts().due(NOW, 10).await.unwrap();
        assert_eq!(due, std::slice::from_ref(&logout));
        assert!(transaction.logouts().put_off(&logout, NOW + 5.seconds()).await.unwrap());
        assert!(!transaction.logouts().put_off(&logout, NOW + 5.seconds()).await.unwrap());
        assert!(transaction.logouts().due(NOW, 10).await.unwrap().is_empty());
        let due = transaction.logouts().due(NOW + 5.seconds(), 10).await.unwrap();
        assert_eq!(due[0].tries, 1);
        assert!(transaction.logouts().remove(logout.id).await.unwrap());
    }
}

#[tokio::test]
async fn one_key_is_made_for_a_generation() {
    for storage in testing::both(&MIGRATIONS).await {
        let key = StoredSigningKey {
            id: "a".to_owned(),
            algorithm: "ES256".to_owned(),
            generation: 1,
            sealed: vec![1, 2],
            made_at: NOW,
            signs_from: NOW + 1.hour(),
        };
        let mut transaction = storage.begin().await.unwrap();
        transaction.signing_keys().add(&key).await.unwrap();
        transaction.signing_keys().begin("a", NOW).await.unwrap();
        transaction.commit().await.unwrap();
        let mut transaction = storage.begin().await.unwrap();
        let other = StoredSigningKey { id: "b".to_owned(), ..key.clone() };
        let error = transaction.signing_keys().add(&other).await.unwrap_err();
        assert!(error.is_unique_violation());
        drop(transaction);
        let mut transaction = storage.begin().await.unwrap();
        let all = transaction.signing_keys().all().await.unwrap();
        assert_eq!(all, [StoredSigningKey { signs_from: NOW, ..key }]);
        assert!(transaction.signing_keys().remove("a").await.unwrap());
        assert!(!transaction.signing_keys().remove("a").await.unwrap());
    }
}
