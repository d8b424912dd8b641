//! Challenges: what makes a tap fresh.
use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;

use crate::digest::Digest;
use crate::id::{ChallengeId, PhoneId, TapId, WorkstationId};
use crate::refusal::Refusal;
use crate::tap::Purpose;

/// A nonce for one tap at one workstation. The server keeps the digest of the 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Names this challenge.
    pub id: ChallengeId,
    /// The tap it opens.
    pub tap: TapId,
    /// Digest of the nonce.
    pub nonce: Digest,
    /// The only workstation that may answer it.
    pub workstation: WorkstationId,
    /// The only phone that may answer it.
    pub phone: PhoneId,
    /// What the tap is for.
    pub purpose: Purpose,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}

/// Who may answer a challenge, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audience {
    /// The workstation.
    pub workstation: WorkstationId,
    /// The phone.
    pub phone: PhoneId,
    /// The purpose.
    pub purpose: Purpose,
}

impl Challenge {
    /// Draws a nonce for `audience`, valid for `lifetime`. The nonce itself is returned beside and not kept.
    pub fn open(
        audience: Audience,
        lifetime: SignedDuration,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> (Self, [u8; 32]) {
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        let Audience { workstation, phone, purpose } = audience;
        let challenge = Self {
            id: ChallengeId::generate(now, rng),
            tap: TapId::generate(now, rng),
            nonce: Digest::of(&[&nonce]),
            workstation,
            phone,
            purpose,
            expires_at: now + lifetime,
            used_at: None,
        };
        (challenge, nonce)
    }

    /// Uses it up.
    pub fn consume(mut self, now: Timestamp) -> Result<Self, Refusal> {
        if self.used_at.is_some() {
            return Err(Refusal::ChallengeUsed);
        }
        if now >= self.expires_at {
            return Err(Refusal::ChallengeExpired);
        }
        self.used_at = Some(now);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;
    use rand::SeedableRng as _;
    use uuid::Uuid;

    #[test]
    fn a_challenge_counts_once_and_not_for_long() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(3);
        let now = Timestamp::UNIX_EPOCH;
        let audience = Audience {
            workstation: WorkstationId::from(Uuid::from_u128(1)),
            phone: PhoneId::from(Uuid::from_u128(2)),
            purpose: Purpose::TapIn,
        };
        let (challenge, nonce) =
            Challenge::open(audience, SignedDuration::from_secs(60), now, &mut rng);
        assert_eq!(challenge.nonce, Digest::of(&[&nonce]));
        assert_eq!(challenge.clone().consume(now + 60.seconds()), Err(Refusal::ChallengeExpired));
        let used = challenge.consume(now).unwrap();
        assert_eq!(used.consume(now), Err(Refusal::ChallengeUsed));
    }
}
