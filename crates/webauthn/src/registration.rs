//! Registering a credential.
use imp_identity::UserId;
use imp_identity::credential::CredentialKind;
use imp_identity::name::{Label, Username};
use serde_json::Value;
use uuid::Uuid;
use webauthn_rs::prelude::{
    Credential, Passkey, PasskeyRegistration, RegisterPublicKeyCredential, WebauthnError,
};

use crate::attestation::{self, Attestation};
use crate::relying_party::{BeginError, Begun, RelyingParty};

/// Who registers.
#[derive(Clone, Copy, Debug)]
pub struct Registrant<'a> {
    /// Names her to the authenticator, which gives the name back when it signs.
    pub user: UserId,
    /// Shown by the authenticator.
    pub username: &'a Username,
    /// Shown by the authenticator.
    pub display_name: &'a Label,
    /// The handles of the credentials that she has: an authenticator registers once.
    pub existing: &'a [Vec<u8>],
}

/// What the browser should offer first. She may take another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authenticator {
    /// Whatever the browser has.
    Any,
    /// Something to plug in or to hold against the reader.
    SecurityKey,
}

/// A credential that may be stored.
#[derive(Clone, Debug)]
pub struct Registered {
    /// The authenticator's name of it.
    pub handle: Vec<u8>,
    /// Whether it can be copied.
    pub kind: CredentialKind,
    /// The model, where the authenticator says so; believed only if `attested`.
    pub aaguid: Option<Uuid>,
    /// Whether the maker vouched for the model.
    pub attested: bool,
    /// What verifies it, in JSON.
    pub public_part: String,
}

/// The credential was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// The answer is not what a browser sends.
    #[error("the answer of the authenticator cannot be read")]
    Malformed(#[source] serde_json::Error),
    /// What we kept of the question cannot be read.
    #[error("the question cannot be read back")]
    State(#[source] serde_json::Error),
    /// See the source.
    #[error("no credential can be registered")]
    Begin(#[from] BeginError),
    /// It did not verify who holds it.
    #[error("the authenticator did not ask for a PIN, a finger or a face")]
    NotVerified,
    /// The policy wants a known model.
    #[error("the authenticator is not of a model that the hospital takes")]
    ModelRefused,
    /// Another answer, another origin, or a wrong signature.
    #[error("the answer of the authenticator does not count")]
    Refused(#[source] WebauthnError),
}

impl RegistrationError {
    fn of(error: WebauthnError) -> Self {
        if matches!(error, WebauthnError::UserNotVerified | WebauthnError::UserNotPresent) {
            Self::NotVerified
        } else {
            Self::Refused(error)
        }
    }
}

impl RelyingParty {
    /// Asks for a discoverable credential that verifies its user.
    pub fn begin_registration(
        &self,
        who: Registrant<'_>,
        authenticator: Authenticator,
    ) -> Result<Begun, BeginError> {
        let exclude = who.existing.to_vec();
        let (options, state) = self.webauthn()?.start_passkey_registration(
            who.user.as_uuid(),
            who.username.as_str(),
            who.display_name.as_str(),
            Some(exclude),
        )?;
        let mut options = serde_json::to_value(options)?;
        let public_key = &mut options["publicKey"];
        // The library only discourages discoverable credentials, and we need nothing else.
        public_key["authenticatorSelection"]["residentKey"] = Value::from("required");
        public_key["authenticatorSelection"]["requireResidentKey"] = Value::from(true);
        public_key["attestation"] = Value::from(self.attestation().conveyance());
        // Keys that always want their PIN cannot be touched to go on after a pause; what a lost one holds they still hide.
        let protection = "userVerificationOptionalWithCredentialIDList";
        public_key["extensions"]["credentialProtectionPolicy"] = Value::from(protection);
        if authenticator == Authenticator::SecurityKey {
            public_key["hints"] = serde_json::json!(["security-key"]);
        }
        Ok(Begun { options, state: serde_json::to_string(&state)? })
    }

    /// Checks the browser's answer (WebAuthn L3 §7.1).
    pub fn finish_registration(
        &self,
        answer: Value,
        state: &str,
    ) -> Result<Registered, RegistrationError> {
        let answer: RegisterPublicKeyCredential =
            serde_json::from_value(answer).map_err(RegistrationError::Malformed)?;
        let state: PasskeyRegistration =
            serde_json::from_str(state).map_err(RegistrationError::State)?;
        let passkey = self.webauthn()?.finish_passkey_registration(&answer, &state);
        let passkey = passkey.map_err(RegistrationError::of)?;
        let credential = Credential::from(passkey);
        if !credential.user_verified {
            return Err(RegistrationError::NotVerified);
        }
        let attested = match self.attestation().as_ref() {
            Attestation::None => false,
            Attestation::Preferred(models) => models.attest(&credential),
            Attestation::Required(models) if models.attest(&credential) => true,
            Attestation::Required(_) => return Err(RegistrationError::ModelRefused),
        };
        let kind = if credential.backup_eligible {
            CredentialKind::Passkey
        } else {
            CredentialKind::SecurityKey
        };
        let handle = credential.cred_id.clone();
        let public_part = serde_json::to_string(&Passkey::from(credential));
        Ok(Registered {
            handle,
            kind,
            aaguid: attestation::aaguid(&answer.response.attestation_object),
            attested,
            public_part: public_part.map_err(RegistrationError::State)?,
        })
    }
}
