//! Challenges (RFC 8555 §8, RFC 8737, RFC 8738, draft-ietf-acme-device-attest-10 §5): what proves an identifier.
use data_encoding::BASE64URL_NOPAD;
use imp_identity::Digest;
use imp_identity::name::UnknownCode;
use rand_core::CryptoRng;

use super::{AccountKey, Identifier};

/// How an identifier is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChallengeKind {
    /// By a file on port 80 (RFC 8555 §8.3).
    Http01,
    /// By a TXT record (RFC 8555 §8.4).
    Dns01,
    /// By a certificate on port 443 (RFC 8737).
    TlsAlpn01,
    /// By an attestation of the device's hardware.
    DeviceAttest01,
}

impl ChallengeKind {
    const ALL: [Self; 4] = [Self::Http01, Self::Dns01, Self::TlsAlpn01, Self::DeviceAttest01];

    /// As in `type`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::DeviceAttest01 => "device-attest-01",
        }
    }

    /// What may prove an identifier. A wildcard is proven where its names are given out; what a manufacturer gave, by the
    /// hardware.
    pub const fn for_identifier(identifier: &Identifier) -> &'static [Self] {
        match identifier {
            Identifier::Dns { wildcard: true, .. } => &[Self::Dns01],
            Identifier::Dns { wildcard: false, .. } => {
                &[Self::Http01, Self::Dns01, Self::TlsAlpn01]
            }
            Identifier::Ip(_) => &[Self::Http01, Self::TlsAlpn01],
            Identifier::Permanent { .. } | Identifier::HardwareModule { .. } => {
                &[Self::DeviceAttest01]
            }
        }
    }
}

impl std::str::FromStr for ChallengeKind {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let found = Self::ALL.into_iter().find(|kind| kind.code() == text);
        found.ok_or(UnknownCode { expected: "ChallengeKind" })
    }
}

/// The random value of a challenge: 256 bits in base64url.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(String);

/// What only the account that was challenged can say: the token and its key's thumbprint (RFC 8555 §8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAuthorization(String);

/// The text is not a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token: 43 characters of base64url are expected")]
pub struct InvalidToken;

impl Token {
    /// A new token.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(BASE64URL_NOPAD.encode(&bytes))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Token {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| InvalidToken)?;
        if bytes.len() == 32 { Ok(Self(text.to_owned())) } else { Err(InvalidToken) }
    }
}

impl KeyAuthorization {
    /// Of a token and an account's key.
    pub fn new(token: &Token, key: &AccountKey) -> Self {
        let thumbprint = BASE64URL_NOPAD.encode(key.thumbprint().as_bytes());
        Self(format!("{}.{thumbprint}", token.0))
    }

    /// What a file says (§8.3). White space at its end is passed over.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a file says it.
    pub fn is_in(&self, body: &[u8]) -> bool {
        body.trim_ascii_end() == self.0.as_bytes()
    }

    /// Its digest, which a certificate carries (RFC 8737 §3) and an attestation signs.
    pub fn digest(&self) -> Digest {
        Digest::of(&[self.0.as_bytes()])
    }

    /// What a TXT record says (§8.4).
    pub fn record(&self) -> String {
        BASE64URL_NOPAD.encode(self.digest().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn an_authorization_is_of_one_token_and_one_key() {
        let (one, two) =
            (Token::generate(&mut testing::rng()), Token::generate(&mut testing::rng()));
        let (mine, yours) = (testing::p256(), testing::p256());
        let authorization = KeyAuthorization::new(&one, mine.public());
        assert!(authorization.is_in(format!("{}\r\n", authorization.as_str()).as_bytes()));
        assert!(!authorization.is_in(format!(" {}", authorization.as_str()).as_bytes()));
        for other in [
            KeyAuthorization::new(&two, mine.public()),
            KeyAuthorization::new(&one, yours.public()),
        ] {
            assert!(!authorization.is_in(other.as_str().as_bytes()));
            assert_ne!(authorization.record(), other.record());
        }
        assert_eq!(one.as_str().parse(), Ok(one));
        assert_eq!("short".parse::<Token>(), Err(InvalidToken));
    }

    #[test]
    fn a_wildcard_is_proven_by_dns_only() {
        let wildcard = Identifier::parse("dns", "*.ward.example").unwrap();
        assert_eq!(ChallengeKind::for_identifier(&wildcard), [ChallengeKind::Dns01]);
        let serial = Identifier::parse("permanent-identifier", "SN1").unwrap();
        assert_eq!(ChallengeKind::for_identifier(&serial), [ChallengeKind::DeviceAttest01]);
    }
}
