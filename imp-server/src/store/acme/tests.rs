use imp_identity::device::{Description, Device, DeviceClass};
use imp_identity::{AcmeAccountId, Actor, DeviceId};
use imp_pki::acme::account::AccountStatus;
use imp_pki::acme::{
    AccountKey, Authorization, AuthorizationState, ChallengeKind, Identifier, Order, OrderState,
    Problem, ProblemType, Token,
};
use imp_storage::{Transaction, testing};
use jiff::{Timestamp, ToSpan as _};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::store::{MIGRATIONS, Tables as _};

const NOW: Timestamp = Timestamp::constant(1_700_000_000, 123_456_000);

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn jwk(x: &str) -> AccountKey {
    AccountKey::from_json(&json!({"kty": "OKP", "crv": "Ed25519", "x": x})).unwrap()
}

fn one() -> AccountKey {
    jwk("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
}

fn two() -> AccountKey {
    jwk("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
}

fn account(n: u128, key: AccountKey) -> AcmeAccount {
    AcmeAccount {
        id: AcmeAccountId::from(uuid(n)),
        key,
        contacts: vec!["mailto:it@hospital.example".to_owned()],
        status: AccountStatus::Valid,
        bound_by: Some("kid".to_owned()),
        made_at: NOW,
    }
}

fn order(n: u128) -> Order {
    Order {
        id: uuid(n).into(),
        account: uuid(10).into(),
        device: uuid(1).into(),
        identifiers: vec![
            Identifier::parse("dns", "pump.example").unwrap(),
            Identifier::parse("permanent-identifier", "SN/1.2.3").unwrap(),
        ],
        replaces: Some("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE".parse().unwrap()),
        expires_at: NOW + 1.hour(),
        state: OrderState::Pending,
    }
}

fn authorization(n: u128) -> Authorization {
    Authorization {
        id: uuid(n).into(),
        order: uuid(20).into(),
        identifier: Identifier::parse("dns", "*.ward.example").unwrap(),
        token: Token::generate(&mut crate::app::rng()),
        expires_at: NOW + 1.hour(),
        state: AuthorizationState::Pending,
    }
}

/// A device, a key for it and an account, in a transaction on each database.
async fn transactions() -> Vec<Transaction> {
    let mut transactions = vec![];
    for storage in testing::both(&MIGRATIONS).await {
        let mut transaction = storage.begin().await.unwrap();
        let description = Description {
            name: "pump".parse().unwrap(),
            class: DeviceClass::Server,
            manufacturer: None,
            model: None,
            serial_number: None,
            udi: None,
            unit: None,
            location: None,
            zone: None,
            mds2: None,
            names: vec![],
        };
        let id = DeviceId::from(uuid(1));
        let (device, _) = Device::register(id, description, Actor::Server, NOW).unwrap();
        transaction.devices().add(&device).await.unwrap();
        let key = AcmeKey {
            id: "kid".to_owned(),
            sealed: vec![1, 2],
            reusable: false,
            made_at: NOW,
            made_by: Actor::Server,
            expires_at: NOW + 1.hour(),
            removed_at: None,
        };
        transaction.acme().add_key(&key, &[id]).await.unwrap();
        assert_eq!(transaction.acme().find_key("kid").await.unwrap(), Some(key.clone()));
        assert_eq!(transaction.acme().makers_of_keys(id).await.unwrap(), [Actor::Server]);
        assert_eq!(transaction.acme().keys().await.unwrap(), [key]);
        assert_eq!(transaction.acme().devices_of_key("kid").await.unwrap(), [id]);
        transaction.acme().add_account(&account(10, one())).await.unwrap();
        transactions.push(transaction);
    }
    transactions
}

#[tokio::test]
async fn accounts_are_found_by_their_keys_which_change_once() {
    for mut transaction in transactions().await {
        let mut mine = account(10, one());
        let acme = &mut transaction.acme();
        assert_eq!(acme.find_account(mine.id).await.unwrap(), Some(mine.clone()));
        let found = acme.find_account_by_key(one().thumbprint()).await.unwrap();
        assert_eq!(found, Some(mine.clone()));
        assert_eq!(acme.accounts_of_key("kid").await.unwrap(), [mine.clone()]);
        assert!(acme.replace_account_key(mine.id, &one(), &two()).await.unwrap());
        assert!(!acme.replace_account_key(mine.id, &one(), &two()).await.unwrap());
        assert_eq!(acme.find_account_by_key(one().thumbprint()).await.unwrap(), None);
        mine.key = two();
        mine.status = AccountStatus::Deactivated;
        mine.contacts = vec![];
        acme.update_account(&mine).await.unwrap();
        assert_eq!(acme.find_account(mine.id).await.unwrap(), Some(mine));
        assert!(acme.remove_key("kid", NOW).await.unwrap());
        assert!(!acme.remove_key("kid", NOW).await.unwrap());
        assert_eq!(acme.find_key("kid").await.unwrap().unwrap().removed_at, Some(NOW));
        assert_eq!(acme.keys().await.unwrap(), []);
    }
}

#[tokio::test]
async fn orders_are_read_in_every_state_as_they_were_written() {
    for mut transaction in transactions().await {
        let acme = &mut transaction.acme();
        let mut it = order(20);
        acme.add_order(&it, NOW).await.unwrap();
        let problem = Problem::new(ProblemType::BadCsr, "no");
        for state in [
            OrderState::Pending,
            OrderState::Ready,
            OrderState::Processing { request: vec![1, 2] },
            OrderState::Invalid { problem },
            OrderState::Valid { serial: "0a".to_owned() },
        ] {
            it.state = state;
            acme.update_order(&it).await.unwrap();
            assert_eq!(acme.find_order(it.id).await.unwrap(), Some(it.clone()));
        }
        assert_eq!(acme.find_order_of("0a").await.unwrap(), Some(it.clone()));
        assert_eq!(acme.find_order_of("0b").await.unwrap(), None);
        assert_eq!(acme.orders_of(it.account, None, 10).await.unwrap(), [it.id]);
        assert_eq!(acme.orders_of(it.account, Some(it.id), 10).await.unwrap(), []);
        assert_eq!(acme.open_orders(it.account, NOW).await.unwrap(), 0);
        let replaced = it.replaces.clone().unwrap();
        assert!(acme.is_replaced(&replaced, NOW).await.unwrap());
        assert!(!acme.is_replaced(&"AA.AA".parse().unwrap(), NOW).await.unwrap());
        acme.add_order(&order(21), NOW).await.unwrap();
        assert_eq!(acme.open_orders(it.account, NOW).await.unwrap(), 1);
        assert_eq!(acme.open_orders(it.account, NOW + 2.hours()).await.unwrap(), 0);

        assert_eq!(acme.chain(it.id).await.unwrap(), None);
        acme.keep_chain(it.id, "PEM").await.unwrap();
        assert_eq!(acme.chain(it.id).await.unwrap().as_deref(), Some("PEM"));
        assert!(acme.claim_order(it.id, NOW, NOW + 30.seconds()).await.unwrap());
        assert!(!acme.claim_order(it.id, NOW, NOW + 30.seconds()).await.unwrap());
        acme.release_order(it.id, NOW).await.unwrap();
        assert!(acme.claim_order(it.id, NOW, NOW + 30.seconds()).await.unwrap());
        acme.add_authorization(&authorization(30)).await.unwrap();
        assert_eq!(acme.purge_orders(NOW).await.unwrap(), 0);
        assert_eq!(acme.purge_orders(NOW + 2.hours()).await.unwrap(), 2);
        assert_eq!(acme.find_authorization(uuid(30).into()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn authorizations_are_read_in_every_state_and_taken_once_when_due() {
    for mut transaction in transactions().await {
        let acme = &mut transaction.acme();
        acme.add_order(&order(20), NOW).await.unwrap();
        let mut it = authorization(30);
        acme.add_authorization(&it).await.unwrap();
        let kind = ChallengeKind::Dns01;
        let problem = Problem::new(ProblemType::Dns, "no").about(it.identifier.clone());
        for state in [
            AuthorizationState::Pending,
            AuthorizationState::Processing { kind, tries: 3 },
            AuthorizationState::Valid { kind, at: NOW, attested: None },
            AuthorizationState::Valid { kind, at: NOW, attested: Some(vec![1]) },
            AuthorizationState::Invalid { kind, problem },
            AuthorizationState::Deactivated,
        ] {
            it.state = state;
            acme.update_authorization(&it, None).await.unwrap();
            assert_eq!(acme.find_authorization(it.id).await.unwrap(), Some(it.clone()));
        }
        assert_eq!(acme.authorizations_of(it.order).await.unwrap(), [it.clone()]);
        assert_eq!(acme.due_challenges(NOW, 10).await.unwrap(), []);
        it.state = AuthorizationState::Processing { kind, tries: 0 };
        acme.update_authorization(&it, Some(NOW)).await.unwrap();
        let due = DueChallenge { authorization: it.id, device: uuid(1).into() };
        assert_eq!(acme.due_challenges(NOW, 10).await.unwrap(), [due]);
        assert!(acme.take_challenge(it.id, NOW, NOW + 30.seconds()).await.unwrap());
        assert!(!acme.take_challenge(it.id, NOW, NOW + 30.seconds()).await.unwrap());
        assert_eq!(acme.due_challenges(NOW, 10).await.unwrap(), []);
    }
}
