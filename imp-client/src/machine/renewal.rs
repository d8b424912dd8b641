//! Renews the device's certificate, for the same key: by a timer (`imp-client machine renew`), or by a gateway that runs anyway.
use std::sync::Arc;
use std::time::Duration;

use imp_api::ClientError;
use imp_api::device::{DeviceEnrolled, DeviceEnrolment, RenewDevice};
use imp_authenticator::signer::{SignError, certificate_request};
use imp_authenticator::tls::{self, TlsError};
use imp_identity::{ApprovalId, Clock};
use jiff::Timestamp;
use rand::RngExt as _;

use super::est::{Answer, EstClient, EstError, Operation, Proof, credentials};
use super::stored::{Device, DeviceCredentialsError, StoredDevice, UnusableServer};
use crate::state::{StateDirectory, StateError};

/// The first wait after a failure.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// The longest wait after a failure.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// What came of a renewal.
#[derive(Debug)]
pub enum Renewal {
    /// There is a new certificate.
    Renewed(Box<Device>),
    /// It is not due before this instant.
    NotDue(Timestamp),
    /// A second person has to approve it. EST does not say which request it is.
    AwaitingApproval(Option<ApprovalId>),
}

/// The certificate was not renewed.
#[derive(Debug, thiserror::Error)]
pub enum RenewDeviceError {
    /// The key does not sign.
    #[error("the certificate request cannot be signed")]
    Sign(#[from] SignError),
    /// The server did not renew it.
    #[error("the server did not renew the certificate")]
    Server(#[from] ClientError),
    /// EST went wrong.
    #[error("the server did not renew the certificate over EST")]
    Est(#[from] EstError),
    /// No TLS configuration.
    #[error("the connection cannot be prepared")]
    Tls(#[from] TlsError),
    /// The server cannot be asked.
    #[error(transparent)]
    Unusable(#[from] UnusableServer),
    /// The answer cannot be used.
    #[error("the new certificate cannot be used")]
    Credentials(#[from] DeviceCredentialsError),
    /// It cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The server gave this machine another name.
    #[error("the new certificate is that of another machine")]
    OtherMachine,
}

impl RenewDeviceError {
    /// Whether it may go better in a while, without anybody doing something here.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Server(ClientError::Unreachable(_) | ClientError::Answer { .. }) => true,
            Self::Server(ClientError::Problem(problem)) => {
                problem.status >= 500 || problem.status == 429
            }
            Self::Est(error) => error.is_passing(),
            Self::Server(ClientError::Url(_))
            | Self::Tls(_)
            | Self::Sign(_)
            | Self::Unusable(_)
            | Self::Credentials(_)
            | Self::State(_)
            | Self::OtherMachine => false,
        }
    }
}

/// Has the certificate renewed now, and keeps the new one.
pub async fn renew(
    device: &Device,
    state: &StateDirectory,
    clock: Arc<dyn Clock>,
) -> Result<Renewal, RenewDeviceError> {
    let signer = device.identity.signer.clone();
    let answered = match &device.stored.est {
        Some(server) => ask_over_est(device, server, clock.clone()).await?,
        None => ask(device, clock.clone()).await?,
    };
    let enrolled = match answered {
        Asked::Renewed(enrolled) => *enrolled,
        Asked::Waiting(approval) => return Ok(Renewal::AwaitingApproval(approval)),
    };
    if enrolled.spiffe_id != device.stored.enrolled.spiffe_id {
        return Err(RenewDeviceError::OtherMachine);
    }
    let stored = StoredDevice { enrolled, ..device.stored.clone() };
    let renewed = Device::new(stored, signer, clock)?;
    renewed.stored.write(state)?;
    Ok(Renewal::Renewed(Box::new(renewed)))
}

/// What the server said.
enum Asked {
    Renewed(Box<DeviceEnrolled>),
    Waiting(Option<ApprovalId>),
}

async fn ask(device: &Device, clock: Arc<dyn Clock>) -> Result<Asked, RenewDeviceError> {
    let request = certificate_request(&device.identity.signer)?;
    let client = device.client(clock)?;
    let body = RenewDevice { certificate_request: request.into() };
    Ok(match client.renew_device(&body).await? {
        DeviceEnrolment::Enrolled(enrolled) => Asked::Renewed(enrolled),
        DeviceEnrolment::AwaitingApproval(waiting) => Asked::Waiting(Some(waiting.approval)),
    })
}

/// Over EST, by the certificate that there is (RFC 7030 §4.2.2). The roots stay those that were known: whom to trust does not follow from whom
/// was trusted.
async fn ask_over_est(
    device: &Device,
    server: &str,
    clock: Arc<dyn Clock>,
) -> Result<Asked, RenewDeviceError> {
    let tls = tls::machine_to_server(Some(&device.identity), &device.anchors, clock)?;
    let client = EstClient::new(server, tls)?;
    let authorities = client.authorities().await?;
    let request = certificate_request(&device.identity.signer)?;
    let operation = Operation::SimpleReenroll;
    let Answer::Issued(certificate) = client.enrol(operation, Proof::Tls, &request).await? else {
        return Ok(Asked::Waiting(None));
    };
    let renewed = credentials(&certificate, &authorities, device.stored.ca)?;
    let statement_keys = device.stored.enrolled.statement_keys.clone();
    Ok(Asked::Renewed(Box::new(DeviceEnrolled { statement_keys, ..renewed })))
}

/// [`renew`], if it is due.
pub async fn renew_if_due(
    device: &Device,
    state: &StateDirectory,
    clock: Arc<dyn Clock>,
) -> Result<Renewal, RenewDeviceError> {
    let due = device.stored.enrolled.renew_after;
    if clock.now() < due {
        return Ok(Renewal::NotDue(due));
    }
    renew(device, state, clock).await
}

/// How long to wait after the `failures`th failure in a row: twice as long each time, and somewhere in its second half, so that machines that
/// lost the server together do not come back together.
pub fn wait_after(failures: u32, rng: &mut impl rand_core::CryptoRng) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let longest = doubled.min(LONGEST_WAIT);
    let milliseconds = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(rng.random_range(milliseconds / 2..=milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    #[test]
    fn waits_grow_to_five_minutes_and_differ_between_machines() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(7);
        let mut all = std::collections::HashSet::new();
        for failures in 1..40 {
            let wait = wait_after(failures, &mut rng);
            let longest = (FIRST_WAIT * (1 << (failures - 1).min(12))).min(LONGEST_WAIT);
            assert!(wait >= longest / 2 && wait <= longest, "{failures}: {wait:?}");
            all.insert(wait);
        }
        assert!(all.len() > 35);
    }
}
