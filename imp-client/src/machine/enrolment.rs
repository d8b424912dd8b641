//! The first meeting of a device with its server: `imp-client machine enrol`.
use std::sync::Arc;

use imp_api::device::{DeviceEnrolment, EnrolDevice};
use imp_api::{Client, ClientError};
use imp_authenticator::invitation::{InvitationPurpose, InvitationUri};
use imp_authenticator::signer::{SignError, Signer, certificate_request};
use imp_authenticator::tls::{self, TlsError};
use imp_hardware::keystore::{Keystore, KeystoreError};
use imp_identity::invitation::Code;
use imp_identity::{ApprovalId, Clock};

use super::stored::{Device, DeviceCredentialsError, KEY, StoredDevice};
use crate::state::{StateDirectory, StateError};

/// Names the code that the device's key was made for, by its digest.
const MARKER: &str = "enrolling-device";

/// What came of an enrolment.
#[derive(Debug)]
pub enum Enrolled {
    /// The device has its certificate.
    Device(Box<StoredDevice>),
    /// A second person has to approve it: ask again later, with the same code.
    AwaitingApproval(ApprovalId),
}

/// The device could not be enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolDeviceError {
    /// The invitation is one for phones.
    #[error("this invitation is for a phone: a device's begins with `imp:enrol`")]
    ForPhones,
    /// Nothing to do.
    #[error("this machine is enrolled already, as `{0}`: add `--replace` to enrol it anew")]
    AlreadyEnrolled(String),
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The key cannot be made.
    #[error("the machine's key cannot be made or read")]
    Keystore(#[from] KeystoreError),
    /// The key does not sign.
    #[error("the certificate request cannot be signed")]
    Sign(#[from] SignError),
    /// No TLS configuration.
    #[error("the connection cannot be prepared")]
    Tls(#[from] TlsError),
    /// The server is not there, or not the invited one.
    #[error(
        "the server of the invitation cannot be reached, or its certificate is not the one whose fingerprint the invitation names"
    )]
    Unreachable(#[source] ClientError),
    /// The server refused.
    #[error("the server refused the enrolment")]
    Refused(#[source] ClientError),
    /// What the server answered cannot be used.
    #[error("the server's credentials cannot be used")]
    Credentials(#[source] DeviceCredentialsError),
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
    if invitation.purpose != InvitationPurpose::Enrol {
        return Err(EnrolDeviceError::ForPhones);
    }
    let _nobody_meanwhile = state.lock()?;
    if let Some(stored) = StoredDevice::read(state)?.filter(|_| !replace) {
        let name = stored.enrolled.spiffe_id.to_string();
        return Err(EnrolDeviceError::AlreadyEnrolled(name));
    }
    let signer = device_key(state, keystore, &invitation.code).await?;
    let enrolled = match meet(invitation, &signer, clock.clone()).await? {
        DeviceEnrolment::Enrolled(enrolled) => *enrolled,
        DeviceEnrolment::AwaitingApproval(waiting) => {
            return Ok(Enrolled::AwaitingApproval(waiting.approval));
        }
    };
    let stored = StoredDevice { server: invitation.server.clone(), ca: invitation.ca, enrolled };
    Device::new(stored.clone(), signer, clock).map_err(EnrolDeviceError::Credentials)?;
    stored.write(state)?;
    state.remove(MARKER)?;
    Ok(Enrolled::Device(Box::new(stored)))
}

/// The key for this code: the one that an earlier run made for it, or a new one.
async fn device_key(
    state: &StateDirectory,
    keystore: Arc<dyn Keystore>,
    code: &Code,
) -> Result<Arc<dyn Signer>, EnrolDeviceError> {
    let digest = code.digest().to_string();
    let again = state.read(MARKER)?.is_some_and(|marker| marker == digest.as_bytes());
    if !again {
        // A folder that cannot be written must cost neither key nor code.
        state.write(MARKER, b"")?;
    }
    let work = tokio::task::spawn_blocking(move || {
        if again && let Some(signer) = keystore.load(KEY)? {
            return Ok(signer);
        }
        keystore.delete(KEY)?;
        keystore.create(KEY)
    });
    let made: Result<_, KeystoreError> =
        work.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    let signer = made?;
    state.write(MARKER, digest.as_bytes())?;
    Ok(signer)
}

/// Shows the one-time code to the server whose CA has the fingerprint of the invitation.
async fn meet(
    invitation: &InvitationUri,
    signer: &Arc<dyn Signer>,
    clock: Arc<dyn Clock>,
) -> Result<DeviceEnrolment, EnrolDeviceError> {
    let refused = |error: ClientError| match error {
        ClientError::Unreachable(_) => EnrolDeviceError::Unreachable(error),
        ClientError::Url(_) | ClientError::Problem(_) | ClientError::Answer { .. } => {
            EnrolDeviceError::Refused(error)
        }
    };
    let tls = tls::first_meeting(invitation.ca, clock)?;
    let client = Client::new(&invitation.server, tls).map_err(refused)?;
    let body = EnrolDevice {
        code: invitation.code.clone(),
        certificate_request: certificate_request(signer)?.into(),
    };
    client.enrol_device(&body).await.map_err(refused)
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
            assert!(matches!(met, Err(EnrolDeviceError::Unreachable(_))), "{met:?}");
            keys.push(keystore.load(KEY).unwrap().unwrap().public_key().to_vec());
        }
        assert_eq!(keys[0], keys[1]);
        assert_ne!(keys[1], keys[2]);
        assert_eq!(keys[2], keys[3]);
        assert_ne!(keys[3], keys[4]);
    }
}
