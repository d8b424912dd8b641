//! The keys that sign tokens, from the database to their use.
use imp_oauth::jose::{Algorithm, SigningKey};
use imp_oauth::keys::{KeySet, KeyTimes, StoredKey};

use super::seal::KeySealer;
use crate::store::StoredSigningKey;

/// When stored keys sign. One of an algorithm that this version does not know is passed over.
pub(crate) fn times(stored: &[StoredSigningKey]) -> Vec<KeyTimes> {
    let times = |key: &StoredSigningKey| {
        let algorithm = Algorithm::from_code(&key.algorithm)?;
        Some(KeyTimes { id: key.id.clone(), algorithm, active_at: key.signs_from })
    };
    stored.iter().filter_map(times).collect()
}

/// Opens keys. One that cannot be opened is passed over, and said: others may be able to sign.
pub(super) fn open(stored: &[StoredSigningKey], sealer: &KeySealer) -> KeySet {
    let mut opened = vec![];
    for key in stored {
        match open_one(key, sealer) {
            Ok(one) => opened.push(one),
            Err(error) => tracing::error!(key = key.id, error, "a signing key cannot be used"),
        }
    }
    KeySet::new(opened).unwrap_or_default()
}

type Error = Box<dyn std::error::Error + Send + Sync>;

fn open_one(stored: &StoredSigningKey, sealer: &KeySealer) -> Result<StoredKey, Error> {
    let algorithm = Algorithm::from_code(&stored.algorithm).ok_or("its algorithm is not known")?;
    let pkcs8 = sealer.open(&stored.id, &stored.sealed)?;
    SigningKey::from_pkcs8(algorithm, pkcs8.expose())?;
    Ok(StoredKey { algorithm, active_at: stored.signs_from, pkcs8 })
}
