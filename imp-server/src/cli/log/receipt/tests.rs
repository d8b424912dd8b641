use imp_api::Base64;
use imp_translog::{CompactRange, LogKey, commitment, sign_checkpoint};

use super::*;

fn proof(key: &LogKey, record: &str) -> EventProof {
    let commitment = commitment(&[7; 32], record);
    let mut edge = CompactRange::new();
    edge.push(leaf_hash(b"before"), &mut |_| ());
    let proof = edge.proof_of_next();
    edge.push(leaf_hash(&commitment), &mut |_| ());
    let origin = key.verifier_key().name().to_owned();
    let checkpoint = Checkpoint { origin, size: 2, root: edge.root(), extensions: vec![] };
    EventProof {
        record: Some(record.to_owned()),
        salt: Some(Base64(vec![7; 32])),
        commitment: Base64(commitment.to_vec()),
        index: 1,
        proof: proof.0.iter().map(|hash| Base64(hash.0.to_vec())).collect(),
        checkpoint: sign_checkpoint(&checkpoint, key).unwrap().to_string(),
    }
}

fn said(file: &impl serde::Serialize, key: &LogKey) -> Result<Vec<String>, String> {
    let bytes = serde_json::to_vec(file).unwrap();
    check(&bytes, key.verifier_key()).map_err(|failure| failure.to_string())
}

fn record() -> String {
    let id = imp_identity::EventId::from(uuid::Uuid::from_u128(1));
    let user = imp_identity::UserId::from(uuid::Uuid::from_u128(7));
    let (at, actor) = (jiff::Timestamp::UNIX_EPOCH, imp_identity::Actor::Server);
    let event = imp_identity::Event::UserDisabled { user };
    serde_json::to_string(&Record { id, at, actor, event }).unwrap()
}

#[test]
fn a_genuine_proof_says_what_it_proves() {
    let key = LogKey::generate("ward.example/log").unwrap();
    let proof = proof(&key, &record());
    let sentence = "entry 1 of the log ward.example/log is user-disabled at 1970-01-01T00:00:00Z: proved in its first 2 entries";
    assert_eq!(said(&proof, &key).unwrap(), [sentence]);
    assert_eq!(said(&vec![proof.clone(), proof.clone()], &key).unwrap().len(), 2);
    assert_eq!(said(&serde_json::json!({"proofs": [proof]}), &key).unwrap().len(), 1);
}

#[test]
fn an_erased_record_is_proved_by_its_commitment() {
    let key = LogKey::generate("ward.example/log").unwrap();
    let proof = EventProof { record: None, salt: None, ..proof(&key, &record()) };
    assert!(said(&proof, &key).unwrap()[0].contains("a record that was erased"));
}

#[test]
fn whatever_is_changed_proves_nothing() {
    let key = LogKey::generate("ward.example/log").unwrap();
    let genuine = proof(&key, &record());
    let changes: [fn(&mut EventProof); 8] = [
        |proof| proof.index = 0,
        |proof| proof.salt = None,
        |proof| proof.salt.as_mut().unwrap().0[0] ^= 1,
        |proof| proof.record = proof.record.take().map(|text| text.replace('7', "8")),
        |proof| proof.commitment.0[0] ^= 1,
        |proof| proof.proof.clear(),
        |proof| proof.proof[0].0.truncate(31),
        |proof| proof.checkpoint = proof.checkpoint.replace("\n2\n", "\n3\n"),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut proof = genuine.clone();
        change(&mut proof);
        assert!(said(&proof, &key).is_err(), "change {number}");
    }
    let stranger = LogKey::generate("ward.example/log").unwrap();
    assert!(said(&genuine, &stranger).is_err());
    assert!(said(&Vec::<EventProof>::new(), &key).is_err());
    assert!(check(b"nonsense", key.verifier_key()).is_err());
}
