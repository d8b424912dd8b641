//! `sign_ons`, `interactions`, `credentials` and `ceremonies` on both databases.
use imp_identity::InteractionId;
use imp_identity::authentication::{Aal, Authentication, Method, SignInRefusal};
use imp_identity::credential::{Credential, CredentialKind};
use imp_identity::sign_on::{Establishment, Requirements, SignOnPolicy};
use imp_identity::user::Role;
use imp_storage::testing;
use jiff::{SignedDuration, ToSpan as _};

use super::*;
use crate::store::{
    Ceremony, CeremonyKind, Interaction, InteractionFailure, MIGRATIONS, PhoneSignIn, Tables as _,
};

const NOW: Timestamp = Timestamp::constant(1_700_000_000, 123_456_000);

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn ada() -> User {
    let (name, label) = ("ada".parse().unwrap(), "Ada".parse().unwrap());
    User::create(UserId::from(uuid(1)), name, label, Role::Staff, None).0
}

async fn transactions() -> Vec<Transaction> {
    let mut transactions = vec![];
    for storage in testing::both(&MIGRATIONS).await {
        let mut transaction = storage.begin().await.unwrap();
        transaction.users().add(&ada()).await.unwrap();
        transactions.push(transaction);
    }
    transactions
}

fn authentication() -> Authentication {
    let methods = vec![Method::SoftwareKey, Method::Pin];
    Authentication::new(NOW, methods, Aal::Aal2).resisting_phishing()
}

fn sign_on(n: u128, at: Timestamp) -> SignOn {
    let by = Establishment {
        user: ada().id,
        desktop: None,
        credential: Some(CredentialId::from(uuid(9))),
        authentication: authentication(),
    };
    SignOn::establish(SignOnId::from(uuid(n)), by, &SignOnPolicy::default(), at).0
}

fn cookie(text: &str) -> Digest {
    Digest::of(&[text.as_bytes()])
}

#[tokio::test]
async fn sign_ons_are_found_by_their_cookie_and_end_once() {
    for mut transaction in transactions().await {
        let opened = sign_on(2, NOW);
        transaction.sign_ons().add(&opened, cookie("a")).await.unwrap();
        let found = transaction.sign_ons().find_by_cookie(cookie("a")).await.unwrap();
        assert_eq!(found, Some((opened.clone(), ada())));
        transaction.sign_ons().set_cookie(opened.id, cookie("b")).await.unwrap();
        assert_eq!(transaction.sign_ons().find_by_cookie(cookie("a")).await.unwrap(), None);
        let key = CredentialId::from(uuid(9));
        let by_credential = transaction.sign_ons().open_of_credential(key).await.unwrap();
        assert_eq!(by_credential, std::slice::from_ref(&opened));
        let (ended, _) = opened.end(SignOnEnd::SignedOut, NOW + 1.minute()).unwrap();
        transaction.sign_ons().update(&ended).await.unwrap();
        assert_eq!(transaction.sign_ons().find(ended.id).await.unwrap(), Some(ended));
        assert_eq!(transaction.sign_ons().open_of_user(ada().id).await.unwrap(), []);
        let another = sign_on(3, NOW);
        let same = transaction.sign_ons().add(&another, cookie("b")).await.unwrap_err();
        assert!(same.is_unique_violation());
    }
}

#[tokio::test]
async fn limits_and_idleness_are_looked_for() {
    for mut transaction in transactions().await {
        transaction.sign_ons().add(&sign_on(2, NOW), cookie("a")).await.unwrap();
        let later = sign_on(3, NOW + 2.hours());
        transaction.sign_ons().add(&later, cookie("b")).await.unwrap();
        let idle =
            transaction.sign_ons().expired(NOW + 3.hours(), NOW + 1.hour(), 9).await.unwrap();
        assert_eq!(idle.iter().map(|one| one.id).collect::<Vec<_>>(), [sign_on(2, NOW).id]);
        let over = transaction.sign_ons().expired(NOW + 14.hours(), NOW, 9).await.unwrap();
        assert_eq!(over.len(), 2);
        let (ended, _) = later.end(SignOnEnd::Expired, NOW + 14.hours()).unwrap();
        transaction.sign_ons().update(&ended).await.unwrap();
        assert_eq!(transaction.sign_ons().purge(NOW + 14.hours()).await.unwrap(), 0);
        assert_eq!(transaction.sign_ons().purge(NOW + 15.hours()).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn interactions_are_read_as_they_were_written_and_taken_once() {
    for mut transaction in transactions().await {
        let mut asked = Interaction {
            id: InteractionId::from(uuid(5)),
            binding: cookie("binding"),
            continue_at: "/oauth/continue".to_owned(),
            request: "{\"client\":\"é\"}".to_owned(),
            requirements: Requirements {
                aal: Some(Aal::Aal3),
                phishing_resistant: true,
                max_age: Some(SignedDuration::from_mins(5)),
                force: true,
                hint: Some("ada".parse().unwrap()),
                consent: Some(vec!["Your name".to_owned()]),
                client_name: "Charts".parse().unwrap(),
            },
            asked_at: NOW,
            expires_at: NOW + 10.minutes(),
            sign_on: None,
            consented: false,
            failure: None,
            workstation: None,
        };
        transaction.interactions().add(&asked).await.unwrap();
        asked.sign_on = Some(SignOnId::from(uuid(2)));
        asked.consented = true;
        asked.failure = Some(InteractionFailure::Declined);
        transaction.interactions().update(&asked).await.unwrap();
        let found = transaction.interactions().find(asked.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&asked));
        for place in [uuid(70), uuid(71)] {
            transaction.interactions().place(asked.id, place.into()).await.unwrap();
        }
        asked.workstation = Some(uuid(70).into());
        let found = transaction.interactions().find(asked.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&asked), "the first word counts");
        assert_eq!(transaction.interactions().purge(NOW).await.unwrap(), 0);
        assert_eq!(transaction.interactions().take(asked.id).await.unwrap(), Some(asked.clone()));
        assert_eq!(transaction.interactions().take(asked.id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn credentials_are_read_as_they_were_written() {
    for mut transaction in transactions().await {
        let mut key = Credential {
            id: CredentialId::from(uuid(9)),
            user: ada().id,
            handle: vec![1, 2, 3],
            name: "Blue key".parse().unwrap(),
            kind: CredentialKind::SecurityKey,
            aaguid: Some(uuid(77)),
            attested: true,
            public_part: "{}".to_owned(),
            registered_at: NOW,
            used_at: None,
        };
        transaction.credentials().add(&key).await.unwrap();
        key.used_at = Some(NOW + 1.minute());
        key.name = "Green key".parse().unwrap();
        key.public_part = "{\"counter\":1}".to_owned();
        transaction.credentials().update(&key).await.unwrap();
        let found = transaction.credentials().find_by_handle(&[1, 2, 3]).await.unwrap();
        assert_eq!(found.as_ref(), Some(&key));
        assert_eq!(transaction.credentials().find(key.id).await.unwrap().as_ref(), Some(&key));
        assert_eq!(transaction.credentials().of_user(key.user).await.unwrap(), [key.clone()]);
        assert!(transaction.credentials().remove(key.id).await.unwrap());
        assert!(!transaction.credentials().remove(key.id).await.unwrap());
        transaction.credentials().add(&key).await.unwrap();
        let again = Credential { id: CredentialId::from(uuid(10)), ..key };
        let taken = transaction.credentials().add(&again).await.unwrap_err();
        assert!(taken.is_unique_violation(), "a handle is registered once, for whomever");
    }
}

#[tokio::test]
async fn questions_are_answered_once() {
    for mut transaction in transactions().await {
        let ceremony = Ceremony {
            id: uuid(11),
            kind: CeremonyKind::Authentication,
            interaction: Some(InteractionId::from(uuid(5))),
            user: None,
            workstation: None,
            state: "{}".to_owned(),
            expires_at: NOW + 5.minutes(),
        };
        transaction.ceremonies().add(&ceremony).await.unwrap();
        assert_eq!(transaction.ceremonies().take(uuid(11)).await.unwrap(), Some(ceremony));
        assert_eq!(transaction.ceremonies().take(uuid(11)).await.unwrap(), None);

        let mut waiting = PhoneSignIn {
            id: uuid(12),
            interaction: InteractionId::from(uuid(5)),
            nonce: [7; 32],
            number: 42,
            expires_at: NOW + 3.minutes(),
            user: None,
            authentication: None,
            refusal: None,
        };
        transaction.ceremonies().add_phone(&waiting).await.unwrap();
        waiting.user = Some(ada().id);
        waiting.authentication = Some(authentication());
        waiting.refusal = Some(SignInRefusal::OtherBrowser);
        transaction.ceremonies().answer_phone(&waiting).await.unwrap();
        assert_eq!(
            transaction.ceremonies().find_phone(uuid(12)).await.unwrap(),
            Some(waiting.clone())
        );
        let newer = PhoneSignIn {
            id: uuid(13),
            user: None,
            authentication: None,
            refusal: None,
            ..waiting
        };
        transaction.ceremonies().add_phone(&newer).await.unwrap();
        assert_eq!(
            transaction.ceremonies().find_phone(uuid(12)).await.unwrap(),
            None,
            "the newer one counts"
        );
        let found = transaction.ceremonies().phone_of_interaction(newer.interaction).await.unwrap();
        assert_eq!(found, Some(newer));
        assert_eq!(transaction.ceremonies().purge(NOW + 3.minutes()).await.unwrap(), 1);
    }
}
