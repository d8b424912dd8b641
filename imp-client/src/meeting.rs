//! The first meeting of this workstation with its server: `imp-client enrol machine`.
use std::sync::Arc;

use imp_api::machine::{EnrolWorkstation, WorkstationEnrolled};
use imp_api::{Client, ClientError};
use imp_authenticator::invitation::{InvitationPurpose, InvitationUri};
use imp_authenticator::signer::{SignError, Signer, certificate_request};
use imp_authenticator::tls::{self, TlsError};
use imp_hardware::keystore::{Keystore, KeystoreError};
use imp_identity::Clock;

use crate::crash;
use crate::credentials::{CredentialsError, KEY, Standing, StoredCredentials};
use crate::state::{StateDirectory, StateError};

/// The workstation could not be enrolled.
#[derive(Debug, thiserror::Error)]
pub enum MeetingError {
    /// The invitation is one for phones.
    #[error("this invitation is for a phone: a workstation's begins with `imp:enrol`")]
    ForPhones,
    /// Nothing to do.
    #[error("this workstation is enrolled already, as `{0}`: add `--replace` to enrol it anew")]
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
    Credentials(#[source] CredentialsError),
}

/// Enrols this workstation: makes its key, has it certified, keeps the credentials. Safe to run again after a crash: the server answers the same
/// code and key with the same credentials.
pub async fn enrol_machine(
    state: &StateDirectory,
    keystore: Arc<dyn Keystore>,
    invitation: &InvitationUri,
    replace: bool,
    clock: Arc<dyn Clock>,
) -> Result<StoredCredentials, MeetingError> {
    if invitation.purpose != InvitationPurpose::Enrol {
        return Err(MeetingError::ForPhones);
    }
    let stored = StoredCredentials::read(state)?;
    if let Some(stored) = stored.as_ref().filter(|_| !replace) {
        return Err(MeetingError::AlreadyEnrolled(stored.name.clone()));
    }
    // A folder that cannot be written must not cost the one-time code.
    state.write("enrolling", b"")?;
    let signer = machine_key(keystore, replace && stored.is_some()).await?;
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
    state.remove("enrolling")?;
    crash::point("machine:stored");
    Ok(stored)
}

/// The machine's key: the one there is, unless it is to be replaced, or a new one.
async fn machine_key(
    keystore: Arc<dyn Keystore>,
    replace: bool,
) -> Result<Arc<dyn Signer>, KeystoreError> {
    let work = tokio::task::spawn_blocking(move || {
        if replace {
            keystore.delete(KEY)?;
        }
        match keystore.load(KEY)? {
            Some(signer) => Ok(signer),
            None => keystore.create(KEY),
        }
    });
    work.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// Shows the one-time code to the server whose CA has the fingerprint of the invitation.
async fn meet(
    invitation: &InvitationUri,
    signer: &Arc<dyn Signer>,
    clock: Arc<dyn Clock>,
) -> Result<WorkstationEnrolled, MeetingError> {
    let refused = |error: ClientError| match error {
        ClientError::Unreachable(_) => MeetingError::Unreachable(error),
        ClientError::Url(_) | ClientError::Problem(_) | ClientError::Answer { .. } => {
            MeetingError::Refused(error)
        }
    };
    let tls = tls::first_meeting(invitation.ca, clock)?;
    let client = Client::new(&invitation.server, tls).map_err(refused)?;
    let body = EnrolWorkstation {
        code: invitation.code.clone(),
        certificate_request: certificate_request(signer)?.into(),
    };
    client.enrol_workstation(&body).await.map_err(refused)
}
