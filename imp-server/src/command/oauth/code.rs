//! Authorization codes (RFC 6749 §4.1, RFC 7636).
use imp_identity::grant::GrantEnd;
use imp_identity::user::User;
use imp_identity::{Actor, ClientId, Secret};
use imp_oauth::OAuthError;
use imp_oauth::jose::Thumbprint;
use imp_oauth::opaque::{Kind, Opaque};
use imp_oauth::token::{CodeBinding, CodeRequest};
use imp_storage::{StorageError, Transaction};

use super::super::Context;
use super::grants::{counting_grant, end_grant};
use crate::store::{AuthorizationCode, Grant, Tables as _};

/// What stands for a grant does not count.
#[derive(Debug, thiserror::Error)]
pub enum RedeemError {
    /// It is not known, another client's, expired, or bound to something else.
    #[error("what was shown does not count")]
    Refused(#[source] OAuthError),
    /// It was used before. What it stood for has ended with this second use: commit.
    #[error("what was shown was used twice")]
    Reused,
    /// See the source.
    #[error("could not redeem what was shown")]
    Storage(#[from] StorageError),
}

impl RedeemError {
    /// The same for whatever is not known.
    pub(super) fn unknown() -> Self {
        Self::Refused(OAuthError::grant("it is not known, has expired, or was revoked"))
    }
}

/// Makes a code for a grant.
pub(crate) async fn issue_code(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    grant: &Grant,
    binding: CodeBinding,
) -> Result<Secret<String>, StorageError> {
    let Opaque { token, digest } = Kind::Code.generate(&mut context.rng);
    let code = AuthorizationCode { grant: grant.id, binding, used_at: None };
    transaction.grants().add_code(digest, &code).await?;
    Ok(token)
}

/// Uses a code. One that is used a second time ends what it stood for (RFC 6749 §4.1.2).
pub(crate) async fn redeem_code(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    client: ClientId,
    request: &CodeRequest,
    proof: Option<Thumbprint>,
) -> Result<(Grant, User), RedeemError> {
    let digest = Kind::Code.digest_of(request.code.expose()).ok_or_else(RedeemError::unknown)?;
    let code = transaction.grants().find_code(digest).await?.ok_or_else(RedeemError::unknown)?;
    let grant = transaction.grants().find(code.grant).await?;
    // Another client's code is not known here: who shows it learns nothing, and ends nothing.
    let grant = grant.filter(|grant| grant.client == client).ok_or_else(RedeemError::unknown)?;
    if code.used_at.is_some() {
        end_grant(context, transaction, &Actor::Server, &grant, GrantEnd::CodeReused).await?;
        return Err(RedeemError::Reused);
    }
    code.binding.check(request, client, proof, context.now).map_err(RedeemError::Refused)?;
    if !transaction.grants().use_code(digest, context.now).await? {
        return Err(RedeemError::unknown());
    }
    let counting = counting_grant(transaction, grant.id, context.now).await?;
    counting.ok_or_else(RedeemError::unknown)
}
