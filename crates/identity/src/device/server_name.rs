//! What machines are called on a network.
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// What clients call a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerName {
    /// A DNS name.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

/// The text is neither a DNS name nor an IP address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a DNS name nor an IP address")]
pub struct InvalidServerName(String);

impl FromStr for ServerName {
    type Err = InvalidServerName;

    /// Reads an address, or a DNS name of letters, digits and hyphens (RFC 1123 §2.1).
    fn from_str(text: &str) -> Result<Self, InvalidServerName> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let numeric = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if text.len() <= 253 && !numeric && text.split('.').all(label) {
            Ok(Self::Dns(text.to_ascii_lowercase()))
        } else {
            Err(InvalidServerName(text.to_owned()))
        }
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_names_are_dns_names_or_addresses() {
        for (text, valid) in [
            ("localhost", true),
            ("imp.Hospital.example", true),
            ("127.0.0.1", true),
            ("::1", true),
            ("256.0.0.1", false),
            ("", false),
            ("-a.example", false),
            ("a..b", false),
            ("a b", false),
            ("*.example", false),
        ] {
            assert_eq!(text.parse::<ServerName>().is_ok(), valid, "{text:?}");
        }
    }
}
