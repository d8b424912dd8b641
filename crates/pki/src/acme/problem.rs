//! Problems of ACME (RFC 8555 §6.7, RFC 9773 §7.4, draft-ietf-acme-device-attest-10 §5).
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Identifier;

/// What every type begins with.
const NAMESPACE: &str = "urn:ietf:params:acme:error:";

/// What kind of problem it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemType {
    /// The account is not known.
    AccountDoesNotExist,
    /// The certificate that an order wants to replace was replaced already.
    AlreadyReplaced,
    /// The certificate was revoked already.
    AlreadyRevoked,
    /// The attestation does not count.
    BadAttestationStatement,
    /// The certificate request does not count.
    BadCsr,
    /// The nonce does not count (any more).
    BadNonce,
    /// The key is not one that is accepted.
    BadPublicKey,
    /// The reason for a revocation is not allowed.
    BadRevocationReason,
    /// The signature algorithm is not accepted.
    BadSignatureAlgorithm,
    /// The device did not answer.
    Connection,
    /// A name could not be resolved.
    Dns,
    /// The account needs an external account binding.
    ExternalAccountRequired,
    /// The device answered something else.
    IncorrectResponse,
    /// A contact address is malformed.
    InvalidContact,
    /// The request is malformed.
    Malformed,
    /// The order is not ready to be finalised.
    OrderNotReady,
    /// Too many requests.
    RateLimited,
    /// No certificate is issued for this identifier.
    RejectedIdentifier,
    /// Something broke in the server.
    ServerInternal,
    /// TLS failed during validation.
    Tls,
    /// The client may not do this.
    Unauthorized,
    /// A contact address is of an unsupported kind.
    UnsupportedContact,
    /// An identifier is of an unsupported kind.
    UnsupportedIdentifier,
}

/// Each with its code and the HTTP status with which it is answered.
const TYPES: &[(ProblemType, &str, u16)] = {
    use ProblemType as T;
    &[
        (T::AccountDoesNotExist, "accountDoesNotExist", 400),
        (T::AlreadyReplaced, "alreadyReplaced", 409),
        (T::AlreadyRevoked, "alreadyRevoked", 400),
        (T::BadAttestationStatement, "badAttestationStatement", 403),
        (T::BadCsr, "badCSR", 400),
        (T::BadNonce, "badNonce", 400),
        (T::BadPublicKey, "badPublicKey", 400),
        (T::BadRevocationReason, "badRevocationReason", 400),
        (T::BadSignatureAlgorithm, "badSignatureAlgorithm", 400),
        (T::Connection, "connection", 403),
        (T::Dns, "dns", 403),
        (T::ExternalAccountRequired, "externalAccountRequired", 403),
        (T::IncorrectResponse, "incorrectResponse", 403),
        (T::InvalidContact, "invalidContact", 400),
        (T::Malformed, "malformed", 400),
        (T::OrderNotReady, "orderNotReady", 403),
        (T::RateLimited, "rateLimited", 429),
        (T::RejectedIdentifier, "rejectedIdentifier", 403),
        (T::ServerInternal, "serverInternal", 500),
        (T::Tls, "tls", 403),
        (T::Unauthorized, "unauthorized", 403),
        (T::UnsupportedContact, "unsupportedContact", 400),
        (T::UnsupportedIdentifier, "unsupportedIdentifier", 400),
    ]
};

impl ProblemType {
    fn row(self) -> (&'static str, u16) {
        let found = TYPES.iter().find(|(kind, ..)| *kind == self);
        found.map_or(("serverInternal", 500), |(_, code, status)| (*code, *status))
    }

    /// Its code, without the namespace.
    pub fn code(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status of an answer.
    pub fn status(self) -> u16 {
        self.row().1
    }

    fn from_urn(urn: &str) -> Option<Self> {
        let code = urn.strip_prefix(NAMESPACE)?;
        TYPES.iter().find(|(_, own, _)| *own == code).map(|(kind, ..)| *kind)
    }
}

/// An error that a client is told of, and that the log has a word for.
pub trait Refused: std::error::Error {
    /// What kind of problem it is.
    fn kind(&self) -> ProblemType;
    /// Its word in the log: lower case, with hyphens.
    fn word(&self) -> &'static str;
}

/// A problem document (RFC 7807, as RFC 8555 §6.7 uses it).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of problem it is.
    pub kind: ProblemType,
    /// What went wrong, for people.
    pub detail: String,
    /// Which identifier it is about.
    pub identifier: Option<Identifier>,
}

impl Problem {
    /// A problem.
    pub fn new(kind: ProblemType, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), identifier: None }
    }

    /// What a refused client is told: the error, and what caused it.
    pub fn of(error: &impl Refused) -> Self {
        let mut detail = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            detail.push_str(": ");
            detail.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::new(error.kind(), detail)
    }

    /// The same, about one identifier.
    #[must_use]
    pub fn about(self, identifier: Identifier) -> Self {
        Self { identifier: Some(identifier), ..self }
    }

    /// The document.
    pub fn to_json(&self) -> Value {
        let mut document = json!({
            "type": format!("{NAMESPACE}{}", self.kind.code()),
            "detail": self.detail,
            "status": self.kind.status(),
        });
        if let Some(identifier) = &self.identifier {
            document["identifier"] = identifier.to_json();
        }
        document
    }
}

impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(to)
    }
}

impl<'de> Deserialize<'de> for Problem {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(from)?;
        let kind = document["type"].as_str().and_then(ProblemType::from_urn);
        let kind = kind.ok_or_else(|| serde::de::Error::custom("not a problem of ACME"))?;
        let detail = document["detail"].as_str().unwrap_or_default().to_owned();
        let identifier = document.get("identifier").and_then(|it| Identifier::from_json(it).ok());
        Ok(Self { kind, detail, identifier })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_own_code() {
        for (kind, code, status) in TYPES {
            assert_eq!((kind.code(), kind.status()), (*code, *status));
            assert_eq!(ProblemType::from_urn(&format!("{NAMESPACE}{code}")), Some(*kind));
        }
    }

    #[test]
    fn problems_survive_their_document() {
        let identifier = Identifier::parse("dns", "pump.example").unwrap();
        let problem = Problem::new(ProblemType::Connection, "no answer").about(identifier);
        let text = serde_json::to_string(&problem).unwrap();
        assert!(text.contains("urn:ietf:params:acme:error:connection"), "{text}");
        assert_eq!(serde_json::from_str::<Problem>(&text).unwrap(), problem);
    }
}
