//! Streams: the messages of one sender that are in an order among themselves.
use std::fmt;
use std::str::FromStr;

/// Names a stream of its sender, such as `results/0`: 1 to 128 lower-case letters, digits, `.`, `-`, `_`, `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct Stream(String);

/// The text does not name a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a stream: 1 to 128 lower-case letters, digits, `.`, `-`, `_`, `/` are expected")]
pub struct InvalidStream;

impl Stream {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Stream {
    type Err = InvalidStream;

    fn from_str(text: &str) -> Result<Self, InvalidStream> {
        let valid = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"./-_".contains(&b);
        if (1..=128).contains(&text.len()) && text.bytes().all(valid) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidStream)
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Stream {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}
