//! The server's keys: root, issuing authorities, statement key, and the certificate of its own listener.
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use imp_authenticator::tls::Doorkeeper;
use imp_authenticator::{Signer, TrustAnchors};
use imp_identity::Digest;
use imp_identity::spiffe::{SpiffeId, TrustDomain};
use imp_pki::{Certificate, IssueError, Key, KeyError, Profile, PublicKey, ServerName};
use imp_translog::{LogKey, LogKeyError};
use jiff::{SignedDuration, Timestamp};
use rand::CryptoRng;

use crate::config::Config;

mod authorities;
mod devices;
mod directory;
mod listener;
mod newcomers;
mod ocsp;
pub(crate) mod pem;
pub(crate) mod rollover;
pub(crate) mod root;
mod signer;
pub(crate) mod token;

use authorities::Authorities;
pub use authorities::IssuingAuthority;
pub(crate) use devices::DeviceOrder;
use devices::Publisher;
pub(crate) use directory::DIRECTORY;
pub(crate) use listener::{Listener, ListenerError};
pub use newcomers::DoorkeeperError;
pub use ocsp::OcspSigner;
use ocsp::Responders;
use signer::FileSigner;

/// The keys of one installation.
pub struct Keys {
    trust_domain: TrustDomain,
    directory: PathBuf,
    root: Certificate,
    authorities: RwLock<Arc<Authorities>>,
    responders: Responders,
    publisher: Publisher,
    statement: Arc<FileSigner>,
    log: Arc<LogKey>,
    set: Key,
    profile: Profile,
    machine_lifetime: SignedDuration,
    server_lifetime: SignedDuration,
    doorkeeper: Arc<Doorkeeper>,
    listener: RwLock<Option<Arc<Listener>>>,
    /// Whose turn it is to make a certificate for a service of this server.
    turn: tokio::sync::Mutex<()>,
}

/// A certificate, and who signed it.
pub struct Signed {
    /// The certificate.
    pub certificate: Certificate,
    /// Who signed it.
    pub issuer: Arc<IssuingAuthority>,
}

/// The keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The folder or a file in it cannot be read or written.
    #[error("{} cannot be {action}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// `read`, `written`, …
        action: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Others may read a key.
    #[error(
        "{} is open to others (mode {mode:o}): run `chmod -R go= {}` and, if others had access, replace the keys",
        .path.display(), .path.display()
    )]
    Open {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A file does not hold what it should.
    #[error("{} does not hold {expected}", .path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// The keys are another installation's.
    #[error(
        "the keys were made for the trust domain `{made}`, but the configuration says `{configured}`"
    )]
    TrustDomain {
        /// In the folder.
        made: TrustDomain,
        /// In the configuration.
        configured: TrustDomain,
    },
    /// Another process is creating the keys at this moment.
    #[error("another imp-server is creating the keys in {} at this moment", .0.display())]
    Busy(PathBuf),
    /// A key cannot be used.
    #[error("a key cannot be used")]
    Key(#[from] KeyError),
    /// The log's key cannot be made.
    #[error("the log's key cannot be made")]
    Log(#[from] LogKeyError),
    /// A certificate cannot be issued.
    #[error("a certificate cannot be issued")]
    Issue(#[from] IssueError),
    /// The manufacturers of devices that enrol cannot be known.
    #[error("[est] cannot be used")]
    Doorkeeper(#[from] DoorkeeperError),
    /// There is no such authority, or it was retired.
    #[error("there is no such issuing authority, or it was retired")]
    NoAuthority,
}

impl Keys {
    /// Reads the keys of `config.data`, after creating them at the first start.
    pub fn open(
        config: &Config,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, KeysError> {
        let stored = directory::open_or_create(&config.data, &config.trust_domain, now, rng)?;
        if stored.trust_domain != config.trust_domain {
            let (made, configured) = (stored.trust_domain, config.trust_domain.clone());
            return Err(KeysError::TrustDomain { made, configured });
        }
        let roots = vec![stored.root.der().to_vec()];
        let trust_domain = stored.trust_domain.clone();
        let anchors = TrustAnchors { trust_domain, roots };
        let days = |count: u32| SignedDuration::from_hours(24 * i64::from(count));
        Ok(Self {
            trust_domain: stored.trust_domain,
            directory: config.data.join(DIRECTORY),
            root: stored.root,
            authorities: RwLock::new(Arc::new(stored.authorities)),
            responders: Responders::default(),
            publisher: Publisher::new(&config.devices),
            statement: Arc::new(FileSigner::new(&stored.statement)?),
            log: Arc::new(stored.log),
            set: stored.set,
            profile: Profile::Server(config.http.names.clone()),
            machine_lifetime: days(config.certificates.machine_days),
            server_lifetime: days(config.certificates.server_days),
            doorkeeper: newcomers::doorkeeper(&config.est, &anchors)?,
            listener: RwLock::new(None),
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// The installation.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// SHA-256 of the root's DER: what people compare and invitations pin.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&[self.root.der()])
    }

    /// The root's certificate.
    pub fn root(&self) -> &Certificate {
        &self.root
    }

    /// The authority that issues.
    pub fn issuing(&self) -> Arc<IssuingAuthority> {
        self.authorities().current.clone()
    }

    /// The authorities that have not been retired: the one that issues, and those whose certificates may still count.
    pub fn issuers(&self) -> Vec<Arc<IssuingAuthority>> {
        self.authorities().all.clone()
    }

    /// The root, the issuing authorities, and the certificates by which other roots vouch for them, in DER.
    pub fn published(&self) -> Vec<Vec<u8>> {
        let issuing = self.issuers().into_iter().flat_map(|authority| authority.chain());
        std::iter::once(self.root.der().to_vec()).chain(issuing).collect()
    }

    fn authorities(&self) -> Arc<Authorities> {
        self.authorities.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the authorities anew, if another process has changed them; whether it has.
    pub(crate) fn refresh(&self) -> Result<bool, KeysError> {
        let register = authorities::Register::read(&self.directory)?;
        if register == self.authorities().register {
            return Ok(false);
        }
        let read = Arc::new(Authorities::read(&self.directory)?);
        *self.authorities.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(true)
    }

    /// The key that signs reference credentials, rosters and receipts.
    pub fn statement_key(&self) -> &dyn Signer {
        self.statement.as_ref()
    }

    /// The key that signs the log's checkpoints.
    pub const fn log_key(&self) -> &Arc<LogKey> {
        &self.log
    }

    /// The key that signs security event tokens (RFC 8417).
    pub const fn set_key(&self) -> &Key {
        &self.set
    }

    /// Held while a service's certificate is made and recorded: one is enough.
    pub(crate) const fn turn(&self) -> &tokio::sync::Mutex<()> {
        &self.turn
    }

    /// Whether it is a name of this server.
    pub(crate) fn is_own_name(&self, name: &ServerName) -> bool {
        matches!(&self.profile, Profile::Server(names) if names.contains(name))
    }

    /// Whom machines of this installation trust.
    pub fn anchors(&self) -> TrustAnchors {
        let roots = vec![self.root.der().to_vec()];
        TrustAnchors { trust_domain: self.trust_domain.clone(), roots }
    }

    /// A certificate that names `machine`.
    pub fn issue(
        &self,
        machine: SpiffeId,
        key: &PublicKey,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Signed, IssueError> {
        let (issuer, profile) = (self.issuing(), Profile::Machine(machine));
        let lifetime = self.machine_lifetime;
        let certificate = issuer.issuer.issue(&profile, key, lifetime, now, rng)?;
        Ok(Signed { certificate, issuer })
    }
}

#[cfg(test)]
mod tests;
