//! How messages travel through a browser (saml-bindings-2.0-os): HTTP-Redirect (§3.4) in both directions, HTTP-POST (§3.5).
use data_encoding::BASE64;
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use url::Url;

use crate::key::{KeyError, SigningKey, VerifyingKey};
use crate::xml::{Bounds, Element, XmlError, read};

/// The most that a message may have, inflated, in bytes.
const LARGEST: usize = 64 * 1024;
/// A request is a handful of elements.
const BOUNDS: Bounds = Bounds { size: LARGEST, elements: 200, depth: 16 };
/// §3.4.3 says 80; applications put addresses in it.
const LONGEST_RELAY_STATE: usize = 2048;
/// How fast deflate works: the levels are zlib's.
const LEVEL: u8 = 6;

/// A message from a query, as it came: nothing of it is proven.
#[derive(Debug)]
pub struct RedirectMessage {
    /// What the application wants back.
    pub relay_state: Option<String>,
    root: Element,
    signature: Option<DetachedSignature>,
}

/// §3.4.4.1: what was signed are the parameters as they came, still encoded.
#[derive(Debug)]
struct DetachedSignature {
    algorithm: String,
    signed: String,
    value: Vec<u8>,
}

/// The message cannot be taken from its binding.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    /// A parameter is missing.
    #[error("the parameter {0} is missing")]
    Missing(&'static str),
    /// A parameter is there twice.
    #[error("a parameter is there twice")]
    Twice,
    /// A parameter is not what it should be.
    #[error("the parameter {0} cannot be decoded")]
    Encoding(&'static str),
    /// The state is too long.
    #[error("the parameter RelayState is longer than 2048 bytes")]
    RelayState,
    /// Not XML that is read.
    #[error("the message cannot be read")]
    Xml(#[from] XmlError),
}

impl RedirectMessage {
    /// From a query of the HTTP-Redirect binding; `parameter` is `SAMLRequest`.
    pub fn from_query(query: &str, parameter: &'static str) -> Result<Self, BindingError> {
        let parameters = Parameters::split(query)?;
        let message = parameters.decoded(parameter)?.ok_or(BindingError::Missing(parameter))?;
        let encoding = parameters.decoded("SAMLEncoding")?;
        let deflated = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE";
        if encoding.is_some_and(|encoding| encoding != deflated) {
            return Err(BindingError::Encoding("SAMLEncoding"));
        }
        let bytes =
            BASE64.decode(message.as_bytes()).map_err(|_| BindingError::Encoding(parameter))?;
        let document = decompress_to_vec_with_limit(&bytes, LARGEST)
            .map_err(|_| BindingError::Encoding(parameter))?;
        let relay_state = relay_state(parameters.decoded("RelayState")?)?;
        let signature = parameters.signature(parameter)?;
        Ok(Self { relay_state, root: read(&document, BOUNDS)?, signature })
    }

    /// The message's root element.
    pub(crate) const fn root(&self) -> &Element {
        &self.root
    }

    /// Whether a signature came with it. Says nothing about whose.
    pub const fn is_signed(&self) -> bool {
        self.signature.is_some()
    }

    /// Whether one of `keys` signed it.
    pub fn is_signed_by(&self, keys: &[VerifyingKey]) -> bool {
        self.signature.as_ref().is_some_and(|signature| {
            let message = signature.signed.as_bytes();
            keys.iter().any(|key| key.verify(&signature.algorithm, message, &signature.value))
        })
    }
}

/// The query of HTTP-Redirect that says the same as a form of HTTP-POST. It comes without a signature: one inside the message is
/// never looked at, so that an application that signs must do so in the query.
///
/// A browser does not send its cookies with a form from another site, but with the redirect that follows.
pub fn query_of_form(message: &str, relay: Option<&str>) -> Result<String, BindingError> {
    const PARAMETER: &str = "SAMLRequest";
    if message.len() > 2 * LARGEST {
        return Err(XmlError::TooLarge.into());
    }
    let text: String = message.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let document = BASE64.decode(text.as_bytes()).map_err(|_| BindingError::Encoding(PARAMETER))?;
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair(PARAMETER, &BASE64.encode(&compress_to_vec(&document, LEVEL)));
    if let Some(state) = relay_state(relay.map(str::to_owned))? {
        query.append_pair("RelayState", &state);
    }
    Ok(query.finish())
}

/// A signed address that takes a message to `location` (HTTP-Redirect).
pub fn signed_redirect(
    location: &str,
    (parameter, document): (&str, &str),
    relay_state: Option<&str>,
    key: &SigningKey,
) -> Result<String, KeyError> {
    let message = BASE64.encode(&compress_to_vec(document.as_bytes(), LEVEL));
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair(parameter, &message);
    if let Some(state) = relay_state {
        query.append_pair("RelayState", state);
    }
    let query = query.append_pair("SigAlg", key.algorithm()).finish();
    let signature = BASE64.encode(&key.sign(query.as_bytes())?);
    let signature: String = url::form_urlencoded::byte_serialize(signature.as_bytes()).collect();
    let separator = match Url::parse(location) {
        Ok(url) if url.query().is_some() => '&',
        Ok(_) | Err(_) => '?',
    };
    Ok(format!("{location}{separator}{query}&Signature={signature}"))
}

fn relay_state(state: Option<String>) -> Result<Option<String>, BindingError> {
    match state {
        Some(state) if state.len() > LONGEST_RELAY_STATE => Err(BindingError::RelayState),
        other => Ok(other.filter(|state| !state.is_empty())),
    }
}

/// A query's parameters, still encoded.
struct Parameters<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Parameters<'a> {
    fn split(query: &'a str) -> Result<Self, BindingError> {
        let pairs: Vec<_> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect();
        for (at, (name, _)) in pairs.iter().enumerate() {
            if pairs.iter().skip(at + 1).any(|(other, _)| other == name) {
                return Err(BindingError::Twice);
            }
        }
        Ok(Self(pairs))
    }

    fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    fn decoded(&self, name: &'static str) -> Result<Option<String>, BindingError> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let pair = format!("v={raw}");
        let value = url::form_urlencoded::parse(pair.as_bytes()).next();
        let value = value.ok_or(BindingError::Encoding(name))?.1.into_owned();
        // What was not UTF-8 became this
        if value.contains(char::REPLACEMENT_CHARACTER) {
            return Err(BindingError::Encoding(name));
        }
        Ok(Some(value))
    }

    fn signature(
        &self,
        parameter: &'static str,
    ) -> Result<Option<DetachedSignature>, BindingError> {
        let Some(value) = self.decoded("Signature")? else { return Ok(None) };
        let text: String = value.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let value =
            BASE64.decode(text.as_bytes()).map_err(|_| BindingError::Encoding("Signature"))?;
        let algorithm = self.decoded("SigAlg")?.ok_or(BindingError::Missing("SigAlg"))?;
        let parts = [parameter, "RelayState", "SigAlg"];
        let parts = parts.iter().filter_map(|name| Some(format!("{name}={}", self.raw(name)?)));
        Ok(Some(DetachedSignature {
            algorithm,
            signed: parts.collect::<Vec<_>>().join("&"),
            value,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Credential;

    fn key() -> SigningKey {
        let now = jiff::Timestamp::UNIX_EPOCH;
        SigningKey::open(&Credential::generate("imp", now, &mut rand::rng()).unwrap()).unwrap()
    }

    fn query(key: &SigningKey) -> String {
        let document = "<x>hello</x>";
        let url =
            signed_redirect("https://a/", ("SAMLRequest", document), Some("st ate"), key).unwrap();
        url.split_once('?').unwrap().1.to_owned()
    }

    #[test]
    fn a_redirect_survives_and_its_signature_verifies() {
        let key = key();
        let message = RedirectMessage::from_query(&query(&key), "SAMLRequest").unwrap();
        assert_eq!(message.relay_state.as_deref(), Some("st ate"));
        assert_eq!(message.root().text().unwrap(), "hello");
        let ours = VerifyingKey::from_certificate(key.certificate()).unwrap();
        assert!(message.is_signed_by(&[ours]));
        assert!(!message.is_signed_by(&[]));
    }

    #[test]
    fn an_altered_parameter_breaks_the_signature() {
        let key = key();
        let ours = [VerifyingKey::from_certificate(key.certificate()).unwrap()];
        let query = query(&key);
        let altered = [
            query.replace("st+ate", "other"),
            query.replace("RelayState=st+ate&", ""),
            query.replace("rsa-sha256", "rsa-sha512"),
        ];
        for altered in altered {
            assert_ne!(altered, query);
            let message = RedirectMessage::from_query(&altered, "SAMLRequest").unwrap();
            assert!(message.is_signed() && !message.is_signed_by(&ours), "{altered}");
        }
    }

    #[test]
    fn a_parameter_that_is_there_twice_is_refused() {
        let query = query(&key());
        let error = RedirectMessage::from_query(&format!("{query}&RelayState=x"), "SAMLRequest");
        assert_eq!(error.unwrap_err(), BindingError::Twice);
        let error = RedirectMessage::from_query("RelayState=x", "SAMLRequest").unwrap_err();
        assert_eq!(error, BindingError::Missing("SAMLRequest"));
    }

    #[test]
    fn a_bomb_is_not_inflated() {
        let bomb = BASE64.encode(&compress_to_vec(&vec![b' '; 10 * LARGEST], 9));
        let bomb: String = url::form_urlencoded::byte_serialize(bomb.as_bytes()).collect();
        let error = RedirectMessage::from_query(&format!("SAMLRequest={bomb}"), "SAMLRequest");
        assert_eq!(error.unwrap_err(), BindingError::Encoding("SAMLRequest"));
    }

    #[test]
    fn a_form_becomes_a_query_without_a_signature() {
        let query = query_of_form(&BASE64.encode(b"<x>hello</x>"), Some("st ate")).unwrap();
        let message = RedirectMessage::from_query(&query, "SAMLRequest").unwrap();
        assert_eq!(message.root().text().unwrap(), "hello");
        assert_eq!(message.relay_state.as_deref(), Some("st ate"));
        assert!(!message.is_signed());
        assert!(query_of_form("no base64!", None).is_err());
        let long = "A".repeat(2 * LARGEST + 1);
        assert_eq!(query_of_form(&long, None), Err(XmlError::TooLarge.into()));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(query in "(SAMLRequest|RelayState|SigAlg|Signature|[a-z%&=+]){0,3}[ -~]{0,60}") {
            let _ = RedirectMessage::from_query(&query, "SAMLRequest");
        }
    }
}
