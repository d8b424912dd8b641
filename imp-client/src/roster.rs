//! The roster: whom this workstation may expect. Signed by the server, kept sealed for a restart, short-lived.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use imp_api::ClientError;
use imp_authenticator::StatementError;
use imp_authenticator::identifier::Resolver;
use imp_authenticator::roster::{Roster, RosterEntry, UnverifiedRoster};
use imp_hardware::keystore::{Keystore, KeystoreError};
use imp_identity::PhoneId;
use jiff::Timestamp;

use crate::crash;
use crate::credentials::{KEY, StoredCredentials};
use crate::state::{StateDirectory, StateError};
use crate::tap::with_causes;

/// The signed roster, sealed: it holds names, and the keys of the phones' identifiers.
const FILE: &str = "roster.sealed";
/// Associated data of the seal: nothing else that is sealed under the machine's key is taken for a roster.
const SEALED_AS: &[u8] = b"imp-client roster 1";

/// A roster that was verified, and who is who on the air at this hour.
#[derive(Debug)]
pub struct Known {
    roster: Roster,
    places: HashMap<PhoneId, usize>,
    resolver: Resolver,
}

/// Keeps the newest verified roster.
pub struct RosterKeeper {
    state: StateDirectory,
    keystore: Arc<dyn Keystore>,
    known: RwLock<Option<Arc<Known>>>,
    /// An older roster must not overtake a newer one between its verification and its use.
    accepting: Mutex<()>,
}

/// A roster cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// The server did not give one.
    #[error("the server gave no roster")]
    Server(#[from] ClientError),
    /// It is not signed by the server.
    #[error("the roster cannot be trusted")]
    Statement(#[from] StatementError),
    /// It is of another installation.
    #[error("the roster is that of another installation")]
    OtherInstallation,
    /// It is past its date.
    #[error("the roster is out of date since {0}")]
    Expired(Timestamp),
    /// It is older than the one at hand: a replay.
    #[error("the roster is older than the one at hand")]
    Older,
    /// It cannot be sealed.
    #[error("the roster cannot be sealed")]
    Keystore(#[from] KeystoreError),
    /// It cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Known {
    fn new(roster: Roster, now: Timestamp) -> Self {
        // Somebody whose account is disabled is recognised too, so that her tap is refused by the server and logged.
        let mut expected = roster.clone();
        expected.entries.iter_mut().for_each(|entry| entry.active = true);
        let resolver = Resolver::new(&expected, now);
        let places = roster.entries.iter().enumerate().map(|(at, entry)| (entry.phone, at));
        Self { places: places.collect(), resolver, roster }
    }

    /// What the server signed.
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The phone that advertises `identifier` at `now`.
    pub fn resolve(&self, identifier: [u8; 8], now: Timestamp) -> Option<PhoneId> {
        self.resolver.resolve(identifier, now)
    }

    /// What is known of `phone`.
    pub fn entry(&self, phone: PhoneId) -> Option<&RosterEntry> {
        self.roster.entries.get(*self.places.get(&phone)?)
    }
}

impl RosterKeeper {
    /// Takes up the roster that an earlier run kept, if it can be read and still counts: else the server is asked for a new one. Blocks.
    pub fn open(
        state: StateDirectory,
        keystore: Arc<dyn Keystore>,
        credentials: &StoredCredentials,
        now: Timestamp,
    ) -> Self {
        let keeper =
            Self { state, keystore, known: RwLock::default(), accepting: Mutex::default() };
        match keeper.read(credentials, now) {
            Ok(Some(roster)) => keeper.replace(Known::new(roster, now)),
            Ok(None) => {}
            Err(error) => {
                tracing::info!(error = with_causes(&error), "the kept roster is not used");
            }
        }
        keeper
    }

    /// Verifies what the server answered, keeps it, and uses it from now on. Blocks.
    pub fn accept(
        &self,
        signed: &[u8],
        credentials: &StoredCredentials,
        now: Timestamp,
    ) -> Result<(), RosterError> {
        let _one_at_a_time = self.accepting.lock().unwrap_or_else(PoisonError::into_inner);
        let roster = self.verify(signed, credentials, now)?;
        crash::point("roster:verified");
        let sealed = self.keystore.seal(KEY, SEALED_AS, signed)?;
        self.state.write(FILE, &sealed)?;
        crash::point("roster:stored");
        self.replace(Known::new(roster, now));
        Ok(())
    }

    /// The roster, while it counts. Follows the slots of the identifiers.
    pub fn current(&self, now: Timestamp) -> Option<Arc<Known>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        if !known.roster.is_current(now) {
            return None;
        }
        if known.resolver.is_current(now) {
            return Some(known);
        }
        self.replace(Known::new(known.roster.clone(), now));
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest roster, whether it counts or not.
    pub fn newest(&self) -> Option<Arc<Known>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, known: Known) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(known));
    }

    /// What an earlier run kept.
    fn read(
        &self,
        credentials: &StoredCredentials,
        now: Timestamp,
    ) -> Result<Option<Roster>, RosterError> {
        let Some(sealed) = self.state.read(FILE)? else { return Ok(None) };
        let signed = self.keystore.unseal(KEY, SEALED_AS, &sealed)?;
        self.verify(signed.expose(), credentials, now).map(Some)
    }

    fn verify(
        &self,
        signed: &[u8],
        credentials: &StoredCredentials,
        now: Timestamp,
    ) -> Result<Roster, RosterError> {
        let keys: Vec<&[u8]> = credentials.statement_keys().collect();
        let roster = UnverifiedRoster::parse(signed)?.verify_by_server(&keys)?;
        if roster.trust_domain != credentials.credentials.spiffe_id.trust_domain {
            return Err(RosterError::OtherInstallation);
        }
        if !roster.is_current(now) {
            return Err(RosterError::Expired(roster.expires_at));
        }
        if self.newest().is_some_and(|known| roster.issued_at < known.roster.issued_at) {
            return Err(RosterError::Older);
        }
        Ok(roster)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Authority, NOW, entry};
    use imp_authenticator::identifier::{identifier, slot};
    use jiff::ToSpan as _;

    fn keeper(authority: &Authority) -> RosterKeeper {
        let (state, keystore) = (authority.state.clone(), authority.keystore.clone());
        RosterKeeper::open(state, keystore, &authority.credentials, NOW)
    }

    #[test]
    fn the_kept_roster_names_nobody_and_is_ignored_when_it_was_changed() {
        let authority = Authority::new();
        let signed = authority.roster(vec![entry(1)], NOW);
        let contains = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).any(|w| w == what);
        assert!(contains(&signed, b"User 1") && contains(&signed, &[1; 32]));
        keeper(&authority).accept(&signed, &authority.credentials, NOW).unwrap();
        let sealed = authority.state.read(FILE).unwrap().unwrap();
        assert!(!contains(&sealed, b"User 1") && !contains(&sealed, &[1; 32]));
        assert!(keeper(&authority).current(NOW).is_some());
        let mut tampered = sealed.clone();
        tampered[sealed.len() / 2] ^= 1;
        let foreign = authority.keystore.seal(KEY, b"something else", &signed).unwrap();
        // Not sealed at all; and longer than any file that is read.
        let endless = vec![0; (16 << 20) + 1];
        for unreadable in [tampered, foreign, signed.clone(), vec![], endless] {
            authority.state.write(FILE, &unreadable).unwrap();
            let keeper_ = keeper(&authority);
            assert!(keeper_.newest().is_none());
            keeper_.accept(&signed, &authority.credentials, NOW).unwrap();
            assert!(keeper(&authority).current(NOW).is_some(), "fetched anew");
        }
        // Whoever enrols the workstation anew with another key cannot read it.
        authority.keystore.delete(KEY).unwrap();
        assert!(keeper(&authority).newest().is_none());
    }

    #[test]
    fn a_signed_roster_resolves_phones_also_of_disabled_people_and_after_a_restart() {
        let authority = Authority::new();
        let mut disabled = entry(2);
        disabled.active = false;
        let signed = authority.roster(vec![entry(1), disabled], NOW);
        let keeper_1 = keeper(&authority);
        assert!(keeper_1.current(NOW).is_none());
        keeper_1.accept(&signed, &authority.credentials, NOW).unwrap();
        for keeper in [keeper_1, keeper(&authority)] {
            for n in [1, 2] {
                let known = keeper.current(NOW).unwrap();
                let heard = identifier(&entry(n).identifier_key, slot(NOW));
                assert_eq!(known.resolve(heard, NOW), Some(entry(n).phone));
                assert_eq!(known.entry(entry(n).phone).unwrap().active, n == 1);
            }
            assert!(keeper.current(NOW).unwrap().resolve([0; 8], NOW).is_none());
            // Half an hour later the phone calls itself something else.
            let later = NOW + 45.minutes();
            let heard = identifier(&entry(1).identifier_key, slot(later));
            assert_eq!(keeper.current(later).unwrap().resolve(heard, later), Some(entry(1).phone));
            assert!(keeper.current(NOW + 2.hours()).is_none());
        }
    }

    #[test]
    fn a_roster_that_is_foreign_old_or_replayed_is_refused() {
        let (authority, foreign) = (Authority::new(), Authority::new());
        let keeper_ = keeper(&authority);
        let accept = |signed: &[u8], now| keeper_.accept(signed, &authority.credentials, now);
        assert!(matches!(
            accept(&foreign.roster(vec![], NOW), NOW),
            Err(RosterError::Statement(StatementError::UnknownKey))
        ));
        assert!(matches!(accept(b"nonsense", NOW), Err(RosterError::Statement(_))));
        let old = authority.roster(vec![entry(1)], NOW);
        assert!(matches!(accept(&old, NOW + 2.hours()), Err(RosterError::Expired(_))));
        accept(&authority.roster(vec![], NOW + 1.minute()), NOW + 1.minute()).unwrap();
        assert!(matches!(accept(&old, NOW + 1.minute()), Err(RosterError::Older)));
        let mut forged = authority.roster(vec![entry(1)], NOW + 2.minutes());
        let last = forged.len() - 1;
        forged[last] ^= 1;
        assert!(matches!(
            accept(&forged, NOW + 2.minutes()),
            Err(RosterError::Statement(StatementError::Signature))
        ));
    }
}
