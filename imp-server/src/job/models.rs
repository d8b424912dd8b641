//! The list of models of security keys is read again when its file changes: nobody has to restart the server for it.
use std::path::Path;
use std::time::SystemTime;

use imp_webauthn::RelyingParty;
use jiff::Timestamp;

use crate::app::App;
use crate::config::{AttestationMode, SignOnConfig};

/// The files as they were when they were read last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Models([Option<Seen>; 2]);

type Seen = (SystemTime, u64);

impl Models {
    /// As they are now: the start has just read them.
    pub(super) fn of(config: &SignOnConfig) -> Self {
        Self(seen(config))
    }

    /// Reads the list again if one of its files is another one. A list that does not count changes nothing, and is said so once.
    pub(super) async fn look(&mut self, app: &App) {
        let (config, party, now) = (app.config.sign_on.clone(), app.webauthn.clone(), app.now());
        let before = self.clone();
        let looked = tokio::task::spawn_blocking(move || before.looked(&config, &party, now)).await;
        if let Ok(now) = looked {
            *self = now;
        }
    }

    /// The same, at once. Blocks.
    fn looked(self, config: &SignOnConfig, party: &RelyingParty, now: Timestamp) -> Self {
        let seen = seen(config);
        if config.attestation == AttestationMode::None || seen == self.0 {
            return self;
        }
        match config.attestation(now) {
            Ok(attestation) => party.ask_of_makers(attestation),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the new list of models does not count: the last one stays");
            }
        }
        // What could not be read is not read again until it changes.
        Self(seen)
    }
}

/// When the two files were written, and how long they are.
fn seen(config: &SignOnConfig) -> [Option<Seen>; 2] {
    [&config.metadata, &config.metadata_root].map(|path| path.as_deref().and_then(written))
}

fn written(path: &Path) -> Option<Seen> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use imp_webauthn::Attestation;

    #[test]
    fn a_list_that_changed_for_the_worse_changes_nothing_and_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let [list, root] = ["blob.jwt", "root.pem"].map(|name| folder.path().join(name));
        std::fs::write(&root, "no certificate").unwrap();
        let config = SignOnConfig {
            attestation: AttestationMode::Required,
            metadata: Some(list.clone()),
            metadata_root: Some(root),
            ..SignOnConfig::default()
        };
        let origin = "https://id.hospital.example".parse().unwrap();
        let party = RelyingParty::new(&origin, Attestation::None);
        let first = Models::of(&config);
        assert_eq!(first.clone().looked(&config, &party, Timestamp::UNIX_EPOCH), first);
        std::fs::write(&list, "not a list").unwrap();
        let second = first.looked(&config, &party, Timestamp::UNIX_EPOCH);
        assert_eq!(second.clone().looked(&config, &party, Timestamp::UNIX_EPOCH), second);
        std::fs::write(&list, "not a list either").unwrap();
        assert_ne!(second.clone().looked(&config, &party, Timestamp::UNIX_EPOCH), second);
    }
}
