//! What a workstation is told about itself: `client.toml` and `IMP_CLIENT__…` variables.
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use imp_hardware::ble::CentralConfig;
use imp_hardware::camera::CameraConfig;
use imp_hardware::desktop::DesktopConfig;
use imp_hardware::keystore::KeystoreConfig;
use imp_models::{ModelStore, OpenError};
use imp_service::config::ConfigError;
use imp_service::telemetry::Telemetry;
use serde::Deserialize;

use crate::state::StateDirectory;

mod walk_away;
pub use walk_away::WalkAwayConfig;

/// The prefix of the environment variables.
pub const ENVIRONMENT: &str = "IMP_CLIENT";

/// The whole configuration. Where the server is, the enrolment says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientConfig {
    /// The folder of the models; looked for in the usual places if absent.
    pub models: Option<PathBuf>,
    /// What faces are compared by.
    pub face: FaceConfig,
    /// The log.
    pub telemetry: Telemetry,
    /// What sees the face.
    pub camera: CameraConfig,
    /// What hears the phone.
    pub radio: CentralConfig,
    /// What is locked and opened.
    pub desktop: DesktopConfig,
    /// Which local accounts people have.
    pub accounts: AccountsConfig,
    /// Where programs of the machine ask.
    pub socket: SocketConfig,
    /// Where the machine's key is; software keys in the state folder if absent.
    pub keystore: Option<KeystoreConfig>,
    /// How faces are captured.
    pub capture: CaptureConfig,
    /// How people are enrolled.
    pub enrolment: EnrolmentConfig,
    /// How long things may take.
    pub limits: Limits,
    /// How often the server is asked.
    pub refresh: Refresh,
    /// When the desktop is locked behind whoever has left.
    pub walk_away: WalkAwayConfig,
    /// How the session is handed over to the browser.
    pub broker: BrokerConfig,
}

/// What faces are compared by, beside the models.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaceConfig {
    /// The calibration file that `imp-client face evaluate` wrote; the models' own if absent.
    pub calibration: Option<PathBuf>,
}

/// Which local account each person has, by her username; one of the same name, where nothing else is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct AccountsConfig(BTreeMap<String, String>);

/// Whose a local account is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Everybody's who taps.
    Everybody,
    /// This person's, by her username.
    Person(String),
}

/// Where programs of the machine ask: its window, its PAM module, the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SocketConfig {
    /// Where it is; `agent.sock` in the agent's folder, for its own account and root alone, if absent.
    pub path: Option<PathBuf>,
    /// The accounts (uid) that may ask beside the agent's own and root; if none, whoever sits before the machine.
    pub accounts: Vec<u32>,
}

/// How the session is handed over to the browser on the desktop.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BrokerConfig {
    /// Whether it is at all.
    pub enabled: bool,
    /// The port of the loopback interface; the server's pages expect 7845. 0: any that is free.
    pub port: u16,
    /// The accounts (uid) whose browsers may ask; if none, the agent's own and whoever sits before the machine.
    pub accounts: Vec<u32>,
    /// What the server's pages are called, `https://host:port`; asked of the server if absent.
    pub issuer: Option<String>,
}

/// How faces are captured for a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CaptureConfig {
    /// Frames of one attempt, 1–16.
    pub frames: u8,
    /// Attempts within one tap before the person is asked to stand better, 1–10.
    pub attempts: u8,
    /// Threads of one attempt; all processors, at most four, if absent.
    pub threads: Option<NonZeroUsize>,
}

/// How people are enrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnrolmentConfig {
    /// Photographs of one enrolment, 1–16; of a folder at most as many as it holds.
    pub photographs: u8,
    /// Milliseconds between them, 0–5000, so that they differ.
    pub interval_milliseconds: u16,
    /// Times that unusable photographs are taken again, 1–20.
    pub attempts: u8,
    /// Seconds until the phone must be bound, 10–3600.
    pub patience_seconds: u16,
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Seconds of a whole tap, 1–60.
    pub tap_seconds: u8,
    /// Milliseconds that a tap waits for a phone to be heard, 0–10000.
    pub phone_wait_milliseconds: u16,
    /// Seconds after which a phone that was not heard has gone, 1–300.
    pub presence_seconds: u16,
    /// Seconds for the receipt to reach the phone, after the desktop is open, 1–60.
    pub receipt_seconds: u8,
}

/// How often the server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Refresh {
    /// Seconds between rosters, 5–3600: as long may a revoked phone be taken for a known one, until the server is asked.
    pub roster_seconds: u16,
    /// Seconds between questions about the sessions, 2–600: as long may an ended session look open.
    pub sessions_seconds: u16,
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidConfig {
    /// It cannot be read.
    #[error(transparent)]
    Load(#[from] ConfigError),
    /// A number is out of its range.
    #[error("`{key}` must be between {least} and {most}")]
    Range {
        /// The key.
        key: &'static str,
        /// Smallest value.
        least: u16,
        /// Largest value.
        most: u16,
    },
}

impl Default for CaptureConfig {
    fn default() -> Self {
        Self { frames: 3, attempts: 2, threads: None }
    }
}

impl Default for EnrolmentConfig {
    fn default() -> Self {
        Self { photographs: 5, interval_milliseconds: 300, attempts: 5, patience_seconds: 600 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tap_seconds: 10,
            phone_wait_milliseconds: 1500,
            presence_seconds: 15,
            receipt_seconds: 3,
        }
    }
}

impl Default for Refresh {
    fn default() -> Self {
        Self { roster_seconds: 60, sessions_seconds: 15 }
    }
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self { enabled: true, port: 7845, accounts: vec![], issuer: None }
    }
}

impl CaptureConfig {
    /// The threads to use.
    pub fn threads(&self) -> NonZeroUsize {
        let most = NonZeroUsize::new(4).unwrap_or(NonZeroUsize::MIN);
        let all = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN).min(most);
        self.threads.unwrap_or_else(all)
    }
}

impl AccountsConfig {
    /// The local account of the person who signs in as `username`.
    pub fn account_of<'a>(&'a self, username: &'a str) -> &'a str {
        self.0.get(username).map_or(username, String::as_str)
    }

    /// Whose `account` is; nobody's where it is the system's, or several people's who do not share it.
    pub fn owner(&self, account: &str, shared: &[String]) -> Option<Owner> {
        if shared.iter().any(|shared| shared == account) {
            return Some(Owner::Everybody);
        }
        let mut named = self.0.iter().filter(|(_, theirs)| *theirs == account).map(|(who, _)| who);
        match (named.next(), named.next()) {
            (Some(person), None) => Some(Owner::Person(person.clone())),
            (Some(_), Some(_)) => None,
            // Who has another account does not have the one of her name as well.
            (None, _) if account == "root" || self.0.contains_key(account) => None,
            (None, _) => Some(Owner::Person(account.to_owned())),
        }
    }
}

impl Limits {
    /// Of a whole tap.
    pub fn tap(&self) -> Duration {
        Duration::from_secs(self.tap_seconds.into())
    }

    /// How long a tap waits for a phone to be heard.
    pub fn phone_wait(&self) -> Duration {
        Duration::from_millis(self.phone_wait_milliseconds.into())
    }
}

impl ClientConfig {
    /// Reads `file`, then the environment.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, InvalidConfig> {
        let config: Self = imp_service::config::load(file, ENVIRONMENT, env)?;
        config.check()?;
        Ok(config)
    }

    /// Where the machine's key is.
    pub fn keystore(&self, state: &StateDirectory) -> KeystoreConfig {
        self.keystore.clone().unwrap_or_else(|| KeystoreConfig::software(state.path("keys")))
    }

    /// Where programs of the machine ask.
    pub fn socket(&self, state: &StateDirectory) -> PathBuf {
        self.socket.path.clone().unwrap_or_else(|| state.socket())
    }

    /// The folder of the models: the configured one, else `models` beside the program, else the system's.
    pub fn models(&self) -> PathBuf {
        if let Some(folder) = &self.models {
            return folder.clone();
        }
        let program = std::env::current_exe().ok();
        let beside = program.and_then(|p| p.parent().map(|folder| folder.join("models")));
        let system = PathBuf::from("/usr/share/imp/models");
        let mut places: Vec<_> = beside.into_iter().chain([system.clone()]).collect();
        if cfg!(debug_assertions) {
            places.push(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../models")));
        }
        places.into_iter().find(|p| p.join("manifest.toml").is_file()).unwrap_or(system)
    }

    /// The models with the calibration that is to be used.
    pub fn model_store(&self) -> Result<ModelStore, OpenError> {
        let store = ModelStore::open(self.models())?;
        Ok(match &self.face.calibration {
            Some(path) => store.calibrated_by(path),
            None => store,
        })
    }

    fn check(&self) -> Result<(), InvalidConfig> {
        let Self { capture, enrolment, limits, refresh, .. } = self;
        let own = [
            ("capture.frames", capture.frames.into(), 1, 16),
            ("capture.attempts", capture.attempts.into(), 1, 10),
            ("enrolment.photographs", enrolment.photographs.into(), 1, 16),
            ("enrolment.interval_milliseconds", enrolment.interval_milliseconds, 0, 5000),
            ("enrolment.attempts", enrolment.attempts.into(), 1, 20),
            ("enrolment.patience_seconds", enrolment.patience_seconds, 10, 3600),
            ("limits.tap_seconds", limits.tap_seconds.into(), 1, 60),
            ("limits.phone_wait_milliseconds", limits.phone_wait_milliseconds, 0, 10_000),
            ("limits.presence_seconds", limits.presence_seconds, 1, 300),
            ("limits.receipt_seconds", limits.receipt_seconds.into(), 1, 60),
            ("refresh.roster_seconds", refresh.roster_seconds, 5, 3600),
            ("refresh.sessions_seconds", refresh.sessions_seconds, 2, 600),
        ];
        for (key, value, least, most) in own.into_iter().chain(self.walk_away.ranges()) {
            if !(least..=most).contains(&value) {
                return Err(InvalidConfig::Range { key, least, most });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, env: &[(&str, &str)]) -> Result<ClientConfig, InvalidConfig> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("client.toml");
        std::fs::write(&file, text).unwrap();
        let env = env.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        ClientConfig::load(Some(&file), env)
    }

    #[test]
    fn the_documented_example_says_the_defaults() {
        let example = include_str!("../client.example.toml");
        assert_eq!(load(example, &[]).unwrap(), ClientConfig::default());
        // Every line that is commented out is valid as well, except that only one device of a kind can be.
        let shown: String = example
            .lines()
            .filter(|line| *line != r#"kind = "none""#)
            .filter_map(|line| {
                line.strip_prefix("#! ").or((!line.starts_with('#')).then_some(line))
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        let config = load(&shown, &[]).unwrap();
        assert!(config.face.calibration.is_some());
        assert!(config.models.is_some() && config.capture.threads.is_some());
        assert!(config.broker.issuer.is_some() && config.broker.accounts == [1000]);
        assert!(config.socket.path.is_some() && config.socket.accounts == [1000]);
        assert_eq!(config.accounts.account_of("ada.lovelace"), "ada");
        assert_eq!(config.desktop.shared(), ["ward"]);
    }

    #[test]
    fn an_account_is_one_persons_or_everybodys() {
        let text = "[desktop]\nkind = \"logind\"\nshared = [\"ward\"]\n\
                    [accounts]\n\"ada.l\" = \"ada\"\nbob = \"twins\"\nbea = \"twins\"\nrita = \"root\"\n";
        let config = load(text, &[]).unwrap();
        let owner = |account| config.accounts.owner(account, config.desktop.shared());
        let person = |name: &str| Some(Owner::Person(name.to_owned()));
        assert_eq!(owner("ward"), Some(Owner::Everybody));
        assert_eq!(owner("ada"), person("ada.l"));
        assert_eq!(owner("carla"), person("carla"));
        assert_eq!(owner("root"), person("rita"));
        assert_eq!((owner("twins"), owner("bob"), owner("ada.l")), (None, None, None));
        assert_eq!(config.accounts.account_of("ada.l"), "ada");
        assert_eq!(config.accounts.account_of("carla"), "carla");
        assert_eq!(ClientConfig::default().accounts.owner("root", &[]), None);
    }

    #[test]
    fn unknown_keys_and_values_out_of_range_are_refused() {
        let unknown = load("[capture]\nframe = 3\n", &[]).unwrap_err();
        assert!(unknown.to_string().contains("frame"), "{unknown}");
        for (text, key) in [
            ("[capture]\nframes = 0\n", "capture.frames"),
            ("[capture]\nframes = 17\n", "capture.frames"),
            ("[limits]\ntap_seconds = 0\n", "limits.tap_seconds"),
            ("[walk_away]\ncountdown_seconds = 1\n", "walk_away.countdown_seconds"),
            ("[walk_away]\ncertainty_permille = 400\n", "walk_away.certainty_permille"),
            ("[refresh]\nroster_seconds = 4000\n", "refresh.roster_seconds"),
        ] {
            assert!(load(text, &[]).unwrap_err().to_string().contains(key), "{text}");
        }
    }

    #[test]
    fn the_environment_has_the_last_word() {
        let env = [("IMP_CLIENT__CAPTURE__FRAMES", "5"), ("OTHER", "x")];
        assert_eq!(load("[capture]\nframes = 4\n", &env).unwrap().capture.frames, 5);
        load("", &[("IMP_CLIENT__CAPTURE__FRAMES", "many")]).unwrap_err();
    }
}
