//! Proof Key for Code Exchange (RFC 7636), with S256 only (RFC 9700 §2.1.1).
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use imp_identity::Digest;
use serde::{Deserialize, Serialize};

/// `code_challenge`: the SHA-256 digest of the verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeChallenge(Digest);

/// The text is not a challenge: 43 characters of base64url are expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a code challenge")]
pub struct InvalidChallenge;

impl CodeChallenge {
    /// Whether this is the challenge of `verifier`, which is 43 to 128 unreserved characters (§4.1). Constant time.
    pub fn is_of(&self, verifier: &str) -> bool {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        (43..=128).contains(&verifier.len())
            && verifier.bytes().all(allowed)
            && Digest::of(&[verifier.as_bytes()]) == self.0
    }

    /// The challenge of a verifier: what a client does.
    pub fn of(verifier: &str) -> Self {
        Self(Digest::of(&[verifier.as_bytes()]))
    }
}

impl FromStr for CodeChallenge {
    type Err = InvalidChallenge;

    fn from_str(text: &str) -> Result<Self, InvalidChallenge> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| InvalidChallenge)?;
        Digest::try_from(bytes.as_slice()).map(Self).map_err(|_| InvalidChallenge)
    }
}

impl std::fmt::Display for CodeChallenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b_holds() {
        let challenge: CodeChallenge =
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".parse().unwrap();
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert!(challenge.is_of(verifier));
        assert_eq!(CodeChallenge::of(verifier), challenge);
        assert!(!challenge.is_of(&verifier.replace('d', "e")));
        assert!(!CodeChallenge::of("short").is_of("short"));
        let spaced = " ".repeat(43);
        assert!(!CodeChallenge::of(&spaced).is_of(&spaced));
        for bad in [
            "",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM",
        ] {
            assert_eq!(bad.parse::<CodeChallenge>(), Err(InvalidChallenge), "{bad}");
        }
    }
}
