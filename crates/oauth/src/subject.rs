//! Subjects: whom tokens are about, as each application sees her (OpenID Connect Core §8).
use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use imp_identity::{ClientId, Secret, SignOnId, UserId};

use crate::client::Metadata;

/// The key that keeps pairwise subjects apart. Losing it changes every subject; giving it away lets applications match them.
#[derive(Debug)]
pub struct PairwiseKey(hmac::Key);

impl PairwiseKey {
    /// Takes 32 random bytes.
    pub fn new(key: &Secret<[u8; 32]>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))
    }

    /// `sub` of a user for a client: her identifier, or for pairwise clients HMAC-SHA-256 over the sector and her identifier.
    pub fn subject(&self, user: UserId, metadata: &Metadata) -> String {
        let Some(sector) = metadata.sector() else { return user.to_string() };
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"imp pairwise subject\0");
        context.update(sector.to_ascii_lowercase().as_bytes());
        context.update(&[0]);
        context.update(&user.into_bytes());
        BASE64URL_NOPAD.encode(context.sign().as_ref())
    }

    /// `sid` of a browser's sign-on for a client: HMAC-SHA-256 over both. Every client gets another, so that two of them cannot
    /// tell by it that they have the same person before them (OpenID Connect Core §8.1 is about `sub` alone).
    pub fn session(&self, sign_on: SignOnId, client: ClientId) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"imp session id\0");
        context.update(&client.into_bytes());
        context.update(&sign_on.into_bytes());
        BASE64URL_NOPAD.encode(context.sign().as_ref())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pairwise_subjects_differ_between_sectors_and_stay_within_one() {
        let key = PairwiseKey::new(&Secret::new([7; 32]));
        let client = |host: &str, kind: &str| -> Metadata {
            let uri = format!("https://{host}/cb");
            serde_json::from_value(
                json!({"client_name": "a", "redirect_uris": [uri], "subject_type": kind}),
            )
            .unwrap()
        };
        let user = UserId::from(uuid::Uuid::from_u128(1));
        let one = key.subject(user, &client("a.example", "pairwise"));
        assert_eq!(one, key.subject(user, &client("a.example", "pairwise")));
        assert_ne!(one, key.subject(user, &client("b.example", "pairwise")));
        assert_ne!(
            one,
            key.subject(UserId::from(uuid::Uuid::from_u128(2)), &client("a.example", "pairwise"))
        );
        assert_ne!(
            one,
            PairwiseKey::new(&Secret::new([8; 32])).subject(user, &client("a.example", "pairwise"))
        );
        assert_eq!(key.subject(user, &client("a.example", "public")), user.to_string());
    }

    #[test]
    fn no_two_applications_call_a_sign_on_the_same() {
        let key = PairwiseKey::new(&Secret::new([7; 32]));
        let uuid = uuid::Uuid::from_u128;
        let (one, two) = (ClientId::from(uuid(1)), ClientId::from(uuid(2)));
        let (morning, noon) = (SignOnId::from(uuid(3)), SignOnId::from(uuid(4)));
        let sid = key.session(morning, one);
        assert_eq!(sid, key.session(morning, one), "an application knows it again");
        assert_ne!(sid, key.session(morning, two));
        assert_ne!(sid, key.session(noon, one));
        assert_ne!(sid, PairwiseKey::new(&Secret::new([8; 32])).session(morning, one));
        assert!(!sid.contains(&morning.to_string()));
    }
}
