//! What the owner's face was used for, by the receipts that this phone keeps.
use std::collections::BTreeMap;

use imp_authenticator::{Receipt, UnverifiedReceipt};
use imp_identity::tap::Purpose;
use imp_identity::{EventId, SessionId, WorkstationId};
use imp_translog::Hash;
use jiff::Timestamp;
use serde::Serialize;

use crate::Phone;
use crate::attend::explain;
use crate::binding::{Binding, BindingError};
use crate::evidence::{self, Refused};
use crate::journal::{End, RECEIPTS};
use crate::judge::{Judge, Proven, ReceiptFault};
use crate::state::StateError;

/// One entry of the server's log, by its receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Use {
    /// The entry's place in the log, from 0.
    pub index: u64,
    /// Names the entry.
    pub event: EventId,
    /// What happened, by the event's name.
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// Where.
    pub workstation: Option<WorkstationId>,
    /// How that workstation is shown to people.
    pub workstation_label: String,
    /// What for.
    pub purpose: Option<Purpose>,
    /// The session.
    pub session: Option<SessionId>,
    /// Whether the server's signature, the record, its proof and the log's checkpoint agree.
    pub verified: bool,
    /// What is wrong, when they do not; or what could not be checked.
    pub remark: Option<String>,
}

/// Every use that the phone has a receipt of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Uses {
    /// In the log's order.
    pub uses: Vec<Use>,
    /// Receipts that are not receipts.
    pub unreadable: usize,
    /// Whether the file was damaged: receipts may be missing after the last one.
    pub damaged: bool,
    /// What was refused and set aside as evidence.
    pub refused: Vec<Refused>,
}

/// The receipts cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum UsesError {
    /// The file.
    #[error("the receipts cannot be read")]
    State(#[from] StateError),
    /// The server's keys.
    #[error("the server's keys cannot be read")]
    Binding(#[from] BindingError),
}

/// A receipt of the file, and what a judge says of it.
pub(crate) struct Judged {
    /// What it claims.
    pub(crate) receipt: Receipt,
    pub(crate) verdict: Result<Proven, ReceiptFault>,
}

/// The receipts of the file, judged, by their places and then as they came.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) receipts: Vec<Judged>,
    pub(crate) unreadable: usize,
    pub(crate) damaged: bool,
}

impl Phone {
    /// Reads the receipts and verifies each, without asking anybody.
    pub fn uses(&self) -> Result<Uses, UsesError> {
        let held = match Binding::load(self.state())? {
            Some(binding) => self.shelf(&Judge::new(&binding))?,
            None => Shelf::default(),
        };
        let uses = held.receipts.iter().map(Judged::to_use).collect();
        let refused = evidence::load(self.state())?;
        Ok(Uses { uses, unreadable: held.unreadable, damaged: held.damaged, refused })
    }

    /// The receipt of the use at `index` as it came, `COSE_Sign1`, for somebody else to check; `None` without one that is good.
    pub fn receipt(&self, index: u64) -> Result<Option<Vec<u8>>, UsesError> {
        let Some(binding) = Binding::load(self.state())? else { return Ok(None) };
        let judge = Judge::new(&binding);
        let kept = RECEIPTS.load(self.state())?.kept;
        Ok(kept
            .into_iter()
            .find(|receipt| judge.judge(receipt).is_ok_and(|proven| proven.receipt.index == index)))
    }

    /// Every receipt once, judged. Two that show different trees of one size are both at fault.
    pub(crate) fn shelf(&self, judge: &Judge) -> Result<Shelf, StateError> {
        let file = RECEIPTS.load(self.state())?;
        let mut held = Shelf { damaged: file.end == End::Damaged, ..Shelf::default() };
        for bytes in &file.kept {
            match UnverifiedReceipt::parse(bytes) {
                Ok(receipt) => held.receipts.push(Judged {
                    receipt: receipt.claims().clone(),
                    verdict: judge.judge(bytes),
                }),
                Err(_) => held.unreadable += 1,
            }
        }
        // A receipt that was delivered again may have been signed again: it is one use.
        let order = |judged: &Judged| (judged.receipt.index, judged.receipt.event);
        held.receipts.sort_by_key(|judged| (order(judged), judged.verdict.is_err()));
        held.receipts.dedup_by_key(|judged| order(judged));
        held.find_contradictions();
        Ok(held)
    }
}

impl Shelf {
    fn find_contradictions(&mut self) {
        let mut trees: BTreeMap<u64, Hash> = BTreeMap::new();
        let mut forked: Vec<u64> = Vec::new();
        for Proven { checkpoint, .. } in self.receipts.iter().filter_map(Judged::proven) {
            if *trees.entry(checkpoint.size).or_insert(checkpoint.root) != checkpoint.root {
                forked.push(checkpoint.size);
            }
        }
        for judged in &mut self.receipts {
            if let Some(size) = judged.proven().map(|proven| proven.checkpoint.size)
                && forked.contains(&size)
            {
                judged.verdict = Err(ReceiptFault::SplitView { size });
            }
        }
    }
}

impl Judged {
    /// The receipt, if everything in it agrees.
    pub(crate) fn proven(&self) -> Option<&Proven> {
        self.verdict.as_ref().ok()
    }

    fn to_use(&self) -> Use {
        let Receipt { index, event, kind, at, workstation, workstation_label, .. } =
            self.receipt.clone();
        let remark = match &self.verdict {
            Ok(proven) if proven.sealed => None,
            Ok(_) => Some(
                "this phone does not know the log's key yet: it learns it with its next certificate"
                    .to_owned(),
            ),
            Err(fault) => Some(explain(fault)),
        };
        Use {
            index,
            event,
            kind,
            at,
            workstation,
            workstation_label,
            purpose: self.receipt.purpose,
            session: self.receipt.session,
            verified: self.verdict.is_ok(),
            remark,
        }
    }
}

impl Uses {
    /// Whether nothing is wrong with any of it.
    pub fn is_sound(&self) -> bool {
        !self.damaged && self.unreadable == 0 && self.uses.iter().all(|known| known.verified)
    }
}
