//! The first meeting of a device with its server: `imp-client machine enrol`.
use std::sync::Arc;

use imp_api::device::{DeviceEnrolled, DeviceEnrolment, EnrolDevice};
use imp_authenticator::invitation::InvitationUri;
use imp_authenticator::signer::{Signer, certificate_request};
use imp_authenticator::tls;
use imp_hardware::keystore::Keystore;
use imp_identity::{ApprovalId, Clock};

use super::est::{Answer, EstClient, EstError, Operation, Proof, credentials};
use super::stored::{Device, DeviceCredentialsError, KEY, StoredDevice};
use crate::introduction::{self, IntroductionError, KeyPlace};
use crate::state::{StateDirectory, StateError};

/// Names the code that the device's key was made for, by its digest.
const MARKER: &str = "enrolling-device";

/// What came of an enrolment.
#[derive(Debug)]
pub enum Enrolled {
    /// The device has its certificate.
    Device(Box<StoredDevice>),
    /// A second person has to approve it: ask again later, with the same code. EST does not say which request it is.
    AwaitingApproval(Option<ApprovalId>),
}

/// The device could not be enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolDeviceError {
    /// The server was not met.
    #[error(transparent)]
    Introduction(#[from] IntroductionError),
    /// EST went wrong.
    #[error("the server did not enrol this machine over EST")]
    Est(#[from] EstError),
    /// Nothing to do.
    #[error("this machine is enrolled already, as `{0}`: add `--replace` to enrol it anew")]
    AlreadyEnrolled(String),
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// What the server answered cannot be used.
    #[error("the server's credentials cannot be used")]
    Credentials(#[source] DeviceCredentialsError),
}

/// How a technician's code is shown.
#[derive(Clone, Copy, Debug)]
pub enum Way<'a> {
    /// To the server's own interface, which also says with which keys it signs policies.
    Code,
    /// Over EST (RFC 7030), by HTTP Basic authentication.
    Est {
        /// Where EST is: `https://host:port`.
        server: &'a str,
        /// The device's identifier or serial number.
        name: &'a str,
    },
}

/// Enrols this machine as the device that the code was given for: makes its key, has it certified, keeps the credentials. Safe to run again with
/// the same code after a crash, an answer that was lost, or while somebody has to approve it: the key is the same then. Refused
/// while a gateway works here, since it would go on with the key that is replaced.
pub async fn enrol_device(
    state: &StateDirectory,
    keystore: Arc<dyn Keystore>,
    invitation: &InvitationUri,
    replace: bool,
    clock: Arc<dyn Clock>,
) -> Result<Enrolled, EnrolDeviceError> {
    enrol_device_over(Way::Code, state, keystore, invitation, replace, clock).await
}

/// [`enrol_device`], by the way that is named.
pub async fn enrol_device_over(
    way: Way<'_>,
    state: &StateDirectory,
    keystore: Arc<dyn Keystore>,
    invitation: &InvitationUri,
    replace: bool,
    clock: Arc<dyn Clock>,
) -> Result<Enrolled, EnrolDeviceError> {
    introduction::is_for_machines(invitation)?;
    let _nobody_meanwhile = state.lock().map_err(IntroductionError::from)?;
    let known = StoredDevice::read(state).map_err(IntroductionError::from)?;
    if let Some(stored) = known.filter(|_| !replace) {
        let name = stored.enrolled.spiffe_id.to_string();
        return Err(EnrolDeviceError::AlreadyEnrolled(name));
    }
    let place = KeyPlace { key: KEY, marker: MARKER };
    let signer = introduction::key_for(&invitation.code, place, state, keystore).await?;
    let met = match way {
        Way::Code => meet(invitation, &signer, clock.clone()).await?,
        Way::Est { server, name } => {
            meet_over_est((server, name), invitation, &signer, clock.clone()).await?
        }
    };
    let enrolled = match met {
        Met::Enrolled(enrolled) => *enrolled,
        Met::Waiting(approval) => return Ok(Enrolled::AwaitingApproval(approval)),
    };
    let est = match way {
        Way::Code => None,
        Way::Est { server, .. } => Some(server.to_owned()),
    };
    let stored =
        StoredDevice { server: invitation.server.clone(), ca: invitation.ca, est, enrolled };
    Device::new(stored.clone(), signer, clock).map_err(EnrolDeviceError::Credentials)?;
    stored.write(state).map_err(IntroductionError::from)?;
    state.remove(MARKER).map_err(IntroductionError::from)?;
    Ok(Enrolled::Device(Box::new(stored)))
}

/// What the server said.
enum Met {
    Enrolled(Box<DeviceEnrolled>),
    Waiting(Option<ApprovalId>),
}

/// Shows the one-time code to the server whose CA has the fingerprint of the invitation.
async fn meet(
    invitation: &InvitationUri,
    signer: &Arc<dyn Signer>,
    clock: Arc<dyn Clock>,
) -> Result<Met, IntroductionError> {
    let client = introduction::server_of(invitation, clock)?;
    let body = EnrolDevice {
        code: invitation.code.clone(),
        certificate_request: certificate_request(signer)?.into(),
    };
    let answered = client.enrol_device(&body).await.map_err(introduction::unmet)?;
    Ok(match answered {
        DeviceEnrolment::Enrolled(enrolled) => Met::Enrolled(enrolled),
        DeviceEnrolment::AwaitingApproval(waiting) => Met::Waiting(Some(waiting.approval)),
    })
}

/// The same over EST: the authorities by the fingerprint, then the code by HTTP Basic authentication.
async fn meet_over_est(
    (server, name): (&str, &str),
    invitation: &InvitationUri,
    signer: &Arc<dyn Signer>,
    clock: Arc<dyn Clock>,
) -> Result<Met, EnrolDeviceError> {
    let tls = tls::first_meeting(invitation.ca, clock).map_err(IntroductionError::from)?;
    let client = EstClient::new(server, tls)?;
    let authorities = client.authorities().await?;
    let request = certificate_request(signer).map_err(IntroductionError::from)?;
    let proof = Proof::Code { name, code: &invitation.code };
    match client.enrol(Operation::SimpleEnroll, proof, &request).await? {
        Answer::Issued(certificate) => {
            let enrolled = credentials(&certificate, &authorities, invitation.ca)?;
            Ok(Met::Enrolled(Box::new(enrolled)))
        }
        Answer::Later => Ok(Met::Waiting(None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imp_hardware::keystore::KeystoreConfig;
    use imp_identity::Digest;
    use imp_identity::clock::SystemClock;

    fn invitation(code: &str) -> InvitationUri {
        let ca = Digest::of(&[]);
        // Nothing listens there: the answer is lost.
        let uri = format!("imp:enrol?server=https%3A%2F%2F127.0.0.1%3A1&ca={ca}&code={code}");
        uri.parse().unwrap()
    }

    #[tokio::test]
    async fn a_repeated_enrolment_uses_the_same_key_and_another_code_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(folder.path().join("state")).unwrap();
        let keystore = KeystoreConfig::software(folder.path().join("keys")).open().unwrap();
        let [one, two] = ["00000-00000-00000-00000", "11111-11111-11111-11111"].map(invitation);
        let mut keys = Vec::new();
        for invitation in [&one, &one, &two, &two, &one] {
            let clock = Arc::new(SystemClock);
            let met = enrol_device(&state, keystore.clone(), invitation, true, clock).await;
            assert!(
                matches!(
                    met,
                    Err(EnrolDeviceError::Introduction(IntroductionError::Unreachable(_)))
                ),
                "{met:?}"
            );
            keys.push(keystore.load(KEY).unwrap().unwrap().public_key().to_vec());
        }
        assert_eq!(keys[0], keys[1]);
        assert_ne!(keys[1], keys[2]);
        assert_eq!(keys[2], keys[3]);
        assert_ne!(keys[3], keys[4]);
    }
}
