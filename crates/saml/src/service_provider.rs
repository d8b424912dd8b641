//! Applications, from their metadata (saml-metadata-2.0-os). Whoever registers one vouches for the document; its signature, if
//! it has one, is not looked at.
use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::key::VerifyingKey;
use crate::name_id::NameIdFormat;
use crate::xml::{Bounds, Element, METADATA, PROTOCOL, SIGNATURE, XmlError, read};

const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const SOAP: &str = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP";
/// Larger ones are federations, not applications.
const BOUNDS: Bounds = Bounds { size: 256 * 1024, elements: 2000, depth: 16 };
/// In bytes (saml-core-2.0-os §8.3.6).
const LONGEST_ENTITY_ID: usize = 1024;
const LONGEST_LOCATION: usize = 2048;
/// So many keys and endpoints are kept.
const MOST: usize = 20;

/// An application that signs people on by SAML: a service provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceProvider {
    /// What it calls itself.
    pub entity_id: String,
    /// Where assertions may go, and nowhere else.
    pub assertion_consumers: Vec<AssertionConsumer>,
    /// Where answers to its own logout requests go (HTTP-Redirect).
    pub logout: Option<String>,
    /// Where it takes logout requests by a browser (HTTP-Redirect).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_logout: Option<String>,
    /// Where it takes logout requests without a browser (SOAP).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soap_logout: Option<String>,
    /// Whether it is told only when the session ends, and not when the user walks away. Decided likewise.
    #[serde(default)]
    pub ignores_walk_away: bool,
    /// Its certificates, DER in base64.
    pub certificates: Vec<String>,
    /// Whether it signs every request.
    pub signs_requests: bool,
    /// What it calls users. Not from the metadata: whoever registers it decides.
    #[serde(default)]
    pub name_id: NameIdFormat,
    /// Whether it is told user names and names, besides. Decided likewise.
    #[serde(default)]
    pub attributes: bool,
    /// How long its own sessions may be, in minutes; as long as the sign-on without it. Decided likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_minutes: Option<u32>,
}

/// An endpoint that takes assertions by HTTP-POST.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssertionConsumer {
    /// By which requests may name it.
    pub index: u16,
    /// Its address.
    pub location: String,
    /// Whether it is the one to use when a request names none.
    #[serde(default)]
    pub default: bool,
}

/// The metadata is not an application's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Not XML that is read.
    #[error("the metadata cannot be read")]
    Xml(#[from] XmlError),
    /// Not one `EntityDescriptor` with one `SPSSODescriptor` of SAML 2.0.
    #[error(
        "the metadata is not one application's: an EntityDescriptor with an SPSSODescriptor of SAML 2.0 is expected"
    )]
    NotServiceProvider,
    /// The name is missing or too long.
    #[error("the metadata has no entityID of 1 to 1024 bytes")]
    EntityId,
    /// An address is not one to send people to.
    #[error("the metadata has an address that is not https, or too long: {0}")]
    Location(String),
    /// No address takes assertions.
    #[error("the metadata has no AssertionConsumerService with the HTTP-POST binding")]
    NoAssertionConsumer,
    /// A key that cannot be used.
    #[error(
        "the metadata has a signing certificate that is not of an RSA key of 2048 bits or more, or of a P-256 key"
    )]
    Certificate,
    /// It says that it signs, and shows no key.
    #[error("the metadata says AuthnRequestsSigned, and has no signing certificate")]
    NoCertificate,
}

impl ServiceProvider {
    /// Reads metadata.
    pub fn from_metadata(document: &[u8]) -> Result<Self, MetadataError> {
        let root = read(document, BOUNDS)?;
        if !root.is(METADATA, "EntityDescriptor") {
            return Err(MetadataError::NotServiceProvider);
        }
        let entity_id = root.attribute("entityID").unwrap_or_default().trim().to_owned();
        if entity_id.is_empty() || entity_id.len() > LONGEST_ENTITY_ID {
            return Err(MetadataError::EntityId);
        }
        let role =
            root.child(METADATA, "SPSSODescriptor")?.ok_or(MetadataError::NotServiceProvider)?;
        let protocols = role.attribute("protocolSupportEnumeration").unwrap_or_default();
        if !protocols.split_ascii_whitespace().any(|protocol| protocol == PROTOCOL) {
            return Err(MetadataError::NotServiceProvider);
        }
        let certificates = certificates(role)?;
        let signs_requests = matches!(role.attribute("AuthnRequestsSigned"), Some("true" | "1"));
        if signs_requests && certificates.is_empty() {
            return Err(MetadataError::NoCertificate);
        }
        Ok(Self {
            entity_id,
            assertion_consumers: assertion_consumers(role)?,
            logout: logout(role, REDIRECT, Direction::Answer)?,
            redirect_logout: logout(role, REDIRECT, Direction::Request)?,
            soap_logout: logout(role, SOAP, Direction::Request)?,
            ignores_walk_away: false,
            certificates,
            signs_requests,
            name_id: NameIdFormat::default(),
            attributes: false,
            session_minutes: None,
        })
    }

    /// Its keys.
    pub fn keys(&self) -> Vec<VerifyingKey> {
        let keys = self.certificates.iter().filter_map(|text| BASE64.decode(text.as_bytes()).ok());
        keys.filter_map(|der| VerifyingKey::from_certificate(&der).ok()).collect()
    }

    /// Whether answers may go to that address.
    pub fn admits(&self, location: &str) -> bool {
        self.consumer(Some(location), None).is_some()
    }

    /// When its session must end at the latest, if the sign-on ends at `sign_on_ends`.
    pub fn session_ends(&self, sign_on_ends: Timestamp, now: Timestamp) -> Timestamp {
        let own = self.session_minutes.map(|minutes| SignedDuration::from_mins(minutes.into()));
        own.and_then(|own| now.checked_add(own).ok())
            .map_or(sign_on_ends, |end| end.min(sign_on_ends))
    }

    /// Where to send an assertion: the endpoint that the request names, exactly as the metadata does, or the default one.
    pub(crate) fn consumer(
        &self,
        location: Option<&str>,
        index: Option<u16>,
    ) -> Option<&AssertionConsumer> {
        let all = &self.assertion_consumers;
        match (location, index) {
            (Some(location), None) => all.iter().find(|consumer| consumer.location == location),
            (None, Some(index)) => all.iter().find(|consumer| consumer.index == index),
            (None, None) => all.iter().find(|consumer| consumer.default).or(all.first()),
            (Some(_), Some(_)) => None,
        }
    }
}

fn certificates(role: &Element) -> Result<Vec<String>, MetadataError> {
    let mut found = Vec::new();
    for descriptor in role.children(METADATA, "KeyDescriptor") {
        if !matches!(descriptor.attribute("use"), None | Some("signing")) {
            continue;
        }
        let Some(info) = descriptor.child(SIGNATURE, "KeyInfo")? else { continue };
        for data in info.children(SIGNATURE, "X509Data") {
            for certificate in data.children(SIGNATURE, "X509Certificate").take(MOST) {
                let text: String =
                    certificate.text()?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
                let der = BASE64.decode(text.as_bytes()).map_err(|_| MetadataError::Certificate)?;
                VerifyingKey::from_certificate(&der).map_err(|_| MetadataError::Certificate)?;
                found.push(text);
            }
        }
    }
    found.truncate(MOST);
    Ok(found)
}

fn assertion_consumers(role: &Element) -> Result<Vec<AssertionConsumer>, MetadataError> {
    let mut found: Vec<AssertionConsumer> = Vec::new();
    for endpoint in role.children(METADATA, "AssertionConsumerService") {
        if endpoint.attribute("Binding") != Some(POST) {
            continue;
        }
        let index = endpoint.attribute("index").and_then(|index| index.trim().parse().ok());
        let location = location(endpoint.attribute("Location"))?;
        let next = u16::try_from(found.len()).unwrap_or(u16::MAX);
        let default = matches!(endpoint.attribute("isDefault"), Some("true" | "1"));
        found.push(AssertionConsumer { index: index.unwrap_or(next), location, default });
    }
    if found.is_empty() {
        return Err(MetadataError::NoAssertionConsumer);
    }
    found.truncate(MOST);
    Ok(found)
}

/// Which way a message goes (saml-metadata-2.0-os §2.2.2).
#[derive(Clone, Copy)]
enum Direction {
    Request,
    Answer,
}

fn logout(
    role: &Element,
    binding: &str,
    direction: Direction,
) -> Result<Option<String>, MetadataError> {
    let mut services = role.children(METADATA, "SingleLogoutService");
    let Some(service) = services.find(|service| service.attribute("Binding") == Some(binding))
    else {
        return Ok(None);
    };
    let general = service.attribute("Location");
    location(match direction {
        Direction::Request => general,
        Direction::Answer => service.attribute("ResponseLocation").or(general),
    })
    .map(Some)
}

/// An address to which people's browsers may be sent: https, or this machine itself.
fn location(text: Option<&str>) -> Result<String, MetadataError> {
    let text = text.unwrap_or_default();
    let refused = || MetadataError::Location(text.chars().take(80).collect());
    let url = Url::parse(text).map_err(|_| refused())?;
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let secure = url.scheme() == "https" || (url.scheme() == "http" && here);
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if secure && plain && text.len() <= LONGEST_LOCATION {
        Ok(text.to_owned())
    } else {
        Err(refused())
    }
}

#[cfg(test)]
pub(crate) mod tests;
