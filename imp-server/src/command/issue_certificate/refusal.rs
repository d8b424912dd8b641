//! Why a device is given no certificate.
use imp_identity::ApprovalId;
use imp_pki::IssueError;
use imp_storage::StorageError;

/// The certificate was not issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueCertificateError {
    /// The device is not in the inventory.
    #[error("no such device is in the inventory")]
    UnknownDevice,
    /// It is suspended or in quarantine.
    #[error("the device is suspended or in quarantine")]
    Held,
    /// It was retired.
    #[error("the device was retired")]
    Retired,
    /// Its class does not ask like this.
    #[error("devices of this class are not given certificates in this way")]
    Means,
    /// Its manufacturer's devices are not given any.
    #[error("devices of this class and manufacturer are not given certificates")]
    Manufacturer,
    /// Its class has no such profile.
    #[error("devices of this class are not given certificates of this profile")]
    Profile,
    /// Its class has no such keys.
    #[error("devices of this class do not have this kind of key")]
    KeyKind,
    /// The key is another machine's.
    #[error("the key is another machine's")]
    KeyReused,
    /// The key may be known to others.
    #[error("a certificate for this key was revoked because others may know it")]
    KeyCompromised,
    /// The request asks for a wildcard.
    #[error("certificates have no wildcards")]
    Wildcard,
    /// The request asks for more than was proven.
    #[error("the request asks for a name that is not granted")]
    ExtraName,
    /// The inventory does not know a name.
    #[error("the inventory does not say that the device has this name")]
    UnregisteredName,
    /// A second person refused.
    #[error("a second person refused the enrolment")]
    Rejected,
    /// A second person must approve first. Ask again later.
    #[error("a second person must approve the enrolment")]
    AwaitingApproval(ApprovalId),
    /// The device was changed again and again in the meantime.
    #[error("the device is being changed: try again")]
    Changing,
    /// This process issues nothing to devices.
    #[error("certificates are not issued to devices here")]
    NoAuthority,
    /// See the source.
    #[error("the certificate could not be signed")]
    Issue(#[source] IssueError),
    /// See the source.
    #[error("the certificate could not be recorded")]
    Storage(#[source] StorageError),
}

impl IssueCertificateError {
    /// The word for it, in the log and for clients.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::UnknownDevice => "unknown-device",
            Self::Held => "device-held",
            Self::Retired => "device-retired",
            Self::Means => "means-not-allowed",
            Self::Manufacturer => "manufacturer-not-allowed",
            Self::Profile => "wrong-profile",
            Self::KeyKind => "key-kind",
            Self::KeyReused => "key-reused",
            Self::KeyCompromised => "key-compromised",
            Self::Wildcard => "wildcard",
            Self::ExtraName => "extra-name",
            Self::UnregisteredName => "unregistered-name",
            Self::Rejected => "rejected",
            Self::AwaitingApproval(_) => "awaiting-approval",
            Self::Changing => "changing",
            Self::NoAuthority | Self::Issue(_) | Self::Storage(_) => "internal",
        }
    }

    /// Whether the device was refused: asking the same again will not help, and the log says so. What somebody has rejected
    /// stands in the log already.
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::UnknownDevice
            | Self::Held
            | Self::Retired
            | Self::Means
            | Self::Manufacturer
            | Self::Profile
            | Self::KeyKind
            | Self::KeyReused
            | Self::KeyCompromised
            | Self::Wildcard
            | Self::ExtraName
            | Self::UnregisteredName => true,
            Self::Rejected
            | Self::AwaitingApproval(_)
            | Self::Changing
            | Self::NoAuthority
            | Self::Issue(_)
            | Self::Storage(_) => false,
        }
    }
}
