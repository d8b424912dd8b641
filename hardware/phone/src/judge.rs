//! Whether a receipt is worth keeping: what the server signed, what the log holds, and whom it is about.
use imp_authenticator::{Receipt, StatementError, UnverifiedReceipt};
use imp_identity::UserId;
use imp_identity::clock::to_micros;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_translog::{
    Checkpoint, Evidence, InvalidCheckpoint, NoteError, OpenError, ProofError, SignedNote,
    VerifierKey, open_with_any,
};

use crate::binding::Binding;
use crate::record::Record;

/// Whose receipts count here, and by whose keys.
#[derive(Debug)]
pub(crate) struct Judge {
    statement_keys: Vec<Vec<u8>>,
    /// The log's keys, now and before; empty until the server has said which.
    log_keys: Vec<VerifierKey>,
    user: UserId,
    name: SpiffeId,
}

/// A receipt in which everything agrees.
#[derive(Clone, Debug)]
pub(crate) struct Proven {
    pub(crate) receipt: Receipt,
    /// The tree in which its record stands.
    pub(crate) checkpoint: Checkpoint,
    /// Whether the log's key signed that tree; `false` while this phone knows no key of the log.
    pub(crate) sealed: bool,
}

/// What is wrong with a receipt.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    /// Not a receipt, or not one of the server's.
    #[error("it is not signed by the server")]
    Signature(#[from] StatementError),
    /// The server did not write this as a record.
    #[error("its record cannot be read")]
    Record,
    /// The server says one thing and its log another.
    #[error("its {0} is not what its record says")]
    Contradiction(&'static str),
    /// Somebody else's, or nobody's.
    #[error("it is about somebody else")]
    SomebodyElse,
    /// The log did not sign the tree.
    #[error("its checkpoint is not one that the log signed")]
    Checkpoint(#[from] OpenError),
    /// The record is not in the tree.
    #[error("its record is not in the tree of its checkpoint: record, salt or proof was changed")]
    Inclusion(#[from] ProofError),
    /// The log showed this phone another tree of the same size.
    #[error(
        "its checkpoint contradicts one that this phone has seen: the log shows different trees of {size} entries"
    )]
    SplitView {
        /// Entries in both trees.
        size: u64,
    },
}

impl Judge {
    /// As the phone is bound.
    pub(crate) fn new(binding: &Binding) -> Self {
        Self {
            statement_keys: binding.every_statement_key(),
            log_keys: binding.log_keys(),
            user: binding.user,
            name: binding.credentials.spiffe_id.clone(),
        }
    }

    /// The log's keys, now and before.
    pub(crate) fn log_keys(&self) -> &[VerifierKey] {
        &self.log_keys
    }

    /// Checks everything that can be checked without asking anybody.
    pub(crate) fn judge(&self, receipt: &[u8]) -> Result<Proven, ReceiptFault> {
        let receipt = UnverifiedReceipt::parse(receipt)?.verify_by_server(&self.statement_keys)?;
        let record = Record::parse(&receipt.record).ok_or(ReceiptFault::Record)?;
        agree(&receipt, &record)?;
        if !self.concerns(&record) {
            return Err(ReceiptFault::SomebodyElse);
        }
        let evidence = Evidence {
            index: receipt.index,
            record: &receipt.record,
            salt: &receipt.salt,
            proof: &receipt.proof,
            checkpoint: &receipt.checkpoint,
        };
        let (checkpoint, sealed) = self.open(&receipt.checkpoint)?;
        evidence.verify_in(&checkpoint)?;
        Ok(Proven { receipt, checkpoint, sealed })
    }

    /// Whether a record is about this phone's owner, or about this phone.
    pub(crate) fn concerns(&self, record: &Record) -> bool {
        match &record.event {
            event if event.user.is_some() => event.user == Some(self.user),
            event => {
                event.machine.as_ref() == Some(&self.name)
                    || event.phone.is_some_and(|phone| Machine::Phone(phone) == self.name.machine)
            }
        }
    }

    /// The tree of a checkpoint, and whether the log signed it. While the phone has no key of the log, it is believed unproven.
    fn open(&self, checkpoint: &str) -> Result<(Checkpoint, bool), OpenError> {
        if self.log_keys.is_empty() {
            let note: SignedNote = checkpoint.parse().map_err(|error: NoteError| error)?;
            let tree = note.text.parse().map_err(|error: InvalidCheckpoint| error)?;
            return Ok((tree, false));
        }
        Ok((open_with_any(checkpoint, &self.log_keys)?, true))
    }
}

/// Whether the fields for the screen say what the record says. The record may leave the workstation open.
fn agree(receipt: &Receipt, record: &Record) -> Result<(), ReceiptFault> {
    let event = &record.event;
    let place = event.workstation.is_none() || event.workstation == receipt.workstation;
    for (agrees, what) in [
        (record.id == receipt.event, "event"),
        (to_micros(record.at) == to_micros(receipt.at), "time"),
        (event.kind == receipt.kind, "kind"),
        (event.user == receipt.user, "person"),
        (place, "workstation"),
        (event.purpose == receipt.purpose, "purpose"),
        (event.session == receipt.session, "session"),
    ] {
        if !agrees {
            return Err(ReceiptFault::Contradiction(what));
        }
    }
    Ok(())
}
