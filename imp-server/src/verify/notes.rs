//! Checkpoints beside the latest one: those that are stored, and the one that an auditor kept.
use imp_translog::audit::Audit;
use imp_translog::{Checkpoint, OpenError, SignedNote, VerifierKey, open_checkpoint};

use super::{Cosigned, Expectation, VerifyError};

/// The check of all checkpoints of a log.
pub(super) struct Notes<'a> {
    expectation: &'a Expectation,
    cosigned: Vec<Option<Cosigned>>,
    compared: u64,
}

impl<'a> Notes<'a> {
    /// Opens the latest checkpoint, and holds the log against it and the one that was kept.
    pub(super) fn begin(
        latest: &str,
        expectation: &'a Expectation,
    ) -> Result<(Self, Checkpoint, Audit), VerifyError> {
        let log = &expectation.log;
        let checkpoint = open_checkpoint(latest, log).map_err(VerifyError::Checkpoint)?;
        let mut audit = Audit::new(&checkpoint);
        let cosigned = vec![None; expectation.witnesses.len()];
        let mut notes = Self { expectation, cosigned, compared: 1 };
        notes.cosignatures(latest, &checkpoint)?;
        if let Some(since) = &expectation.since {
            let kept = open_checkpoint(since, log).map_err(VerifyError::Since)?;
            notes.expect(&kept, since, &mut audit)?;
        }
        Ok((notes, checkpoint, audit))
    }

    /// Holds the log against a checkpoint that is stored or shown with it.
    pub(super) fn compare(
        &mut self,
        note: &str,
        audit: &mut Audit,
    ) -> Result<Checkpoint, Compared> {
        let checkpoint = open_checkpoint(note, &self.expectation.log).map_err(Compared::Open)?;
        self.expect(&checkpoint, note, audit).map_err(Compared::Wrong)?;
        Ok(checkpoint)
    }

    /// How many checkpoints were compared, and what each of the witnesses has cosigned; every one must have.
    pub(super) fn finish(self) -> Result<(u64, Vec<Cosigned>), VerifyError> {
        let pairs = self.cosigned.into_iter().zip(&self.expectation.witnesses);
        let cosigned = pairs.map(|(cosigned, witness)| {
            let name = || VerifyError::NotCosigned { witness: witness.name().to_owned() };
            cosigned.ok_or_else(name)
        });
        Ok((self.compared, cosigned.collect::<Result<_, _>>()?))
    }

    fn expect(
        &mut self,
        checkpoint: &Checkpoint,
        note: &str,
        audit: &mut Audit,
    ) -> Result<(), VerifyError> {
        self.cosignatures(note, checkpoint)?;
        audit.expect(checkpoint)?;
        self.compared += 1;
        Ok(())
    }

    fn cosignatures(&mut self, note: &str, checkpoint: &Checkpoint) -> Result<(), VerifyError> {
        let size = checkpoint.size;
        let note: SignedNote =
            note.parse().map_err(OpenError::Note).map_err(VerifyError::Checkpoint)?;
        for (known, witness) in self.cosigned.iter_mut().zip(&self.expectation.witnesses) {
            let Some(time) = cosignature(&note, witness)
                .map_err(|source| VerifyError::Cosignature { size, source })?
            else {
                continue;
            };
            if known.as_ref().is_none_or(|known| known.size <= size) {
                *known = Some(Cosigned { witness: witness.name().to_owned(), size, time });
            }
        }
        Ok(())
    }
}

/// Why a checkpoint beside the latest one does not fit.
pub(super) enum Compared {
    /// It is not the log's.
    Open(OpenError),
    /// It does not fit the entries, or a cosignature does not count.
    Wrong(VerifyError),
}

/// When the witness cosigned, if it did.
fn cosignature(
    note: &SignedNote,
    witness: &VerifierKey,
) -> Result<Option<u64>, imp_translog::NoteError> {
    if !note.signatures.iter().any(|signature| signature.is_of(witness)) {
        return Ok(None);
    }
    let verified = note.verify(std::slice::from_ref(witness))?;
    Ok(verified.first().and_then(|verified| verified.time))
}
