//! What the first meetings of workstations and of devices with their server have in common: a key that is made for one code, and a server that is
//! recognised by its fingerprint.
use std::sync::Arc;

use imp_api::{Client, ClientError};
use imp_authenticator::invitation::{InvitationPurpose, InvitationUri};
use imp_authenticator::signer::{SignError, Signer};
use imp_authenticator::tls::{self, TlsError};
use imp_hardware::keystore::{Keystore, KeystoreError};
use imp_identity::Clock;
use imp_identity::invitation::Code;

use crate::state::{StateDirectory, StateError};

/// The first meeting did not come about.
#[derive(Debug, thiserror::Error)]
pub enum IntroductionError {
    /// The invitation is one for phones.
    #[error("this invitation is for a phone: a machine's begins with `imp:enrol`")]
    ForPhones,
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
}

/// Where the key of a machine is, and where it is noted for which code it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyPlace {
    /// The key's label in the keystore.
    pub(crate) key: &'static str,
    /// The file that names the code, by its digest.
    pub(crate) marker: &'static str,
}

/// That an invitation is one for machines.
pub(crate) fn is_for_machines(invitation: &InvitationUri) -> Result<(), IntroductionError> {
    match invitation.purpose {
        InvitationPurpose::Enrol => Ok(()),
        InvitationPurpose::Bind => Err(IntroductionError::ForPhones),
    }
}

/// The key for this code: the one that an earlier run made for it, or a new one.
pub(crate) async fn key_for(
    code: &Code,
    place: KeyPlace,
    state: &StateDirectory,
    keystore: Arc<dyn Keystore>,
) -> Result<Arc<dyn Signer>, IntroductionError> {
    let digest = code.digest().to_string();
    let again = state.read(place.marker)?.is_some_and(|marker| marker == digest.as_bytes());
    if !again {
        // A folder that cannot be written must cost neither key nor code.
        state.write(place.marker, b"")?;
    }
    let work = tokio::task::spawn_blocking(move || {
        if again && let Some(signer) = keystore.load(place.key)? {
            return Ok(signer);
        }
        keystore.delete(place.key)?;
        keystore.create(place.key)
    });
    let made: Result<_, KeystoreError> =
        work.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    let signer = made?;
    state.write(place.marker, digest.as_bytes())?;
    Ok(signer)
}

/// The server whose CA has the fingerprint of the invitation.
pub(crate) fn server_of(
    invitation: &InvitationUri,
    clock: Arc<dyn Clock>,
) -> Result<Client, IntroductionError> {
    let tls = tls::first_meeting(invitation.ca, clock)?;
    Client::new(&invitation.server, tls).map_err(unmet)
}

/// Why the server did not give what was asked for.
pub(crate) fn unmet(error: ClientError) -> IntroductionError {
    match error {
        ClientError::Unreachable(_) => IntroductionError::Unreachable(error),
        ClientError::Url(_) | ClientError::Problem(_) | ClientError::Answer { .. } => {
            IntroductionError::Refused(error)
        }
    }
}
