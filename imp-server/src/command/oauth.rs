//! The OpenID provider: applications, what they are granted, and how that ends.
mod applications;
mod clients;
mod code;
mod device;
mod grants;
mod keys;
mod logout;
mod refresh;

pub use applications::{OwnApplication, applications_of_user, withdraw_application};
pub(crate) use clients::record_client_refusal;
pub use clients::{
    ChangeClientError, ClientRegistered, RegisterClientError, Registrar, change_client,
    find_client, find_client_named, list_clients, register_client, remove_client,
    renew_client_secret,
};
pub use code::RedeemError;
pub(crate) use code::{issue_code, redeem_code};
pub use device::{DeviceOpened, NewDevice};
pub(crate) use device::{open_device, poll_device, waiting_device};
pub use grants::{NewGrant, revoke_grants_of_user};
pub(crate) use grants::{counting_grant, end_grant, make_grant, sign_on_counts};
pub use keys::{
    Haste, KeepKeysError, SigningKeyState, keep_signing_keys, list_signing_keys,
    rotate_signing_keys,
};
pub(crate) use logout::{
    Told, due_logouts, next_to_leave, record_logout, settle_logout, spare_logouts, take_logout,
};
pub use logout::{end_grants_of_session, queue_logouts};
pub(crate) use refresh::{issue_refresh, redeem_refresh};
