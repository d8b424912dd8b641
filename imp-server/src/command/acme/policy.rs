//! For what an account may order: the names that the inventory has for one device of those that its key names.
use imp_identity::DeviceId;
use imp_identity::device::{Device, Lifecycle, ServerName};
use imp_pki::acme::{Identifier, ProblemType, Refused};
use imp_storage::{StorageError, Transaction};

use super::{AcmeClient, AcmeError, refuse};
use crate::store::Tables as _;

/// The account may not do this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PolicyRefusal {
    /// The record does not have it.
    #[error("the inventory does not say that a device of this account is called `{0}`")]
    Name(String),
    /// Another device is called so.
    #[error("`{0}` is another device's, for which this account may not order")]
    OtherDevice(String),
    /// The record has no wildcard.
    #[error("the inventory has no wildcard `{0}`: only what it says literally is certified")]
    Wildcard(String),
    /// One certificate is for one device.
    #[error("the names are those of several devices: order a certificate for each")]
    SeveralDevices,
    /// Nobody knows which of them it is.
    #[error("several devices of this account have the serial number `{0}`: have a key for one")]
    Ambiguous(String),
    /// It is not in use.
    #[error("the device is suspended, in quarantine or retired")]
    NotInUse,
    /// There is none.
    #[error("there is no such order, authorization, challenge or certificate")]
    Unknown,
    /// It is another account's.
    #[error("this belongs to another account")]
    NotYours,
    /// It orders and orders.
    #[error(
        "the account has {0} orders that are not finished: finish them, or wait until they expire"
    )]
    TooMany(u64),
    /// The certificate that is to be replaced is none of the device's.
    #[error("the certificate that the order wants to replace is not one of this device")]
    Replaces,
    /// It was replaced.
    #[error("the certificate was replaced already")]
    Replaced,
    /// Somebody is at it.
    #[error("the order is being finalised: ask for it again")]
    Busy,
}

impl Refused for PolicyRefusal {
    fn kind(&self) -> ProblemType {
        match self {
            Self::Name(_)
            | Self::OtherDevice(_)
            | Self::Wildcard(_)
            | Self::SeveralDevices
            | Self::Ambiguous(_) => ProblemType::RejectedIdentifier,
            Self::NotInUse | Self::NotYours => ProblemType::Unauthorized,
            Self::Unknown | Self::Replaces => ProblemType::Malformed,
            Self::TooMany(_) => ProblemType::RateLimited,
            Self::Replaced => ProblemType::AlreadyReplaced,
            Self::Busy => ProblemType::OrderNotReady,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Name(_) => "name-not-registered",
            Self::OtherDevice(_) => "name-of-another-device",
            Self::Wildcard(_) => "wildcard-not-allowed",
            Self::SeveralDevices => "several-devices",
            Self::Ambiguous(_) => "serial-of-several-devices",
            Self::NotInUse => "device-not-in-use",
            Self::Unknown => "nothing-there",
            Self::NotYours => "of-another-account",
            Self::TooMany(_) => "too-many-orders",
            Self::Replaces => "replaces-another",
            Self::Replaced => "replaced-already",
            Self::Busy => "order-busy",
        }
    }
}

/// The device for which an account may have a certificate for all of these.
pub(super) async fn device_of(
    transaction: &mut Transaction,
    client: &AcmeClient,
    identifiers: &[Identifier],
) -> Result<Device, AcmeError> {
    let candidates = candidates(transaction, client, identifiers).await?;
    let mut fitting =
        candidates.iter().filter(|device| identifiers.iter().all(|it| has(device, it)));
    if let Some(device) = fitting.next() {
        // A serial number is unique with its manufacturer only, whom an attestation does not name.
        if let Some((_, number)) = fitting.next().zip(identifiers.first()) {
            return Err(refuse(PolicyRefusal::Ambiguous(number.to_string())));
        }
        return match device.state {
            Lifecycle::Registered | Lifecycle::Active => Ok(device.clone()),
            Lifecycle::Suspended | Lifecycle::Quarantined | Lifecycle::Retired => {
                Err(refuse(PolicyRefusal::NotInUse).about(device.id))
            }
        };
    }
    let nobodys = identifiers.iter().find(|it| !candidates.iter().any(|device| has(device, it)));
    let refusal = match nobodys {
        None => PolicyRefusal::SeveralDevices,
        Some(identifier) if identifier.is_wildcard() => {
            PolicyRefusal::Wildcard(identifier.to_string())
        }
        Some(identifier) => match owner(transaction, identifier).await? {
            Some(_) => PolicyRefusal::OtherDevice(identifier.to_string()),
            None => PolicyRefusal::Name(identifier.to_string()),
        },
    };
    Err(refuse(refusal))
}

/// The devices of the account's key; without a key, those that are called by one of the names.
async fn candidates(
    transaction: &mut Transaction,
    client: &AcmeClient,
    identifiers: &[Identifier],
) -> Result<Vec<Device>, StorageError> {
    let mut found: Vec<Device> = vec![];
    if client.account.bound_by.is_some() {
        for id in &client.devices {
            found.extend(transaction.devices().find(*id).await?);
        }
        return Ok(found);
    }
    for identifier in identifiers {
        let Some(name) = identifier.server_name() else { continue };
        if let Some(device) = transaction.devices().find_by_name(&name).await?
            && !found.contains(&device)
        {
            found.push(device);
        }
    }
    Ok(found)
}

async fn owner(
    transaction: &mut Transaction,
    identifier: &Identifier,
) -> Result<Option<DeviceId>, StorageError> {
    let Some(name) = identifier.server_name() else { return Ok(None) };
    Ok(transaction.devices().find_by_name(&name).await?.map(|device| device.id))
}

/// Whether the inventory says it of the device.
fn has(device: &Device, identifier: &Identifier) -> bool {
    // Not the UDI: its device identifier is that of a model.
    let number =
        |number: &str| device.serial_number.as_ref().is_some_and(|it| it.as_str() == number);
    match identifier {
        Identifier::Dns { .. } | Identifier::Ip(_) => {
            let name: Option<ServerName> = identifier.server_name();
            name.is_some_and(|name| device.names.contains(&name))
        }
        Identifier::Permanent { value, .. } => number(value),
        Identifier::HardwareModule { serial, .. } => number(serial),
    }
}
