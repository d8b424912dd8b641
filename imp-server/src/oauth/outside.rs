//! What the provider needs from outside: files of the configuration, and applications' own addresses.
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use imp_delivery::{
    Applications, Endpoint, FetchError, HttpSetupError, Reach, TlsSettings, Voucher,
};
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

/// What an application publishes cannot be had.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum DocumentError {
    /// Its address is not one.
    #[error("its address is not https")]
    Address,
    /// See the source.
    #[error("it cannot be fetched")]
    Fetch(#[source] Arc<FetchError>),
    /// What it answered is something else.
    #[error("what it answered is not {0}")]
    Malformed(&'static str),
}

/// What is known of the keys at one address.
#[derive(Default)]
struct Known {
    /// The latest, and when they were fetched.
    keys: Option<(Instant, Arc<JwkSet>)>,
    /// Why the latest try failed, and when; nothing after one that did not.
    failed: Option<(Instant, DocumentError)>,
}

impl Known {
    /// What is answered without asking again: keys that are enough, or that were fetched a moment ago; else a failure of a moment
    /// ago.
    fn answer(
        &self,
        knows: impl Fn(&JwkSet) -> bool,
    ) -> Option<Result<Arc<JwkSet>, DocumentError>> {
        if let Some((at, keys)) = &self.keys {
            let age = at.elapsed();
            if age < AGAIN || (age < KEPT && knows(keys)) {
                return Some(Ok(keys.clone()));
            }
        }
        let (_, error) = self.failed.as_ref().filter(|(at, _)| at.elapsed() < AGAIN)?;
        Some(Err(error.clone()))
    }
}

/// What is reached outside.
pub(crate) struct Outside {
    pub(crate) applications: Applications,
    /// The digest of the token with which applications may register themselves.
    pub(crate) registration: Option<Digest>,
    /// By address. Whoever asks an application's server holds the inner lock: nobody else asks it meanwhile.
    keys: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Known>>>>,
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
        let reach = Reach::new(&config.self_registered_networks);
        Ok(Self {
            applications: Applications::new(&TlsSettings { ca, identity: None }, reach)?,
            registration: token.map(digest).transpose()?,
            keys: Mutex::default(),
        })
    }

    /// The keys at an application's address. `knows` says whether they are enough: if not, they are asked for again, but
    /// not more than twice a minute. Many who ask at once make one request, and an address that fails is left alone as long.
    pub(crate) async fn keys(
        &self,
        (uri, voucher): (&str, Voucher),
        knows: impl Fn(&JwkSet) -> bool,
    ) -> Result<Arc<JwkSet>, DocumentError> {
        let slot = self.slot(uri);
        let mut latest = slot.lock().await;
        if let Some(answer) = latest.answer(knows) {
            return answer;
        }
        match self.fetch_keys(uri, voucher).await {
            Ok(keys) => {
                *latest = Known { keys: Some((Instant::now(), keys.clone())), failed: None };
                Ok(keys)
            }
            Err(error) => {
                latest.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// The redirect URIs that a sector names (OpenID Connect Registration §5).
    pub(crate) async fn sector(
        &self,
        uri: &str,
        voucher: Voucher,
    ) -> Result<Vec<String>, DocumentError> {
        let document = self.fetch(uri, voucher).await?;
        serde_json::from_value(document)
            .map_err(|_| DocumentError::Malformed("an array of redirect URIs"))
    }

    fn slot(&self, uri: &str) -> Arc<tokio::sync::Mutex<Known>> {
        let mut all = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST && !all.contains_key(uri) {
            all.clear();
        }
        all.entry(uri.to_owned()).or_default().clone()
    }

    async fn fetch_keys(&self, uri: &str, voucher: Voucher) -> Result<Arc<JwkSet>, DocumentError> {
        let document = self.fetch(uri, voucher).await?;
        let keys = JwkSet::from_json(&document);
        keys.map(Arc::new).map_err(|_| DocumentError::Malformed("a JWK Set"))
    }

    async fn fetch(&self, uri: &str, voucher: Voucher) -> Result<serde_json::Value, DocumentError> {
        let endpoint: Endpoint = uri.parse().map_err(|_| DocumentError::Address)?;
        let fetched = self.applications.fetch((&endpoint, voucher)).await;
        fetched.map_err(|error| DocumentError::Fetch(Arc::new(error)))
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
