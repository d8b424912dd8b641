//! Keeping the receipts that come: each is judged first, and what is refused is set aside.
use imp_api::Base64;
use imp_authenticator::{DeclineReason, Declined, Receipt};
use jiff::Timestamp;

use crate::crash;
use crate::evidence::{self, Weight};
use crate::holder::Holder;
use crate::journal::RECEIPTS;
use crate::judge::{Judge, Proven, ReceiptFault};
use crate::seen::Seen;
use crate::state::StateError;

/// The receipt is not kept among the receipts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiptError {
    /// It is not what it claims to be; it was set aside.
    #[error(transparent)]
    Faulty(#[from] ReceiptFault),
    /// It could not be written.
    #[error("it could not be stored")]
    State(#[from] StateError),
}

/// A receipt that was kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) receipt: Receipt,
    /// Whether the log's key has signed for it; `false` while this phone knows no key of the log.
    pub(crate) sealed: bool,
}

impl Holder {
    /// Verifies and keeps a receipt; says what it says. One with a fault is set aside as evidence. Blocks.
    pub(crate) fn keep(&self, receipt: &[u8], now: Timestamp) -> Result<Kept, ReceiptError> {
        let judge = Judge::new(&self.binding);
        let judged =
            judge.judge(receipt).and_then(|proven| self.fits_what_was_seen(&judge, proven));
        let state = self.phone.state();
        let _lock = state.change()?;
        match judged {
            Ok(Proven { receipt: fact, sealed, .. }) => {
                RECEIPTS.append(state, receipt)?;
                crash::point("receipt:stored");
                Ok(Kept { receipt: fact, sealed })
            }
            Err(fault) => {
                let why = crate::explain(&fault);
                evidence::set_aside(state, now, why, receipt, weight(&fault))?;
                Err(fault.into())
            }
        }
    }

    /// Keeps the receipt of the certificate that was just stored. The certificate counts without it: what is wrong with the
    /// receipt is logged, and kept as evidence.
    pub(crate) fn keep_certificate(&self, receipt: Option<&Base64>, now: Timestamp) {
        let Some(Base64(receipt)) = receipt else { return };
        if let Err(error) = self.keep(receipt, now) {
            tracing::warn!(
                error = crate::explain(&error),
                "the receipt of the certificate is refused"
            );
        }
    }

    /// The log has one tree of each size. What cannot be read is for `uses` to report.
    fn fits_what_was_seen(&self, judge: &Judge, proven: Proven) -> Result<Proven, ReceiptFault> {
        let seen = Seen::load(self.phone.state(), judge.log_keys()).ok().flatten();
        let (new, old) = (&proven.checkpoint, seen.as_ref().map(|seen| &seen.checkpoint));
        match old {
            Some(old) if old.size == new.size && old.root != new.root => {
                Err(ReceiptFault::SplitView { size: new.size })
            }
            _ => Ok(proven),
        }
    }
}

const fn weight(fault: &ReceiptFault) -> Weight {
    match fault {
        ReceiptFault::SomebodyElse => Weight::Private,
        ReceiptFault::Signature(_) => Weight::Unsigned,
        ReceiptFault::Record
        | ReceiptFault::Contradiction(_)
        | ReceiptFault::Checkpoint(_)
        | ReceiptFault::Inclusion(_)
        | ReceiptFault::SplitView { .. } => Weight::Signed,
    }
}

impl ReceiptError {
    /// What the workstation is told.
    pub(crate) fn declined(&self) -> Declined {
        let reason = match self {
            Self::Faulty(_) => DeclineReason::UntrustedReference,
            Self::State(_) => DeclineReason::Storage,
        };
        Declined { reason, detail: self.to_string() }
    }
}
