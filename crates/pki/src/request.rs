//! Certificate requests (PKCS#10, RFC 2986): a claim of holding a key, with names that somebody would like.
use std::net::IpAddr;

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::{
    OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA,
    OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ED25519,
};
use x509_parser::prelude::FromDer as _;

use crate::key::{KeyError, KeyKind, PublicKey};
use crate::profile::ServerName;

/// Largest request that is read, in bytes.
pub const LARGEST: usize = 16 * 1024;

/// A request whose signature verified: whoever sent it holds the key. What it asks for is a wish: the server decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRequest {
    public_key: PublicKey,
    asked: Asked,
}

/// What a request would like its certificate to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// DNS names and addresses: alternative names, and a common name that is one.
    pub names: Vec<ServerName>,
    /// URIs among the alternative names.
    pub uris: Vec<String>,
    /// Whatever else stands among the alternative names, in words: wildcards, e-mail addresses, other kinds.
    pub others: Vec<String>,
    /// The challenge password (RFC 2985 §5.4.1; RFC 7030 §3.5 puts the channel's binding there).
    pub challenge_password: Option<String>,
}

/// The request cannot be granted to anybody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It is larger than [`LARGEST`].
    #[error("the certificate request is larger than {LARGEST} bytes")]
    TooLarge,
    /// It cannot be parsed.
    #[error("the certificate request is not PKCS#10 in DER")]
    Malformed,
    /// The key is of another kind.
    #[error("the key of the certificate request is of a kind that is not accepted")]
    Key(#[from] KeyError),
    /// The signature is not by the key, or of another kind.
    #[error("the certificate request is not signed by its key, with SHA-256 or better")]
    Signature,
}

impl CertificateRequest {
    /// Reads the request of a workstation or a phone, for a P-256 key, and verifies its signature.
    pub fn verify(der: &[u8]) -> Result<Self, RequestError> {
        Self::read(der, PublicKey::from_spki)
    }

    /// Reads the request of a device, for any kind of key that a device may have, and verifies its signature.
    pub fn verify_device(der: &[u8]) -> Result<Self, RequestError> {
        Self::read(der, PublicKey::of_device)
    }

    fn read(
        der: &[u8],
        key: impl FnOnce(&[u8]) -> Result<PublicKey, KeyError>,
    ) -> Result<Self, RequestError> {
        if der.len() > LARGEST {
            return Err(RequestError::TooLarge);
        }
        let (rest, request) =
            X509CertificationRequest::from_der(der).map_err(|_| RequestError::Malformed)?;
        if !rest.is_empty() {
            return Err(RequestError::Malformed);
        }
        let public_key = key(request.certification_request_info.subject_pki.raw)?;
        let algorithm = &request.signature_algorithm.algorithm;
        let is_accepted = match public_key.kind() {
            KeyKind::P256 => *algorithm == OID_SIG_ECDSA_WITH_SHA256,
            KeyKind::P384 => {
                [OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384].contains(algorithm)
            }
            KeyKind::Ed25519 => *algorithm == OID_SIG_ED25519,
            KeyKind::Rsa => {
                [OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA]
                    .contains(algorithm)
            }
        };
        if !is_accepted {
            return Err(RequestError::Signature);
        }
        request.verify_signature().map_err(|_| RequestError::Signature)?;
        Ok(Self { public_key, asked: Asked::of(&request) })
    }

    /// The key that the sender holds.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// What it would like its certificate to say.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }
}

impl Asked {
    fn of(request: &X509CertificationRequest<'_>) -> Self {
        let mut asked = Self::default();
        for name in request.certification_request_info.subject.iter_common_name() {
            asked.common_name(name.as_str().unwrap_or_default());
        }
        for attribute in request.certification_request_info.iter_attributes() {
            match attribute.parsed_attribute() {
                ParsedCriAttribute::ExtensionRequest(wanted) => {
                    for extension in &wanted.extensions {
                        asked.extension(extension.parsed_extension());
                    }
                }
                ParsedCriAttribute::ChallengePassword(password) => {
                    asked.challenge_password = Some(password.0.clone());
                }
                ParsedCriAttribute::UnsupportedAttribute => {}
            }
        }
        asked
    }

    /// A common name counts as a name only when it looks like a host's: others are what people call a machine.
    fn common_name(&mut self, text: &str) {
        if text.starts_with("*.") {
            self.add_other(text);
        } else if text.contains('.')
            && let Ok(name) = text.parse::<ServerName>()
        {
            self.add(name);
        }
    }

    fn extension(&mut self, extension: &ParsedExtension<'_>) {
        let ParsedExtension::SubjectAlternativeName(wanted) = extension else {
            if let ParsedExtension::BasicConstraints(wanted) = extension
                && wanted.ca
            {
                self.add_other("authority");
            }
            return;
        };
        for name in &wanted.general_names {
            match name {
                GeneralName::DNSName(text) => match text.parse::<ServerName>() {
                    Ok(name) => self.add(name),
                    Err(_) => self.add_other(text),
                },
                GeneralName::IPAddress(bytes) => match address(bytes) {
                    Some(address) => self.add(ServerName::Ip(address)),
                    None => self.add_other("address"),
                },
                GeneralName::URI(text) => self.uris.push((*text).to_owned()),
                GeneralName::OtherName(..)
                | GeneralName::RFC822Name(_)
                | GeneralName::X400Address(_)
                | GeneralName::DirectoryName(_)
                | GeneralName::EDIPartyName(_)
                | GeneralName::RegisteredID(_)
                | GeneralName::Invalid(..) => self.add_other(&name.to_string()),
            }
        }
    }

    fn add(&mut self, name: ServerName) {
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }

    fn add_other(&mut self, text: &str) {
        self.others.push(text.chars().filter(|c| !c.is_control()).take(128).collect());
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(four.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    #[test]
    fn a_request_proves_its_key_whatever_it_names() {
        let key = Key::generate().unwrap();
        let der = requested(&key.pair().unwrap());
        let request = CertificateRequest::verify(&der).unwrap();
        assert_eq!(request.public_key(), key.public_key());
        assert_eq!(request.asked().names, ["wanted.example".parse().unwrap()]);
    }

    #[test]
    fn a_changed_request_proves_no_other_key() {
        let key = Key::generate().unwrap();
        let der = requested(&key.pair().unwrap());
        for at in 0..der.len() {
            let mut changed = der.clone();
            changed[at] ^= 1;
            // Some bits around the signature are not signed; none of them changes what is proven.
            let proven = CertificateRequest::verify(&changed);
            assert!(proven.is_err() || proven.unwrap().public_key() == key.public_key(), "{at}");
        }
        for length in 0..der.len() {
            assert!(CertificateRequest::verify(&der[..length]).is_err(), "length {length}");
        }
        let long = vec![0x30; LARGEST + 1];
        assert_eq!(CertificateRequest::verify(&long), Err(RequestError::TooLarge));
    }

    #[test]
    fn another_kind_of_key_is_for_devices_only() {
        let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let refused = CertificateRequest::verify(&requested(&key));
        assert_eq!(refused, Err(RequestError::Key(KeyError::Public)));
        for algorithm in [&rcgen::PKCS_ED25519, &rcgen::PKCS_ECDSA_P384_SHA384] {
            let key = KeyPair::generate_for(algorithm).unwrap();
            assert!(CertificateRequest::verify_device(&requested(&key)).is_ok());
        }
    }

    #[test]
    fn whatever_a_request_asks_for_is_seen() {
        let mut params = CertificateParams::new(vec![
            "pump.example".to_owned(),
            "192.0.2.7".to_owned(),
            "*.example".to_owned(),
        ])
        .unwrap();
        params.distinguished_name.push(DnType::CommonName, "pump-7.example");
        params
            .subject_alt_names
            .push(SanType::URI("spiffe://other.example/device/1".try_into().unwrap()));
        params.subject_alt_names.push(SanType::Rfc822Name("a@example".try_into().unwrap()));
        let der = params.serialize_request(&KeyPair::generate().unwrap()).unwrap();
        let request = CertificateRequest::verify_device(der.der()).unwrap();
        let names: Vec<ServerName> = ["pump-7.example", "pump.example", "192.0.2.7"]
            .iter()
            .map(|name| name.parse().unwrap())
            .collect();
        let asked = request.asked();
        assert_eq!(asked.names, names);
        assert_eq!(asked.uris, ["spiffe://other.example/device/1"]);
        assert_eq!(asked.others.len(), 2, "{:?}", asked.others);
        assert_eq!(asked.others[0], "*.example");
    }

    fn requested(key: &KeyPair) -> Vec<u8> {
        let params = CertificateParams::new(vec!["wanted.example".to_owned()]).unwrap();
        params.serialize_request(key).unwrap().der().to_vec()
    }
}
