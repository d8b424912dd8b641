//! One-time codes by which a phone, a workstation or a person's sign-in is bound.
use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;

use crate::{Digest, Secret};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 20;

/// A one-time code: 20 characters of Crockford's base 32, 100 bits, shown in groups of five.
#[derive(Clone, Debug)]
pub struct Code(Secret<String>);

/// The text is not a one-time code.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a one-time code: 20 letters and digits are expected, such as 7XK2M-…")]
pub struct InvalidCode;

/// What the server keeps of a code that has not been used yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Digest of the code.
    pub code: Digest,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}

/// The code cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvitationError {
    /// It is not the code of this invitation.
    #[error("the one-time code is not valid")]
    Wrong,
    /// It was valid once.
    #[error("the one-time code has expired: ask for a new one")]
    Expired,
}

impl Code {
    /// Draws a code.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut random = [0; LENGTH];
        rng.fill_bytes(&mut random);
        Self(Secret::new(
            random.iter().map(|b| char::from(ALPHABET[usize::from(b & 31)])).collect(),
        ))
    }

    /// The digest that the server stores. The code has 100 random bits, so a plain digest suffices (SP 800-63B-4 §3.1.2).
    pub fn digest(&self) -> Digest {
        Digest::of(&[b"imp one-time code", self.0.expose().as_bytes()])
    }

    /// The form to show or to type: `XXXXX-XXXXX-XXXXX-XXXXX`.
    pub fn expose(&self) -> String {
        let text = self.0.expose();
        [&text[..5], &text[5..10], &text[10..15], &text[15..]].join("-")
    }
}

impl FromStr for Code {
    type Err = InvalidCode;

    /// Reads what a person typed: case, spaces and hyphens do not matter; `O` is 0, `I` and `L` are 1.
    fn from_str(text: &str) -> Result<Self, InvalidCode> {
        let mut code = String::with_capacity(LENGTH);
        for c in text.chars().filter(|c| !matches!(c, '-' | ' ')) {
            let c = match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                c => c,
            };
            if code.len() == LENGTH || !u8::try_from(c).is_ok_and(|b| ALPHABET.contains(&b)) {
                return Err(InvalidCode);
            }
            code.push(c);
        }
        if code.len() == LENGTH { Ok(Self(Secret::new(code))) } else { Err(InvalidCode) }
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.expose())
    }
}

impl<'de> serde::Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Invitation {
    /// Invites whoever shows a fresh code within `lifetime`.
    pub fn open(
        lifetime: SignedDuration,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> (Self, Code) {
        let code = Code::generate(rng);
        (Self { code: code.digest(), expires_at: now + lifetime }, code)
    }

    /// Checks a code that was shown. The caller removes the invitation when this succeeds.
    pub fn accept(&self, code: &Code, now: Timestamp) -> Result<(), InvitationError> {
        if code.digest() != self.code {
            return Err(InvitationError::Wrong);
        }
        if now < self.expires_at { Ok(()) } else { Err(InvitationError::Expired) }
    }
}

impl fmt::Display for InvitationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Phone => "phone",
            Self::Workstation => "workstation",
            Self::SignIn => "sign-in",
        })
    }
}

/// What a one-time code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationKind {
    /// Binding a phone.
    Phone,
    /// Enrolling a workstation.
    Workstation,
    /// A person's first sign-in.
    SignIn,
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;
    use rand::SeedableRng as _;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = Code::generate(&mut rand::rngs::StdRng::seed_from_u64(1));
        let typed =
            code.expose().to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        assert_eq!(typed.parse::<Code>().unwrap().digest(), code.digest());
        for wrong in
            ["", "7XK2M", &"A".repeat(21), "U!!!!-AAAAA-AAAAA-AAAAA", "ééééé-ééééé-ééééé-ééééé"]
        {
            assert!(wrong.parse::<Code>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_invitation_takes_its_own_code_until_it_expires() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        let now = Timestamp::UNIX_EPOCH;
        let (invitation, code) = Invitation::open(SignedDuration::from_mins(10), now, &mut rng);
        assert_eq!(invitation.accept(&code, now), Ok(()));
        assert_eq!(invitation.accept(&Code::generate(&mut rng), now), Err(InvitationError::Wrong));
        assert_eq!(invitation.accept(&code, now + 10.minutes()), Err(InvitationError::Expired));
    }
}
