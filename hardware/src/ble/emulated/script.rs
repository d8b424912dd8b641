//! What happens on the air, and when.
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::ble::{MTU_MAX, MTU_MIN, RadioError};

/// How one phone's radio behaves. The default is a phone close by with a perfect link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AirScript {
    /// Seed of everything that is left to chance.
    pub seed: u64,
    /// ATT MTU of a link in bytes.
    pub mtu: usize,
    /// Signal strength in dBm.
    pub rssi: Option<i16>,
    /// The chance that a frame is lost, 0 to 1.
    pub loss: f64,
    /// The chance that a frame arrives twice, 0 to 1.
    pub duplication: f64,
    /// The chance that a frame is held back, so that later ones overtake it, 0 to 1.
    pub reordering: f64,
    /// Milliseconds that every frame takes.
    pub latency_ms: u64,
    /// Up to so many milliseconds more, by chance.
    pub jitter_ms: u64,
    /// Frames vanish but the link stays up: the phone's app has died.
    pub silent: bool,
    /// Out of reach: not heard, not to be connected to, links break.
    pub absent: bool,
    /// A link breaks after so many frames, both ways counted.
    pub disconnect_after_frames: Option<u64>,
    /// What changes later, in any order.
    pub steps: Vec<AirStep>,
}

/// A change at some time after the script was loaded. What is absent here stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AirStep {
    /// Milliseconds after the script was loaded.
    pub after_ms: u64,
    /// Signal strength in dBm.
    pub rssi: Option<i16>,
    /// See [`AirScript::silent`].
    pub silent: Option<bool>,
    /// See [`AirScript::absent`].
    pub absent: Option<bool>,
}

impl Default for AirScript {
    fn default() -> Self {
        Self {
            seed: 0,
            mtu: 247,
            rssi: Some(-50),
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
            latency_ms: 0,
            jitter_ms: 0,
            silent: false,
            absent: false,
            disconnect_after_frames: None,
            steps: Vec::new(),
        }
    }
}

impl AirScript {
    /// The script with every step applied that is due after `elapsed`.
    fn at(&self, elapsed: Duration) -> Self {
        let mut now = self.clone();
        let mut due: Vec<AirStep> = std::mem::take(&mut now.steps);
        due.retain(|step| Duration::from_millis(step.after_ms) <= elapsed);
        due.sort_by_key(|step| step.after_ms);
        for step in due {
            now.rssi = step.rssi.or(now.rssi);
            now.silent = step.silent.unwrap_or(now.silent);
            now.absent = step.absent.unwrap_or(now.absent);
        }
        now
    }

    fn check(&self) -> Result<(), RadioError> {
        let chances = [self.loss, self.duplication, self.reordering];
        if !chances.iter().all(|chance| (0.0..=1.0).contains(chance)) {
            return Err(RadioError::Configuration("a chance is 0 to 1".to_owned()));
        }
        if !(MTU_MIN..=MTU_MAX).contains(&self.mtu) {
            return Err(RadioError::Configuration(format!("an MTU is {MTU_MIN} to {MTU_MAX}")));
        }
        if self.latency_ms.max(self.jitter_ms) > 60_000 {
            return Err(RadioError::Configuration("a delay is at most a minute".to_owned()));
        }
        Ok(())
    }
}

/// A script that may change while it is played.
#[derive(Clone)]
pub struct SharedScript(Arc<Mutex<Playing>>);

struct Playing {
    script: AirScript,
    since: Instant,
    file: Option<ScriptFile>,
}

struct ScriptFile {
    path: PathBuf,
    seen: Option<Version>,
}

/// Tells one content of a file from the next.
#[derive(PartialEq, Eq, Clone, Copy)]
struct Version {
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Default for SharedScript {
    fn default() -> Self {
        Self::playing(AirScript::default(), None)
    }
}

impl SharedScript {
    /// Plays `script` from now on. Refused when a number in it is out of range.
    pub fn new(script: AirScript) -> Result<Self, RadioError> {
        script.check()?;
        Ok(Self::playing(script, None))
    }

    fn playing(script: AirScript, file: Option<ScriptFile>) -> Self {
        Self(Arc::new(Mutex::new(Playing { script, since: Instant::now(), file })))
    }

    /// Plays a TOML file, and reads it again when it changes; the default while there is none.
    pub(super) fn of_file(path: &Path) -> Result<Self, RadioError> {
        let seen = version(path);
        let script = if seen.is_some() { read(path)? } else { AirScript::default() };
        Ok(Self::playing(script, Some(ScriptFile { path: path.to_owned(), seen })))
    }

    /// Changes the script; its steps keep counting from when it was loaded. A value out of range is refused, and
    /// nothing changes.
    pub fn change(&self, change: impl FnOnce(&mut AirScript)) -> Result<(), RadioError> {
        let mut playing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut script = playing.script.clone();
        change(&mut script);
        script.check()?;
        playing.script = script;
        Ok(())
    }

    /// What holds at this moment.
    pub(super) fn now(&self) -> AirScript {
        let mut playing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        playing.reread();
        playing.script.at(playing.since.elapsed())
    }
}

impl Playing {
    fn reread(&mut self) {
        let Some(file) = &mut self.file else { return };
        let version = version(&file.path);
        if version == file.seen {
            return;
        }
        file.seen = version;
        let script = if version.is_some() { read(&file.path) } else { Ok(AirScript::default()) };
        match script {
            Ok(script) => (self.script, self.since) = (script, Instant::now()),
            Err(error) => {
                tracing::warn!(script = %file.path.display(), %error, "the air's script stays as it was");
            }
        }
    }
}

fn version(path: &Path) -> Option<Version> {
    let metadata = fs::metadata(path).ok()?;
    let changed = (metadata.mtime(), metadata.mtime_nsec());
    Some(Version { inode: metadata.ino(), size: metadata.len(), changed })
}

fn read(path: &Path) -> Result<AirScript, RadioError> {
    let refuse = |error: &dyn std::fmt::Display| {
        RadioError::Configuration(format!("{}: {error}", path.display()))
    };
    let text = fs::read_to_string(path).map_err(|error| refuse(&error))?;
    let script: AirScript = toml::from_str(&text).map_err(|error| refuse(&error))?;
    script.check()?;
    Ok(script)
}
