//! What the owner's face was used for, with the server's signature on each.

use imp_authenticator::UnverifiedReceipt;
use imp_identity::tap::Purpose;
use imp_identity::{EventId, SessionId, WorkstationId};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::Phone;
use crate::binding::{Binding, BindingError};
use crate::receipts::{End, Receipts};
use crate::screen::{date, printable};
use crate::state::StateError;

/// One entry of the server's log, by its receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Use {
    /// The entry's place in the log.
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
    /// Whether the signature is one of the server's.
    pub verified: bool,
}

/// Every use that the phone has a receipt of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Uses {
    /// Oldest first.
    pub uses: Vec<Use>,
    /// Receipts that are not receipts.
    pub unreadable: usize,
    /// Whether the file was damaged: receipts may be missing after the last one.
    pub damaged: bool,
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

impl Phone {
    /// Reads the receipts and verifies each.
    pub fn uses(&self) -> Result<Uses, UsesError> {
        let keys = Binding::load(self.state())?
            .map(|binding| binding.every_statement_key())
            .unwrap_or_default();
        let file = Receipts::load(self.state())?;
        let mut uses = Uses { damaged: file.end == End::Damaged, ..Uses::default() };
        for receipt in &file.kept {
            match read(receipt, &keys) {
                Some(known) => uses.uses.push(known),
                None => uses.unreadable += 1,
            }
        }
        // A receipt that was delivered again may have been signed again: it is one use.
        uses.uses.sort_by_key(|known| (known.index, known.event, !known.verified));
        uses.uses.dedup_by_key(|known| (known.index, known.event));
        Ok(uses)
    }
}

fn read(receipt: &[u8], keys: &[Vec<u8>]) -> Option<Use> {
    let receipt = UnverifiedReceipt::parse(receipt).ok()?;
    let claims = receipt.claims().clone();
    let verified = receipt.verify_by_server(keys).is_ok();
    Some(Use {
        index: claims.index,
        event: claims.event,
        kind: claims.kind,
        at: claims.at,
        workstation: claims.workstation,
        workstation_label: claims.workstation_label,
        purpose: claims.purpose,
        session: claims.session,
        verified,
    })
}

impl Uses {
    /// A table for people, with times in `zone`.
    pub fn table(&self, zone: &TimeZone) -> String {
        use std::fmt::Write as _;
        if self.uses.is_empty() && self.unreadable == 0 && !self.damaged {
            return "no receipts yet\n".to_owned();
        }
        let mut table = String::new();
        for known in &self.uses {
            let place = match known.workstation {
                Some(_) => printable(&known.workstation_label),
                None => "-".to_owned(),
            };
            let purpose = known.purpose.map_or("-", Purpose::code);
            let seal = if known.verified { "signed by the server" } else { "SIGNATURE NOT VALID" };
            let at = date(known.at, zone);
            let kind = printable(&known.kind);
            let _infallible = writeln!(
                table,
                "{at}  {kind:<20} {purpose:<8} {place}  (number {} in the log, {seal})",
                known.index
            );
        }
        if self.unreadable > 0 {
            let _infallible = writeln!(table, "{} receipts cannot be read", self.unreadable);
        }
        if self.damaged {
            table.push_str("the file of receipts is damaged: later ones may be missing\n");
        }
        table
    }
}
