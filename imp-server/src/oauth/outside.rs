//! What the provider needs from outside: files of the configuration, and applications' own addresses.
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use imp_delivery::{Applications, Endpoint, FetchError, HttpSetupError, TlsSettings};
use imp_identity::Digest;
use imp_oauth::jose::JwkSet;

use crate::config::OauthConfig;

/// How long an application's keys are kept.
const KEPT: Duration = Duration::from_mins(10);
/// How soon they are asked for again when a key is missing among them.
const AGAIN: Duration = Duration::from_secs(30);
/// The most applications whose keys are kept.
const MOST: usize = 1024;
/// The largest file, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// `[oauth]` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// A file cannot be read.
    #[error("{} cannot be read", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The token is a guess away.
    #[error("oauth.registration_token_file holds a token of fewer than 32 characters")]
    ShortToken,
    /// See the source.
    #[error("applications cannot be spoken to")]
    Http(#[from] HttpSetupError),
}

/// An application's keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientKeysError {
    /// Its address is not one.
    #[error("its address is not https")]
    Address,
    /// See the source.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What it answered are not keys.
    #[error("what it answered is not a JWK Set")]
    Malformed,
}

/// What is reached outside.
pub(crate) struct Outside {
    pub(crate) applications: Applications,
    /// The digest of the token with which applications may register themselves.
    pub(crate) registration: Option<Digest>,
    keys: Mutex<HashMap<String, (Instant, Arc<JwkSet>)>>,
}

impl Outside {
    pub(super) fn new(config: &OauthConfig) -> Result<Self, OutsideError> {
        let ca = config.ca_file.as_deref().map(read).transpose()?;
        let token = config.registration_token_file.as_deref().map(read).transpose()?;
        let digest = |text: String| {
            let text = text.trim();
            if text.len() < 32 {
                return Err(OutsideError::ShortToken);
            }
            Ok(Digest::of(&[text.as_bytes()]))
        };
        Ok(Self {
            applications: Applications::new(&TlsSettings { ca, identity: None })?,
            registration: token.map(digest).transpose()?,
            keys: Mutex::default(),
        })
    }

    /// The keys at an application's address. `knows` says whether they are enough: if not, they are asked for again, but
    /// not more than twice a minute.
    pub(crate) async fn keys(
        &self,
        uri: &str,
        knows: impl Fn(&JwkSet) -> bool,
    ) -> Result<Arc<JwkSet>, ClientKeysError> {
        let kept = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(uri).cloned();
        if let Some((at, keys)) = kept {
            let age = at.elapsed();
            if age < AGAIN || (age < KEPT && knows(&keys)) {
                return Ok(keys);
            }
        }
        let endpoint: Endpoint = uri.parse().map_err(|_| ClientKeysError::Address)?;
        let document = self.applications.fetch(&endpoint).await?;
        let keys = JwkSet::from_json(&document).map_err(|_| ClientKeysError::Malformed)?;
        let keys = Arc::new(keys);
        let mut all = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(uri.to_owned(), (Instant::now(), keys.clone()));
        Ok(keys)
    }
}

fn read(path: &Path) -> Result<String, OutsideError> {
    use std::io::Read as _;
    let failed = |source| OutsideError::File { path: path.to_owned(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}
