//! The machine itself: a device that enrolled with the server, its certificate, and how that is renewed.
//!
//! [`enrolment`] makes the machine's key and has it certified with a technician's one-time code; [`renewal`] has the certificate renewed;
//! both do so at the server's own interface or over EST ([`est`]); [`stored`] is what is kept; [`status`] says how it stands.
pub mod enrolment;
pub mod est;
pub mod renewal;
pub mod status;
pub mod stored;

pub use enrolment::{EnrolDeviceError, Way, enrol_device, enrol_device_over};
pub use renewal::{RenewDeviceError, Renewal, renew, renew_if_due};
pub use status::DeviceStatus;
pub use stored::{Device, DeviceCredentialsError, StoredDevice};
