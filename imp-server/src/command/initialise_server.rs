//! The first start.
use imp_identity::invitation::{Code, Invitation};
use imp_identity::{Actor, Digest, Event};
use imp_storage::StorageError;
use jiff::{SignedDuration, Timestamp};

use super::{Context, record_new_authorities};
use crate::store::{SignInCodeRow, Tables as _};

const SETTING: &str = "ca";
/// How long the administrator token counts. Each start makes a new one while there is no administrator.
const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// The one-time administrator token.
#[derive(Clone, Debug)]
pub struct AdministratorCode {
    /// To be shown to whoever starts the server.
    pub code: Code,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}

/// Records the making of the server's keys and of each authority, once. While there is no administrator, each start makes a new
/// administrator token in the name of `actor`, and the one before no longer counts.
pub async fn initialise_server(
    context: &mut Context<'_>,
    actor: &Actor,
    ca: Digest,
) -> Result<Option<AdministratorCode>, StorageError> {
    let mut transaction = context.storage.begin().await?;
    if transaction.settings().find(SETTING).await?.is_none() {
        transaction.settings().put(SETTING, &ca.to_string()).await?;
        let trust_domain = context.trust_domain.clone();
        let event = Event::ServerInitialised { trust_domain, ca };
        context.append(&mut transaction, &Actor::Server, event).await?;
    }
    record_new_authorities(context, &mut transaction).await?;
    let mut token = None;
    if transaction.users().active_administrators().await? == 0 {
        let (invitation, code) = Invitation::open(LIFETIME, context.now, &mut context.rng);
        let expires_at = invitation.expires_at;
        let row = SignInCodeRow { user: None, expires_at };
        transaction.sign_in().replace_code(invitation.code, row).await?;
        let event = Event::AdministratorTokenIssued { expires_at };
        context.append(&mut transaction, actor, event).await?;
        token = Some(AdministratorCode { code, expires_at });
    }
    transaction.commit().await?;
    Ok(token)
}
