//! Bearer tokens (RFC 6750) of people.
use data_encoding::BASE64URL_NOPAD;
use imp_identity::user::User;
use imp_identity::{Digest, Secret};
use imp_storage::{Storage, StorageError};
use jiff::{SignedDuration, Timestamp};
use rand::CryptoRng;

use crate::store::Tables as _;

/// How long a token counts.
pub(super) const LIFETIME: SignedDuration = SignedDuration::from_hours(12);

/// Draws a token of 256 bits; the digest is what is stored.
pub(super) fn generate(rng: &mut impl CryptoRng) -> (Secret<String>, Digest) {
    let mut random = zeroize::Zeroizing::new([0; 32]);
    rng.fill_bytes(random.as_mut_slice());
    let token = BASE64URL_NOPAD.encode(random.as_slice());
    let digest = digest(&token);
    (Secret::new(token), digest)
}

/// A token has 256 random bits, so a plain digest suffices.
fn digest(token: &str) -> Digest {
    Digest::of(&[b"imp access token", token.as_bytes()])
}

/// The active user for whom a bearer token stands at `now`.
pub async fn authenticate_token(
    storage: &Storage,
    token: &str,
    now: Timestamp,
) -> Result<Option<User>, StorageError> {
    let mut transaction = storage.read().await?;
    let user = transaction.sign_in().user_of_token(digest(token), now).await?;
    Ok(user.filter(User::is_active))
}
