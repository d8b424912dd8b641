//! Devices: the inventory, their enrolment, their certificates.
use imp_identity::device::{CertificateRevocation, DeviceClass, EnrolmentMeans, Lifecycle};
use imp_identity::invitation::Code;
use imp_identity::spiffe::SpiffeId;
use imp_identity::{ApprovalId, DeviceId, Digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bytes::Base64;

/// `POST /v1/devices/enrolment` with a technician's one-time code, over TLS pinned to the CA's fingerprint. Answers 201
/// [`DeviceEnrolled`], or 202 [`DeviceAwaiting`]: then the same is asked again later. The same code with the same key is answered
/// until the code expires.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolDevice {
    /// The one-time code.
    #[schema(value_type = String)]
    pub code: Code,
    /// A PKCS#10 request (RFC 2986) in DER. It may ask for the names that the inventory knows, and for no others.
    pub certificate_request: Base64,
}

/// `POST /v1/devices/renewal` by a device with its certificate. Answers as the enrolment does. The key may be another one.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewDevice {
    /// A PKCS#10 request (RFC 2986) in DER.
    pub certificate_request: Base64,
}

/// A device's certificate and whom to trust.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceEnrolled {
    /// Names the device.
    #[schema(value_type = Uuid)]
    pub device: DeviceId,
    /// Its name in certificates.
    #[schema(value_type = String)]
    pub spiffe_id: SpiffeId,
    /// The certificate, then its issuers up to but without the root, in DER.
    pub certificate_chain: Vec<Base64>,
    /// The roots of the trust domain, in DER.
    pub trust_anchors: Vec<Base64>,
    /// The server's statement keys (P-256 `SubjectPublicKeyInfo` in DER): they sign the connection policy.
    pub statement_keys: Vec<Base64>,
    /// When to renew.
    #[schema(value_type = String, format = DateTime)]
    pub renew_after: Timestamp,
    /// First instant at which the certificate no longer counts.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// A second person must approve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceAwaiting {
    /// Names the request.
    #[schema(value_type = Uuid)]
    pub approval: ApprovalId,
}

/// What the server answers to a device that asks for a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DeviceEnrolment {
    /// The certificate.
    Enrolled(Box<DeviceEnrolled>),
    /// Later, perhaps.
    AwaitingApproval(DeviceAwaiting),
}

/// `POST /v1/devices` (201 [`Device`]) and `PUT /v1/devices/{device}` (200 [`Device`]): what the inventory says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DescribeDevice {
    /// How people call it; no two are called the same.
    pub name: String,
    /// server, gateway, infusion-pump, analyser, imaging or legacy-gateway.
    #[schema(value_type = String)]
    pub class: DeviceClass,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// What the manufacturer calls its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The manufacturer's number of this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// Its Unique Device Identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub udi: Option<String>,
    /// The ward or department that answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The network zone that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Where its security statement (MDS2) is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mds2: Option<String>,
    /// DNS names and addresses that its certificates may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// A device. `GET /v1/devices`, `GET /v1/devices/{device}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// Names the device.
    #[schema(value_type = Uuid)]
    pub id: DeviceId,
    /// Its name in certificates.
    #[schema(value_type = String)]
    pub spiffe_id: SpiffeId,
    /// What the inventory says of it.
    #[serde(flatten)]
    pub description: DescribeDevice,
    /// registered, active, suspended, quarantined or retired.
    #[schema(value_type = String)]
    pub state: Lifecycle,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// A page of devices, in the order of their registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Devices {
    /// The devices.
    pub devices: Vec<Device>,
    /// Ask for the page after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub next: Option<DeviceId>,
}

/// A device with its certificates that have not expired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceShown {
    /// The device.
    pub device: Device,
    /// Its certificates, the longest-lived first.
    pub certificates: Vec<DeviceCertificate>,
}

/// A certificate of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceCertificate {
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// What it is for.
    pub profile: String,
    /// First instant at which it no longer counts.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Since when it counts no longer, or is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub revocation: Option<CertificateRevocation>,
}

/// `POST /v1/devices/{device}/invitation`. Answers 201 [`DeviceInvited`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DeviceInvited {
    /// Names the device.
    #[schema(value_type = Uuid)]
    pub device: DeviceId,
    /// The invitation as a URI, for a technician's phone or the device: the server, its fingerprint, the one-time code.
    pub invitation: String,
    /// The one-time code alone.
    #[schema(value_type = String)]
    pub code: Code,
    /// First instant at which it no longer counts.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// `POST /v1/devices/{device}/state`. Answers 200 [`Device`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetDeviceState {
    /// suspended, quarantined, active (again) or retired.
    #[schema(value_type = String)]
    pub state: Lifecycle,
    /// Why.
    pub reason: String,
}

/// `POST /v1/certificates/{serial}/revocation`. Answers 204.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeCertificate {
    /// unspecified, key-compromise, affiliation-changed, superseded, cessation-of-operation, certificate-hold or
    /// privilege-withdrawn.
    #[schema(value_type = String)]
    pub reason: CertificateRevocation,
}

/// Enrolments that wait for a second person. `GET /v1/device-enrolments`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceApprovals {
    /// The oldest first.
    pub approvals: Vec<DeviceApproval>,
}

/// An enrolment that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceApproval {
    /// Names it.
    #[schema(value_type = Uuid)]
    pub id: ApprovalId,
    /// Who asks.
    #[schema(value_type = Uuid)]
    pub device: DeviceId,
    /// How.
    #[schema(value_type = String)]
    pub means: EnrolmentMeans,
    /// SHA-256 of the key: compare it with what the device shows.
    #[schema(value_type = String)]
    pub key: Digest,
    /// When it asked first.
    #[schema(value_type = String, format = DateTime)]
    pub asked_at: Timestamp,
    /// open, approved or rejected.
    pub state: String,
}

/// `POST /v1/device-enrolments/{approval}/decision` by a second person. Answers 200 [`DeviceApproval`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideEnrolment {
    /// Whether the device is given its certificate.
    pub approve: bool,
    /// Why not; needed to reject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Devices that will stand without a certificate. `GET /v1/devices/forecast`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExpiryForecast {
    /// Soonest first; at most 500.
    pub expiring: Vec<ExpiringDevice>,
}

/// A device whose last certificate expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExpiringDevice {
    /// Its name in certificates.
    #[schema(value_type = String)]
    pub spiffe_id: SpiffeId,
    /// The certificate's serial number.
    pub serial: String,
    /// First instant at which it no longer counts.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}
