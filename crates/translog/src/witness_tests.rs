use super::*;
use crate::checkpoint::sign_checkpoint;
use crate::tree_tests::Log;
use crate::{EMPTY_ROOT, Hash, LogKey, consistency_plan};

const ORIGIN: &str = "ward.example/log";
const NOW: u64 = 1_700_000_000;

struct World {
    log: Log,
    key: LogKey,
    witness: Witness,
}

impl World {
    fn sized(size: u64) -> Self {
        let key = LogKey::generate(ORIGIN).unwrap();
        let cosigner = WitnessKey::generate("witness.example/w1").unwrap();
        let witness = Witness::new(cosigner, vec![key.verifier_key().clone()]);
        Self { log: Log::sized(size), key, witness }
    }

    fn note(&self, size: u64, root: Hash) -> SignedNote {
        let origin = ORIGIN.to_owned();
        let checkpoint = Checkpoint { origin, size, root, extensions: Vec::new() };
        sign_checkpoint(&checkpoint, &self.key).unwrap()
    }

    fn request(&self, old_size: u64, size: u64) -> AddCheckpoint {
        let proof = consistency_plan(old_size.min(size), size).unwrap();
        let proof = proof.consistency(&self.log.tiles).unwrap();
        let root = self.log.roots[usize::try_from(size).unwrap()];
        AddCheckpoint { old_size, proof, note: self.note(size, root) }
    }

    fn cosign(&mut self, old_size: u64, size: u64) -> Result<Cosigned, Refusal> {
        let cosigned = self.witness.consider(&self.request(old_size, size), NOW)?;
        self.witness.remember(cosigned.clone());
        Ok(cosigned)
    }
}

#[test]
fn a_log_that_grows_is_cosigned() {
    let mut world = World::sized(300);
    for (old, new) in [(0, 7), (7, 7), (7, 256), (256, 300)] {
        let cosigned = world.cosign(old, new).unwrap();
        assert_eq!(cosigned.checkpoint().size, new);
        let answer = cosigned.cosignature().to_string();
        let text = &cosigned.note().text;
        let opened = open_answer(&answer, text, world.witness.verifier_key());
        assert_eq!(opened.as_ref(), Ok(cosigned.cosignature()));
        let keys = [world.key.verifier_key().clone(), world.witness.verifier_key().clone()];
        let times: Vec<_> =
            cosigned.note().verify(&keys).unwrap().iter().map(|by| by.time).collect();
        assert_eq!(times, [None, Some(NOW)]);
    }
}

#[test]
fn a_log_that_forgot_is_told_what_the_witness_knows() {
    let mut world = World::sized(20);
    world.cosign(0, 10).unwrap();
    for (old, new) in [(0, 20), (9, 20), (11, 20), (0, 5), (5, 5)] {
        assert_eq!(world.cosign(old, new), Err(Refusal::Conflict { latest: 10 }));
    }
    assert_eq!(world.cosign(10, 9), Err(Refusal::OldSize));
}

#[test]
fn a_split_view_is_refused() {
    let mut world = World::sized(20);
    world.cosign(0, 10).unwrap();
    let same_size = world.note(10, Hash([1; 32]));
    let request =
        AddCheckpoint { old_size: 10, proof: ConsistencyProof::default(), note: same_size };
    let refused = Refusal::Inconsistent(ProofError::Root);
    assert_eq!(world.witness.consider(&request, NOW), Err(refused));

    let mut rewritten = Log::of((0..20_u64).map(|index| vec![u8::from(index == 3)]));
    std::mem::swap(&mut world.log, &mut rewritten);
    let refused = world.cosign(10, 20).unwrap_err();
    assert_eq!(refused, Refusal::Inconsistent(ProofError::OldRoot));
    assert_eq!(refused.status(), 422);
}

#[test]
fn a_proof_that_should_be_empty_is_not_ignored() {
    let world = World::sized(20);
    let mut request = world.request(0, 20);
    request.proof.0.push(EMPTY_ROOT);
    let refused = Refusal::Inconsistent(ProofError::Length);
    assert_eq!(world.witness.consider(&request, NOW), Err(refused));
}

#[test]
fn strangers_are_refused() {
    let mut world = World::sized(20);
    let mut request = world.request(0, 20);
    request.note.signatures[0].bytes[0] ^= 1;
    assert_eq!(world.witness.consider(&request, NOW).unwrap_err().status(), 403);
    request.note.signatures[0].key_id ^= 1;
    assert_eq!(world.witness.consider(&request, NOW).unwrap_err().status(), 403);

    world.witness.logs.clear();
    let unknown = Refusal::UnknownLog(ORIGIN.into());
    assert_eq!(world.cosign(0, 20), Err(unknown));
}

#[test]
fn what_was_cosigned_is_remembered_over_a_restart() {
    let mut world = World::sized(20);
    let kept = world.cosign(0, 10).unwrap().note().to_string();
    world.witness.latest.clear();
    world.witness.restore(&kept).unwrap();
    assert_eq!(world.cosign(0, 20), Err(Refusal::Conflict { latest: 10 }));
    assert!(world.witness.latest_by_hash(&origin_hash(ORIGIN)).is_some());

    for position in 0..kept.len() {
        let mut changed = kept.clone().into_bytes();
        changed[position] ^= 1;
        if let Ok(changed) = String::from_utf8(changed) {
            assert!(world.witness.restore(&changed).is_err(), "{changed}");
        }
    }
}

#[test]
fn requests_are_read_as_they_are_written() {
    let world = World::sized(300);
    let request = world.request(7, 300);
    assert_eq!(request.to_string().parse(), Ok(request.clone()));
    let text = request.to_string();
    let many = text.replace("old 7\n", &format!("old 7\n{}", format!("{EMPTY_ROOT}\n").repeat(63)));
    for bad in ["", "old 7", "\n\n", "old 07\n\n", "old 7\nx\n\n", "new 7\n\n", &many] {
        assert_eq!(bad.parse::<AddCheckpoint>(), Err(InvalidRequest::Head), "{bad}");
    }
    let cut = text.split_once("\n\n").unwrap().0.to_owned() + "\n\n";
    assert_eq!(cut.parse::<AddCheckpoint>(), Err(InvalidRequest::Note(NoteError::Malformed)));
}
