//! Devices: their enrolment by a technician's code, and the inventory for people.
use imp_api::device as contract;
use imp_identity::device::{Approval, Decision, Description, Device};
use imp_identity::name::{Label, Remark};
use imp_identity::spiffe::{Machine, SpiffeId, TrustDomain};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{ProblemResponse, problem};
use crate::app::App;
use crate::command::{
    Certificate, ChangeDeviceError, DecideEnrolmentError, Expiring, InviteDeviceError,
    RegisterDeviceError, RevokeCertificateError,
};

pub(crate) mod approvals;
pub(crate) mod certificates;
pub(crate) mod enrolment;
pub(crate) mod inventory;
pub(crate) mod state;

/// The routes, but for the one that strangers may use.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(enrolment::renew))
        .routes(routes!(inventory::list, inventory::register))
        .routes(routes!(certificates::forecast))
        .routes(routes!(inventory::show, inventory::describe))
        .routes(routes!(state::invite))
        .routes(routes!(state::set))
        .routes(routes!(approvals::list))
        .routes(routes!(approvals::decide))
        .routes(routes!(certificates::revoke, certificates::reinstate))
}

/// A device, as the contract shows it.
pub(crate) fn device(device: &Device, trust_domain: &TrustDomain) -> contract::Device {
    let spiffe_id =
        SpiffeId { trust_domain: trust_domain.clone(), machine: Machine::Device(device.id) };
    let text = |label: &Option<Label>| label.as_ref().map(ToString::to_string);
    contract::Device {
        id: device.id,
        spiffe_id,
        description: contract::DescribeDevice {
            name: device.name.to_string(),
            class: device.class,
            manufacturer: text(&device.manufacturer),
            model: text(&device.model),
            serial_number: text(&device.serial_number),
            udi: text(&device.udi),
            unit: text(&device.unit),
            location: text(&device.location),
            zone: text(&device.zone),
            mds2: text(&device.mds2),
            names: device.names.iter().map(ToString::to_string).collect(),
        },
        state: device.state,
        since: device.since,
    }
}

/// What is said of a device, parsed.
fn description(body: contract::DescribeDevice) -> Result<Description, ProblemResponse> {
    let contract::DescribeDevice { name, class, manufacturer, model, serial_number, .. } = body;
    let contract::DescribeDevice { udi, unit, location, zone, mds2, names, .. } = body;
    let names = names.iter().map(|name| field("names", name));
    Ok(Description {
        name: field("name", &name)?,
        class,
        manufacturer: label("manufacturer", manufacturer)?,
        model: label("model", model)?,
        serial_number: label("serial_number", serial_number)?,
        udi: label("udi", udi)?,
        unit: label("unit", unit)?,
        location: label("location", location)?,
        zone: label("zone", zone)?,
        mds2: label("mds2", mds2)?,
        names: names.collect::<Result<_, _>>()?,
    })
}

fn label(name: &str, text: Option<String>) -> Result<Option<Label>, ProblemResponse> {
    text.map(|text| field(name, &text)).transpose()
}

fn field<T>(name: &str, text: &str) -> Result<T, ProblemResponse>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse().map_err(|error| {
        let problem = problem::DEVICE_INVALID.says("The inventory cannot say this of a device.");
        problem.with_detail(format!("{name}: {error}"))
    })
}

/// A reason, parsed.
fn reason(text: &str) -> Result<Remark, ProblemResponse> {
    field("reason", text)
}

/// A certificate, as the contract shows it.
pub(crate) fn certificate(certificate: &Certificate) -> contract::DeviceCertificate {
    let profile = certificate.issuance.as_ref().map(|issuance| issuance.profile.clone());
    contract::DeviceCertificate {
        serial: certificate.serial.clone(),
        profile: profile.unwrap_or_default(),
        expires_at: certificate.expires_at,
        revoked_at: certificate.withdrawal.map(|withdrawal| withdrawal.at),
        revocation: certificate.withdrawal.map(|withdrawal| withdrawal.reason),
    }
}

/// An enrolment that waits or waited, as the contract shows it.
pub(crate) fn approval(approval: &Approval) -> contract::DeviceApproval {
    let state = match approval.decision {
        Decision::Open => "open",
        Decision::Approved { .. } => "approved",
        Decision::Rejected { .. } => "rejected",
    };
    contract::DeviceApproval {
        id: approval.id,
        device: approval.device,
        means: approval.means,
        key: approval.key,
        asked_at: approval.asked_at,
        state: state.to_owned(),
    }
}

/// What expires, as the contract shows it.
pub(crate) fn expiring(expiring: Expiring) -> contract::ExpiringDevice {
    let Expiring { spiffe_id, serial, expires_at } = expiring;
    contract::ExpiringDevice { spiffe_id, serial, expires_at }
}

impl From<RegisterDeviceError> for ProblemResponse {
    fn from(error: RegisterDeviceError) -> Self {
        match &error {
            RegisterDeviceError::NotFound => problem::NOT_FOUND.because(&error),
            RegisterDeviceError::Device(_) => problem::DEVICE_STATE.because(&error),
            RegisterDeviceError::Taken => problem::DEVICE_TAKEN.because(&error),
            RegisterDeviceError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<InviteDeviceError> for ProblemResponse {
    fn from(error: InviteDeviceError) -> Self {
        match &error {
            InviteDeviceError::NotFound => problem::NOT_FOUND.because(&error),
            InviteDeviceError::State => problem::DEVICE_STATE.because(&error),
            InviteDeviceError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<ChangeDeviceError> for ProblemResponse {
    fn from(error: ChangeDeviceError) -> Self {
        match &error {
            ChangeDeviceError::NotFound => problem::NOT_FOUND.because(&error),
            ChangeDeviceError::State(_) => problem::DEVICE_STATE.because(&error),
            ChangeDeviceError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<RevokeCertificateError> for ProblemResponse {
    fn from(error: RevokeCertificateError) -> Self {
        match &error {
            RevokeCertificateError::NotFound => problem::NOT_FOUND.because(&error),
            RevokeCertificateError::Expired
            | RevokeCertificateError::NotHeld
            | RevokeCertificateError::DeviceHeld => problem::DEVICE_STATE.because(&error),
            RevokeCertificateError::AlreadyRevoked => problem::REVOKED_ALREADY.because(&error),
            RevokeCertificateError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<DecideEnrolmentError> for ProblemResponse {
    fn from(error: DecideEnrolmentError) -> Self {
        use imp_identity::device::ApprovalError::{Decided, OwnDevice};
        match &error {
            DecideEnrolmentError::NotFound => problem::NOT_FOUND.because(&error),
            DecideEnrolmentError::Decision(Decided) => problem::ENROLMENT_DECIDED.because(&error),
            DecideEnrolmentError::Decision(OwnDevice) => {
                problem::ENROLMENT_OWN_DEVICE.because(&error)
            }
            DecideEnrolmentError::Storage(source) => problem::storage(&error, source),
        }
    }
}
