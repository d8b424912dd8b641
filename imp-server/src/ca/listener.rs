//! What the listeners show: a certificate whose key lives in memory only. Machines trust the root, so nobody has to be told of
//! another one.
use std::sync::{Arc, PoisonError};

use imp_authenticator::{TlsError, tls};
use imp_identity::Clock;
use imp_pki::{Certificate, IssueError, Key, KeyError};
use jiff::Timestamp;
use rand::CryptoRng;
use rustls::ServerConfig;

use super::Keys;
use super::signer::FileSigner;

/// A certificate, ready to be shown.
pub(crate) struct Listener {
    /// The certificate.
    pub(crate) certificate: Certificate,
    /// For people, and machines of ours.
    pub(crate) tls: Arc<ServerConfig>,
    /// For devices that enrol.
    pub(crate) newcomers: Arc<ServerConfig>,
}

/// The listener has no certificate to show.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenerError {
    /// It cannot be issued.
    #[error("the listener's certificate cannot be issued")]
    Issue(#[from] IssueError),
    /// Its key cannot be made.
    #[error("the listener's key cannot be made")]
    Key(#[from] KeyError),
    /// rustls refuses it.
    #[error("the listener's TLS configuration cannot be made")]
    Tls(#[from] TlsError),
}

impl Listener {
    /// Whether it is time for the next one.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.certificate.renew_after() <= now
    }
}

impl Keys {
    /// What the listeners show, unless it has expired.
    pub(crate) fn listener(&self, now: Timestamp) -> Option<Arc<Listener>> {
        let shown = self.listener.read().unwrap_or_else(PoisonError::into_inner).clone();
        shown.filter(|listener| now < listener.certificate.expires_at())
    }

    /// Makes a key and a certificate for the listeners. They are not shown before [`Keys::show`].
    pub(crate) fn new_listener(
        &self,
        clock: &Arc<dyn Clock>,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Listener, ListenerError> {
        let key = Key::generate()?;
        let (issuing, lifetime) = (self.issuing(), self.server_lifetime);
        let certificate =
            issuing.issuer.issue(&self.profile, key.public_key(), lifetime, now, rng)?;
        // The root is sent too: at a first meeting its fingerprint is all that a machine knows.
        let chain = [certificate.der(), issuing.certificate.der(), self.root.der()];
        let chain: Vec<Vec<u8>> = chain.map(<[u8]>::to_vec).into();
        let signer = Arc::new(FileSigner::new(&key)?);
        let keeper = self.doorkeeper.clone();
        let newcomers =
            tls::enrolment_server(chain.clone(), signer.clone(), keeper, clock.clone())?;
        let tls = tls::server(chain, signer, &self.anchors(), clock.clone())?;
        Ok(Listener { certificate, tls, newcomers })
    }

    /// Shows it from now on.
    pub(crate) fn show(&self, listener: Listener) -> Arc<Listener> {
        let listener = Arc::new(listener);
        let mut shown = self.listener.write().unwrap_or_else(PoisonError::into_inner);
        *shown = Some(listener.clone());
        listener
    }

    /// Tells those who let devices in which authorities there are.
    pub(crate) fn know_issuers(&self) {
        self.doorkeeper.know_issuers(self.issuers().into_iter().flat_map(|it| it.chain()));
    }
}
