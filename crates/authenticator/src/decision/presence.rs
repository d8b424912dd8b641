//! The server's verdict on a phone that is near and says so, without a face: one factor.
use imp_identity::policy::Circumstances;
use imp_identity::tap::{Intent, Purpose};
use imp_identity::{Digest, PhoneId, Refusal, UserId, WorkstationId};
use jiff::Timestamp;

use super::{Knowledge, Said, check_audience, check_freshness, keys};
use crate::cose::Unverified;
use crate::presence::PresenceStatement;

/// A phone's statement that it is near: not to be believed.
#[derive(Clone, Debug)]
pub struct PresenceClaims(Unverified<PresenceStatement>);

/// A phone that was near its workstation. Only [`PresenceClaims::verify`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct VerifiedPresence {
    user: UserId,
    phone: PhoneId,
    workstation: WorkstationId,
    intent: Intent,
}

impl PresenceClaims {
    /// Reads the statement: a malformed one is [`Refusal::StatementInvalid`].
    pub fn parse(statement: &[u8]) -> Result<Self, Refusal> {
        Unverified::parse(statement).map(Self).map_err(|_| Refusal::StatementInvalid)
    }

    /// Digest of the nonce that the phone says it answers: under it the challenge is found.
    pub fn statement_nonce(&self) -> Digest {
        Digest::of(&[&self.0.claims().challenge])
    }

    /// Checks everything but the session, in the order of [`Claims::verify`](super::Claims::verify). `exporter` is what the
    /// workstation saw of its TLS session with the phone, and says under its certificate. Failed comparisons count here too:
    /// whoever held another face to the camera does not get in without one.
    pub fn verify(
        self,
        exporter: &[u8; 32],
        known: &Knowledge<'_>,
        now: Timestamp,
    ) -> Result<VerifiedPresence, Refusal> {
        let keys = keys(known)?;
        if self.0.phone() != known.phone.id {
            return Err(Refusal::StatementInvalid);
        }
        let statement = self.0.verify(keys.phone).map_err(|_| Refusal::StatementInvalid)?;
        check_freshness(&statement.challenge, None, known, now)?;
        let said = Said {
            workstation: &statement.workstation,
            purposes: &[statement.purpose, Purpose::Unlock],
            times: &[statement.at],
        };
        check_audience(&said, known, now)?;
        if Digest::from_bytes(statement.exporter) != Digest::from_bytes(*exporter) {
            return Err(Refusal::ExporterMismatch);
        }
        if !known.user.is_active() {
            return Err(Refusal::UserDisabled);
        }
        known.policy.allows(&Circumstances {
            role: known.user.role,
            user_unit: known.user.unit.as_ref(),
            workstation_unit: known.workstation.unit.as_ref(),
            purpose: Purpose::Unlock,
            at: now,
        })?;
        known.attempts.check(now)?;
        Ok(VerifiedPresence {
            user: known.user.id,
            phone: known.phone.id,
            workstation: known.workstation.id,
            intent: statement.intent,
        })
    }
}

impl VerifiedPresence {
    /// Whose phone it is.
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// Which.
    pub const fn phone(&self) -> PhoneId {
        self.phone
    }

    /// Where.
    pub const fn workstation(&self) -> WorkstationId {
        self.workstation
    }

    /// How it was shown that somebody wants it.
    pub const fn intent(&self) -> Intent {
        self.intent
    }
}
