//! Erasing: the reference and its key go at once; the server is told, now or as soon as it can be reached.
use std::sync::Arc;

use imp_api::ClientError;
use imp_authenticator::UnverifiedReferenceCredential;
use imp_hardware::keystore::KeystoreError;
use imp_identity::{Clock, PhoneId, ReferenceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Phone;
use crate::attend::explain;
use crate::binding::Slot;
use crate::crash;
use crate::holder::{ConnectError, Holder};
use crate::journal::{EVIDENCE, RECEIPTS};
use crate::keep::ReceiptError;
use crate::state::{Entry, StateError};
use crate::vault::VaultError;

/// Largest marker, in bytes.
pub(crate) const LARGEST: u64 = 4096;

/// What to erase.
#[derive(Clone, Copy, Debug, Default)]
pub struct Erase {
    /// The binding, the device key and the receipts too.
    pub everything: bool,
    /// Even if the server cannot be told.
    pub force: bool,
}

/// What was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Whether there was a reference.
    pub reference: bool,
    /// Whether binding, device key and receipts are gone too.
    pub everything: bool,
    /// Whether the server knows.
    pub told: Told,
    /// Whether the server accepts this phone no longer: asked for with everything.
    pub revoked: Told,
}

/// Whether the server knows of the erasure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// There is nothing to tell.
    Nothing,
    /// It does now, and its receipt is stored.
    Now,
    /// It could not be told, because of this; the phone will, when it runs.
    NotYet(String),
}

/// Not everything could be erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// It serves, and would lose its binding.
    #[error("this phone is running: stop it, then erase everything")]
    Serving,
    /// The reference.
    #[error("the reference could not be erased")]
    Vault(#[from] VaultError),
    /// The device key.
    #[error("the device key could not be erased")]
    Keystore(#[from] KeystoreError),
    /// The state directory.
    #[error("the state directory cannot be used")]
    State(#[from] StateError),
}

/// An erasure was begun; stays until the server knows.
#[derive(Debug, Serialize, Deserialize)]
struct Erasure {
    phone: Option<PhoneId>,
    at: Timestamp,
    /// Which one; unknown when what was stored could not be read.
    #[serde(default)]
    reference: Option<ReferenceId>,
}

#[derive(Debug, thiserror::Error)]
enum TellError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Server(#[from] ClientError),
    #[error("the state directory cannot be used")]
    State(#[from] StateError),
}

impl Phone {
    /// Destroys the reference and its key, at once and for good, and tells the server.
    pub async fn erase(&self, how: Erase, clock: Arc<dyn Clock>) -> Result<Erased, EraseError> {
        let _claim = match self.state().claim_serving()? {
            None if how.everything => return Err(EraseError::Serving),
            claim => claim,
        };
        // A binding that cannot be read keeps nobody from erasing.
        let holder = Holder::load(self).ok().flatten();
        let reference = self.erase_reference(holder.as_ref(), clock.now())?;
        let told = match &holder {
            Some(holder) => holder.tell_erasure(Arc::clone(&clock)).await,
            None => Told::Nothing,
        };
        let revoked = match &holder {
            Some(holder) if how.everything => holder.revoke(clock).await,
            Some(_) | None => Told::Nothing,
        };
        let known = ![&told, &revoked].into_iter().any(|told| matches!(told, Told::NotYet(_)));
        let everything = how.everything && (how.force || known);
        if everything {
            self.forget()?;
        }
        Ok(Erased { reference, everything, told, revoked })
    }

    /// The marker comes first: a kill after it and the next start finishes the work.
    fn erase_reference(&self, holder: Option<&Holder>, now: Timestamp) -> Result<bool, EraseError> {
        let _lock = self.state().change()?;
        let stored = self.vault().load();
        let reference = !matches!(stored, Ok(None));
        let pending = self.state().read(Entry::Erasure, LARGEST)?.is_some();
        if holder.is_some() && !pending {
            let stored = stored.ok().flatten();
            let credential = stored
                .and_then(|stored| UnverifiedReferenceCredential::parse(&stored.credential).ok());
            let marker = Erasure {
                phone: holder.map(|holder| holder.binding.phone),
                at: now,
                reference: credential.map(|credential| credential.claims().reference),
            };
            let bytes = serde_json::to_vec(&marker)
                .map_err(|error| self.state().error(Entry::Erasure, error.into()))?;
            self.state().write(Entry::Erasure, &bytes)?;
            crash::point("erase:marked");
        }
        self.vault().erase()?;
        Ok(reference)
    }

    /// The binding goes last: until then the command can be repeated.
    fn forget(&self) -> Result<(), EraseError> {
        let _lock = self.state().change()?;
        RECEIPTS.remove(self.state())?;
        EVIDENCE.remove(self.state())?;
        for entry in [
            Entry::Seen,
            Entry::BindingAttempt,
            #[cfg(feature = "emulator")]
            Entry::Recorded,
        ] {
            self.state().remove(entry)?;
        }
        self.keystore().delete(Slot::A.device_label())?;
        self.keystore().delete(Slot::B.device_label())?;
        self.state().remove(Entry::Binding)?;
        Ok(self.state().remove(Entry::Erasure)?)
    }
}

impl Holder {
    /// Tells the server of an erasure that it does not know of yet.
    pub(crate) async fn tell_erasure(&self, clock: Arc<dyn Clock>) -> Told {
        match self.phone.state().read(Entry::Erasure, LARGEST) {
            Ok(None) => return Told::Nothing,
            Ok(Some(_)) => {}
            Err(error) => return Told::NotYet(explain(&error)),
        }
        match self.tell(clock).await {
            Ok(()) => Told::Now,
            Err(error) => Told::NotYet(explain(&error)),
        }
    }

    /// Has the server accept this phone no longer.
    async fn revoke(&self, clock: Arc<dyn Clock>) -> Told {
        let revoked = match self.client(clock) {
            Ok(client) => client.revoke_self().await.map_err(TellError::from),
            Err(error) => Err(error.into()),
        };
        match revoked {
            Ok(()) => Told::Now,
            Err(TellError::Server(error)) if is_final(&error) => Told::Now,
            Err(error) => Told::NotYet(explain(&error)),
        }
    }

    async fn tell(&self, clock: Arc<dyn Clock>) -> Result<(), TellError> {
        let state = self.phone.state();
        let marker = state.read(Entry::Erasure, LARGEST)?.unwrap_or_default();
        let marker: Option<Erasure> = serde_json::from_slice(&marker).ok();
        let reference = marker.and_then(|marker| marker.reference);
        let now = clock.now();
        match self.client(clock)?.erase_reference(reference).await {
            Ok(completed) => match self.keep(&completed.receipt.0, now) {
                // The server knows; a receipt with a fault was set aside.
                Ok(_) | Err(ReceiptError::Faulty(_)) => {}
                Err(ReceiptError::State(error)) => return Err(error.into()),
            },
            Err(error) if is_final(&error) => {}
            Err(error) => return Err(error.into()),
        }
        crash::point("erase:told");
        let _lock = state.change()?;
        Ok(state.remove(Entry::Erasure)?)
    }
}

/// Problems of a server that has no reference of this phone to erase, or accepts none any more.
const FINAL: [&str; 3] = ["nothing-to-erase", "machine-revoked", "machine-unknown"];

fn is_final(error: &ClientError) -> bool {
    error.problem().is_some_and(|problem| FINAL.contains(&problem.code()))
}
