//! TLS of outgoing connections: whom we trust, and who we say we are.
use std::sync::Arc;

use imp_identity::Secret;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};

/// Whom a connection trusts, and who it says it is. The default trusts the system's certificate authorities and says nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// Trusted instead of the system's certificate authorities: certificates in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// Shown to the receiver when it asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<TlsIdentity>,
}

/// A client certificate with its key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsIdentity {
    /// The certificate and what stands between it and its root, in PEM.
    pub certificates: String,
    /// The private key (PKCS#8, SEC 1 or PKCS#1), in PEM.
    pub key: Secret<String>,
}

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// The configured authority is not one.
    #[error("the trusted certificates cannot be used: certificates in PEM are expected")]
    Authority,
    /// This machine trusts nobody.
    #[error("this system has no certificate authorities: name the receiver's")]
    NoAuthorities,
    /// The client certificate or its key is not one.
    #[error("the client certificate or its key cannot be used: PEM is expected")]
    Identity,
    /// See the source.
    #[error("TLS refuses the settings")]
    Rustls(#[from] rustls::Error),
}

impl TlsSettings {
    /// The configuration for rustls (TLS 1.2 and 1.3 on aws-lc-rs).
    pub fn client(&self) -> Result<ClientConfig, TlsSetupError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.roots()?);
        let Some(identity) = &self.identity else { return Ok(config.with_no_client_auth()) };
        let chain = certificates(&identity.certificates).ok_or(TlsSetupError::Identity)?;
        let key = PrivateKeyDer::from_pem_slice(identity.key.expose().as_bytes())
            .map_err(|_| TlsSetupError::Identity)?;
        Ok(config.with_client_auth_cert(chain, key)?)
    }

    /// As [`TlsSettings::client`], but where TLS is not spoken it does not matter that this system trusts nobody.
    pub(crate) fn client_if(&self, needed: bool) -> Result<ClientConfig, TlsSetupError> {
        match self.client() {
            Err(TlsSetupError::NoAuthorities) if !needed => {
                let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
                Ok(ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()?
                    .with_root_certificates(RootCertStore::empty())
                    .with_no_client_auth())
            }
            made => made,
        }
    }

    fn roots(&self) -> Result<RootCertStore, TlsSetupError> {
        let mut roots = RootCertStore::empty();
        if let Some(ca) = &self.ca {
            for certificate in certificates(ca).ok_or(TlsSetupError::Authority)? {
                roots.add(certificate).map_err(|_| TlsSetupError::Authority)?;
            }
        } else {
            // One unreadable certificate among the system's must not close the way to all receivers.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(TlsSetupError::NoAuthorities);
            }
        }
        Ok(roots)
    }
}

/// The certificates of a PEM text; `None` when one cannot be read or there is none.
fn certificates(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    found.ok().filter(|found| !found.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_certificate_is_refused_when_the_settings_are_made() {
        for ca in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let settings = TlsSettings { ca: Some(ca.to_owned()), identity: None };
            assert!(matches!(settings.client(), Err(TlsSetupError::Authority)), "{ca}");
        }
    }
}
