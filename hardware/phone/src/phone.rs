//! A phone: its state and its keystore.
use std::path::Path;
use std::sync::Arc;

use imp_authenticator::credential::UnverifiedReferenceCredential;
use imp_hardware::keystore::{Keystore, KeystoreError};

use crate::binding::{Binding, BindingError};
use crate::state::{Entry, State, StateError};
use crate::storage::Storage;
use crate::vault::{Vault, VaultError};

/// A phone, bound or not. Cheap to clone.
#[derive(Clone)]
pub struct Phone(Arc<Parts>);

struct Parts {
    state: State,
    keystore: Arc<dyn Keystore>,
}

/// The phone's state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory.
    #[error("the state directory cannot be used")]
    State(#[from] StateError),
    /// An interrupted change could not be finished.
    #[error("an interrupted change could not be finished")]
    Vault(#[from] VaultError),
    /// An interrupted change could not be finished.
    #[error("keys that are not used any more could not be deleted")]
    Keystore(#[from] KeystoreError),
}

impl Phone {
    /// Opens the phone that keeps its state in `directory`, which is created when absent, and finishes what an
    /// interruption left half done.
    pub fn open(directory: &Path, keystore: Arc<dyn Keystore>) -> Result<Self, OpenError> {
        Self::recovered(State::open(directory)?, keystore)
    }

    /// Opens the phone that keeps its state in `storage`, and finishes what an interruption left half done.
    pub fn over(storage: Arc<dyn Storage>, keystore: Arc<dyn Keystore>) -> Result<Self, OpenError> {
        Self::recovered(State::over(storage), keystore)
    }

    fn recovered(state: State, keystore: Arc<dyn Keystore>) -> Result<Self, OpenError> {
        let phone = Self(Arc::new(Parts { state, keystore }));
        phone.recover()?;
        Ok(phone)
    }

    /// Whether it serves, in this process or another.
    pub fn is_serving(&self) -> Result<bool, StateError> {
        Ok(self.state().claim_serving()?.is_none())
    }

    /// The keystore's label of the key that this phone is known by; `None` while it is not bound.
    pub fn device_key_label(&self) -> Result<Option<&'static str>, BindingError> {
        let binding = Binding::load(self.state())?;
        Ok(binding.map(|binding| binding.device_key.device_label()))
    }

    pub(crate) fn state(&self) -> &State {
        &self.0.state
    }

    pub(crate) fn keystore(&self) -> &dyn Keystore {
        self.0.keystore.as_ref()
    }

    pub(crate) fn vault(&self) -> Vault<'_> {
        Vault { state: self.state(), keystore: self.keystore() }
    }

    /// After a kill at any moment: deletes keys and references that nothing refers to.
    fn recover(&self) -> Result<(), OpenError> {
        let _lock = self.state().change()?;
        // A binding or a reference that cannot be read is for its owner to decide about, not for us to delete.
        let Ok(binding) = Binding::load(self.state()) else { return Ok(()) };
        let Ok(stored) = self.vault().load() else { return Ok(()) };
        let erasing = self.state().read(Entry::Erasure, crate::erase::LARGEST)?.is_some();
        let foreign = stored.is_some_and(|stored| {
            UnverifiedReferenceCredential::parse(&stored.credential).is_ok_and(|credential| {
                binding.as_ref().is_none_or(|b| credential.claims().phone != b.phone)
            })
        });
        if erasing || foreign {
            self.vault().erase()?;
        }
        self.vault().tidy()?;
        let binding_begun = self.state().read(Entry::BindingAttempt, 64)?.is_some();
        if let (Some(binding), false) = (binding, binding_begun) {
            self.keystore().delete(binding.device_key.other().device_label())?;
        }
        Ok(())
    }
}
