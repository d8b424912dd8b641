//! The device grant (RFC 8628).
use imp_identity::Secret;
use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;
use serde::Serialize;

use crate::error::{ErrorCode, OAuthError};

/// How long a person has to type the code.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// How often a device may ask, in seconds, at first.
pub const INTERVAL: u32 = 5;

/// 20 consonants: no words, and nothing that looks like a digit (§6.1).
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// What a person types: eight letters of twenty, some 34 bits. As text with a dash in the middle.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserCode(String);

/// The answer to a device (§3.2).
#[derive(Debug, Serialize)]
pub struct DeviceResponse {
    /// What the device asks with.
    pub device_code: Secret<String>,
    /// What the person types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same with the code in it, for a QR code.
    pub verification_uri_complete: String,
    /// Seconds.
    pub expires_in: i64,
    /// Seconds.
    pub interval: u32,
}

/// How a device's request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has answered.
    Pending,
    /// The person allowed it.
    Allowed,
    /// She refused.
    Denied,
}

/// When a device last asked, and how often it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polling {
    /// When.
    pub last: Option<Timestamp>,
    /// Seconds.
    pub interval: u32,
}

impl UserCode {
    /// A fresh code.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut letters = String::with_capacity(8);
        while letters.len() < 8 {
            let mut byte = [0];
            rng.fill_bytes(&mut byte);
            // 240 is the largest multiple of 20 in a byte: every letter is equally likely.
            if byte[0] < 240 {
                letters.push(char::from(ALPHABET[usize::from(byte[0] % 20)]));
            }
        }
        Self(letters)
    }

    /// Reads what a person typed: case, dashes and spaces do not matter.
    pub fn read(typed: &str) -> Option<Self> {
        let kept = typed
            .chars()
            .filter(|c| !matches!(c, '-' | ' '))
            .take(9)
            .map(|c| c.to_ascii_uppercase());
        let letters: String = kept.collect();
        let valid = letters.len() == 8 && letters.bytes().all(|b| ALPHABET.contains(&b));
        valid.then_some(Self(letters))
    }

    /// The eight letters: what is stored.
    pub fn letters(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for UserCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (left, right) = self.0.split_at(4);
        write!(f, "{left}-{right}")
    }
}

/// What a device that asks is told (§3.5), and its polling from now on. `Ok(())` means: give tokens, and the code is used up.
pub fn poll(
    standing: Standing,
    polling: Polling,
    expires_at: Timestamp,
    now: Timestamp,
) -> (Polling, Result<(), OAuthError>) {
    let refuse = |code, text: &'static str| Err(OAuthError::new(code, text));
    let mut next = Polling { last: Some(now), ..polling };
    if now >= expires_at {
        return (next, refuse(ErrorCode::ExpiredToken, "the device code has expired"));
    }
    let allowed_again =
        |last: Timestamp| last + SignedDuration::from_secs(i64::from(polling.interval));
    if polling.last.is_some_and(|last| now < allowed_again(last)) {
        next.interval = polling.interval.saturating_add(5).min(60);
        return (next, refuse(ErrorCode::SlowDown, "the device asks too often"));
    }
    let told = match standing {
        Standing::Pending => refuse(ErrorCode::AuthorizationPending, "nobody has answered yet"),
        Standing::Denied => refuse(ErrorCode::AccessDenied, "the person refused"),
        Standing::Allowed => Ok(()),
    };
    (next, told)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn user_codes_are_read_however_they_are_typed() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        let code = UserCode::generate(&mut rng);
        let typed = format!(" {} ", code.to_string().to_lowercase().replace('-', " - "));
        assert_eq!(UserCode::read(&typed), Some(code));
        for bad in ["", "BCDF-GHJ", "BCDF-GHJKL", "BCDF-GHJA", "BCDF-GHJ1", "ßßßß-ßßßß"] {
            assert_eq!(UserCode::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_device_waits_between_questions() {
        let start = Timestamp::UNIX_EPOCH;
        let (expires, at) =
            (start + LIFETIME, |seconds| start + SignedDuration::from_secs(seconds));
        let code = |result: Result<(), OAuthError>| result.map_err(|error| error.code);
        let polling = Polling { last: None, interval: INTERVAL };
        let (polling, told) = poll(Standing::Pending, polling, expires, at(0));
        assert_eq!(code(told), Err(ErrorCode::AuthorizationPending));
        let (polling, told) = poll(Standing::Allowed, polling, expires, at(4));
        assert_eq!((code(told), polling.interval), (Err(ErrorCode::SlowDown), 10));
        let (polling, told) = poll(Standing::Denied, polling, expires, at(14));
        assert_eq!(code(told), Err(ErrorCode::AccessDenied));
        let (polling, told) = poll(Standing::Allowed, polling, expires, at(24));
        assert_eq!(code(told), Ok(()));
        let (_, told) = poll(Standing::Allowed, polling, expires, at(600));
        assert_eq!(code(told), Err(ErrorCode::ExpiredToken));
    }

    proptest::proptest! {
        #[test]
        fn any_typing_is_read_or_refused(typed: String) {
            let _read_or_refused = UserCode::read(&typed);
        }
    }
}
