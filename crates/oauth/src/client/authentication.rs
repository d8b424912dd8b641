//! How an application proves who it is at the token, revocation, introspection and pushed-request endpoints: by exactly one
//! method (RFC 6749 §2.3), the registered one.
use data_encoding::BASE64;
use imp_identity::{ClientId, Digest, Secret};
use jiff::Timestamp;

use super::{AuthMethod, CertificateName, Metadata, assertion};
use crate::error::OAuthError;
use crate::form::Form;
use crate::jose::JwkSet;
use crate::mtls::Certificate;

/// What a request brings to say who sends it.
#[derive(Debug)]
pub enum Presented {
    /// Nothing but `client_id`: a public client, or one that proves itself by its certificate.
    Named(ClientId),
    /// `Authorization: Basic`.
    Basic(ClientId, Secret<String>),
    /// `client_id` and `client_secret`.
    Post(ClientId, Secret<String>),
    /// `client_assertion`.
    Assertion(ClientId, String),
}

/// What is stored of a client's proof.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// Its registration.
    pub metadata: &'a Metadata,
    /// The digest of its secret.
    pub secret: Option<Digest>,
    /// Its keys: registered, or fetched from its `jwks_uri`.
    pub keys: Option<&'a JwkSet>,
}

/// What a proof is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Expectation<'a> {
    /// The certificate of the connection, verified against the server's own authority.
    pub certificate: Option<&'a Certificate>,
    /// The issuer and the URLs of endpoints, for assertions.
    pub audiences: &'a [&'a str],
    /// The time.
    pub now: Timestamp,
}

/// How a client proved itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientProof {
    /// Not at all: a public client.
    Public,
    /// By its secret.
    Secret,
    /// By its certificate.
    Certificate,
    /// By an assertion, if nobody used it before: refuse with `invalid_client` when it is remembered.
    Assertion(assertion::Verified),
}

impl Presented {
    /// Reads who sends a request. `authorization` is the header, if there is one.
    pub fn read(form: &Form, authorization: Option<&str>) -> Result<Self, OAuthError> {
        let basic = authorization.and_then(|value| credentials(value, "basic"));
        let (secret, assertion) = (form.get("client_secret"), form.get("client_assertion"));
        if [basic.is_some(), secret.is_some(), assertion.is_some()]
            .into_iter()
            .filter(|used| *used)
            .count()
            > 1
        {
            return Err(OAuthError::request("more than one way of client authentication is used"));
        }
        let named = form.get("client_id").map(id).transpose()?;
        let presented = if let Some(encoded) = basic {
            let (client, secret) = decode_basic(encoded)?;
            Self::Basic(client, secret)
        } else if let Some(assertion) = assertion {
            if form.get("client_assertion_type") != Some(assertion::TYPE) {
                return Err(OAuthError::client("client_assertion_type is not supported"));
            }
            let subject = assertion::subject(assertion)?;
            Self::Assertion(subject, assertion.to_owned())
        } else {
            let client = named.ok_or_else(|| OAuthError::client("no client is named"))?;
            match secret {
                Some(secret) => Self::Post(client, Secret::new(secret.to_owned())),
                None => Self::Named(client),
            }
        };
        if named.is_some_and(|named| named != presented.client()) {
            return Err(OAuthError::client("client_id names another client than the proof"));
        }
        Ok(presented)
    }

    /// Who it says it is.
    pub const fn client(&self) -> ClientId {
        match self {
            Self::Named(client)
            | Self::Basic(client, _)
            | Self::Post(client, _)
            | Self::Assertion(client, _) => *client,
        }
    }

    /// Checks the proof. For a client that does not exist call [`unknown_client`], which answers the same.
    pub fn verify(
        &self,
        stored: &Credentials<'_>,
        expected: &Expectation<'_>,
    ) -> Result<ClientProof, OAuthError> {
        match (self, stored.metadata.auth_method) {
            (Self::Named(_), AuthMethod::None) => Ok(ClientProof::Public),
            (Self::Named(_), AuthMethod::TlsClientAuth) => {
                let name = stored.metadata.certificate_name.as_ref();
                match (expected.certificate, name) {
                    (Some(certificate), Some(name)) if has_name(certificate, name) => {
                        Ok(ClientProof::Certificate)
                    }
                    _ => Err(failed()),
                }
            }
            (Self::Basic(_, secret), AuthMethod::ClientSecretBasic)
            | (Self::Post(_, secret), AuthMethod::ClientSecretPost) => {
                // Digests are compared in constant time; the secret has 256 bits, so that nothing slower is needed.
                let presented = Digest::of(&[secret.expose().as_bytes()]);
                if stored.secret == Some(presented) {
                    Ok(ClientProof::Secret)
                } else {
                    Err(failed())
                }
            }
            (Self::Assertion(client, assertion), AuthMethod::PrivateKeyJwt) => {
                let keys = stored.keys.ok_or_else(failed)?;
                let expected = assertion::Expected {
                    client: *client,
                    algorithm: stored.metadata.auth_algorithm,
                    audiences: expected.audiences,
                    now: expected.now,
                };
                Ok(ClientProof::Assertion(assertion::verify(assertion, keys, &expected)?))
            }
            _ => Err(failed()),
        }
    }
}

/// The answer to a client that is not registered: the same as to one that does not prove itself.
pub fn unknown_client() -> OAuthError {
    failed()
}

fn failed() -> OAuthError {
    OAuthError::client("client authentication failed")
}

/// The credentials of a scheme in an `Authorization` header (RFC 9110 §11.4).
pub fn credentials<'a>(authorization: &'a str, scheme: &str) -> Option<&'a str> {
    let (name, rest) = authorization.split_once(' ')?;
    name.eq_ignore_ascii_case(scheme).then(|| rest.trim_start_matches(' '))
}

/// RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
fn decode_basic(encoded: &str) -> Result<(ClientId, Secret<String>), OAuthError> {
    let malformed = || OAuthError::client("the Authorization header is malformed");
    let bytes = BASE64.decode(encoded.as_bytes()).map_err(|_| malformed())?;
    let text = Secret::new(String::from_utf8(bytes).map_err(|_| malformed())?);
    let (client, secret) = text.expose().split_once(':').ok_or_else(malformed)?;
    let decode = |part: &str| {
        let mut pairs = url::form_urlencoded::parse(part.as_bytes());
        pairs.next().map(|(name, _)| name.into_owned())
    };
    let client = decode(client).ok_or_else(malformed)?;
    Ok((id(&client)?, Secret::new(decode(secret).ok_or_else(malformed)?)))
}

fn id(text: &str) -> Result<ClientId, OAuthError> {
    text.parse().map_err(|_| failed())
}

fn has_name(certificate: &Certificate, name: &CertificateName) -> bool {
    match name {
        CertificateName::Dns(name) => {
            certificate.dns_names.iter().any(|own| own.eq_ignore_ascii_case(name))
        }
        CertificateName::Uri(name) => certificate.uris.iter().any(|own| own == name),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ErrorCode;

    const CLIENT: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn metadata(method: &str) -> Metadata {
        let mut document = json!({
            "client_name": "a", "redirect_uris": ["https://a.example/"], "token_endpoint_auth_method": method,
        });
        if method == "tls_client_auth" {
            document["tls_client_auth_san_dns"] = json!("lab.hospital.example");
        }
        serde_json::from_value(document).unwrap()
    }

    fn verify(
        presented: &Presented,
        method: &str,
        certificate: Option<&Certificate>,
    ) -> Result<ClientProof, ErrorCode> {
        let metadata = metadata(method);
        let stored =
            Credentials { metadata: &metadata, secret: Some(Digest::of(&[b"s3cret"])), keys: None };
        let expected = Expectation { certificate, audiences: &[], now: Timestamp::UNIX_EPOCH };
        presented.verify(&stored, &expected).map_err(|error| error.code)
    }

    fn form(text: &str) -> Form {
        Form::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_secret_counts_where_it_was_registered_to_stand() {
        let header = format!("Basic {}", BASE64.encode(format!("{CLIENT}:s3cret").as_bytes()));
        let basic = Presented::read(&form(""), Some(&header)).unwrap();
        let post =
            Presented::read(&form(&format!("client_id={CLIENT}&client_secret=s3cret")), None)
                .unwrap();
        let wrong =
            Presented::read(&form(&format!("client_id={CLIENT}&client_secret=s3cre")), None)
                .unwrap();
        assert_eq!(verify(&basic, "client_secret_basic", None), Ok(ClientProof::Secret));
        assert_eq!(verify(&post, "client_secret_post", None), Ok(ClientProof::Secret));
        assert_eq!(verify(&post, "client_secret_basic", None), Err(ErrorCode::InvalidClient));
        assert_eq!(verify(&basic, "client_secret_post", None), Err(ErrorCode::InvalidClient));
        assert_eq!(verify(&basic, "none", None), Err(ErrorCode::InvalidClient));
        assert_eq!(verify(&wrong, "client_secret_post", None), Err(ErrorCode::InvalidClient));
    }

    #[test]
    fn a_name_is_enough_for_public_clients_only() {
        let named = Presented::read(&form(&format!("client_id={CLIENT}")), None).unwrap();
        assert_eq!(verify(&named, "none", None), Ok(ClientProof::Public));
        assert_eq!(verify(&named, "client_secret_basic", None), Err(ErrorCode::InvalidClient));
        assert_eq!(verify(&named, "tls_client_auth", None), Err(ErrorCode::InvalidClient));
        let mut certificate = Certificate::of(b"certificate");
        assert_eq!(
            verify(&named, "tls_client_auth", Some(&certificate)),
            Err(ErrorCode::InvalidClient)
        );
        certificate.dns_names.push("LAB.hospital.example".to_owned());
        assert_eq!(
            verify(&named, "tls_client_auth", Some(&certificate)),
            Ok(ClientProof::Certificate)
        );
    }

    #[test]
    fn exactly_one_way_is_used() {
        let header = format!("bAsIc {}", BASE64.encode(format!("{CLIENT}:a%2Bb").as_bytes()));
        let Presented::Basic(client, secret) = Presented::read(&form(""), Some(&header)).unwrap()
        else {
            panic!("not basic")
        };
        assert_eq!((client.to_string().as_str(), secret.expose().as_str()), (CLIENT, "a+b"));
        let two = form(&format!("client_id={CLIENT}&client_secret=x"));
        assert_eq!(
            Presented::read(&two, Some(&header)).unwrap_err().code,
            ErrorCode::InvalidRequest
        );
        let other = form("client_id=01890a5d-ac96-774b-bcce-b302099a8058");
        assert_eq!(
            Presented::read(&other, Some(&header)).unwrap_err().code,
            ErrorCode::InvalidClient
        );
        for (text, header) in [
            ("", None),
            ("client_id=x", None),
            ("", Some("Basic !")),
            ("", Some("Basic")),
            ("", Some("Basic YQ==")),
            ("client_assertion=e30", None),
        ] {
            assert_eq!(
                Presented::read(&form(text), header).unwrap_err().code,
                ErrorCode::InvalidClient,
                "{text}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read_or_refused(header: String, bytes: Vec<u8>) {
            let _read_or_refused = Presented::read(&Form::default(), Some(&header));
            let encoded = format!("Basic {}", BASE64.encode(&bytes));
            let _read_or_refused = Presented::read(&Form::default(), Some(&encoded));
        }
    }
}
