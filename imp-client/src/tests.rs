//! What several unit tests need.
use std::sync::Arc;

use imp_api::machine::Credentials;
use imp_authenticator::roster::{Roster, RosterEntry};
use imp_authenticator::signer::Signer;
use imp_hardware::keystore::{Keystore, KeystoreConfig};
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::{Digest, PhoneId, UserId, WorkstationId};
use jiff::{Timestamp, ToSpan as _};
use uuid::Uuid;

use crate::credentials::StoredCredentials;
use crate::server::Server;
use crate::state::StateDirectory;

pub(crate) const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// A server's statement key, and a workstation that trusts it.
pub(crate) struct Authority {
    _folder: tempfile::TempDir,
    pub(crate) state: StateDirectory,
    pub(crate) keystore: Arc<dyn Keystore>,
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) credentials: StoredCredentials,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(folder.path().join("state")).unwrap();
        let keystore = KeystoreConfig::software(folder.path().join("keys")).open().unwrap();
        let signer = keystore.create("server").unwrap();
        let workstation = WorkstationId::from(Uuid::from_u128(99));
        let trust_domain = "hospital.example".parse().unwrap();
        let credentials = StoredCredentials {
            server: "https://127.0.0.1:1".to_owned(),
            ca: Digest::of(&[]),
            workstation,
            name: "Ward 3".to_owned(),
            credentials: Credentials {
                spiffe_id: SpiffeId { trust_domain, machine: Machine::Workstation(workstation) },
                certificate_chain: vec![],
                trust_anchors: vec![],
                statement_keys: vec![signer.public_key().to_vec().into()],
                log_key: None,
                receipt: None,
                renew_after: NOW + 1.hour(),
                expires_at: NOW + 2.hours(),
            },
        };
        Self { _folder: folder, state, keystore, signer, credentials }
    }

    pub(crate) fn roster(&self, entries: Vec<RosterEntry>, issued_at: Timestamp) -> Vec<u8> {
        let roster = Roster {
            trust_domain: self.credentials.credentials.spiffe_id.trust_domain.clone(),
            issued_at,
            expires_at: issued_at + 1.hour(),
            entries,
            policy_version: 1,
            offline: None,
        };
        roster.sign(self.signer.as_ref()).unwrap()
    }
}

pub(crate) fn entry(n: u8) -> RosterEntry {
    RosterEntry {
        phone: PhoneId::from(Uuid::from_u128(u128::from(n))),
        user: UserId::from(Uuid::from_u128(100 + u128::from(n))),
        username: format!("user{n}"),
        display_name: format!("User {n}"),
        identifier_key: [n; 32],
        public_key: vec![n; 91],
        reference: None,
        active: true,
    }
}

/// Nothing listens there.
pub(crate) fn unreachable_server() -> Server {
    let clock = Arc::new(imp_identity::clock::SystemClock);
    let tls = imp_authenticator::tls::first_meeting(Digest::of(&[]), clock).unwrap();
    Server::new(imp_api::Client::new("https://127.0.0.1:1", tls).unwrap())
}
