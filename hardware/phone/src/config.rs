//! `phone.toml`: which radio and which keystore.
use std::io;
use std::path::{Path, PathBuf};

use imp_hardware::ble::PeripheralConfig;
use imp_hardware::keystore::KeystoreConfig;
use serde::{Deserialize, Serialize};

/// The configuration of the binary. Absent parts have defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The radio: `BlueZ` unless said otherwise.
    pub radio: PeripheralConfig,
    /// The keystore: files in `keys` of the state directory unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keystore: Option<KeystoreConfig>,
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read or written.
    #[error("{}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It says something that is not understood.
    #[error("{} is not understood", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Where, and what was expected.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// It cannot be written as TOML.
    #[error("the configuration cannot be written")]
    Write(#[from] toml::ser::Error),
}

impl Config {
    /// Where the configuration lies unless another file is named.
    pub fn default_file(state: &Path) -> PathBuf {
        state.join("phone.toml")
    }

    /// Reads `file`, or the file in the state directory if there is one, or takes the defaults.
    pub fn load(file: Option<&Path>, state: &Path) -> Result<Self, ConfigError> {
        let path = file.map_or_else(|| Self::default_file(state), Path::to_owned);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text)
                .map_err(|source| ConfigError::Content { path, source: Box::new(source) }),
            Err(error) if file.is_none() && error.kind() == io::ErrorKind::NotFound => {
                Ok(Self::default())
            }
            Err(source) => Err(ConfigError::File { path, source }),
        }
    }

    /// Reads TOML.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Writes the configuration to `path`.
    pub fn save(&self, path: &Path) -> Result<(), ConfigError> {
        let text = toml::to_string(self)?;
        let fail = |source| ConfigError::File { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(fail)?;
        }
        std::fs::write(path, text).map_err(fail)
    }

    /// The keystore of a phone that keeps its state in `state`.
    pub fn keystore(&self, state: &Path) -> KeystoreConfig {
        self.keystore.clone().unwrap_or_else(|| KeystoreConfig::software(state.join("keys")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_configuration_is_complete_and_a_misspelt_one_is_refused() {
        let config = Config::parse("").unwrap();
        assert_eq!(config.radio, PeripheralConfig::Bluez { adapter: None });
        assert_eq!(
            config.keystore(Path::new("/s")),
            KeystoreConfig::software(Path::new("/s/keys"))
        );
        let config = Config::parse("[radio]\nkind = \"bluez\"\nadapter = \"hci1\"").unwrap();
        assert_eq!(config.radio, PeripheralConfig::Bluez { adapter: Some("hci1".to_owned()) });
        Config::parse("[radios]\nkind = \"bluez\"").unwrap_err();
        Config::parse("[radio]\nkind = \"smoke-signals\"").unwrap_err();
    }

    #[test]
    fn a_named_file_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Config::load(None, folder.path()).unwrap(), Config::default());
        Config::load(Some(&folder.path().join("absent.toml")), folder.path()).unwrap_err();
    }
}
