//! Who a certificate names and what it may be used for.
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use imp_identity::spiffe::{Machine, SpiffeId};
use rcgen::{CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use rcgen::{SanType, string::Ia5String};

/// What a certificate is for. No profile holds personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `imp-server`: serverAuth, named by DNS names and IP addresses (RFC 9525).
    Server(Vec<ServerName>),
    /// A workstation, clientAuth; or a phone, serverAuth and clientAuth: it is the TLS server on the radio and a client
    /// of `imp-server`. Named by its SPIFFE ID (X.509-SVID §2).
    Machine(SpiffeId),
}

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

impl Profile {
    /// Names and usages; the subject stays empty, so the alternative name is critical (RFC 5280 §4.2.1.6).
    pub(crate) fn params(&self) -> Result<CertificateParams, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = self.usages();
        params.subject_alt_names = match self {
            Self::Server(names) => {
                names.iter().map(alternative_name).collect::<Result<_, rcgen::Error>>()?
            }
            Self::Machine(id) => vec![SanType::URI(Ia5String::try_from(id.to_string())?)],
        };
        Ok(params)
    }

    fn usages(&self) -> Vec<ExtendedKeyUsagePurpose> {
        use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
        match self {
            Self::Server(_) => vec![ServerAuth],
            Self::Machine(SpiffeId { machine: Machine::Workstation(_), .. }) => vec![ClientAuth],
            Self::Machine(SpiffeId { machine: Machine::Phone(_), .. }) => {
                vec![ServerAuth, ClientAuth]
            }
        }
    }
}

fn alternative_name(name: &ServerName) -> Result<SanType, rcgen::Error> {
    Ok(match name {
        ServerName::Dns(name) => SanType::DnsName(Ia5String::try_from(name.as_str())?),
        ServerName::Ip(address) => SanType::IpAddress(*address),
    })
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
