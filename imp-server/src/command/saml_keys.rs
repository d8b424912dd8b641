//! A change of the keys with which assertions are signed, in steps that an administrator takes: applications that speak SAML know
//! keys by heart.
use imp_identity::{Actor, Event};
use imp_storage::StorageError;

use super::Context;
use crate::saml::{Saml, SamlKeyError};

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SamlKeyChange {
    /// The next key is made, and named in the metadata.
    Next,
    /// It signs; the one before stays in the metadata.
    Switch,
    /// The one before goes.
    Retire,
}

/// The step was not taken, or could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum ChangeSamlKeyError {
    /// See the source.
    #[error("the SAML keys were not changed")]
    Key(#[from] SamlKeyError),
    /// See the source.
    #[error("the SAML keys were changed, and the log could not be told")]
    Storage(#[from] StorageError),
}

/// Takes a step.
pub async fn change_saml_key(
    context: &mut Context<'_>,
    saml: &Saml,
    actor: &Actor,
    change: SamlKeyChange,
) -> Result<(), ChangeSamlKeyError> {
    let event = match change {
        SamlKeyChange::Next => {
            let made = saml.prepare_key(context.now, context.rng)?;
            Event::SigningKeyMade { key: made.fingerprint, algorithm: ALGORITHM.to_owned() }
        }
        SamlKeyChange::Switch => return Ok(saml.switch_key()?),
        SamlKeyChange::Retire => Event::SigningKeyRetired { key: saml.retire_key()?.fingerprint },
    };
    let mut transaction = context.storage.begin().await?;
    context.append(&mut transaction, actor, event).await?;
    transaction.commit().await?;
    Ok(())
}

/// What the log calls it: RSA with SHA-256, of assertions.
const ALGORITHM: &str = "SAML rsa-sha256";
