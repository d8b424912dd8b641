//! Devices without a browser (RFC 8628).
use imp_identity::user::User;
use imp_identity::{ClientId, Secret};
use imp_oauth::device::{self, INTERVAL, LIFETIME, Polling, Standing, UserCode};
use imp_oauth::opaque::{Kind, Opaque};
use imp_oauth::{OAuthError, Scope};
use imp_storage::{Storage, StorageError, Transaction};
use jiff::Timestamp;

use super::super::Context;
use super::code::RedeemError;
use super::grants::counting_grant;
use crate::store::{DeviceCode, DeviceState, Grant, Tables as _};

/// What a device asks for.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// The application on it.
    pub client: ClientId,
    /// For what.
    pub scope: Scope,
    /// For which resources.
    pub resources: Vec<String>,
}

/// A device waits.
#[derive(Debug)]
pub struct DeviceOpened {
    /// What it polls with.
    pub device_code: Secret<String>,
    /// What it shows to its user.
    pub user_code: UserCode,
}

/// Lets a device wait for its user.
pub(crate) async fn open_device(
    context: &mut Context<'_>,
    new: NewDevice,
) -> Result<DeviceOpened, StorageError> {
    let Opaque { token, digest } = Kind::Device.generate(&mut context.rng);
    let user_code = UserCode::generate(&mut context.rng);
    let device = DeviceCode {
        digest,
        user_code: user_code.letters().to_owned(),
        client: new.client,
        scope: new.scope,
        resources: new.resources,
        expires_at: context.now + LIFETIME,
        polled_at: None,
        interval: INTERVAL,
        state: DeviceState::Waiting,
    };
    let mut transaction = context.storage.begin().await?;
    transaction.oauth().add_device(&device).await?;
    transaction.commit().await?;
    Ok(DeviceOpened { device_code: token, user_code })
}

/// The request of the device that shows a code, while it waits.
pub(crate) async fn waiting_device(
    storage: &Storage,
    code: &UserCode,
    now: Timestamp,
) -> Result<Option<DeviceCode>, StorageError> {
    let found = storage.read().await?.oauth().find_user_code(code.letters()).await?;
    Ok(found.filter(|device| device.state == DeviceState::Waiting && now < device.expires_at))
}

/// A device asks what came of it. What was granted is given once. Commit whatever the answer: it says when the device may ask
/// again.
pub(crate) async fn poll_device(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    client: ClientId,
    shown: &str,
) -> Result<(Grant, User), RedeemError> {
    let digest = Kind::Device.digest_of(shown).ok_or_else(RedeemError::unknown)?;
    let device = transaction.oauth().find_device(digest).await?;
    let device = device.filter(|device| device.client == client);
    let device = device.ok_or_else(RedeemError::unknown)?;
    let (standing, grant) = match device.state {
        DeviceState::Waiting => (Standing::Pending, None),
        DeviceState::Refused => (Standing::Denied, None),
        DeviceState::Granted(grant) => (Standing::Allowed, Some(grant)),
        DeviceState::Redeemed(_) => return Err(RedeemError::unknown()),
    };
    let polling = Polling { last: device.polled_at, interval: device.interval };
    let (polling, told) = device::poll(standing, polling, device.expires_at, context.now);
    transaction.oauth().poll_device(digest, context.now, polling.interval).await?;
    told.map_err(RedeemError::Refused)?;
    let grant = grant.ok_or_else(RedeemError::unknown)?;
    let redeemed = DeviceState::Redeemed(grant);
    if !transaction.oauth().move_device(digest, device.state, redeemed).await? {
        return Err(RedeemError::unknown());
    }
    let counting = counting_grant(transaction, grant, context.now).await?;
    counting.ok_or_else(|| RedeemError::Refused(OAuthError::grant("the grant was revoked")))
}
