//! What a certificate request of an order must be (RFC 8555 §7.4): for exactly the names that were ordered, by a key that is not
//! the account's, and by the attested key if there is one.
use super::{AccountKey, Identifier, ProblemType, Refused};
use crate::profile::ServerName;
use crate::request::{CertificateRequest, RequestError};

/// The certificate request is not one of this order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// It does not count by itself.
    #[error("the certificate request does not count")]
    Request(#[from] RequestError),
    /// It asks for something that was not ordered.
    #[error("the certificate request asks for `{0}`, which was not ordered")]
    Extra(String),
    /// It does not ask for something that was ordered.
    #[error("the certificate request does not ask for `{0}`, which was ordered")]
    Missing(String),
    /// Its key is the account's.
    #[error("the key of the certificate request is the account's")]
    AccountKey,
    /// Its key is not the one that the hardware attested.
    #[error("the key of the certificate request is not the one that was attested")]
    NotAttested,
}

impl Refused for CsrError {
    fn kind(&self) -> ProblemType {
        ProblemType::BadCsr
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Request(_) => "request-invalid",
            Self::Extra(_) => "names-extra",
            Self::Missing(_) => "names-missing",
            Self::AccountKey => "key-of-account",
            Self::NotAttested => "key-not-attested",
        }
    }
}

/// Reads a certificate request in DER, verifies that it is by its key, and checks it against what was ordered and attested.
pub fn check(
    der: &[u8],
    identifiers: &[Identifier],
    account: &AccountKey,
    attested: &[Vec<u8>],
) -> Result<CertificateRequest, CsrError> {
    let request = CertificateRequest::verify_device(der)?;
    let ordered: Vec<ServerName> = identifiers.iter().filter_map(Identifier::server_name).collect();
    let asked = request.asked();
    let mut wanted = asked.names.clone();
    for other in &asked.others {
        // What is no plain name is a wildcard that was ordered, or was not ordered.
        match ordered.iter().find(|name| name.to_string() == other.to_ascii_lowercase()) {
            Some(name) => wanted.push(name.clone()),
            None => return Err(CsrError::Extra(other.clone())),
        }
    }
    if let Some(uri) = asked.uris.first() {
        return Err(CsrError::Extra(uri.chars().filter(|c| !c.is_control()).take(128).collect()));
    }
    if let Some(extra) = wanted.iter().find(|name| !ordered.contains(name)) {
        return Err(CsrError::Extra(extra.to_string()));
    }
    if let Some(missing) = ordered.iter().find(|name| !wanted.contains(name)) {
        return Err(CsrError::Missing(missing.to_string()));
    }
    let key = request.public_key().as_spki();
    if account.is(key) {
        return Err(CsrError::AccountKey);
    }
    if attested.iter().any(|attested| attested.as_slice() != key) {
        return Err(CsrError::NotAttested);
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData as _, SanType};

    use super::super::testing;
    use super::*;

    fn names(names: &[&str]) -> Vec<Identifier> {
        names.iter().map(|name| Identifier::parse("dns", name).unwrap()).collect()
    }

    fn requested(
        key: &KeyPair,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Vec<u8> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        change(&mut params);
        params.serialize_request(key).unwrap().der().to_vec()
    }

    #[test]
    fn a_request_for_exactly_what_was_ordered_passes() {
        let (key, account) = (KeyPair::generate().unwrap(), testing::p256());
        let ordered = names(&["b.ward.example", "*.ward.example"]);
        let der = requested(&key, &["*.WARD.example", "b.ward.example"], |params| {
            params.distinguished_name.push(DnType::CommonName, "b.ward.example");
        });
        let request = check(&der, &ordered, account.public(), &[]).unwrap();
        let spki = request.public_key().as_spki().to_vec();
        check(&der, &ordered, account.public(), &[spki]).unwrap();
        let other = KeyPair::generate().unwrap().subject_public_key_info();
        let refused = check(&der, &ordered, account.public(), &[other]);
        assert_eq!(refused, Err(CsrError::NotAttested));
    }

    #[test]
    fn more_fewer_and_other_names_are_refused() {
        let (key, account) = (KeyPair::generate().unwrap(), testing::p256());
        let ordered = names(&["a.example"]);
        let ask = |names: &[&str], change: fn(&mut CertificateParams)| {
            check(&requested(&key, names, change), &ordered, account.public(), &[]).unwrap_err()
        };
        let extra = |name: &str| CsrError::Extra(name.to_owned());
        assert_eq!(ask(&["a.example", "b.example"], |_| ()), extra("b.example"));
        assert_eq!(ask(&["a.example", "*.a.example"], |_| ()), extra("*.a.example"));
        assert_eq!(ask(&[], |_| ()), CsrError::Missing("a.example".to_owned()));
        let refused = ask(&["a.example"], |params| {
            params.distinguished_name.push(DnType::CommonName, "other.example");
        });
        assert_eq!(refused, extra("other.example"));
        let refused = ask(&["a.example"], |params| {
            let uri = "spiffe://hospital/device/1".try_into().unwrap();
            params.subject_alt_names.push(SanType::URI(uri));
        });
        assert_eq!(refused, extra("spiffe://hospital/device/1"));
        let refused = ask(&["a.example"], |params| {
            params.subject_alt_names.push(SanType::IpAddress([192, 0, 2, 1].into()));
        });
        assert_eq!(refused, extra("192.0.2.1"));
        let refused = ask(&["a.example"], |params| {
            let mail = "nurse@a.example".try_into().unwrap();
            params.subject_alt_names.push(SanType::Rfc822Name(mail));
        });
        assert!(matches!(refused, CsrError::Extra(_)), "{refused}");
        let garbage = check(b"x", &ordered, account.public(), &[]);
        assert_eq!(garbage, Err(CsrError::Request(RequestError::Malformed)));
    }

    #[test]
    fn the_accounts_own_key_is_not_certified() {
        let account = testing::p256();
        let pkcs8 = account.pkcs8().to_vec();
        let key = KeyPair::try_from(pkcs8.as_slice()).unwrap();
        let der = requested(&key, &["a.example"], |_| ());
        let refused = check(&der, &names(&["a.example"]), account.public(), &[]);
        assert_eq!(refused, Err(CsrError::AccountKey));
    }
}
