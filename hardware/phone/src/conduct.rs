//! How the phone answers a request for a tap.
use imp_authenticator::{
    DeclineReason, Declined, PresenceResponse, PresenceStatement, SignError, StatementError,
    TapRequest, TapResponse, TapStatement,
};
use imp_identity::spiffe::SpiffeId;
use imp_identity::tap::Intent;
use jiff::{SignedDuration, Timestamp};

use crate::crash;
use crate::holder::Holder;
use crate::vault::VaultError;

/// How far the clocks of phone and server may be apart.
pub(crate) const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(120);
/// The longest time that a request may still count: one that counts longer comes from a clock ahead of ours.
const LONGEST_REQUEST: SignedDuration = SignedDuration::from_mins(10);

/// What was asked, by whom, over which session.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) request: TapRequest,
    /// The workstation as its certificate in TLS named it.
    pub(crate) workstation: SpiffeId,
    pub(crate) exporter: [u8; 32],
    /// How the owner showed that she wants it.
    pub(crate) intent: Intent,
}

/// The phone declines a tap.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    /// Nothing is enrolled.
    #[error("no face is enrolled on this phone")]
    NoReference,
    /// What is enrolled is too old.
    #[error("the enrolment on this phone has expired: enrol again")]
    ReferenceExpired,
    /// The request came too late, or this clock is ahead.
    #[error("the request has expired")]
    RequestExpired,
    /// The clocks do not agree.
    #[error("the clocks of this phone and the workstation do not agree")]
    ClockSkew,
    /// The owner said no, or nothing in time.
    #[error("it was not confirmed on the phone")]
    NotWilling,
    /// Another request is being answered.
    #[error("another request is being answered")]
    Busy,
    /// The stored credential is not the server's.
    #[error("the stored credential is not signed by the server")]
    Credential(#[from] StatementError),
    /// The reference could not be opened.
    #[error("the reference on this phone cannot be opened")]
    Storage(#[source] VaultError),
    /// The device key could not sign.
    #[error("the statement could not be signed")]
    Sign(#[from] SignError),
}

/// Decides about requests and answers them. A release build has one implementation: [`Honest`].
pub(crate) trait Conduct: Send + Sync {
    /// Whether the request may be put to the owner at all.
    fn admit(&self, request: &TapRequest, now: Timestamp) -> Result<(), TapError>;

    /// Releases the reference and says so. Blocks.
    fn answer(
        &self,
        holder: &Holder,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<TapResponse, TapError>;

    /// Says that the phone is here, and releases nothing. Blocks.
    fn be_present(
        &self,
        holder: &Holder,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<PresenceResponse, TapError>;
}

/// Does what the protocol says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Honest;

impl Conduct for Honest {
    fn admit(&self, request: &TapRequest, now: Timestamp) -> Result<(), TapError> {
        if now.duration_since(request.expires_at) >= CLOCK_TOLERANCE {
            return Err(TapError::RequestExpired);
        }
        if request.expires_at.duration_since(now) > LONGEST_REQUEST + CLOCK_TOLERANCE {
            return Err(TapError::ClockSkew);
        }
        Ok(())
    }

    fn answer(
        &self,
        holder: &Holder,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<TapResponse, TapError> {
        self.admit(&asked.request, now)?;
        let (credential, reference) = holder.release(now)?;
        let statement = TapStatement {
            challenge: asked.request.challenge,
            workstation: asked.workstation.clone(),
            exporter: asked.exporter,
            reference_digest: credential.digest,
            purpose: asked.request.purpose,
            intent: asked.intent,
            at: now,
        };
        let statement = statement.sign(holder.binding.phone, holder.signer.as_ref())?;
        crash::point("tap:signed");
        Ok(TapResponse { statement, reference })
    }

    fn be_present(
        &self,
        holder: &Holder,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<PresenceResponse, TapError> {
        self.admit(&asked.request, now)?;
        let statement = PresenceStatement {
            challenge: asked.request.challenge,
            workstation: asked.workstation.clone(),
            exporter: asked.exporter,
            purpose: asked.request.purpose,
            intent: asked.intent,
            at: now,
        };
        let statement = statement.sign(holder.binding.phone, holder.signer.as_ref())?;
        Ok(PresenceResponse { statement })
    }
}

impl TapError {
    /// What the workstation is told.
    pub(crate) fn declined(&self) -> Declined {
        let reason = match self {
            Self::NoReference | Self::ReferenceExpired => DeclineReason::NoReference,
            Self::RequestExpired => DeclineReason::Expired,
            Self::ClockSkew => DeclineReason::ClockSkew,
            Self::NotWilling => DeclineReason::NotWilling,
            Self::Busy => DeclineReason::Busy,
            Self::Credential(_) => DeclineReason::UntrustedReference,
            Self::Storage(_) | Self::Sign(_) => DeclineReason::Storage,
        };
        Declined { reason, detail: self.to_string() }
    }
}
