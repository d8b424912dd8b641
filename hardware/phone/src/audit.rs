//! What the log says about one use: the entry that the server lists, and the receipt that this phone keeps.
use imp_api::Base64;
use imp_api::log::OwnUse;
use imp_identity::tap::Purpose;
use imp_identity::{EventId, SessionId, WorkstationId};
use imp_translog::{Checkpoint, Hash, InclusionProof, ProofError, commitment, leaf_hash};
use jiff::Timestamp;
use serde::Serialize;

use crate::judge::{Judge, Proven};
use crate::record::Record;

/// Events for which a receipt is handed to the phone.
const RECEIPTED: [&str; 3] = ["tap-accepted", "enrolment-completed", "certificate-issued"];

/// One use of the owner's face or phone, checked against the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifiedUse {
    /// The entry's place in the log, from 0.
    pub index: u64,
    /// Names the entry; absent when its record was erased.
    pub event: Option<EventId>,
    /// What happened, by the event's name.
    pub kind: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
    /// Where.
    pub workstation: Option<WorkstationId>,
    /// How that workstation is shown to people.
    pub workstation_label: String,
    /// What for.
    pub purpose: Option<Purpose>,
    /// The session.
    pub session: Option<SessionId>,
    /// Why, for example, a tap was refused.
    pub reason: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// The same in words.
    pub remark: String,
}

/// How receipt and log agree on a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// In the log, and this phone has the receipt.
    Proven,
    /// In the log; no receipt is handed out for such an event, or it went to an earlier phone.
    Logged,
    /// In the log; its receipt did not reach this phone.
    ReceiptMissing,
    /// In the log; the server has erased the record, which this phone's receipt still shows.
    Erased,
    /// In the log, but the server left it out of its list.
    Unlisted,
    /// The receipt is genuine, but the log does not hold its record.
    NotInLog,
    /// The receipt is genuine, but the log holds another record in its place.
    OtherRecord,
    /// The receipt's tree is not the beginning of the log that the server shows.
    Forked,
    /// The receipt itself is faulty.
    BadReceipt,
    /// The server's record is not the one in the log.
    BadRecord,
    /// The server's proof does not hold.
    BadProof,
    /// What the server sent is not an entry.
    Malformed,
    /// The server lists an entry that is not about the owner.
    SomebodyElse,
}

impl Standing {
    /// Whether somebody tampers, or loses what must not be lost.
    pub const fn is_alarm(self) -> bool {
        match self {
            Self::Proven | Self::Logged | Self::ReceiptMissing | Self::Erased => false,
            Self::Unlisted
            | Self::NotInLog
            | Self::OtherRecord
            | Self::Forked
            | Self::BadReceipt
            | Self::BadRecord
            | Self::BadProof
            | Self::Malformed
            | Self::SomebodyElse => true,
        }
    }

    /// In plain words.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Proven => "proven by receipt and log",
            Self::Logged => "in the log",
            Self::ReceiptMissing => "in the log; its receipt did not reach this phone",
            Self::Erased => "in the log; the server erased the record, the receipt still shows it",
            Self::Unlisted => "IN THE LOG, BUT THE SERVER DOES NOT LIST IT",
            Self::NotInLog => "THE LOG DOES NOT KNOW THIS RECEIPT",
            Self::OtherRecord => "THE LOG HOLDS ANOTHER RECORD IN ITS PLACE",
            Self::Forked => "THE LOG WAS FORKED: the receipt is of another history",
            Self::BadReceipt => "THE RECEIPT IS NOT VALID",
            Self::BadRecord => "THE SERVER'S RECORD IS NOT THE ONE IN THE LOG",
            Self::BadProof => "THE SERVER'S PROOF DOES NOT HOLD",
            Self::Malformed => "THE SERVER'S ENTRY CANNOT BE READ",
            Self::SomebodyElse => "THE SERVER LISTS SOMEBODY ELSE'S USE",
        }
    }
}

/// An entry of the server's list that stands in the tree.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) commitment: [u8; 32],
    pub(crate) proof: InclusionProof,
    /// `None` when it was erased.
    pub(crate) record: Option<Record>,
    pub(crate) label: String,
}

/// Checks one entry of the list against the tree.
pub(crate) fn check(entry: &OwnUse, tree: &Checkpoint, judge: &Judge) -> Result<Checked, Standing> {
    let committed: [u8; 32] = fixed(&entry.commitment)?;
    let hashes = entry.proof.iter().map(|hash| Hash::from_slice(&hash.0)).collect::<Result<_, _>>();
    let proof = InclusionProof(hashes.map_err(|_| Standing::Malformed)?);
    let leaf = leaf_hash(&committed);
    proof
        .verify(entry.index, tree.size, leaf, tree.root)
        .map_err(|_: ProofError| Standing::BadProof)?;
    let record = match (&entry.record, &entry.salt) {
        (None, None) => None,
        (Some(record), Some(salt)) => {
            let salt = fixed(salt)?;
            if commitment(&salt, record) != committed {
                return Err(Standing::BadRecord);
            }
            let record = Record::parse(record).ok_or(Standing::Malformed)?;
            if !judge.concerns(&record) {
                return Err(Standing::SomebodyElse);
            }
            Some(record)
        }
        _ => return Err(Standing::Malformed),
    };
    let label = entry.workstation_label.clone().unwrap_or_default();
    Ok(Checked { commitment: committed, proof, record, label })
}

fn fixed(bytes: &Base64) -> Result<[u8; 32], Standing> {
    bytes.0.as_slice().try_into().map_err(|_| Standing::Malformed)
}

/// How a genuine receipt and a checked entry at its place agree. `None`: the receipt's tree ends later than with its
/// record, and needs a consistency proof of its own.
pub(crate) fn compare(proven: &Proven, checked: &Checked, tree: &Checkpoint) -> Option<Standing> {
    let receipt = &proven.receipt;
    if commitment(&receipt.salt, &receipt.record) != checked.commitment {
        return Some(Standing::OtherRecord);
    }
    let good = if checked.record.is_some() { Standing::Proven } else { Standing::Erased };
    if proven.checkpoint.size != receipt.index + 1 {
        return None;
    }
    // Everything before the entry is the same in both trees when their proofs agree on what lies to its left.
    let left = checked.proof.left(receipt.index, tree.size).unwrap_or_default();
    let same = left.iter().map(|hash| hash.0).eq(receipt.proof.iter().copied());
    Some(if same { good } else { Standing::Forked })
}

/// An entry of which this phone has no receipt.
pub(crate) fn without_receipt(checked: &Checked, bound_at: Timestamp) -> Standing {
    match &checked.record {
        Some(record)
            if record.at >= bound_at && RECEIPTED.contains(&record.event.kind.as_str()) =>
        {
            Standing::ReceiptMissing
        }
        Some(_) | None => Standing::Logged,
    }
}

impl VerifiedUse {
    /// As a checked entry shows it.
    pub(crate) fn of_entry(index: u64, checked: Option<&Checked>, standing: Standing) -> Self {
        let record = checked.and_then(|checked| checked.record.as_ref());
        let event = record.map(|record| &record.event);
        Self {
            index,
            event: record.map(|record| record.id),
            kind: event.map(|event| event.kind.clone()),
            at: record.map(|record| record.at),
            workstation: event.and_then(|event| event.workstation),
            workstation_label: checked.map(|checked| checked.label.clone()).unwrap_or_default(),
            purpose: event.and_then(|event| event.purpose),
            session: event.and_then(|event| event.session),
            reason: event.and_then(|event| event.reason()).map(str::to_owned),
            standing,
            remark: standing.sentence().to_owned(),
        }
    }

    /// As a receipt shows it.
    pub(crate) fn of_receipt(receipt: &imp_authenticator::Receipt, standing: Standing) -> Self {
        Self {
            index: receipt.index,
            event: Some(receipt.event),
            kind: Some(receipt.kind.clone()),
            at: Some(receipt.at),
            workstation: receipt.workstation,
            workstation_label: receipt.workstation_label.clone(),
            purpose: receipt.purpose,
            session: receipt.session,
            reason: None,
            standing,
            remark: standing.sentence().to_owned(),
        }
    }
}
