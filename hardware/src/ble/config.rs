//! Which radio is used.
#[cfg(feature = "emulator")]
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

#[cfg(feature = "bluez")]
use super::bluez;
use super::{Central, Peripheral, RadioError};

/// The workstation's radio: `kind = "bluez"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CentralConfig {
    /// A Bluetooth adapter of this machine.
    Bluez {
        /// The adapter's name, such as `hci0`; the first one if absent.
        #[serde(default)]
        adapter: Option<String>,
    },
    /// Phones of the same machine, emulated.
    #[cfg(feature = "emulator")]
    Emulated {
        /// The folder in which they meet.
        air: PathBuf,
    },
}

/// The phone's radio: `kind = "bluez"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PeripheralConfig {
    /// A Bluetooth adapter of this machine.
    Bluez {
        /// The adapter's name, such as `hci0`; the first one if absent.
        #[serde(default)]
        adapter: Option<String>,
    },
    /// Workstations of the same machine, emulated.
    #[cfg(feature = "emulator")]
    Emulated {
        /// The folder in which they meet.
        air: PathBuf,
        /// What this phone is called in it: `NAME.sock`, and `NAME.toml` for its script. `phone-PID` if absent.
        #[serde(default)]
        name: Option<String>,
        /// Whether every frame that passes is written to `NAME.frames`.
        #[serde(default)]
        record: bool,
    },
}

impl Default for CentralConfig {
    fn default() -> Self {
        Self::Bluez { adapter: None }
    }
}

impl Default for PeripheralConfig {
    fn default() -> Self {
        Self::Bluez { adapter: None }
    }
}

impl CentralConfig {
    /// Opens the radio, on a Tokio runtime.
    pub async fn open(&self) -> Result<Arc<dyn Central>, RadioError> {
        match self {
            #[cfg(feature = "bluez")]
            Self::Bluez { adapter } => {
                Ok(Arc::new(bluez::BluezCentral::open(adapter.clone()).await?))
            }
            #[cfg(not(feature = "bluez"))]
            Self::Bluez { .. } => Err(no_bluez()),
            #[cfg(feature = "emulator")]
            Self::Emulated { air } => Ok(Arc::new(super::emulated::FolderCentral::open(air)?)),
        }
    }
}

impl PeripheralConfig {
    /// Opens the radio, on a Tokio runtime.
    pub async fn open(&self) -> Result<Arc<dyn Peripheral>, RadioError> {
        match self {
            #[cfg(feature = "bluez")]
            Self::Bluez { adapter } => {
                Ok(Arc::new(bluez::BluezPeripheral::open(adapter.as_deref()).await?))
            }
            #[cfg(not(feature = "bluez"))]
            Self::Bluez { .. } => Err(no_bluez()),
            #[cfg(feature = "emulator")]
            Self::Emulated { air, name, record } => {
                let name = name.clone().unwrap_or_else(|| format!("phone-{}", std::process::id()));
                Ok(Arc::new(super::emulated::FolderPeripheral::open(air, &name, *record)?))
            }
        }
    }
}

#[cfg(not(feature = "bluez"))]
fn no_bluez() -> RadioError {
    RadioError::Unavailable("this build brings no radio of its own".to_owned(), None)
}
