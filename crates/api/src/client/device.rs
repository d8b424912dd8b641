//! How devices come by certificates.
use super::{Client, ClientError};
use crate::device::{DeviceEnrolment, EnrolDevice, RenewDevice};

impl Client {
    /// `POST /v1/devices/enrolment`
    pub async fn enrol_device(&self, body: &EnrolDevice) -> Result<DeviceEnrolment, ClientError> {
        self.post("v1/devices/enrolment", body).await
    }

    /// `POST /v1/devices/renewal` by a device.
    pub async fn renew_device(&self, body: &RenewDevice) -> Result<DeviceEnrolment, ClientError> {
        self.post("v1/devices/renewal", body).await
    }
}
