//! Whose phone this is, and how it proves that: what binding left behind.
use imp_api::Base64;
use imp_api::machine::Credentials;
use imp_identity::{PhoneId, Secret, UserId};
use imp_translog::VerifierKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::state::{Entry, State, StateError};

/// Largest `binding.json`, in bytes.
const LARGEST: u64 = 256 * 1024;

/// One of two places for a key: the next one is made in the other, so that a crash never leaves none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Slot {
    A,
    B,
}

/// What the phone keeps of being bound.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Binding {
    /// `https://host:port`.
    pub(crate) server: String,
    pub(crate) phone: PhoneId,
    pub(crate) user: UserId,
    pub(crate) display_name: String,
    pub(crate) bound_at: Timestamp,
    /// The key of the rotating identifier on the air.
    pub(crate) identifier_key: Secret<[u8; 32]>,
    /// Where the device key is in the keystore.
    pub(crate) device_key: Slot,
    pub(crate) credentials: Credentials,
    /// Statement keys that the server no longer uses: receipts signed with them stay readable.
    #[serde(default)]
    pub(crate) former_statement_keys: Vec<Base64>,
    /// Keys that the log no longer uses: its checkpoints of that time go on to count.
    #[serde(default)]
    pub(crate) former_log_keys: Vec<String>,
}

/// What is kept of the binding cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BindingError {
    /// The file cannot be read.
    #[error("what this phone keeps of its binding cannot be read")]
    State(#[from] StateError),
    /// The file makes no sense.
    #[error(
        "what this phone keeps of its binding is damaged: bind it again with a new code (bind --replace)"
    )]
    Damaged(#[source] serde_json::Error),
}

impl Slot {
    /// The other one.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// The keystore's label of a device key in this place.
    pub(crate) const fn device_label(self) -> &'static str {
        match self {
            Self::A => "phone-device-a",
            Self::B => "phone-device-b",
        }
    }

    /// The keystore's label of a key that seals a reference, in this place.
    pub(crate) const fn reference_label(self) -> &'static str {
        match self {
            Self::A => "phone-reference-a",
            Self::B => "phone-reference-b",
        }
    }

    /// The keystore's label of the key that seals the template's own key, in this place: another than the template's, so that
    /// neither record alone is worth anything.
    pub(crate) const fn template_key_label(self) -> &'static str {
        match self {
            Self::A => "phone-template-key-a",
            Self::B => "phone-template-key-b",
        }
    }
}

impl Binding {
    /// Reads the binding; `None` while the phone is not bound.
    pub(crate) fn load(state: &State) -> Result<Option<Self>, BindingError> {
        let Some(bytes) = state.read(Entry::Binding, LARGEST)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(BindingError::Damaged)
    }

    /// Replaces what was kept. The caller holds the state's lock.
    pub(crate) fn save(&self, state: &State) -> Result<(), StateError> {
        let invalid = |error: serde_json::Error| state.error(Entry::Binding, error.into());
        let bytes = zeroize::Zeroizing::new(serde_json::to_vec_pretty(self).map_err(invalid)?);
        state.write(Entry::Binding, &bytes)
    }

    /// The same binding with newer credentials.
    pub(crate) fn renewed(&self, credentials: Credentials) -> Self {
        Self {
            former_statement_keys: self.all_statement_keys(),
            former_log_keys: self.all_log_keys(),
            credentials: Credentials { receipt: None, ..credentials },
            ..self.clone()
        }
    }

    /// Keys whose signatures count now.
    pub(crate) fn statement_keys(&self) -> Vec<&[u8]> {
        self.credentials.statement_keys.iter().map(|key| key.0.as_slice()).collect()
    }

    /// Keys whose signatures counted once or count now.
    pub(crate) fn all_statement_keys(&self) -> Vec<Base64> {
        let now = &self.credentials.statement_keys;
        let former = self.former_statement_keys.iter().filter(|key| !now.contains(key));
        now.iter().chain(former).cloned().collect()
    }

    /// The key of the log as the server said it last; `None` before it said one.
    pub(crate) fn log_key(&self) -> Option<VerifierKey> {
        self.credentials.log_key.as_ref()?.parse().ok()
    }

    /// Keys of the log, now and before, as they are written.
    pub(crate) fn all_log_keys(&self) -> Vec<String> {
        let now = &self.credentials.log_key;
        let former = self.former_log_keys.iter().filter(|key| now.as_ref() != Some(key));
        now.iter().chain(former).cloned().collect()
    }

    /// The same, to verify with. They were checked when they came.
    pub(crate) fn log_keys(&self) -> Vec<VerifierKey> {
        self.all_log_keys().iter().filter_map(|key| key.parse().ok()).collect()
    }

    /// The same, to verify with.
    pub(crate) fn every_statement_key(&self) -> Vec<Vec<u8>> {
        self.all_statement_keys().into_iter().map(|key| key.0).collect()
    }
}
