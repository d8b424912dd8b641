//! Authorizations and challenges (RFC 8555 §7.5).
use imp_identity::DeviceId;
use imp_pki::acme::attestation::Attestation;
use imp_pki::acme::{
    Authorization, AuthorizationId, AuthorizationState, ChallengeKind, Identifier,
    KeyAuthorization, Order, Problem, ProblemType, Refused, Token,
};
use imp_storage::{Storage, StorageError, Transaction};
use jiff::{SignedDuration, Timestamp};

use super::policy::PolicyRefusal;
use super::{AcmeClient, AcmeError, refuse};
use crate::command::Context;
use crate::store::{DueChallenge, Tables as _};

/// How long whoever looks at a challenge has it for itself.
const HELD: SignedDuration = SignedDuration::from_secs(30);
/// The wait before the second look; each further is twice as long.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(2);

/// A challenge that is to be looked at.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// Of which authorization.
    pub(crate) authorization: AuthorizationId,
    /// For which device.
    pub(crate) device: DeviceId,
    /// Which kind.
    pub(crate) kind: ChallengeKind,
    /// For what.
    pub(crate) identifier: Identifier,
    /// The token.
    pub(crate) token: Token,
    /// What must be found.
    pub(crate) expected: KeyAuthorization,
}

async fn own(
    transaction: &mut Transaction,
    client: &AcmeClient,
    id: AuthorizationId,
) -> Result<(Authorization, Order), AcmeError> {
    client.check_still_valid(transaction).await?;
    let unknown = || refuse(PolicyRefusal::Unknown);
    let authorization = transaction.acme().find_authorization(id).await?.ok_or_else(unknown)?;
    let order = transaction.acme().find_order(authorization.order).await?.ok_or_else(unknown)?;
    if order.account != client.account.id {
        return Err(refuse(PolicyRefusal::NotYours));
    }
    Ok((authorization, order))
}

/// An authorization of this account.
pub(crate) async fn find_acme_authorization(
    storage: &Storage,
    client: &AcmeClient,
    id: AuthorizationId,
) -> Result<Authorization, AcmeError> {
    let mut reading = storage.read().await?;
    Ok(own(&mut reading, client, id).await?.0)
}

/// The client says that a challenge is met: what is to be looked at, unless somebody does already.
pub(crate) async fn begin_acme_challenge(
    context: &mut Context<'_>,
    client: &AcmeClient,
    id: AuthorizationId,
    kind: ChallengeKind,
) -> Result<(Authorization, Option<Look>), AcmeError> {
    let mut transaction = context.storage.begin().await?;
    let (authorization, order) = own(&mut transaction, client, id).await?;
    if !matches!(authorization.state, AuthorizationState::Pending) {
        // Said before: the client learns how far it has come.
        if ChallengeKind::for_identifier(&authorization.identifier).contains(&kind) {
            return Ok((authorization, None));
        }
    }
    let begun = authorization.begin(kind, context.now).map_err(refuse)?;
    transaction.acme().update_authorization(&begun, Some(context.now + HELD)).await?;
    transaction.commit().await?;
    let look = look(&begun, &order, client, kind);
    Ok((begun, Some(look)))
}

fn look(
    authorization: &Authorization,
    order: &Order,
    client: &AcmeClient,
    kind: ChallengeKind,
) -> Look {
    Look {
        authorization: authorization.id,
        device: order.device,
        kind,
        identifier: authorization.identifier.clone(),
        token: authorization.token.clone(),
        expected: KeyAuthorization::new(&authorization.token, &client.account.key),
    }
}

/// Stores what was found: proven, with the key that was attested, or not. After `most` looks it is decided.
pub(crate) async fn settle_acme_challenge(
    context: &mut Context<'_>,
    look: &Look,
    found: Result<Option<Vec<u8>>, Problem>,
    most: u32,
) -> Result<Authorization, AcmeError> {
    let mut transaction = context.storage.begin().await?;
    let unknown = || refuse(PolicyRefusal::Unknown);
    let authorization = transaction.acme().find_authorization(look.authorization).await?;
    let authorization = authorization.ok_or_else(unknown)?;
    if !matches!(authorization.state, AuthorizationState::Processing { .. }) {
        // The client gave it up in the meantime, or another look was faster.
        return Ok(authorization);
    }
    let settled = match found {
        // Else it would be looked at for ever.
        _ if authorization.expires_at <= context.now => {
            let said = "the authorization expired before its challenge was met";
            authorization.fail(Problem::new(ProblemType::Unauthorized, said), 0)
        }
        Ok(attested) => authorization.succeed(context.now, attested),
        Err(problem) => authorization.fail(problem, most),
    };
    let settled = settled.map_err(refuse)?;
    let due_at = match settled.state {
        AuthorizationState::Processing { tries, .. } => Some(context.now + wait(tries)),
        AuthorizationState::Pending
        | AuthorizationState::Valid { .. }
        | AuthorizationState::Invalid { .. }
        | AuthorizationState::Deactivated => None,
    };
    transaction.acme().update_authorization(&settled, due_at).await?;
    settle_order(&mut transaction, &settled, context.now).await?;
    transaction.commit().await?;
    Ok(settled)
}

fn wait(tries: u32) -> SignedDuration {
    FIRST_WAIT * 2_i32.saturating_pow(tries.saturating_sub(1).min(8))
}

async fn settle_order(
    transaction: &mut Transaction,
    changed: &Authorization,
    now: Timestamp,
) -> Result<(), StorageError> {
    let Some(order) = transaction.acme().find_order(changed.order).await? else { return Ok(()) };
    let before = order.state.clone();
    let authorizations = transaction.acme().authorizations_of(order.id).await?;
    let order = order.settle(&authorizations, now);
    if order.state != before {
        transaction.acme().update_order(&order).await?;
    }
    Ok(())
}

/// The client gives an authorization up (§7.5.2).
pub(crate) async fn deactivate_acme_authorization(
    context: &mut Context<'_>,
    client: &AcmeClient,
    id: AuthorizationId,
) -> Result<Authorization, AcmeError> {
    let mut transaction = context.storage.begin().await?;
    let (authorization, _) = own(&mut transaction, client, id).await?;
    let authorization = authorization.deactivate().map_err(refuse)?;
    transaction.acme().update_authorization(&authorization, None).await?;
    settle_order(&mut transaction, &authorization, context.now).await?;
    transaction.commit().await?;
    Ok(authorization)
}

/// Challenges that it is time to look at again.
pub(crate) async fn due_acme_challenges(
    storage: &Storage,
    now: Timestamp,
    most: u32,
) -> Result<Vec<DueChallenge>, StorageError> {
    storage.read().await?.acme().due_challenges(now, most).await
}

/// Takes a challenge to look at, unless somebody else has it.
pub(crate) async fn take_acme_challenge(
    context: &mut Context<'_>,
    due: &DueChallenge,
) -> Result<Option<Look>, AcmeError> {
    let mut transaction = context.storage.begin().await?;
    let id = due.authorization;
    if !transaction.acme().take_challenge(id, context.now, context.now + HELD).await? {
        return Ok(None);
    }
    let Some(authorization) = transaction.acme().find_authorization(id).await? else {
        return Ok(None);
    };
    let AuthorizationState::Processing { kind, .. } = authorization.state else { return Ok(None) };
    let Some(order) = transaction.acme().find_order(authorization.order).await? else {
        return Ok(None);
    };
    let Some(account) = transaction.acme().find_account(order.account).await? else {
        return Ok(None);
    };
    let client = AcmeClient { account, devices: vec![] };
    transaction.commit().await?;
    Ok(Some(look(&authorization, &order, &client, kind)))
}

impl Look {
    /// Looks at an attestation, which the client sends along: the key that it attests.
    pub(crate) fn attested(
        &self,
        payload: &[u8],
        roots: &[Vec<u8>],
        now: Timestamp,
    ) -> Result<Vec<u8>, (Problem, &'static str)> {
        let digest = self.expected.digest();
        let attested = Attestation::parse(payload)
            .and_then(|it| it.verify(&self.identifier, &digest, roots, now));
        attested.map(|it| it.key).map_err(|error| (Problem::of(&error), error.word()))
    }
}
