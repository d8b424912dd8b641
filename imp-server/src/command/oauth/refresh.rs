//! Refresh tokens: each is used once and replaced; one that is used twice ends its whole family (RFC 9700 §4.14.2).
use imp_identity::grant::GrantEnd;
use imp_identity::user::User;
use imp_identity::{Actor, ClientId, Secret};
use imp_oauth::opaque::{Kind, Opaque};
use imp_storage::{StorageError, Transaction};

use super::super::Context;
use super::code::RedeemError;
use super::grants::{counting_grant, end_grant};
use crate::store::{Grant, RefreshToken, Tables as _};

/// Makes a refresh token for a grant, bound to `confirmation` (JSON).
pub(crate) async fn issue_refresh(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    grant: &Grant,
    confirmation: Option<String>,
) -> Result<Secret<String>, StorageError> {
    let Opaque { token, digest } = Kind::Refresh.generate(&mut context.rng);
    let refresh = RefreshToken {
        grant: grant.id,
        confirmation,
        issued_at: context.now,
        expires_at: grant.expires_at,
        used_at: None,
    };
    transaction.grants().add_refresh(digest, &refresh).await?;
    Ok(token)
}

/// Uses a refresh token, which must be bound to `confirmation` if it is bound at all.
pub(crate) async fn redeem_refresh(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    client: ClientId,
    shown: &str,
    confirmation: Option<&str>,
) -> Result<(Grant, User), RedeemError> {
    let digest = Kind::Refresh.digest_of(shown).ok_or_else(RedeemError::unknown)?;
    let token = transaction.grants().find_refresh(digest).await?;
    let token = token.ok_or_else(RedeemError::unknown)?;
    let grant = transaction.grants().find(token.grant).await?;
    let grant = grant.filter(|grant| grant.client == client).ok_or_else(RedeemError::unknown)?;
    if token.used_at.is_some() {
        let actor = Actor::Server;
        end_grant(context, transaction, &actor, &grant, GrantEnd::RefreshReused).await?;
        return Err(RedeemError::Reused);
    }
    let bound = token.confirmation.as_deref().is_none_or(|bound| confirmation == Some(bound));
    if !bound || context.now >= token.expires_at {
        return Err(RedeemError::unknown());
    }
    let counting = counting_grant(transaction, grant.id, context.now).await?;
    let counting = counting.ok_or_else(RedeemError::unknown)?;
    if !transaction.grants().use_refresh(digest, context.now).await? {
        return Err(RedeemError::unknown());
    }
    Ok(counting)
}
