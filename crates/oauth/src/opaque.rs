//! Opaque tokens: random text for its owner, a digest for the database.
use data_encoding::BASE64URL_NOPAD;
use imp_identity::{Digest, Secret};
use rand_core::CryptoRng;

/// What an opaque token is. Its beginning says so, that scanners for leaked secrets find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An authorization code (RFC 6749 §4.1.2).
    Code,
    /// A refresh token.
    Refresh,
    /// A device code (RFC 8628 §3.2).
    Device,
    /// The name of a pushed request (RFC 9126 §2.2).
    Pushed,
    /// A client's secret.
    ClientSecret,
    /// A token that manages a registration (RFC 7592 §2).
    Registration,
}

/// A fresh token and what is stored of it.
#[derive(Debug)]
pub struct Opaque {
    /// For its owner.
    pub token: Secret<String>,
    /// For the database. The token has 256 bits of its own, so that a plain digest gives nothing away.
    pub digest: Digest,
}

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Code => "imp_ac_",
            Self::Refresh => "imp_rt_",
            Self::Device => "imp_dc_",
            Self::Pushed => "imp_pr_",
            Self::ClientSecret => "imp_cs_",
            Self::Registration => "imp_ra_",
        }
    }

    /// A fresh token of this kind.
    pub fn generate(self, rng: &mut impl CryptoRng) -> Opaque {
        let mut random = [0; 32];
        rng.fill_bytes(&mut random);
        let token = format!("{}{}", self.prefix(), BASE64URL_NOPAD.encode(&random));
        let digest = Digest::of(&[token.as_bytes()]);
        Opaque { token: Secret::new(token), digest }
    }

    /// The digest under which a presented token is looked up; nothing when it is none of this kind.
    pub fn digest_of(self, presented: &str) -> Option<Digest> {
        let rest = presented.strip_prefix(self.prefix())?;
        let decoded = BASE64URL_NOPAD.decode(rest.as_bytes()).ok()?;
        (decoded.len() == 32).then(|| Digest::of(&[presented.as_bytes()]))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn a_token_is_found_by_its_digest_and_only_as_its_kind() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        let Opaque { token, digest } = Kind::Refresh.generate(&mut rng);
        assert_eq!(Kind::Refresh.digest_of(token.expose()), Some(digest));
        assert_eq!(Kind::Code.digest_of(token.expose()), None);
        assert_eq!(Kind::Refresh.digest_of("imp_rt_short"), None);
        assert_ne!(Kind::Refresh.generate(&mut rng).digest, digest);
    }
}
