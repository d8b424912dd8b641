//! Checking every use against the log of the server, and remembering what the log looked like.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imp_api::log::OwnUse;
use imp_api::{Client, ClientError};
use imp_identity::Clock;
use imp_translog::{
    Checkpoint, ConsistencyProof, Hash, OpenError, ProofError, VerifierKey, open_checkpoint,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::Phone;
use crate::attend::explain;
use crate::audit::{Checked, Standing, VerifiedUse, check, compare, without_receipt};
use crate::evidence::{self, Refused, Weight};
use crate::holder::{ConnectError, Holder, HolderError};
use crate::judge::Judge;
use crate::seen::{Seen, SeenError};
use crate::state::StateError;
use crate::uses::{Judged, Shelf};

/// Longest list that is read, in bytes of records and proofs: some 100,000 uses, or 27 years of ten a day.
const LONGEST_LIST: usize = 256 * 1024 * 1024;

/// Every use that the log or a receipt knows of, each checked against the log.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// Entries in the log.
    pub size: u64,
    /// Its root, in base64.
    pub root: String,
    /// The tree that this phone had seen before, of which the log is the continuation.
    pub seen_before: Option<u64>,
    /// In the log's order.
    pub uses: Vec<VerifiedUse>,
    /// Receipts that are not receipts.
    pub unreadable: usize,
    /// Whether the file of receipts was damaged.
    pub damaged: bool,
    /// What was refused and set aside as evidence.
    pub refused: Vec<Refused>,
}

/// The log is not what it was, or what it says it is.
#[derive(Debug, thiserror::Error)]
pub enum LogAlarm {
    /// Its checkpoint is not its own.
    #[error("the checkpoint that the server shows is not signed by the key of the log")]
    Forged(#[from] OpenError),
    /// It became shorter.
    #[error("the log was rolled back: it had {had} entries, and the server shows {shown}")]
    RolledBack {
        /// Entries of the tree that this phone knows.
        had: u64,
        /// Entries that the server shows.
        shown: u64,
    },
    /// It has two trees of one size.
    #[error(
        "the log shows two histories: a tree of {size} entries that this phone knows is not the one of the server"
    )]
    Split {
        /// Entries in both.
        size: u64,
    },
    /// What the server shows does not continue what was.
    #[error(
        "the log shows two histories: what the server shows does not continue the tree of {size} entries that this phone knows"
    )]
    NotContinued {
        /// Entries of the tree that this phone knows.
        size: u64,
        /// What is wrong with the proof.
        #[source]
        why: ProofError,
    },
    /// The server does not prove it.
    #[error(
        "the server does not prove that its log continues the tree of {size} entries that this phone knows"
    )]
    NoProof {
        /// Entries of the tree that this phone knows.
        size: u64,
    },
}

/// The uses could not be checked against the log.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Nobody's phone.
    #[error(
        "this phone is not bound: run `imp-phone bind` with the invitation of the enrolment desk"
    )]
    NotBound,
    /// Its key or binding.
    #[error("this phone cannot act as the one it was bound as")]
    Holder(#[from] HolderError),
    /// The server has not said which key its log has.
    #[error(
        "this phone does not know the key of the log yet: it learns it with its next certificate, when it runs"
    )]
    NoLogKey,
    /// The client could not be made.
    #[error("the server cannot be asked")]
    Connect(#[from] ConnectError),
    /// Nothing answers.
    #[error(
        "the server cannot be reached, so the log was not asked; `imp-phone uses` shows what the receipts prove without it"
    )]
    Unreachable(#[source] ClientError),
    /// It does not answer as it should.
    #[error("the server did not answer as a server with a log does")]
    Server(#[source] ClientError),
    /// Its list has no end or no order.
    #[error("the server's list of uses is not in order")]
    List,
    /// What was remembered.
    #[error(transparent)]
    Seen(#[from] SeenError),
    /// The state directory.
    #[error("the state directory cannot be used")]
    State(#[from] StateError),
    /// Somebody tampers.
    #[error("ALARM")]
    Alarm(#[from] LogAlarm),
}

impl From<ClientError> for VerifyError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Unreachable(_) => Self::Unreachable(error),
            ClientError::Url(_) | ClientError::Problem(_) | ClientError::Answer { .. } => {
                Self::Server(error)
            }
        }
    }
}

impl Phone {
    /// Asks the server for its log and for every use of the owner, and checks each. The tree is remembered; that the log
    /// was rolled back or forked is an error, of which the evidence is kept.
    pub async fn verify_uses(&self, clock: Arc<dyn Clock>) -> Result<Verification, VerifyError> {
        let holder = Holder::load(self)?.ok_or(VerifyError::NotBound)?;
        let judge = Judge::new(&holder.binding);
        let key = holder.binding.log_key().ok_or(VerifyError::NoLogKey)?;
        let held = self.shelf(&judge)?;
        let seen = Seen::load(self.state(), judge.log_keys())?;
        let client = holder.client(Arc::clone(&clock))?;

        let note = client.checkpoint().await?;
        let opened = open_checkpoint(&note, &key).map_err(LogAlarm::Forged);
        let tree =
            self.shout(opened.map_err(VerifyError::from), clock.now(), seen.as_ref(), &note)?;
        let now = Seen { checkpoint: tree, note, at: clock.now() };
        let mut inquiry = Inquiry {
            client,
            judge,
            tree: &now.checkpoint,
            bound_at: holder.binding.bound_at,
            continued: BTreeSet::new(),
        };
        let continued = inquiry.check_history(seen.as_ref(), &held).await;
        self.shout(continued, now.at, seen.as_ref(), &now.note)?;
        let uses = inquiry.check_uses(&held).await?;
        let refused = self.conclude(&now, &key, &uses)?;
        Ok(Verification {
            size: now.checkpoint.size,
            root: now.checkpoint.root.to_string(),
            seen_before: seen.map(|seen| seen.checkpoint.size),
            uses: uses.into_iter().map(|(listed, _)| listed).collect(),
            unreadable: held.unreadable,
            damaged: held.damaged,
            refused,
        })
    }

    /// Keeps both checkpoints as evidence when the log contradicts itself.
    fn shout<T>(
        &self,
        result: Result<T, VerifyError>,
        at: Timestamp,
        seen: Option<&Seen>,
        shown: &str,
    ) -> Result<T, VerifyError> {
        if let Err(VerifyError::Alarm(alarm)) = &result {
            let seen = seen.map_or("", |seen| &seen.note);
            let both = serde_json::json!({ "seen": seen, "shown": shown }).to_string();
            let _lock = self.state().change()?;
            evidence::set_aside(self.state(), at, explain(alarm), both.as_bytes(), Weight::Signed)?;
        }
        result
    }

    /// Remembers the tree, and keeps evidence of what was wrong.
    fn conclude(
        &self,
        now: &Seen,
        key: &VerifierKey,
        uses: &[(VerifiedUse, Option<OwnUse>)],
    ) -> Result<Vec<Refused>, StateError> {
        let state = self.state();
        let _lock = state.change()?;
        for (verified, entry) in uses.iter().filter(|(verified, _)| verified.standing.is_alarm()) {
            let private = verified.standing == Standing::SomebodyElse;
            let weight = if private { Weight::Private } else { Weight::Signed };
            let both =
                serde_json::json!({ "checkpoint": now.note, "use": verified, "entry": entry });
            let why = format!("use {}: {}", verified.index, verified.remark);
            evidence::set_aside(state, now.at, why, both.to_string().as_bytes(), weight)?;
        }
        // Another of this phone's processes may have seen a later one in the meantime.
        let latest = Seen::load(state, std::slice::from_ref(key)).ok().flatten();
        if latest.is_none_or(|latest| latest.checkpoint.size <= now.checkpoint.size) {
            now.save(state)?;
        }
        evidence::load(state)
    }
}

/// What the server listed, by place, and what is wrong with it.
type List = BTreeMap<u64, (OwnUse, Result<Checked, Standing>)>;

/// One conversation with the server about one tree of its log.
struct Inquiry<'a> {
    client: Client,
    judge: Judge,
    tree: &'a Checkpoint,
    bound_at: Timestamp,
    /// Trees of which the server has proven that this one is their continuation.
    continued: BTreeSet<(u64, [u8; 32])>,
}

impl Inquiry<'_> {
    /// Whether the tree continues what this phone has seen, and is not shorter than what its receipts prove.
    async fn check_history(
        &mut self,
        seen: Option<&Seen>,
        held: &Shelf,
    ) -> Result<(), VerifyError> {
        let receipts =
            held.receipts.iter().filter_map(Judged::proven).filter(|proven| proven.sealed);
        let longest = receipts.map(|proven| &proven.checkpoint).max_by_key(|tree| tree.size);
        for old in seen.map(|seen| &seen.checkpoint).into_iter().chain(longest) {
            self.check_continues(old).await?;
        }
        Ok(())
    }

    async fn check_continues(&mut self, old: &Checkpoint) -> Result<(), VerifyError> {
        let (size, tree) = (old.size, self.tree);
        if size > tree.size {
            return Err(LogAlarm::RolledBack { had: size, shown: tree.size }.into());
        }
        if size == tree.size {
            let same = old.root == tree.root;
            return if same { Ok(()) } else { Err(LogAlarm::Split { size }.into()) };
        }
        if size == 0 || self.continued.contains(&(size, old.root.0)) {
            return Ok(());
        }
        let proof = self.consistency(size).await?;
        proof
            .verify(size, old.root, tree.size, tree.root)
            .map_err(|why| LogAlarm::NotContinued { size, why })?;
        self.continued.insert((size, old.root.0));
        Ok(())
    }

    async fn consistency(&self, size: u64) -> Result<ConsistencyProof, VerifyError> {
        let answer = self.client.consistency(size, self.tree.size).await;
        let answer = match answer {
            // It has no such tree, or says so.
            Err(error) if has_status(&error, &[400, 404, 422]) => {
                return Err(LogAlarm::NoProof { size }.into());
            }
            answer => answer?,
        };
        let hashes =
            answer.proof.iter().map(|hash| Hash::from_slice(&hash.0)).collect::<Result<_, _>>();
        Ok(ConsistencyProof(hashes.map_err(|_| LogAlarm::NoProof { size })?))
    }

    /// The union of what the server lists and what the receipts show, in the log's order; each with the server's entry.
    async fn check_uses(
        &mut self,
        held: &Shelf,
    ) -> Result<Vec<(VerifiedUse, Option<OwnUse>)>, VerifyError> {
        let mut listed = self.list().await?;
        let mut uses = Vec::new();
        for judged in &held.receipts {
            let entry = listed.get(&judged.receipt.index);
            let standing = match &judged.verdict {
                Err(_) => Standing::BadReceipt,
                Ok(proven) => self.place(proven, entry.map(|(_, checked)| checked)).await?,
            };
            let mut known = VerifiedUse::of_receipt(&judged.receipt, standing);
            if let Err(fault) = &judged.verdict {
                known.remark = format!("{}: {}", known.remark, explain(fault));
            }
            uses.push((known, entry.map(|(entry, _)| entry.clone())));
        }
        for known in held.receipts.iter().filter(|judged| judged.verdict.is_ok()) {
            listed.remove(&known.receipt.index);
        }
        for (index, (entry, checked)) in listed {
            let standing = match &checked {
                Ok(checked) => without_receipt(checked, self.bound_at),
                Err(standing) => *standing,
            };
            uses.push((VerifiedUse::of_entry(index, checked.as_ref().ok(), standing), Some(entry)));
        }
        uses.sort_by_key(|(known, _)| known.index);
        Ok(uses)
    }

    /// Every entry about the owner, page after page, checked.
    async fn list(&self) -> Result<List, VerifyError> {
        let (mut listed, mut after, mut length) = (BTreeMap::new(), None, 0);
        loop {
            let page = self.client.own_uses(self.tree.size, after).await?;
            let goes_on = page.more && !page.entries.is_empty();
            if page.more && !goes_on {
                return Err(VerifyError::List);
            }
            for entry in page.entries {
                let ordered = after.is_none_or(|after| entry.index > after);
                length += weight(&entry);
                if !ordered || entry.index >= self.tree.size || length > LONGEST_LIST {
                    return Err(VerifyError::List);
                }
                after = Some(entry.index);
                let checked = check(&entry, self.tree, &self.judge);
                listed.insert(entry.index, (entry, checked));
            }
            if !goes_on {
                return Ok(listed);
            }
        }
    }

    /// How the log stands to a genuine receipt.
    async fn place(
        &mut self,
        proven: &crate::judge::Proven,
        listed: Option<&Result<Checked, Standing>>,
    ) -> Result<Standing, VerifyError> {
        let asked;
        let checked = match listed {
            Some(Ok(checked)) => checked,
            Some(Err(standing)) => return Ok(*standing),
            None => match self.ask(proven.receipt.index).await? {
                Ok(checked) => {
                    asked = checked;
                    &asked
                }
                Err(standing) => return Ok(standing),
            },
        };
        let standing = match compare(proven, checked, self.tree) {
            Some(standing) => standing,
            None => self.continues(proven, checked).await?,
        };
        let unlisted = listed.is_none() && standing == Standing::Proven;
        Ok(if unlisted { Standing::Unlisted } else { standing })
    }

    /// The entry at a place that the server did not list.
    async fn ask(&self, index: u64) -> Result<Result<Checked, Standing>, VerifyError> {
        match self.client.own_use(index, self.tree.size).await {
            Ok(entry) if entry.index == index => Ok(check(&entry, self.tree, &self.judge)),
            Ok(_) => Ok(Err(Standing::Malformed)),
            Err(error) if has_status(&error, &[404]) => Ok(Err(Standing::NotInLog)),
            Err(error) => Err(error.into()),
        }
    }

    /// For a receipt whose tree ends later than with its record.
    async fn continues(
        &mut self,
        proven: &crate::judge::Proven,
        checked: &Checked,
    ) -> Result<Standing, VerifyError> {
        let good = if checked.record.is_some() { Standing::Proven } else { Standing::Erased };
        match self.check_continues(&proven.checkpoint).await {
            Ok(()) => Ok(good),
            Err(VerifyError::Alarm(_)) => Ok(Standing::Forked),
            Err(error) => Err(error),
        }
    }
}

fn has_status(error: &ClientError, statuses: &[u16]) -> bool {
    error.problem().is_some_and(|problem| statuses.contains(&problem.status))
}

/// How much memory an entry takes, roughly.
fn weight(entry: &OwnUse) -> usize {
    let proof: usize = entry.proof.iter().map(|hash| hash.0.len() + 64).sum();
    proof + entry.record.as_ref().map_or(0, String::len) + 512
}
