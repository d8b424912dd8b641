//! Storing a reference that an enrolment desk hands over.
use imp_authenticator::{
    DeclineReason, Declined, ReferenceCredential, ReferenceStored, ReleasedReference, SignError,
    StatementError, StorageStatement, UnverifiedReferenceCredential, reference_digest,
};
use jiff::Timestamp;

use crate::conduct::CLOCK_TOLERANCE;
use crate::holder::Holder;
use crate::state::{Entry, StateError};
use crate::vault::VaultError;

/// The reference is not stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not a credential, or not one of the server's.
    #[error("the credential is not signed by the server")]
    Credential(#[from] StatementError),
    /// It names another user or phone.
    #[error("the credential is for somebody else")]
    SomebodyElse,
    /// The template is not the one that was signed.
    #[error("the template is not the one that the server signed")]
    Digest,
    /// It is past its date, or from the future.
    #[error("the credential does not count at this time")]
    NotNow,
    /// A newer one is stored: an old one must not come back.
    #[error("a newer reference is stored")]
    Older,
    /// The server could take the erasure that it will be told for that of the new reference.
    #[error("the server does not know yet that the former reference was erased")]
    ErasurePending,
    /// Sealing or writing failed.
    #[error("the reference could not be sealed and stored")]
    Storage(#[from] VaultError),
    /// The state directory.
    #[error("the state directory cannot be used")]
    State(#[from] StateError),
    /// The device key could not sign.
    #[error("the statement could not be signed")]
    Sign(#[from] SignError),
}

impl Holder {
    /// Verifies, seals and stores a reference, and says so. Blocks.
    pub(crate) fn store(
        &self,
        reference: &ReleasedReference,
        now: Timestamp,
    ) -> Result<(ReferenceCredential, ReferenceStored), StoreError> {
        let credential = self.verify(reference, now)?;
        let _lock = self.phone.state().change()?;
        if self.phone.state().read(Entry::Erasure, crate::erase::LARGEST)?.is_some() {
            return Err(StoreError::ErasurePending);
        }
        let stored = self.enrolled().ok().flatten();
        if stored.is_some_and(|(stored, _)| stored.enrolled_at > credential.enrolled_at) {
            return Err(StoreError::Older);
        }
        self.phone.vault().store(self.owner(), &credential, reference)?;
        let statement = StorageStatement {
            reference: credential.reference,
            digest: credential.digest,
            at: now,
        }
        .sign(self.binding.phone, self.signer.as_ref())?;
        Ok((credential, ReferenceStored { statement }))
    }

    fn verify(
        &self,
        reference: &ReleasedReference,
        now: Timestamp,
    ) -> Result<ReferenceCredential, StoreError> {
        let credential = UnverifiedReferenceCredential::parse(&reference.credential)?
            .verify_by_server(&self.binding.statement_keys())?;
        if (credential.user, credential.phone) != (self.binding.user, self.binding.phone) {
            return Err(StoreError::SomebodyElse);
        }
        if reference_digest(reference.salt.expose(), reference.template.expose())
            != credential.digest
        {
            return Err(StoreError::Digest);
        }
        if now >= credential.expires_at
            || credential.enrolled_at.duration_since(now) > CLOCK_TOLERANCE
        {
            return Err(StoreError::NotNow);
        }
        Ok(credential)
    }
}

impl StoreError {
    /// What the workstation is told.
    pub(crate) fn declined(&self) -> Declined {
        let reason = match self {
            Self::Credential(_) | Self::SomebodyElse | Self::Digest | Self::Older => {
                DeclineReason::UntrustedReference
            }
            Self::NotNow => DeclineReason::ClockSkew,
            Self::ErasurePending | Self::Storage(_) | Self::State(_) | Self::Sign(_) => {
                DeclineReason::Storage
            }
        };
        Declined { reason, detail: self.to_string() }
    }
}
