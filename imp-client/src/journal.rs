//! The journal of what this workstation decided while the server could not be reached: one file, sealed (AES-256-GCM under the machine's key), each
//! entry chained to the one before. An entry is on the disk before the desktop opens, and stays until the server has taken it in.
use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imp_api::Base64;
use imp_authenticator::journal::{InvalidEntry, JournalEntry, JournalHead, MOST};
use imp_authenticator::offline::attempts_of;
use imp_hardware::keystore::{Keystore, KeystoreError};
use imp_identity::attempts::{Attempts, BEFORE_DISABLED};
use imp_identity::clock::SystemClock;
use imp_identity::{Clock as _, Digest, Refusal, UserId};
use jiff::Timestamp;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::crash;
use crate::credentials::KEY;
use crate::state::{StateDirectory, StateError};

const FILE: &str = "journal.sealed";
/// Associated data of the seal: nothing else that is sealed under the machine's key is taken for a journal.
const SEALED_AS: &[u8] = b"imp-client journal 1";
/// The most entries that wait for the server: then the workstation decides nothing more on its own.
const MOST_WAITING: usize = 500;

/// What was decided here, in memory and in the state folder.
pub struct Journal {
    state: StateDirectory,
    keystore: Arc<dyn Keystore>,
    kept: Mutex<Kept>,
}

/// What is in the file.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Kept {
    head: Option<Head>,
    /// Entries that the server has not taken in, oldest first.
    waiting: Vec<Base64>,
    /// The server does not take them, or they cannot be read: somebody has to look.
    broken: bool,
    /// The file that could not be read: [`FILE`] itself until it is set aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
    /// Failed comparisons of journals that were set aside, which the server may never learn of; oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    carried: Vec<Failed>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Failed {
    user: UserId,
    at: Timestamp,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    journal: Base64,
    sequence: u64,
    last: Digest,
    decided_at: Timestamp,
}

/// Nothing was written down, so nothing may be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There are as many entries as are kept.
    #[error("the journal is full: the server has to be reached first")]
    Full,
    /// The server refused what is in it, or it could not be read.
    #[error(
        "this workstation's journal cannot be read, or the server does not take it: somebody has to look into it"
    )]
    Broken,
    /// The clock stands before the last entry.
    #[error("the clock went back behind the last entry of the journal")]
    Clock,
    /// It cannot be written like this.
    #[error("the entry cannot be written")]
    Entry(#[from] InvalidEntry),
    /// It cannot be encoded.
    #[error("the journal cannot be written")]
    Json(#[from] serde_json::Error),
    /// It cannot be sealed.
    #[error("the journal cannot be sealed")]
    Keystore(#[from] KeystoreError),
    /// It cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Journal {
    /// Takes up what an earlier run left behind. A file that cannot be read is set aside and never overwritten, and nothing is decided here until
    /// somebody has looked: see [`Journal::unreadable`]. Blocks.
    pub fn open(state: StateDirectory, keystore: Arc<dyn Keystore>) -> Self {
        let journal = Self { state, keystore, kept: Mutex::default() };
        match journal.read() {
            Ok(kept) => *journal.kept() = kept.unwrap_or_default(),
            Err(error) => {
                tracing::error!(error = %error, "the journal cannot be read: nothing is decided without the server");
                journal.distrust(&error);
            }
        }
        journal
    }

    /// Nothing more is decided. What will never be readable is set aside at once; what a keystore or a disk may yield later stays where it is.
    fn distrust(&self, error: &JournalError) {
        let mut kept = self.kept();
        kept.broken = true;
        kept.unreadable = Some(FILE.to_owned());
        let for_good = matches!(
            error,
            JournalError::Json(_)
                | JournalError::Keystore(KeystoreError::Unsealing | KeystoreError::Missing(_))
                | JournalError::State(StateError::TooLong(_))
        );
        if !for_good {
            return;
        }
        let name = unreadable_name(SystemClock.now());
        let next = Kept { unreadable: Some(name.clone()), ..kept.clone() };
        match self.replace_unreadable(&name, &next) {
            Ok(()) => *kept = next,
            Err(error) => {
                tracing::error!(error = %error, "the unreadable journal stays where it is");
            }
        }
    }

    /// Keeps the unreadable file as `name` and puts `next` in its place. A crash between the two leaves a file that is unreadable still.
    fn replace_unreadable(&self, name: &str, next: &Kept) -> Result<(), JournalError> {
        let sealed = self.sealed(next)?;
        let path = self.state.path(name);
        // Unlike a rename, a link never takes another file's place.
        fs::hard_link(self.state.path(FILE), &path).map_err(|source| StateError::Io {
            action: "set the journal aside as",
            path,
            source,
        })?;
        Ok(self.state.write(FILE, &sealed)?)
    }

    fn read(&self) -> Result<Option<Kept>, JournalError> {
        let Some(sealed) = self.state.read(FILE)? else { return Ok(None) };
        let json = self.keystore.unseal(KEY, SEALED_AS, &sealed)?;
        Ok(Some(serde_json::from_slice(json.expose())?))
    }

    /// Writes an entry down: `make` is given the end that it has to follow. It is on the disk when this returns. Blocks.
    pub fn append(
        &self,
        rng: &mut impl CryptoRng,
        make: impl FnOnce(&JournalHead) -> JournalEntry,
    ) -> Result<(), JournalError> {
        let mut kept = self.kept();
        if kept.broken {
            return Err(JournalError::Broken);
        }
        if kept.waiting.len() >= MOST_WAITING {
            return Err(JournalError::Full);
        }
        let end = kept.end().unwrap_or_else(|| {
            let mut name = [0; 32];
            rng.fill_bytes(&mut name);
            JournalHead::begin(name)
        });
        let entry = make(&end);
        if kept.head.as_ref().is_some_and(|head| entry.decided_at < head.decided_at) {
            return Err(JournalError::Clock);
        }
        let bytes = entry.to_bytes()?;
        let JournalHead { journal, sequence, last } = end.after(&bytes);
        let mut next = kept.clone();
        let journal = journal.to_vec().into();
        next.head = Some(Head { journal, sequence, last, decided_at: entry.decided_at });
        next.waiting.push(bytes.into());
        self.write(&next)?;
        *kept = next;
        drop(kept);
        crash::point("offline:written");
        Ok(())
    }

    /// The oldest entries that wait, as they are sent.
    pub fn waiting(&self) -> Vec<Base64> {
        self.kept().waiting.iter().take(MOST).cloned().collect()
    }

    /// The server has taken in the oldest `taken` entries. Blocks.
    pub fn taken(&self, taken: usize) -> Result<(), JournalError> {
        let mut kept = self.kept();
        let mut next = kept.clone();
        let gone: Vec<_> = next.waiting.drain(..taken.min(next.waiting.len())).collect();
        for (user, accepted, _) in outcomes(&gone) {
            // What was accepted since ends what was carried over.
            next.carried.retain(|failed| !accepted || failed.user != user);
        }
        self.write(&next)?;
        *kept = next;
        Ok(())
    }

    /// The server will never take the entries that wait: nothing is decided here until somebody has looked. Blocks.
    pub fn refused(&self) -> Result<(), JournalError> {
        let mut kept = self.kept();
        kept.broken = true;
        let next = kept.clone();
        self.write(&next)
    }

    /// Whether entries wait that the server may still take: what it says of sessions meanwhile is not the whole.
    pub fn is_waiting(&self) -> bool {
        let kept = self.kept();
        !kept.broken && !kept.waiting.is_empty()
    }

    /// Whether the server does not take what waits, or the file could not be read: nothing is decided here.
    pub fn is_refused(&self) -> bool {
        self.kept().broken
    }

    /// The name of the file that could not be read, until a new journal is begun.
    pub fn unreadable(&self) -> Option<String> {
        self.kept().unreadable.clone()
    }

    /// Every entry that waits and can be read, oldest first.
    pub fn entries(&self) -> Vec<JournalEntry> {
        let waiting = self.kept().waiting.clone();
        waiting.iter().filter_map(|bytes| JournalEntry::read(&bytes.0).ok()).collect()
    }

    /// Begins a new journal after somebody has looked into the one that the server refused or that cannot be read: that one is kept beside it, sealed
    /// as it was, under the name that is returned. Failed comparisons that can be read still count. `None` if nothing is wrong. Blocks.
    pub fn begin_anew(&self, now: Timestamp) -> Result<Option<String>, JournalError> {
        let mut kept = self.kept();
        if !kept.broken {
            return Ok(None);
        }
        let next = Kept { carried: kept.failures(), ..Kept::default() };
        let name = match kept.unreadable.clone() {
            Some(name) if name == FILE => {
                let name = unreadable_name(now);
                self.replace_unreadable(&name, &next)?;
                name
            }
            Some(name) => {
                self.write(&next)?;
                name
            }
            None => {
                let name = format!("journal.refused-{}.sealed", now.as_second());
                self.state.write(&name, &self.sealed(&kept)?)?;
                self.write(&next)?;
                name
            }
        };
        *kept = next;
        Ok(Some(name))
    }

    /// How many entries wait.
    pub fn len(&self) -> usize {
        self.kept().waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A person's failed comparisons that the server was not told yet.
    pub fn attempts(&self, user: UserId) -> Attempts {
        let kept = self.kept().clone();
        let carried = kept.carried.iter().map(|failed| (failed.user, false, failed.at));
        let all = carried.chain(outcomes(&kept.waiting));
        let hers = all.filter(|(whose, ..)| *whose == user);
        attempts_of(user, hers.map(|(_, accepted, at)| (accepted, at)))
    }

    fn sealed(&self, kept: &Kept) -> Result<Vec<u8>, JournalError> {
        Ok(self.keystore.seal(KEY, SEALED_AS, &serde_json::to_vec(kept)?)?)
    }

    fn write(&self, kept: &Kept) -> Result<(), JournalError> {
        Ok(self.state.write(FILE, &self.sealed(kept)?)?)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn end(&self) -> Option<JournalHead> {
        let head = self.head.as_ref()?;
        let journal = head.journal.0.as_slice().try_into().ok()?;
        Some(JournalHead { journal, sequence: head.sequence, last: head.last })
    }

    /// Everybody's failed comparisons since a face of hers was accepted, oldest first: no more of each than disable her face.
    fn failures(&self) -> Vec<Failed> {
        let mut failures = self.carried.clone();
        for (user, accepted, at) in outcomes(&self.waiting) {
            if accepted {
                failures.retain(|failed| failed.user != user);
                continue;
            }
            let hers = failures.iter().filter(|failed| failed.user == user).count();
            if hers >= BEFORE_DISABLED as usize
                && let Some(oldest) = failures.iter().position(|failed| failed.user == user)
            {
                failures.remove(oldest);
            }
            failures.push(Failed { user, at });
        }
        failures
    }
}

/// Whose comparison succeeded or failed, and when; what cannot be read is passed over.
fn outcomes(waiting: &[Base64]) -> impl Iterator<Item = (UserId, bool, Timestamp)> {
    let entries = waiting.iter().filter_map(|bytes| JournalEntry::read(&bytes.0).ok());
    entries.filter_map(|entry| match entry.refused {
        None => Some((entry.user, true, entry.decided_at)),
        Some(Refusal::ComparisonFailed | Refusal::PresentationAttack) => {
            Some((entry.user, false, entry.decided_at))
        }
        Some(_) => None,
    })
}

fn unreadable_name(now: Timestamp) -> String {
    format!("journal.unreadable-{}.sealed", now.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Authority, NOW};
    use imp_authenticator::journal::Follows;
    use imp_identity::id::Id;
    use imp_identity::tap::Purpose;
    use jiff::ToSpan as _;
    use rand::SeedableRng as _;

    fn entry(end: &JournalHead, decided_at: Timestamp, refused: Option<Refusal>) -> JournalEntry {
        JournalEntry {
            journal: end.journal,
            sequence: end.sequence + 1,
            previous: end.last,
            workstation: Id::from_bytes([1; 16]),
            tap: Id::from_bytes([2; 16]),
            phone: Id::from_bytes([3; 16]),
            user: Id::from_bytes([4; 16]),
            purpose: Purpose::TapIn,
            reference: Id::from_bytes([5; 16]),
            challenge: [6; 32],
            challenge_expires_at: decided_at,
            decided_at,
            roster_issued_at: NOW,
            session: Id::from_bytes([8; 16]),
            refused,
            statement: b"a statement".to_vec(),
            evidence: b"evidence".to_vec(),
        }
    }

    fn journal(authority: &Authority) -> Journal {
        Journal::open(authority.state.clone(), authority.keystore.clone())
    }

    #[test]
    fn entries_are_sealed_chained_and_survive_a_restart() {
        let authority = Authority::new();
        let mut rng = rand::rngs::StdRng::seed_from_u64(5);
        for n in 0..3 {
            // Each by another run.
            let journal = journal(&authority);
            journal.append(&mut rng, |end| entry(end, NOW + n.seconds(), None)).unwrap();
        }
        let opened = journal(&authority);
        let mut end: Option<JournalHead> = None;
        for bytes in opened.waiting() {
            let entry = JournalEntry::read(&bytes.0).unwrap();
            assert_eq!(entry.follows(end.as_ref()), Ok(Follows::Next));
            end = Some(end.unwrap_or(JournalHead::begin(entry.journal)).after(&bytes.0));
        }
        assert_eq!(end.unwrap().sequence, 3);
        let sealed = authority.state.read(FILE).unwrap().unwrap();
        assert!(!sealed.windows(11).any(|window| window == b"a statement"));
        opened.taken(2).unwrap();
        assert_eq!(journal(&authority).len(), 1);
        opened.taken(9).unwrap();
        assert!(!journal(&authority).is_waiting());
        // The chain goes on where it was.
        opened.append(&mut rng, |end| entry(end, NOW + 4.seconds(), None)).unwrap();
        let bytes = opened.waiting().remove(0).0;
        assert_eq!(JournalEntry::read(&bytes).unwrap().follows(end.as_ref()), Ok(Follows::Next));
    }

    #[test]
    fn nothing_is_written_by_a_clock_that_went_back_or_into_a_broken_journal() {
        let authority = Authority::new();
        let mut rng = rand::rngs::StdRng::seed_from_u64(6);
        let opened = journal(&authority);
        opened.append(&mut rng, |end| entry(end, NOW, None)).unwrap();
        let back = opened.append(&mut rng, |end| entry(end, NOW - 1.second(), None));
        assert!(matches!(back, Err(JournalError::Clock)), "{back:?}");
        opened.refused().unwrap();
        let again = journal(&authority);
        let refused = again.append(&mut rng, |end| entry(end, NOW, None));
        assert!(matches!(refused, Err(JournalError::Broken)), "{refused:?}");
        assert!(!again.is_waiting() && again.len() == 1, "kept for whoever looks");
    }

    #[test]
    fn a_journal_that_the_server_refused_is_set_aside_and_a_new_one_begins() {
        let authority = Authority::new();
        let mut rng = rand::rngs::StdRng::seed_from_u64(8);
        let opened = journal(&authority);
        opened.append(&mut rng, |end| entry(end, NOW, None)).unwrap();
        assert_eq!(opened.begin_anew(NOW).unwrap(), None, "it was not refused");
        let first = opened.entries().remove(0).journal;
        opened.refused().unwrap();
        assert!(opened.is_refused());
        let name = opened.begin_anew(NOW).unwrap().unwrap();
        let aside = authority.state.read(&name).unwrap().unwrap();
        assert!(authority.keystore.unseal(KEY, SEALED_AS, &aside).is_ok(), "what it said is kept");
        let again = journal(&authority);
        assert!(again.is_empty() && !again.is_refused());
        again.append(&mut rng, |end| entry(end, NOW, None)).unwrap();
        let entry = again.entries().remove(0);
        assert_ne!(entry.journal, first, "the server sees by its name that it is another");
        assert_eq!(entry.sequence, 1);
    }

    #[test]
    fn failed_comparisons_count_until_a_face_is_accepted() {
        let authority = Authority::new();
        let mut rng = rand::rngs::StdRng::seed_from_u64(7);
        let opened = journal(&authority);
        let user = Id::from_bytes([4; 16]);
        for n in 0..5 {
            let failed = Some(Refusal::ComparisonFailed);
            opened.append(&mut rng, |end| entry(end, NOW + n.seconds(), failed)).unwrap();
        }
        let attempts = journal(&authority).attempts(user);
        assert_eq!(attempts.failures, 5);
        assert_eq!(attempts.check(NOW + 5.seconds()), Err(Refusal::TooManyAttempts));
        assert_eq!(opened.attempts(Id::from_bytes([9; 16])).failures, 0);
        opened.append(&mut rng, |end| entry(end, NOW + 60.seconds(), None)).unwrap();
        assert_eq!(opened.attempts(user).failures, 0);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_kept_and_nothing_is_decided_until_a_new_one_is_begun() {
        let authority = Authority::new();
        let mut rng = rand::rngs::StdRng::seed_from_u64(9);
        assert!(!journal(&authority).is_refused(), "a missing file is an empty journal");
        let unparsed = authority.keystore.seal(KEY, SEALED_AS, b"{\"half\":").unwrap();
        for damaged in [b"rubbish".to_vec(), unparsed] {
            authority.state.write(FILE, &damaged).unwrap();
            let opened = journal(&authority);
            let aside = opened.unreadable().unwrap();
            assert!(aside.starts_with("journal.unreadable-"), "{aside}");
            assert_eq!(authority.state.read(&aside).unwrap().unwrap(), damaged);
            // Also after a restart.
            let again = journal(&authority);
            assert_eq!(again.unreadable().as_ref(), Some(&aside));
            assert!(again.is_refused() && !again.is_waiting());
            let refused = again.append(&mut rng, |end| entry(end, NOW, None));
            assert!(matches!(refused, Err(JournalError::Broken)), "{refused:?}");
            assert_eq!(again.begin_anew(NOW).unwrap().as_ref(), Some(&aside));
            let anew = journal(&authority);
            assert!(!anew.is_refused() && anew.unreadable().is_none());
            anew.append(&mut rng, |end| entry(end, NOW, None)).unwrap();
            assert_eq!(authority.state.read(&aside).unwrap().unwrap(), damaged);
            authority.state.remove(&aside).unwrap();
        }
    }

    #[test]
    fn a_file_that_the_disk_does_not_yield_stays_where_it_is() {
        let authority = Authority::new();
        let mut rng = rand::rngs::StdRng::seed_from_u64(10);
        fs::create_dir(authority.state.path(FILE)).unwrap();
        let opened = journal(&authority);
        assert_eq!(opened.unreadable().as_deref(), Some(FILE));
        assert!(opened.append(&mut rng, |end| entry(end, NOW, None)).is_err());
        opened.begin_anew(NOW).unwrap_err();
        assert!(opened.is_refused() && authority.state.path(FILE).is_dir());
    }

    #[test]
    fn failed_comparisons_count_in_the_journal_that_is_begun_anew() {
        let authority = Authority::new();
        let mut rng = rand::rngs::StdRng::seed_from_u64(11);
        let user = Id::from_bytes([4; 16]);
        let opened = journal(&authority);
        let failed = Some(Refusal::ComparisonFailed);
        for n in 0..5 {
            opened.append(&mut rng, |end| entry(end, NOW + n.seconds(), failed)).unwrap();
        }
        opened.refused().unwrap();
        opened.begin_anew(NOW).unwrap().unwrap();
        let anew = journal(&authority);
        assert!(anew.is_empty());
        assert_eq!(anew.attempts(user).check(NOW + 5.seconds()), Err(Refusal::TooManyAttempts));
        anew.append(&mut rng, |end| entry(end, NOW + 40.seconds(), failed)).unwrap();
        assert_eq!(anew.attempts(user).failures, 6);
        anew.append(&mut rng, |end| entry(end, NOW + 200.seconds(), None)).unwrap();
        assert_eq!(anew.attempts(user).failures, 0);
        anew.taken(2).unwrap();
        assert_eq!(journal(&authority).attempts(user).failures, 0);
    }
}
