//! Who signs security event tokens (RFC 8417), and the key that receivers find at `/jwks.json`.
use data_encoding::BASE64URL_NOPAD;
use imp_events::set::SetError;
use imp_events::{Entry, Issuer, Set};
use imp_identity::spiffe::TrustDomain;
use imp_identity::{Digest, StreamId};
use imp_pki::Key;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Signs tokens.
#[derive(Clone)]
pub(crate) struct SetIssuer {
    url: String,
    openid: String,
    trust_domain: TrustDomain,
    origin: String,
    key: EncodingKey,
    key_id: String,
    /// The public key's coordinates, in Base64url.
    point: (String, String),
}

/// A token that is about a stream and stands for no entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Names it: `jti`.
    pub id: Uuid,
    /// The type's URI.
    pub uri: String,
    /// What it says.
    pub payload: Value,
}

impl SetIssuer {
    /// `key` must be P-256, as [`Key`] is; `url` is `iss`, and `openid` that of ID tokens.
    pub(crate) fn new(
        key: &Key,
        (url, openid): (&str, &str),
        trust_domain: &TrustDomain,
        origin: &str,
    ) -> Self {
        let spki = key.public_key().as_spki();
        // A P-256 SubjectPublicKeyInfo ends with the point: 0x04, x, y (RFC 5480 §2.2).
        let (_, point) = spki.split_at(spki.len().saturating_sub(64));
        let (x, y) = point.split_at(point.len() / 2);
        let (x, y) = (BASE64URL_NOPAD.encode(x), BASE64URL_NOPAD.encode(y));
        // RFC 7638 §3.2: required members, in order, without blanks.
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let key_id = BASE64URL_NOPAD.encode(Digest::of(&[canonical.as_bytes()]).as_bytes());
        Self {
            url: url.to_owned(),
            openid: openid.to_owned(),
            trust_domain: trust_domain.clone(),
            origin: origin.to_owned(),
            key: EncodingKey::from_ec_der(key.pkcs8().expose()),
            key_id,
            point: (x, y),
        }
    }

    /// `iss` of every token.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The public key as a JWK Set (RFC 7517 §5).
    pub(crate) fn jwks(&self) -> Value {
        let (x, y) = &self.point;
        json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "x": x, "y": y,
            "use": "sig", "alg": "ES256", "kid": self.key_id,
        }] })
    }

    /// The token of an entry.
    pub(crate) fn entry(
        &self,
        entry: &Entry,
        audience: &str,
        now: Timestamp,
    ) -> Result<String, SetError> {
        let issuer = Issuer {
            url: &self.url,
            openid: &self.openid,
            trust_domain: &self.trust_domain,
            origin: &self.origin,
        };
        Set::of(entry, &issuer, audience, now)?.sign(&self.key, &self.key_id)
    }

    /// The token of a message about a stream (SSF 1.0 §8.1.4): its subject is the stream.
    pub(crate) fn message(
        &self,
        message: &Message,
        stream: StreamId,
        audience: &str,
        now: Timestamp,
    ) -> Result<String, SetError> {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(imp_events::set::TYPE.to_owned());
        header.kid = Some(self.key_id.clone());
        let claims = json!({
            "iss": self.url,
            "jti": message.id,
            "iat": now.as_second(),
            "aud": audience,
            "sub_id": { "format": "opaque", "id": stream },
            "events": Map::from_iter([(message.uri.clone(), message.payload.clone())]),
        });
        Ok(jsonwebtoken::encode(&header, &claims, &self.key)?)
    }
}

impl std::fmt::Debug for SetIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SetIssuer({})", self.key_id)
    }
}
