//! Machines in the inventory: their classes and states, and how they are given certificates.
use serde::{Deserialize, Serialize};

mod approval;
mod record;
mod server_name;

pub use approval::{Approval, ApprovalError, Decision};
pub use record::{Description, Device, DeviceError};
pub use server_name::{InvalidServerName, ServerName};

/// What sort of machine it is; its certificate profile and its place in the connection policy follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceClass {
    /// A shared workstation.
    Workstation,
    /// A staff member's phone.
    Phone,
    /// A server of the hospital: an application, a database, a broker of messages.
    Server,
    /// A gateway between networks or protocols.
    Gateway,
    /// An infusion pump.
    InfusionPump,
    /// A laboratory analyser, or one at the point of care.
    Analyser,
    /// An imaging modality.
    Imaging,
    /// A gateway in front of a device that cannot hold a key itself: of lower assurance.
    LegacyGateway,
}

crate::name::codes! { DeviceClass:
    Workstation = "workstation",
    Phone = "phone",
    Server = "server",
    Gateway = "gateway",
    InfusionPump = "infusion-pump",
    Analyser = "analyser",
    Imaging = "imaging",
    LegacyGateway = "legacy-gateway",
}

/// Where in its life a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifecycle {
    /// In the inventory, without a certificate yet.
    Registered,
    /// In use.
    Active,
    /// Out of use for a while; its certificates are held.
    Suspended,
    /// Suspected; its certificates are held.
    Quarantined,
    /// Never to be used again; its certificates are revoked.
    Retired,
}

crate::name::codes! { Lifecycle:
    Registered = "registered",
    Active = "active",
    Suspended = "suspended",
    Quarantined = "quarantined",
    Retired = "retired",
}

/// How a device asks for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnrolmentMeans {
    /// Enrolment over Secure Transport (RFC 7030).
    Est,
    /// ACME (RFC 8555).
    Acme,
    /// A technician's one-time token.
    Token,
}

crate::name::codes! { EnrolmentMeans:
    Est = "est",
    Acme = "acme",
    Token = "token",
}

/// Why a certificate counts no longer (RFC 5280 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateRevocation {
    /// It is not said.
    Unspecified,
    /// Others may know the key.
    KeyCompromise,
    /// What the certificate says of the machine is no longer so.
    AffiliationChanged,
    /// It was replaced.
    Superseded,
    /// The machine is no longer in use.
    CessationOfOperation,
    /// It is held, and may count again.
    CertificateHold,
    /// The machine may no longer do what it says.
    PrivilegeWithdrawn,
}

crate::name::codes! { CertificateRevocation:
    Unspecified = "unspecified",
    KeyCompromise = "key-compromise",
    AffiliationChanged = "affiliation-changed",
    Superseded = "superseded",
    CessationOfOperation = "cessation-of-operation",
    CertificateHold = "certificate-hold",
    PrivilegeWithdrawn = "privilege-withdrawn",
}

/// Which of the server's own services holds a certificate of the issuing authority. Its key lives in memory only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnService {
    /// The listeners for HTTPS.
    Listener,
    /// Whoever answers by OCSP in the authority's place.
    OcspResponder,
}

crate::name::codes! { OwnService:
    Listener = "listener",
    OcspResponder = "ocsp-responder",
}
