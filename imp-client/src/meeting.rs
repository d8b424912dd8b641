//! The first meeting of this workstation with its server: `imp-client enrol machine`.
use std::sync::Arc;

use imp_api::machine::{EnrolWorkstation, WorkstationEnrolled};
use imp_authenticator::invitation::InvitationUri;
use imp_authenticator::signer::{Signer, certificate_request};
use imp_hardware::keystore::Keystore;
use imp_identity::Clock;

use crate::crash;
use crate::credentials::{CredentialsError, KEY, Standing, StoredCredentials};
use crate::introduction::{self, IntroductionError, KeyPlace};
use crate::state::{StateDirectory, StateError};

/// Names the code that the machine's key was made for, by its digest.
const MARKER: &str = "enrolling";

/// The workstation could not be enrolled.
#[derive(Debug, thiserror::Error)]
pub enum MeetingError {
    /// The server was not met.
    #[error(transparent)]
    Introduction(#[from] IntroductionError),
    /// Nothing to do.
    #[error("this workstation is enrolled already, as `{0}`: add `--replace` to enrol it anew")]
    AlreadyEnrolled(String),
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// What the server answered cannot be used.
    #[error("the server's credentials cannot be used")]
    Credentials(#[source] CredentialsError),
}

/// Enrols this workstation: makes its key, has it certified, keeps the credentials. Safe to run again with the same code after a crash or an
/// answer that was lost, also to replace: the key is the same then, and the server answers the same code and key with the same credentials.
/// Refused while an agent works here, since it would go on with the key that is replaced.
pub async fn enrol_machine(
    state: &StateDirectory,
    keystore: Arc<dyn Keystore>,
    invitation: &InvitationUri,
    replace: bool,
    clock: Arc<dyn Clock>,
) -> Result<StoredCredentials, MeetingError> {
    introduction::is_for_machines(invitation)?;
    let _no_agent_meanwhile = state.lock()?;
    let stored = StoredCredentials::read(state)?;
    if let Some(stored) = stored.as_ref().filter(|_| !replace) {
        return Err(MeetingError::AlreadyEnrolled(stored.name.clone()));
    }
    let place = KeyPlace { key: KEY, marker: MARKER };
    let signer = introduction::key_for(&invitation.code, place, state, keystore).await?;
    crash::point("machine:key-created");
    let enrolled = meet(invitation, &signer, clock.clone()).await?;
    crash::point("machine:enrolled");
    let stored = StoredCredentials {
        server: invitation.server.clone(),
        ca: invitation.ca,
        workstation: enrolled.workstation,
        name: enrolled.name,
        credentials: enrolled.credentials,
    };
    Standing::new(stored.clone(), signer, clock).map_err(MeetingError::Credentials)?;
    stored.write(state)?;
    stored.check_receipt();
    state.remove(MARKER)?;
    crash::point("machine:stored");
    Ok(stored)
}

/// Shows the one-time code to the server whose CA has the fingerprint of the invitation.
async fn meet(
    invitation: &InvitationUri,
    signer: &Arc<dyn Signer>,
    clock: Arc<dyn Clock>,
) -> Result<WorkstationEnrolled, IntroductionError> {
    let client = introduction::server_of(invitation, clock)?;
    let body = EnrolWorkstation {
        code: invitation.code.clone(),
        certificate_request: certificate_request(signer)?.into(),
    };
    client.enrol_workstation(&body).await.map_err(introduction::unmet)
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
            let met = enrol_machine(&state, keystore.clone(), invitation, true, clock).await;
            assert!(
                matches!(met, Err(MeetingError::Introduction(IntroductionError::Unreachable(_)))),
                "{met:?}"
            );
            let key = keystore.load(KEY).unwrap().unwrap().public_key().to_vec();
            keys.push(key);
        }
        assert_eq!(keys[0], keys[1]);
        assert_ne!(keys[1], keys[2]);
        assert_eq!(keys[2], keys[3]);
        assert_ne!(keys[3], keys[4]);
        let marker = state.read(MARKER).unwrap().unwrap();
        let marker = String::from_utf8(marker).unwrap();
        assert_eq!(marker, one.code.digest().to_string(), "a code is a secret");
    }

    #[tokio::test]
    async fn nothing_is_replaced_under_a_running_agent() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(folder.path().join("state")).unwrap();
        let keystore = KeystoreConfig::software(folder.path().join("keys")).open().unwrap();
        let key = keystore.create(KEY).unwrap().public_key().to_vec();
        let _agent = state.lock().unwrap();
        let invitation = invitation("00000-00000-00000-00000");
        let clock = Arc::new(SystemClock);
        let met = enrol_machine(&state, keystore.clone(), &invitation, true, clock).await;
        assert!(matches!(met, Err(MeetingError::State(StateError::Locked(_)))), "{met:?}");
        assert_eq!(keystore.load(KEY).unwrap().unwrap().public_key(), key);
    }
}
