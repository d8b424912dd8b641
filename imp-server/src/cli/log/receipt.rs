//! `log verify-receipt`
use std::path::PathBuf;

use clap::Args;
use imp_api::audit::EventProof;
use imp_authenticator::UnverifiedReceipt;
use imp_identity::Record;
use imp_translog::{
    Checkpoint, Evidence, Hash, InclusionProof, VerifierKey, leaf_hash, open_checkpoint,
};
use serde::Deserialize;

use crate::cli::output::{self, Failure, failure};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Which receipt.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// A receipt as a phone keeps it (COSE), or proofs in JSON: one, several in an array, or the file of a case.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The log's public key, as `imp-server log key` prints it.
    #[arg(long, value_name = "VKEY")]
    key: VerifierKey,
}

/// What a file of JSON may hold.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Proofs {
    One(Box<EventProof>),
    Several(Vec<EventProof>),
    Case { proofs: Vec<EventProof> },
}

/// Checks every proof in the file, and says what each proves.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let bytes = read(arguments)?;
    for line in check(&bytes, &arguments.key)? {
        output::line(line)?;
    }
    Ok(())
}

fn read(arguments: &Arguments) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(&arguments.file)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= LARGEST);
    if fits { Ok(bytes) } else { Err(failure("the file is larger than 64 MiB")) }
}

/// A sentence for each proof; a failure at the first that proves nothing.
fn check(bytes: &[u8], key: &VerifierKey) -> Result<Vec<String>, Failure> {
    if let Ok(receipt) = UnverifiedReceipt::parse(bytes) {
        let receipt = receipt.claims();
        let (salt, proof) = (&receipt.salt, receipt.proof.as_slice());
        let (index, checkpoint) = (receipt.index, receipt.checkpoint.as_str());
        let evidence = Evidence { index, record: &receipt.record, salt, proof, checkpoint };
        let checkpoint = evidence.verify(std::slice::from_ref(key))?;
        return Ok(vec![sentence(index, Some(&receipt.record), &checkpoint)?]);
    }
    let proofs: Proofs = serde_json::from_slice(bytes)
        .map_err(|error| failure(format!("neither a receipt nor proofs in JSON: {error}")))?;
    let proofs = match proofs {
        Proofs::One(proof) => vec![*proof],
        Proofs::Several(proofs) | Proofs::Case { proofs } => proofs,
    };
    if proofs.is_empty() {
        return Err(failure("the file holds no proof"));
    }
    proofs.iter().map(|proof| check_one(proof, key)).collect()
}

fn check_one(proof: &EventProof, key: &VerifierKey) -> Result<String, Failure> {
    let about = |error: Failure| failure(format!("entry {}: {error}", proof.index));
    let checkpoint = open_checkpoint(&proof.checkpoint, key).map_err(|e| about(e.into()))?;
    if proof.proof.len() > 64 {
        return Err(about(failure("the proof has too many hashes")));
    }
    let hashes = proof.proof.iter().map(|hash| Hash::from_slice(&hash.0));
    let hashes = InclusionProof(hashes.collect::<Result<_, _>>().map_err(|e| about(e.into()))?);
    let leaf = leaf_hash(&proof.commitment.0);
    let Checkpoint { size, root, .. } = checkpoint;
    hashes.verify(proof.index, size, leaf, root).map_err(|e| about(e.into()))?;
    match (&proof.record, &proof.salt) {
        (Some(record), Some(salt)) => {
            let salt: [u8; 32] = salt
                .0
                .as_slice()
                .try_into()
                .map_err(|_| about(failure("the salt is not 32 bytes long")))?;
            if imp_translog::commitment(&salt, record).as_slice() != proof.commitment.0 {
                return Err(about(failure("the record is not the one that was logged")));
            }
        }
        (None, None) => {}
        (Some(_), None) | (None, Some(_)) => {
            return Err(about(failure("a record without its salt, or a salt without its record")));
        }
    }
    sentence(proof.index, proof.record.as_deref(), &checkpoint)
}

fn sentence(index: u64, record: Option<&str>, checkpoint: &Checkpoint) -> Result<String, Failure> {
    let what = match record {
        Some(text) => {
            let record: Record = serde_json::from_str(text)?;
            format!("{} at {:.0}", record.event.name(), record.at)
        }
        None => "a record that was erased".to_owned(),
    };
    let Checkpoint { origin, size, .. } = checkpoint;
    Ok(format!("entry {index} of the log {origin} is {what}: proved in its first {size} entries"))
}

#[cfg(test)]
mod tests;
