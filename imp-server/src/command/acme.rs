//! What ACME clients do (RFC 8555), and what administrators give them to do it with.
use imp_identity::DeviceId;
use imp_pki::acme::account::{AccountError, AccountStatus};
use imp_pki::acme::{Problem, ProblemType, Refused};
use imp_storage::{StorageError, Transaction};

use crate::acme::AcmeSealError;
use crate::store::{AcmeAccount, Tables as _};

use super::{IssueCertificateError, RevokeCertificateError};

mod account;
mod authorize;
mod finalize;
mod keys;
mod order;
mod policy;
mod renewal;
mod revoke;

pub(crate) use account::{
    AccountWish, change_acme_account, find_acme_client, register_acme_account, roll_acme_key_over,
};
pub(crate) use authorize::{
    Look, begin_acme_challenge, deactivate_acme_authorization, due_acme_challenges,
    find_acme_authorization, settle_acme_challenge, take_acme_challenge,
};
pub(crate) use finalize::{acme_certificate, finalize_acme_order, poll_acme_order};
pub(crate) use keys::add_acme_key;
pub use keys::{AcmeKeyMade, AddAcmeKeyError, ShownAcmeKey, list_acme_keys, remove_acme_key};
pub(crate) use order::{acme_orders_of, order_acme_certificate, purge_acme_orders};
pub(crate) use policy::PolicyRefusal;
pub(crate) use renewal::acme_renewal_window;
pub(crate) use revoke::{Revoker, revoke_acme_certificate};

/// An account that counts, and what it may order for.
#[derive(Clone, Debug)]
pub(crate) struct AcmeClient {
    /// The account.
    pub(crate) account: AcmeAccount,
    /// The devices that its key names; empty if no key bound it.
    pub(crate) devices: Vec<DeviceId>,
}

/// A refusal: what the client is told, and what the log.
#[derive(Clone, Debug)]
pub(crate) struct AcmeRefusal {
    /// For the client.
    pub(crate) problem: Problem,
    /// For the log.
    pub(crate) word: &'static str,
    /// Which device it is about, if that is known better than by the account.
    pub(crate) device: Option<DeviceId>,
    /// Whether the log says it already.
    pub(crate) recorded: bool,
}

/// What a client asked for was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AcmeError {
    /// It was refused.
    #[error("an ACME client was refused ({})", .0.word)]
    Refused(Box<AcmeRefusal>),
    /// See the source.
    #[error("could not read or store what ACME keeps")]
    Storage(#[from] StorageError),
    /// See the source.
    #[error("could not open a key that binds accounts")]
    Seal(#[from] AcmeSealError),
    /// See the source.
    #[error("could not issue a certificate over ACME")]
    Issue(#[source] IssueCertificateError),
    /// See the source.
    #[error("could not revoke a certificate over ACME")]
    Revoke(#[source] RevokeCertificateError),
}

/// What a refused client is told. For `map_err`.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn refuse<E: Refused>(error: E) -> AcmeError {
    AcmeRefusal { problem: Problem::of(&error), word: error.word(), device: None, recorded: false }
        .into()
}

impl From<AcmeRefusal> for AcmeError {
    fn from(refusal: AcmeRefusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl AcmeError {
    /// The same, about a device.
    pub(crate) fn about(self, device: DeviceId) -> Self {
        match self {
            Self::Refused(mut refusal) => {
                refusal.device = Some(device);
                Self::Refused(refusal)
            }
            Self::Storage(_) | Self::Seal(_) | Self::Issue(_) | Self::Revoke(_) => self,
        }
    }
}

impl AcmeClient {
    /// Refuses an account that was given up or withdrawn since it signed.
    async fn check_still_valid(&self, transaction: &mut Transaction) -> Result<(), AcmeError> {
        let found = transaction.acme().find_account(self.account.id).await?;
        match found {
            Some(account) if account.status == AccountStatus::Valid => Ok(()),
            Some(_) | None => Err(refuse(AccountError::Gone)),
        }
    }

    /// The device of the account, if it has but one.
    pub(crate) fn device(&self) -> Option<DeviceId> {
        match self.devices.as_slice() {
            [device] => Some(*device),
            _ => None,
        }
    }

    async fn of(transaction: &mut Transaction, account: AcmeAccount) -> Result<Self, StorageError> {
        let devices = match &account.bound_by {
            Some(key) => transaction.acme().devices_of_key(key).await?,
            None => vec![],
        };
        Ok(Self { account, devices })
    }
}

/// What a client is told when the inventory or its rules refuse it.
fn refused_by_inventory(error: &IssueCertificateError) -> Option<AcmeRefusal> {
    use IssueCertificateError as E;
    let kind = match error {
        E::ExtraName | E::KeyReused | E::KeyCompromised | E::KeyKind => ProblemType::BadCsr,
        E::Wildcard | E::UnregisteredName => ProblemType::RejectedIdentifier,
        E::UnknownDevice
        | E::Held
        | E::Retired
        | E::Means
        | E::Manufacturer
        | E::Profile
        | E::Rejected => ProblemType::Unauthorized,
        E::AwaitingApproval(_) | E::Changing | E::NoAuthority | E::Issue(_) | E::Storage(_) => {
            return None;
        }
    };
    let problem = Problem::new(kind, error.to_string());
    // What issuing refuses, it records.
    Some(AcmeRefusal { problem, word: error.word(), device: None, recorded: true })
}
