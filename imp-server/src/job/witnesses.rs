//! Asks witnesses to cosign the latest checkpoint (C2SP tlog-witness). A refusal is an alarm: either somebody exchanged this
//! server's log, or the witness is wrong; a person must look.
use std::time::Duration;

use futures::future::join_all;
use imp_service::Shutdown;
use imp_storage::StorageError;
use imp_translog::witness::{AddCheckpoint, open_answer};
use imp_translog::{
    Checkpoint, ConsistencyProof, NoteError, Signature, SignedNote, open_checkpoint,
};
use tokio::time::{MissedTickBehavior, interval};

use super::warn;
use crate::app::{self, App};
use crate::command;
use crate::config::{LogWitness, seconds};
use crate::log::{self, ProofRequestError};
use crate::outside::{Outside, OutsideError};

/// The longest answer, in bytes.
const ANSWER: usize = 16 * 1024;
/// How often a witness is asked again in one round, when it names another size.
const TRIES: u32 = 2;

/// What is known of a witness.
struct Watcher {
    witness: LogWitness,
    /// Entries in the checkpoint that it cosigned last, as far as this process knows.
    known: u64,
    /// Its refusal is in the log already.
    alarmed: bool,
}

/// No cosignature this time.
#[derive(Debug, thiserror::Error)]
enum AskError {
    /// The witness has seen another history.
    #[error(
        "the witness has seen another history of the log: its {known} entries do not begin this log of {size}"
    )]
    Inconsistent { known: u64, size: u64 },
    /// The witness has seen more than there is.
    #[error(
        "the witness has seen {known} entries, but the log has only {size}: it was cut or exchanged for an older one"
    )]
    RolledBack { known: u64, size: u64 },
    /// The witness does not watch this log, or not under this key.
    #[error("the witness does not know this log, or not this key of it: HTTP status {0}")]
    Unknown(u16),
    /// Something that the protocol does not know.
    #[error("the witness answers with HTTP status {0}")]
    Status(u16),
    /// What it answers is not its cosignature.
    #[error("the witness answers with something else than its cosignature")]
    Answer(#[source] NoteError),
    /// Another replica was faster.
    #[error("the witness was asked by somebody else at the same time")]
    Busy,
    /// HTTP failed.
    #[error("the witness cannot be asked")]
    Outside(#[from] OutsideError),
    /// There is no proof.
    #[error("there is no proof for the witness")]
    Proof(#[from] ProofRequestError),
    /// The database failed.
    #[error("the log cannot be read")]
    Storage(#[from] StorageError),
}

/// Starts the job if there are witnesses; it ends with `shutdown`.
pub(super) fn start(app: &App, shutdown: &Shutdown) {
    let config = &app.config.log;
    if config.witnesses.is_empty() {
        return;
    }
    let outside = match Outside::new() {
        Ok(outside) => outside,
        Err(error) => return warn(error.as_ref(), "witnesses cannot be asked"),
    };
    let watchers = config.witnesses.iter().cloned();
    let watchers = watchers.map(|witness| Watcher { witness, known: 0, alarmed: false }).collect();
    let mut round = Round { app: app.clone(), outside, watchers };
    let (period, stop) = (seconds(config.witness_seconds), shutdown.clone());
    shutdown.spawn(async move { round.run(period, &stop).await });
}

struct Round {
    app: App,
    outside: Outside,
    watchers: Vec<Watcher>,
}

impl Round {
    async fn run(&mut self, period: Duration, stop: &Shutdown) {
        let mut tick = interval(period);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.requested() => break,
                _ = tick.tick() => {}
            }
            tokio::select! {
                () = stop.requested() => break,
                result = self.once() => if let Err(error) = result {
                    warn(&error, "cannot collect cosignatures");
                }
            }
        }
    }

    /// Asks all witnesses about one checkpoint, so that it carries all their cosignatures.
    async fn once(&mut self) -> Result<(), StorageError> {
        let key = self.app.keys.log_key().verifier_key();
        let latest = log::checkpoint(&self.app.storage, key).await?;
        let Some((note, checkpoint)) = latest.and_then(|latest| {
            Some((latest.parse::<SignedNote>().ok()?, open_checkpoint(&latest, key).ok()?))
        }) else {
            return Ok(());
        };
        let (app, outside) = (&self.app, &self.outside);
        let waiting = self.watchers.iter_mut().filter(|watcher| watcher.known != checkpoint.size);
        let asked = waiting.map(|watcher| async {
            let answer = watcher.ask(app, outside, &note, &checkpoint).await;
            (watcher, answer)
        });
        let mut cosignatures = vec![];
        for (watcher, answer) in join_all(asked).await {
            match answer {
                Ok(cosignature) => {
                    watcher.alarmed = false;
                    cosignatures.push(cosignature);
                }
                Err(error) => watcher.failed(app, &error, checkpoint.size).await?,
            }
        }
        if cosignatures.is_empty() {
            return Ok(());
        }
        let mut rng = app::rng();
        let mut context = app.context(&mut rng);
        command::keep_cosignatures(&mut context, checkpoint.size, note, cosignatures).await
    }
}

impl Watcher {
    async fn ask(
        &mut self,
        app: &App,
        outside: &Outside,
        note: &SignedNote,
        checkpoint: &Checkpoint,
    ) -> Result<Signature, AskError> {
        let size = checkpoint.size;
        for _ in 0..TRIES {
            let proof = proof(app, self.known, size).await?;
            let request = AddCheckpoint { old_size: self.known, proof, note: note.clone() };
            let url = self.witness.url.clone();
            let answer = outside.post(url, request.to_string(), ANSWER).await?;
            let text = String::from_utf8_lossy(&answer.body);
            match answer.status.as_u16() {
                200 => {
                    let cosignature = open_answer(&text, &note.text, &self.witness.key);
                    let cosignature = cosignature.map_err(AskError::Answer)?;
                    self.known = size;
                    return Ok(cosignature);
                }
                409 => {
                    let known = text.trim().parse().map_err(|_| AskError::Status(409))?;
                    if known > size {
                        return Err(ahead(app, known).await?);
                    }
                    self.known = known;
                }
                422 => return Err(AskError::Inconsistent { known: self.known, size }),
                status @ (403 | 404) => return Err(AskError::Unknown(status)),
                status => return Err(AskError::Status(status)),
            }
        }
        Err(AskError::Busy)
    }

    /// Says what went wrong; a refusal once in the log.
    async fn failed(&mut self, app: &App, error: &AskError, size: u64) -> Result<(), StorageError> {
        let witness = self.witness.key.name();
        tracing::warn!(error = error as &dyn std::error::Error, witness, "no cosignature");
        let refused = matches!(error, AskError::Inconsistent { .. } | AskError::RolledBack { .. });
        if refused && !self.alarmed {
            let mut rng = app::rng();
            let mut context = app.context(&mut rng);
            command::report_refusal(&mut context, size, witness, &error.to_string()).await?;
            self.alarmed = true;
        }
        Ok(())
    }
}

async fn proof(app: &App, known: u64, size: u64) -> Result<ConsistencyProof, ProofRequestError> {
    if known == 0 {
        return Ok(ConsistencyProof::default());
    }
    let key = app.keys.log_key().verifier_key();
    Ok(log::consistency(&app.storage, key, known, Some(size)).await?.proof)
}

/// The witness knows more than the checkpoint: another replica has appended and asked since, or the log was rolled back.
async fn ahead(app: &App, known: u64) -> Result<AskError, AskError> {
    let key = app.keys.log_key().verifier_key();
    let latest = log::checkpoint(&app.storage, key).await?;
    let size = latest.and_then(|note| open_checkpoint(&note, key).ok());
    let size = size.map_or(0, |checkpoint| checkpoint.size);
    Ok(if size < known { AskError::RolledBack { known, size } } else { AskError::Busy })
}

#[cfg(test)]
mod tests;
