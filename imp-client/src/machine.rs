//! The machine itself: a device that enrolled with the server, its certificate, and how that is renewed.
//!
//! [`enrolment`] makes the machine's key and has it certified with a technician's one-time code; [`renewal`] has the certificate renewed;
//! [`stored`] is what is kept; [`status`] says how it stands.
pub mod enrolment;
pub mod renewal;
pub mod status;
pub mod stored;

pub use enrolment::{EnrolDeviceError, enrol_device};
pub use renewal::{RenewDeviceError, Renewal, renew, renew_if_due};
pub use status::DeviceStatus;
pub use stored::{Device, DeviceCredentialsError, StoredDevice};
