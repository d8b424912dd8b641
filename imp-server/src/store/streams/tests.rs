use imp_identity::event::{Delivery, StreamStatus};
use imp_identity::{Digest, ReceiverId, StreamId};
use imp_storage::testing;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::store::{MIGRATIONS, Tables as _};
use crate::stream::{Form, Receiver};

const NOW: Timestamp = Timestamp::constant(1_700_000_000, 123_456_000);

fn receiver() -> Receiver {
    Receiver {
        id: ReceiverId::from(Uuid::from_u128(1)),
        name: "SIEM".parse().unwrap(),
        audience: "https://siem.example".to_owned(),
        kinds: Kind::list("tap-refused,user-disabled").unwrap(),
        admitted_at: NOW,
    }
}

fn stream(n: u128, receiver: Option<ReceiverId>) -> StoredStream {
    let stream = Stream {
        id: StreamId::from(Uuid::from_u128(n)),
        name: format!("stream {n}").parse().unwrap(),
        receiver,
        delivery: Delivery::Poll,
        kinds: Kind::list("tap-refused").unwrap(),
        form: Form::Set,
        audience: "https://siem.example".to_owned(),
        description: Some("for the SIEM".to_owned()),
        status: StreamStatus::Enabled,
        reason: None,
        revision: 0,
        created_at: NOW,
    };
    StoredStream { stream, settings: vec![1, 2, 3] }
}

#[tokio::test]
async fn streams_and_receivers_are_read_as_they_were_written() {
    for storage in testing::both(&MIGRATIONS).await {
        let mut transaction = storage.begin().await.unwrap();
        let receiver = receiver();
        let token = Digest::of(&[b"token"]);
        transaction.receivers().add(&receiver, token).await.unwrap();
        assert_eq!(transaction.receivers().of_token(token).await.unwrap(), Some(receiver.clone()));
        assert_eq!(transaction.receivers().of_token(Digest::of(&[])).await.unwrap(), None);
        let mut theirs = stream(2, Some(receiver.id));
        let ours = stream(3, None);
        for stored in [&ours, &theirs] {
            transaction.streams().add(stored).await.unwrap();
        }
        let all = transaction.streams().all().await.unwrap();
        let all: Vec<_> = all.into_iter().map(|stored| stored.stream).collect();
        assert_eq!(all, [theirs.stream.clone(), ours.stream.clone()]);
        theirs.stream.status = StreamStatus::Paused;
        theirs.stream.reason = Some("moving house".parse().unwrap());
        theirs.stream.kinds = vec![];
        theirs.stream.revision = 1;
        theirs.settings = vec![4];
        transaction.streams().update(&theirs).await.unwrap();
        let found = transaction.streams().of_receiver(receiver.id).await.unwrap().remove(0);
        assert_eq!((found.stream, found.settings), (theirs.stream, vec![4]));
        let name = &ours.stream.name;
        let found = transaction.streams().find_name(name).await.unwrap().unwrap();
        assert_eq!(
            (found.stream.id, transaction.streams().count().await.unwrap()),
            (ours.stream.id, 2)
        );
        transaction.streams().delete(ours.stream.id).await.unwrap();
        assert!(transaction.streams().find(ours.stream.id).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn acknowledgements_and_messages_belong_to_their_stream() {
    for storage in testing::both(&MIGRATIONS).await {
        let mut transaction = storage.begin().await.unwrap();
        let (one, other) = (stream(2, None), stream(3, None));
        for stored in [&one, &other] {
            transaction.streams().add(stored).await.unwrap();
        }
        let (one, other) = (one.stream.id, other.stream.id);
        for (stream, index) in [(one, 7), (one, 5), (one, 7), (other, 6)] {
            transaction.streams().acknowledge(stream, index).await.unwrap();
        }
        assert_eq!(transaction.streams().acknowledged(one, 0).await.unwrap(), [5, 7]);
        transaction.streams().forget_acknowledged(one, 0..7).await.unwrap();
        assert_eq!(transaction.streams().acknowledged(one, 0).await.unwrap(), [7]);
        assert_eq!(transaction.streams().acknowledged(other, 7).await.unwrap(), Vec::<u64>::new());
        let message = Message {
            id: Uuid::from_u128(9),
            uri: "urn:x".to_owned(),
            payload: json!({ "state": "é" }),
        };
        let stored = StoredMessage { message, stream: one, made_at: NOW };
        transaction.streams().add_message(&stored).await.unwrap();
        assert_eq!(
            transaction.streams().messages(one).await.unwrap(),
            std::slice::from_ref(&stored)
        );
        assert!(!transaction.streams().delete_message(other, stored.message.id).await.unwrap());
        assert!(transaction.streams().delete_message(one, stored.message.id).await.unwrap());
        assert_eq!(transaction.streams().messages(one).await.unwrap(), []);
        // A stream takes with it what it kept.
        transaction.streams().add_message(&stored).await.unwrap();
        transaction.streams().delete(one).await.unwrap();
        assert_eq!(transaction.streams().messages(one).await.unwrap(), []);
    }
}
