//! The journal of a workstation that decided taps while the server could not be reached. Each entry names the digest of the one before it: none can
//! be left out, added or changed unnoticed.
use imp_identity::tap::Purpose;
use imp_identity::{
    Digest, PhoneId, ReferenceId, Refusal, SessionId, TapId, UserId, WorkstationId,
};
use jiff::Timestamp;
use minicbor::{Decode, Encode};

use crate::wire;

/// The longest entry, in bytes.
pub const LONGEST: usize = 20 * 1024;
/// The most entries of one report.
pub const MOST: usize = 10;

/// One tap that was decided here.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct JournalEntry {
    /// Names the journal: drawn when it was begun.
    #[cbor(n(0), with = "crate::wire::bytes32")]
    pub journal: [u8; 32],
    /// Its place, from 1, without gaps.
    #[n(1)]
    pub sequence: u64,
    /// The digest of the entry before; of the first, [`JournalEntry::beginning`].
    #[cbor(n(2), with = "crate::wire::digest")]
    pub previous: Digest,
    /// Where.
    #[cbor(n(3), with = "crate::wire::id")]
    pub workstation: WorkstationId,
    /// Names the tap.
    #[cbor(n(4), with = "crate::wire::id")]
    pub tap: TapId,
    /// With which phone.
    #[cbor(n(5), with = "crate::wire::id")]
    pub phone: PhoneId,
    /// Who.
    #[cbor(n(6), with = "crate::wire::id")]
    pub user: UserId,
    /// What for.
    #[cbor(n(7), with = "crate::wire::text")]
    pub purpose: Purpose,
    /// Her reference, by the roster.
    #[cbor(n(8), with = "crate::wire::id")]
    pub reference: ReferenceId,
    /// The challenge: 32 bytes, drawn by the workstation or the server.
    #[cbor(n(9), with = "crate::wire::bytes32")]
    pub challenge: [u8; 32],
    /// First instant at which it no longer counted.
    #[cbor(n(10), with = "crate::wire::time")]
    pub challenge_expires_at: Timestamp,
    /// When it was decided, by the workstation's clock.
    #[cbor(n(11), with = "crate::wire::time")]
    pub decided_at: Timestamp,
    /// When the roster was made by which it was decided.
    #[cbor(n(12), with = "crate::wire::time")]
    pub roster_issued_at: Timestamp,
    /// The session that the workstation opened, resumed or ended, by the name that it has there.
    #[cbor(n(13), with = "crate::wire::id")]
    pub session: SessionId,
    /// Why it was refused, if it was.
    #[cbor(n(14), with = "crate::wire::optional_text")]
    pub refused: Option<Refusal>,
    /// The phone's tap statement, `COSE_Sign1`.
    #[cbor(n(15), with = "crate::wire::blob")]
    pub statement: Vec<u8>,
    /// The workstation's match evidence, `COSE_Sign1`.
    #[cbor(n(16), with = "crate::wire::blob")]
    pub evidence: Vec<u8>,
}

/// The end of a journal: what the next entry has to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct JournalHead {
    /// Names the journal.
    #[cbor(n(0), with = "crate::wire::bytes32")]
    pub journal: [u8; 32],
    /// How many entries there are.
    #[n(1)]
    pub sequence: u64,
    /// The digest of the last.
    #[cbor(n(2), with = "crate::wire::digest")]
    pub last: Digest,
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// After the end.
    Next,
    /// It is the end, or before it: it was reported before, or else the journal was forked.
    Before,
}

/// An entry does not follow the end of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Entries between are missing.
    #[error("entries of the journal are missing")]
    Gap,
    /// Another entry stands in its place.
    #[error("the journal was forked: another entry stands in this place")]
    Fork,
}

/// The bytes are not an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not an entry of a journal")]
pub struct InvalidEntry;

impl JournalEntry {
    /// What the first entry of a journal follows.
    pub fn beginning(journal: &[u8; 32]) -> Digest {
        Digest::of(&[b"imp journal 1", journal])
    }

    /// Reads what [`JournalEntry::to_bytes`] wrote.
    pub fn read(bytes: &[u8]) -> Result<Self, InvalidEntry> {
        let within = bytes.len() <= LONGEST;
        within.then(|| wire::decode(bytes)).flatten().ok_or(InvalidEntry)
    }

    /// Canonical CBOR.
    pub fn to_bytes(&self) -> Result<Vec<u8>, InvalidEntry> {
        let mut bytes = Vec::new();
        minicbor::encode(self, &mut bytes).map_err(|_| InvalidEntry)?;
        if bytes.len() <= LONGEST { Ok(bytes) } else { Err(InvalidEntry) }
    }

    /// Where it stands; `head` is the end of what is known, if something is. A journal that is begun anew follows its own beginning.
    pub fn follows(&self, head: Option<&JournalHead>) -> Result<Follows, ChainError> {
        let head = head.filter(|head| head.journal == self.journal);
        let (sequence, last) =
            head.map_or((0, Self::beginning(&self.journal)), |head| (head.sequence, head.last));
        if self.sequence <= sequence {
            return Ok(Follows::Before);
        }
        if self.sequence > sequence + 1 {
            return Err(ChainError::Gap);
        }
        if self.previous == last { Ok(Follows::Next) } else { Err(ChainError::Fork) }
    }
}

impl JournalHead {
    /// The end of a journal that has no entry.
    pub fn begin(journal: [u8; 32]) -> Self {
        Self { journal, sequence: 0, last: JournalEntry::beginning(&journal) }
    }

    /// The end after `entry`, whose bytes these are.
    #[must_use]
    pub fn after(&self, bytes: &[u8]) -> Self {
        Self { sequence: self.sequence + 1, last: Digest::of(&[bytes]), ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imp_identity::id::Id;

    fn entry(sequence: u64, previous: Digest) -> JournalEntry {
        JournalEntry {
            journal: [7; 32],
            sequence,
            previous,
            workstation: Id::from_bytes([1; 16]),
            tap: Id::from_bytes([2; 16]),
            phone: Id::from_bytes([3; 16]),
            user: Id::from_bytes([4; 16]),
            purpose: Purpose::TapIn,
            reference: Id::from_bytes([5; 16]),
            challenge: [6; 32],
            challenge_expires_at: Timestamp::UNIX_EPOCH,
            decided_at: Timestamp::UNIX_EPOCH,
            roster_issued_at: Timestamp::UNIX_EPOCH,
            session: Id::from_bytes([8; 16]),
            refused: None,
            statement: vec![9; 300],
            evidence: vec![10; 500],
        }
    }

    #[test]
    fn an_entry_is_read_as_it_was_written_and_in_one_way_only() {
        let accepted = entry(1, Digest::of(&[]));
        let refused = JournalEntry { refused: Some(Refusal::ComparisonFailed), ..accepted.clone() };
        for entry in [accepted, refused] {
            let bytes = entry.to_bytes().unwrap();
            assert_eq!(JournalEntry::read(&bytes), Ok(entry));
            assert_eq!(JournalEntry::read(&[bytes.as_slice(), &[0]].concat()), Err(InvalidEntry));
            assert_eq!(JournalEntry::read(&bytes[..bytes.len() - 1]), Err(InvalidEntry));
        }
        assert_eq!(JournalEntry::read(&vec![0; LONGEST + 1]), Err(InvalidEntry));
    }

    #[test]
    fn a_chain_has_neither_gaps_nor_forks() {
        let begun = JournalHead::begin([7; 32]);
        let first = entry(1, begun.last);
        assert_eq!(first.follows(None), Ok(Follows::Next));
        assert_eq!(first.follows(Some(&begun)), Ok(Follows::Next));
        let head = begun.after(&first.to_bytes().unwrap());
        let second = entry(2, head.last);
        assert_eq!(second.follows(Some(&head)), Ok(Follows::Next));
        assert_eq!(first.follows(Some(&head)), Ok(Follows::Before));
        assert_eq!(second.follows(None), Err(ChainError::Gap));
        assert_eq!(entry(3, head.last).follows(Some(&head)), Err(ChainError::Gap));
        let other = JournalEntry { tap: Id::from_bytes([99; 16]), ..first.clone() };
        let forked = begun.after(&other.to_bytes().unwrap());
        assert_eq!(second.follows(Some(&forked)), Err(ChainError::Fork));
        assert_eq!(entry(1, Digest::of(&[])).follows(None), Err(ChainError::Fork));
        // Begun anew, under another name.
        let anew = JournalHead::begin([8; 32]);
        let anew = JournalEntry { journal: [8; 32], ..entry(1, anew.last) };
        assert_eq!(anew.follows(Some(&head)), Ok(Follows::Next));
    }
}
