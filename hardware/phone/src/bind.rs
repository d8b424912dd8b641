//! Binding: the first meeting of phone and server, with a one-time code (SP 800-63B-4 §4.1).
use std::sync::Arc;

use imp_api::machine::{BindPhone, PhoneBound};
use imp_api::{Client, ClientError, Problem};
use imp_authenticator::invitation::{InvitationPurpose, InvitationUri};
use imp_authenticator::{SignError, Signer, TlsError, certificate_request, tls};
use imp_hardware::keystore::KeystoreError;
use imp_identity::spiffe::Machine;
use imp_identity::{Clock, Digest, PhoneId, Secret, UserId};

use crate::Phone;
use crate::binding::{Binding, Slot};
use crate::crash;
use crate::holder::{Holder, check_credentials};
use crate::journal::{EVIDENCE, RECEIPTS};
use crate::state::{Entry, StateError};
use crate::vault::VaultError;

/// How to bind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bind {
    /// Whether a binding that exists may be replaced; it goes on to count until the new one is stored.
    pub replace: bool,
}

/// The phone is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Names the phone.
    pub phone: PhoneId,
    /// Whose it is.
    pub user: UserId,
    /// How she is shown to people.
    pub display_name: String,
    /// The server, `https://host:port`.
    pub server: String,
}

/// The phone could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// It is somebody's phone.
    #[error("this phone is bound to {0} already: to start over with a new code, add --replace")]
    AlreadyBound(String),
    /// It serves.
    #[error("this phone is running: stop it, then bind it")]
    Serving,
    /// A workstation's invitation.
    #[error(
        "this invitation is for a workstation: show the one for a phone, it begins with imp:bind"
    )]
    OtherPurpose,
    /// The pinned root is not what answered.
    #[error(
        "what answers at {0} is not the server of this invitation: somebody may be in the middle, or the invitation is of another server"
    )]
    NotTheServer(String, #[source] ClientError),
    /// Nothing answered.
    #[error(
        "the server at {0} cannot be reached: check the network, then run the same command again"
    )]
    Unreachable(String, #[source] ClientError),
    /// The server said no.
    #[error("the server refused: {0}; ask the enrolment desk for a new code")]
    Refused(String),
    /// The server said no to a code that an interrupted attempt had sent before.
    #[error(
        "an earlier attempt with this code was interrupted after it had reached the server ({0}): ask the enrolment desk for a new code"
    )]
    Interrupted(String),
    /// The server's answer contradicts itself or the invitation.
    #[error("the server's answer cannot be used: {0}")]
    Answer(&'static str),
    /// The URL or the exchange.
    #[error("the server could not be asked")]
    Exchange(#[source] ClientError),
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Tls(#[from] TlsError),
    /// The device key.
    #[error("the keystore could not make the device key")]
    Keystore(#[from] KeystoreError),
    /// The device key.
    #[error("the certificate could not be requested")]
    Sign(#[from] SignError),
    /// The state directory.
    #[error("the binding could not be stored")]
    State(#[from] StateError),
    /// What the former binding had left.
    #[error("the reference of the former binding could not be destroyed")]
    Vault(#[from] VaultError),
}

impl Phone {
    /// Binds this phone by `invitation`. Interrupted at any point, it can be called again with the same invitation: the
    /// device key of the interrupted attempt is used again, so the server can tell it from somebody else's.
    pub async fn bind(
        &self,
        invitation: &InvitationUri,
        how: Bind,
        clock: Arc<dyn Clock>,
    ) -> Result<Bound, BindError> {
        if invitation.purpose != InvitationPurpose::Bind {
            return Err(BindError::OtherPurpose);
        }
        let _not_serving = self.state().claim_serving()?.ok_or(BindError::Serving)?;
        let former = Binding::load(self.state());
        if let (Ok(Some(binding)), false) = (&former, how.replace) {
            return Err(BindError::AlreadyBound(binding.display_name.clone()));
        }
        if former.is_err() && !how.replace {
            return Err(BindError::AlreadyBound("somebody".to_owned()));
        }
        let former = former.ok().flatten();
        let slot = former.as_ref().map_or(Slot::A, |binding| binding.device_key.other());
        let attempt = self.begin_attempt(invitation.code.digest(), slot)?;
        crash::point("bind:key-made");
        let bound = exchange(invitation, &attempt, Arc::clone(&clock)).await?;
        crash::point("bind:answered");
        let mut binding = accept(bound, invitation, &attempt, slot, clock.now())?;
        let receipt = binding.credentials.receipt.take();
        let bound = self.complete(&mut binding, former.as_ref())?;
        let holder = Holder { phone: self.clone(), binding, signer: attempt.signer };
        holder.keep_certificate(receipt.as_ref(), clock.now());
        Ok(bound)
    }

    /// The device key for this code: that of an interrupted attempt with it, or a new one.
    fn begin_attempt(&self, code: Digest, slot: Slot) -> Result<Attempt, BindError> {
        let _lock = self.state().change()?;
        let before = self.state().read(Entry::BindingAttempt, 64)?;
        let label = slot.device_label();
        let again = before.as_deref() == Some(code.to_string().as_bytes());
        if again && let Some(signer) = self.keystore().load(label)? {
            return Ok(Attempt { signer, again });
        }
        self.state().remove(Entry::BindingAttempt)?;
        self.keystore().delete(label)?;
        let signer = self.keystore().create(label)?;
        self.state().write(Entry::BindingAttempt, code.to_string().as_bytes())?;
        Ok(Attempt { signer, again: false })
    }

    /// Puts the binding in place of the former one, whose key and reference are of no use any more. The receipts stay if
    /// they are the same person's.
    fn complete(
        &self,
        binding: &mut Binding,
        former: Option<&Binding>,
    ) -> Result<Bound, BindError> {
        let _lock = self.state().change()?;
        let same_person = former.filter(|former| former.user == binding.user);
        if let Some(former) = same_person {
            binding.former_statement_keys = former.all_statement_keys();
            binding.former_log_keys = former.all_log_keys();
        } else {
            RECEIPTS.remove(self.state())?;
            EVIDENCE.remove(self.state())?;
            self.state().remove(Entry::Seen)?;
        }
        binding.save(self.state())?;
        crash::point("bind:stored");
        self.state().remove(Entry::BindingAttempt)?;
        self.state().remove(Entry::Erasure)?;
        self.vault().erase()?;
        self.keystore().delete(binding.device_key.other().device_label())?;
        Ok(Bound {
            phone: binding.phone,
            user: binding.user,
            display_name: binding.display_name.clone(),
            server: binding.server.clone(),
        })
    }
}

struct Attempt {
    signer: Arc<dyn Signer>,
    again: bool,
}

async fn exchange(
    invitation: &InvitationUri,
    attempt: &Attempt,
    clock: Arc<dyn Clock>,
) -> Result<PhoneBound, BindError> {
    let config = tls::first_meeting(invitation.ca, clock)?;
    let client = Client::new(&invitation.server, config).map_err(BindError::Exchange)?;
    let body = BindPhone {
        code: invitation.code.clone(),
        certificate_request: certificate_request(&attempt.signer)?.into(),
    };
    client.bind_phone(&body).await.map_err(|error| match &error {
        ClientError::Problem(problem) if attempt.again => BindError::Interrupted(title(problem)),
        ClientError::Problem(problem) => BindError::Refused(title(problem)),
        ClientError::Unreachable(_) if crate::trust::is_certificate_error(&error) => {
            BindError::NotTheServer(invitation.server.clone(), error)
        }
        ClientError::Unreachable(_) => BindError::Unreachable(invitation.server.clone(), error),
        ClientError::Url(_) | ClientError::Answer { .. } => BindError::Exchange(error),
    })
}

/// The problem's title without its full stop: it becomes part of a longer sentence.
fn title(problem: &Problem) -> String {
    problem.title.trim_end_matches('.').to_owned()
}

/// Checks the server's answer against what was asked: the key is ours, the root is the pinned one, the name is a phone's.
fn accept(
    bound: PhoneBound,
    invitation: &InvitationUri,
    attempt: &Attempt,
    slot: Slot,
    now: jiff::Timestamp,
) -> Result<Binding, BindError> {
    let credentials = bound.credentials;
    if credentials.spiffe_id.machine != Machine::Phone(bound.phone) {
        return Err(BindError::Answer("its certificate is for another machine"));
    }
    if !credentials.trust_anchors.iter().any(|root| Digest::of(&[&root.0]) == invitation.ca) {
        return Err(BindError::Answer("its root certificate is not the one of the invitation"));
    }
    check_credentials(&credentials, attempt.signer.as_ref()).map_err(BindError::Answer)?;
    let key = <[u8; 32]>::try_from(bound.identifier_key.0.as_slice())
        .map_err(|_| BindError::Answer("the identifier key has not 32 bytes"))?;
    Ok(Binding {
        server: invitation.server.clone(),
        phone: bound.phone,
        user: bound.user,
        display_name: bound.display_name,
        bound_at: now,
        identifier_key: Secret::new(key),
        device_key: slot,
        credentials,
        former_statement_keys: Vec::new(),
        former_log_keys: Vec::new(),
    })
}
