//! `[log]`: who watches the log.
use imp_translog::VerifierKey;
use reqwest::Url;
use serde::{Deserialize, Deserializer};

/// Who watches the log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// How often witnesses are asked, in seconds.
    pub witness_seconds: u32,
    /// Witnesses that are asked to cosign checkpoints.
    pub witnesses: Vec<LogWitness>,
}

/// A witness (C2SP tlog-witness).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogWitness {
    /// Where it is asked: `add-checkpoint` stands below.
    #[serde(deserialize_with = "url")]
    pub url: Url,
    /// Its public key, as it prints it.
    #[serde(deserialize_with = "key")]
    pub key: VerifierKey,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { witness_seconds: 60, witnesses: vec![] }
    }
}

fn url<'de, D: Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    let text = String::deserialize(from)?;
    let url = Url::parse(&format!("{}/add-checkpoint", text.trim_end_matches('/')));
    let url = url.map_err(serde::de::Error::custom)?;
    if matches!(url.scheme(), "https" | "http") && url.has_host() {
        Ok(url)
    } else {
        Err(serde::de::Error::custom("the URL of a witness begins with https:// or http://"))
    }
}

fn key<'de, D: Deserializer<'de>>(from: D) -> Result<VerifierKey, D::Error> {
    let key: VerifierKey = String::deserialize(from)?.parse().map_err(serde::de::Error::custom)?;
    if key.algorithm() == imp_translog::Algorithm::CosignatureV1 {
        Ok(key)
    } else {
        Err(serde::de::Error::custom(
            "this is not the key of a witness (cosignature/v1, type 0x04)",
        ))
    }
}
