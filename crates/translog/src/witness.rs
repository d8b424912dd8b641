//! A witness: it remembers the largest checkpoint of each log, and cosigns only what continues it (C2SP tlog-witness). It
//! decides; whoever runs it keeps its memory on disk before an answer leaves.
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use data_encoding::HEXLOWER;

use crate::checkpoint::{Checkpoint, InvalidCheckpoint, parse_size};
use crate::cosignature::WitnessKey;
use crate::hash::sha256;
use crate::key::VerifierKey;
use crate::note::{NoteError, SignError, Signature, SignedNote, parse_signatures};
use crate::proof::{ConsistencyProof, ProofError};

/// The most hashes of a proof in a request.
const MAX_PROOF: usize = 63;

/// The body of `add-checkpoint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size of the checkpoint that the witness cosigned last.
    pub old_size: u64,
    /// From that size to the checkpoint's.
    pub proof: ConsistencyProof,
    /// The checkpoint that the log signed.
    pub note: SignedNote,
}

/// The body is not that of `add-checkpoint`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// The lines before the checkpoint.
    #[error(
        "the line with the old size, at most 63 lines of proof, and an empty line are expected"
    )]
    Head,
    /// The checkpoint.
    #[error("the request carries no signed checkpoint")]
    Note(#[from] NoteError),
}

/// Why a witness does not cosign.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What is signed is no checkpoint.
    #[error("what the log signed is not a checkpoint")]
    Malformed(#[from] InvalidCheckpoint),
    /// The old size is larger than the checkpoint's.
    #[error("the old size is larger than that of the checkpoint")]
    OldSize,
    /// A log that this witness does not watch.
    #[error("this witness does not watch the log {0}")]
    UnknownLog(String),
    /// No signature of the log, or a bad one.
    #[error("the checkpoint is not signed by the log")]
    Untrusted(#[source] NoteError),
    /// The old size is not that of the latest checkpoint that was cosigned.
    #[error("the latest checkpoint that was cosigned has {latest} entries")]
    Conflict {
        /// Its size.
        latest: u64,
    },
    /// The checkpoint does not continue the latest one: the log shows different histories to different people.
    #[error("the checkpoint does not continue the latest one that was cosigned")]
    Inconsistent(#[source] ProofError),
    /// The witness's own key failed.
    #[error("the checkpoint could not be cosigned")]
    Key(#[from] SignError),
}

impl Refusal {
    /// The HTTP status that the protocol gives it.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::OldSize => 400,
            Self::UnknownLog(_) => 404,
            Self::Untrusted(_) => 403,
            Self::Conflict { .. } => 409,
            Self::Inconsistent(_) => 422,
            Self::Key(_) => 500,
        }
    }
}

/// A witness, with what it remembers.
#[derive(Debug)]
pub struct Witness {
    key: WitnessKey,
    logs: Vec<VerifierKey>,
    latest: BTreeMap<String, Cosigned>,
}

/// A checkpoint that the witness cosigned, or is about to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    checkpoint: Checkpoint,
    note: SignedNote,
    cosignature: Signature,
}

/// What was kept is not a checkpoint that this witness cosigned.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// No note, or not one that the witness and a log that it watches signed.
    #[error("the checkpoint that was kept is not signed by the witness and the log")]
    Note(#[from] NoteError),
    /// The witness signed something else.
    #[error("what was kept is not a checkpoint")]
    Checkpoint(#[from] InvalidCheckpoint),
    /// One of the two signatures is missing.
    #[error("the checkpoint that was kept lacks the signature of the witness or of the log")]
    Unsigned,
}

impl Witness {
    /// A witness of these logs that has seen nothing yet. The name of a log's key is its origin; a log may have several keys.
    pub const fn new(key: WitnessKey, logs: Vec<VerifierKey>) -> Self {
        Self { key, logs, latest: BTreeMap::new() }
    }

    /// The key that checks its cosignatures.
    pub const fn verifier_key(&self) -> &VerifierKey {
        self.key.verifier_key()
    }

    /// Takes back what [`Cosigned::note`] gave before a restart.
    pub fn restore(&mut self, kept: &str) -> Result<(), RestoreError> {
        let note: SignedNote = kept.parse()?;
        let checkpoint: Checkpoint = note.text.parse()?;
        note.verify(std::slice::from_ref(self.verifier_key()))?;
        note.verify(&self.keys_of(&checkpoint.origin))?;
        let ours = |signature: &&Signature| signature.is_of(self.verifier_key());
        let cosignature = note.signatures.iter().find(ours).cloned();
        let cosignature = cosignature.ok_or(RestoreError::Unsigned)?;
        self.remember(Cosigned { checkpoint, note, cosignature });
        Ok(())
    }

    /// Decides about a checkpoint, and changes nothing: the answer is first kept on disk, then given to
    /// [`Witness::remember`], then its cosignature leaves. `now` is POSIX time in seconds.
    pub fn consider(&self, request: &AddCheckpoint, now: u64) -> Result<Cosigned, Refusal> {
        let checkpoint: Checkpoint = request.note.text.parse()?;
        let keys = self.keys_of(&checkpoint.origin);
        if keys.is_empty() {
            return Err(Refusal::UnknownLog(checkpoint.origin));
        }
        request.note.verify(&keys).map_err(Refusal::Untrusted)?;
        if request.old_size > checkpoint.size {
            return Err(Refusal::OldSize);
        }
        self.check_history(request, &checkpoint)?;

        let cosignature = self.key.cosign(&request.note.text, now)?;
        let by_log = |signature: &&Signature| keys.iter().any(|key| signature.is_of(key));
        let mut signatures: Vec<_> =
            request.note.signatures.iter().filter(by_log).cloned().collect();
        signatures.push(cosignature.clone());
        let note = SignedNote { text: request.note.text.clone(), signatures };
        Ok(Cosigned { checkpoint, note, cosignature })
    }

    /// Continues from a checkpoint that was kept on disk; a smaller one than the latest is forgotten.
    pub fn remember(&mut self, cosigned: Cosigned) {
        let origin = &cosigned.checkpoint.origin;
        let known = self.latest.get(origin).map_or(0, |known| known.checkpoint.size);
        if cosigned.checkpoint.size >= known {
            self.latest.insert(origin.clone(), cosigned);
        }
    }

    /// The latest checkpoint of a log that was cosigned.
    pub fn latest(&self, origin: &str) -> Option<&Cosigned> {
        self.latest.get(origin)
    }

    /// The same, by the [`origin_hash`] of the log.
    pub fn latest_by_hash(&self, hash: &str) -> Option<&Cosigned> {
        self.latest.iter().find(|(origin, _)| origin_hash(origin) == hash).map(|(_, known)| known)
    }

    fn keys_of(&self, origin: &str) -> Vec<VerifierKey> {
        self.logs.iter().filter(|key| key.name() == origin).cloned().collect()
    }

    fn check_history(&self, request: &AddCheckpoint, new: &Checkpoint) -> Result<(), Refusal> {
        let known = self.latest.get(&new.origin).map(|known| &known.checkpoint);
        let (size, root) = known.map_or((0, crate::EMPTY_ROOT), |known| (known.size, known.root));
        if request.old_size != size {
            return Err(Refusal::Conflict { latest: size });
        }
        request.proof.verify(size, root, new.size, new.root).map_err(Refusal::Inconsistent)
    }
}

impl Cosigned {
    /// The checkpoint.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The checkpoint under the signatures of the log and of the witness: what is kept and shown.
    pub const fn note(&self) -> &SignedNote {
        &self.note
    }

    /// The witness's signature: its answer.
    pub const fn cosignature(&self) -> &Signature {
        &self.cosignature
    }
}

/// The name under which a witness shows its latest checkpoint of a log: SHA-256 of the origin, in hexadecimal.
pub fn origin_hash(origin: &str) -> String {
    HEXLOWER.encode(&sha256(&[origin.as_bytes()]).0)
}

/// The cosignatures in a witness's answer that this key of its made over the checkpoint; signatures of other keys are ignored.
pub fn open_answer(
    answer: &str,
    checkpoint: &str,
    witness: &VerifierKey,
) -> Result<Signature, NoteError> {
    let signatures = parse_signatures(answer)?;
    let note = SignedNote { text: checkpoint.to_owned(), signatures };
    note.verify(std::slice::from_ref(witness))?;
    let theirs = note.signatures.into_iter().find(|signature| signature.is_of(witness));
    theirs.ok_or(NoteError::NoTrustedSignature)
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        self.proof.0.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        f.write_char('\n')?;
        self.note.fmt(f)
    }
}

impl FromStr for AddCheckpoint {
    type Err = InvalidRequest;

    fn from_str(body: &str) -> Result<Self, InvalidRequest> {
        let (head, note) = body.split_once("\n\n").ok_or(InvalidRequest::Head)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old "));
        let old_size = old.and_then(parse_size).ok_or(InvalidRequest::Head)?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == MAX_PROOF {
                return Err(InvalidRequest::Head);
            }
            proof.push(line.parse().map_err(|_| InvalidRequest::Head)?);
        }
        Ok(Self { old_size, proof: ConsistencyProof(proof), note: note.parse()? })
    }
}

#[cfg(test)]
#[path = "witness_tests.rs"]
mod tests;
