//! Ourselves, as applications see us: names, addresses, metadata (saml-metadata-2.0-os).
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, Unit};

use crate::key::{KeyError, SigningKey, key_info};
use crate::name_id::NameIdFormat;
use crate::xml::{Node, PROTOCOL, node};

/// How long applications may keep the metadata without asking again.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 7);
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

/// The identity provider of one installation.
#[derive(Clone)]
pub struct IdentityProvider {
    /// Its name: the address of its metadata.
    pub entity_id: String,
    /// Where people are sent to be signed on.
    pub sign_on: String,
    /// Where people are sent to be signed out.
    pub logout: String,
    key: Arc<SigningKey>,
    announced: Vec<Vec<u8>>,
}

impl IdentityProvider {
    /// The provider at `issuer`, an address without a slash at its end.
    pub fn new(issuer: &str, key: SigningKey) -> Self {
        Self {
            entity_id: format!("{issuer}/saml/metadata"),
            sign_on: format!("{issuer}/saml/sso"),
            logout: format!("{issuer}/saml/slo"),
            key: Arc::new(key),
            announced: Vec::new(),
        }
    }

    /// The same; the metadata names the keys of these certificates (DER), too: of the one that will sign next, or signed before.
    #[must_use]
    pub fn announcing(mut self, certificates: Vec<Vec<u8>>) -> Self {
        self.announced = certificates;
        self.announced.retain(|certificate| *certificate != self.key.certificate());
        self
    }

    /// The certificates of the metadata, the one that signs first.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.key.certificate()).chain(self.announced.iter().map(Vec::as_slice))
    }

    /// Its key.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The signed metadata, for a week.
    pub fn metadata(
        &self,
        now: Timestamp,
        rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<String, KeyError> {
        let service = |name, binding: &str, location: &str| {
            node("md", name).with("Binding", binding).with("Location", location)
        };
        let mut role = node("md", "IDPSSODescriptor")
            .with("WantAuthnRequestsSigned", "false")
            .with("protocolSupportEnumeration", PROTOCOL);
        for certificate in self.certificates() {
            let key = node("md", "KeyDescriptor").with("use", "signing");
            role = role.child(key.child(key_info(certificate)));
        }
        role = role.child(service("SingleLogoutService", REDIRECT, &self.logout));
        for format in [NameIdFormat::Persistent, NameIdFormat::Transient, NameIdFormat::Username] {
            role = role.child(node("md", "NameIDFormat").text(format.uri()));
        }
        let role = role
            .child(service("SingleSignOnService", REDIRECT, &self.sign_on))
            .child(service("SingleSignOnService", POST, &self.sign_on));
        let document = node("md", "EntityDescriptor")
            .with("ID", identifier(rng))
            .with("entityID", &self.entity_id)
            .with("validUntil", instant(now + KEPT))
            .child(role);
        Ok(self.key.envelop(document, 0)?.canonical())
    }

    pub(crate) fn issuer(&self) -> Node {
        node("saml", "Issuer").text(&self.entity_id)
    }
}

/// A new identifier of 128 random bits (saml-core-2.0-os §1.3.4).
pub(crate) fn identifier(rng: &mut (impl rand_core::CryptoRng + ?Sized)) -> String {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    format!("_{}", data_encoding::HEXLOWER.encode(&bytes))
}

/// §1.3.3: UTC, whole seconds.
pub(crate) fn instant(at: Timestamp) -> String {
    at.round(Unit::Second).unwrap_or(at).to_string()
}
