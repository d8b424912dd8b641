//! Authenticating by a credential.
use data_encoding::BASE64URL_NOPAD;
use imp_identity::UserId;
use imp_identity::authentication::{Aal, Authentication, Method, SignInRefusal};
use imp_identity::credential::{Credential, CredentialKind};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;
use webauthn_rs::prelude::{
    AuthenticationResult, Credential as Verifier, DiscoverableAuthentication, Passkey,
    PublicKeyCredential, WebauthnError,
};

use crate::relying_party::{BeginError, Begun, RelyingParty};

/// How the browser asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mediation {
    /// In a dialogue, at once.
    Modal,
    /// Beside an input, when she goes there (conditional mediation, WebAuthn L3 §5.1.4).
    Conditional,
}

/// A browser's answer, of which only the form is certain.
#[derive(Debug)]
pub struct Assertion(PublicKeyCredential);

/// The answer is not what a browser sends.
#[derive(Debug, thiserror::Error)]
#[error("the answer of the authenticator cannot be read")]
pub struct InvalidAnswer(#[source] serde_json::Error);

/// Somebody was authenticated.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// How.
    pub authentication: Authentication,
    /// What verifies the credential from now on, in JSON: its counter moves.
    pub public_part: String,
}

/// Somebody touched a security key; by whom was not verified.
#[derive(Clone, Debug)]
pub struct Touched {
    /// What was shown.
    pub methods: Vec<Method>,
    /// What verifies the credential from now on, in JSON: its counter moves.
    pub public_part: String,
}

/// Nobody was authenticated.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    /// What we kept cannot be read.
    #[error("the question or the credential cannot be read back")]
    State(#[source] serde_json::Error),
    /// See the source.
    #[error("nobody can be authenticated")]
    Begin(#[from] BeginError),
    /// The authenticator says that the credential is somebody else's.
    #[error("the credential is registered for somebody else")]
    OtherUser,
    /// It did not verify who holds it.
    #[error("the authenticator did not ask for a PIN, a finger or a face")]
    NotVerified,
    /// The counter did not grow: there may be a copy (WebAuthn L3 §6.1.1).
    #[error("the authenticator's counter went backwards: it may have been copied")]
    Counter,
    /// Another question, another origin, or a wrong signature.
    #[error("the answer of the authenticator does not count")]
    Refused(#[source] WebauthnError),
}

impl Assertion {
    /// Reads what `navigator.credentials.get` gave (WebAuthn L3 §5.1.7, `toJSON`).
    pub fn read(answer: Value) -> Result<Self, InvalidAnswer> {
        serde_json::from_value(answer).map(Self).map_err(InvalidAnswer)
    }

    /// The authenticator's name of the credential.
    pub fn handle(&self) -> &[u8] {
        self.0.get_credential_id()
    }

    /// Whose the authenticator says it is.
    pub fn user(&self) -> Option<UserId> {
        let handle = self.0.get_user_unique_id()?;
        Uuid::from_slice(handle).ok().map(UserId::from)
    }
}

impl AuthenticationError {
    fn of(error: WebauthnError) -> Self {
        if matches!(error, WebauthnError::UserNotVerified | WebauthnError::UserNotPresent) {
            Self::NotVerified
        } else if matches!(error, WebauthnError::CredentialPossibleCompromise) {
            Self::Counter
        } else {
            Self::Refused(error)
        }
    }

    /// The code for the log.
    pub const fn refusal(&self) -> SignInRefusal {
        match self {
            Self::OtherUser => SignInRefusal::Unknown,
            Self::NotVerified => SignInRefusal::NotVerified,
            Self::Counter => SignInRefusal::Counter,
            Self::State(_) | Self::Begin(_) | Self::Refused(_) => SignInRefusal::Signature,
        }
    }
}

impl RelyingParty {
    /// Asks for any of our credentials.
    pub fn begin_authentication(&self, mediation: Mediation) -> Result<Begun, BeginError> {
        let (mut options, state) = self.webauthn()?.start_discoverable_authentication()?;
        if mediation == Mediation::Modal {
            options.mediation = None;
        }
        let options = serde_json::to_value(options)?;
        Ok(Begun { options, state: serde_json::to_string(&state)? })
    }

    /// Checks the browser's answer with the credential that it names (WebAuthn L3 §7.2).
    pub fn finish_authentication(
        &self,
        answer: &Assertion,
        state: &str,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<Authenticated, AuthenticationError> {
        let state: DiscoverableAuthentication =
            serde_json::from_str(state).map_err(AuthenticationError::State)?;
        let mut passkey: Passkey =
            serde_json::from_str(&credential.public_part).map_err(AuthenticationError::State)?;
        if answer.user() != Some(credential.user) {
            return Err(AuthenticationError::OtherUser);
        }
        let result =
            self.webauthn()?.finish_discoverable_authentication_v2(&answer.0, state, &passkey);
        let result = result.map_err(AuthenticationError::of)?;
        if !result.user_verified() {
            return Err(AuthenticationError::NotVerified);
        }
        let public_part = moved(&mut passkey, &result)?;
        let authentication = means(credential.kind, credential.attested, now);
        Ok(Authenticated { authentication, public_part })
    }

    /// Asks for a touch of one of these keys: its user is not verified. The keys are named, because one that protects its
    /// credentials does not find them otherwise (CTAP 2.1 §12.1, `userVerificationOptionalWithCredentialIDList`).
    pub fn begin_touch(&self, credentials: &[Credential]) -> Result<Begun, BeginError> {
        let Begun { mut options, state } = self.begin_authentication(Mediation::Modal)?;
        let allowed: Vec<_> = credentials
            .iter()
            .map(|key| json!({ "type": "public-key", "id": BASE64URL_NOPAD.encode(&key.handle) }))
            .collect();
        options["publicKey"]["allowCredentials"] = Value::from(allowed);
        options["publicKey"]["userVerification"] = Value::from("discouraged");
        let mut state: Value = serde_json::from_str(&state)?;
        // The library has no ceremony of this kind; its verification has.
        state["ast"]["policy"] = Value::from("discouraged");
        Ok(Begun { options, state: state.to_string() })
    }

    /// Checks the answer to [`RelyingParty::begin_touch`]: somebody was present (WebAuthn L3 §7.2, step 16).
    pub fn finish_touch(
        &self,
        answer: &Assertion,
        state: &str,
        credential: &Credential,
    ) -> Result<Touched, AuthenticationError> {
        let state: DiscoverableAuthentication =
            serde_json::from_str(state).map_err(AuthenticationError::State)?;
        let mut passkey: Passkey =
            serde_json::from_str(&credential.public_part).map_err(AuthenticationError::State)?;
        // A key that was named need not name its user (WebAuthn L3 §6.3.3).
        if answer.user().is_some_and(|user| user != credential.user) {
            return Err(AuthenticationError::OtherUser);
        }
        let mut verifier = Verifier::from(passkey.clone());
        // It was registered with verification, and here it need not verify.
        verifier.registration_policy = policy_of_touches()?;
        let result =
            self.webauthn()?.finish_discoverable_authentication_v2(&answer.0, state, verifier);
        let result = result.map_err(AuthenticationError::of)?;
        let public_part = moved(&mut passkey, &result)?;
        let methods = vec![key_method(credential.kind, credential.attested), Method::Presence];
        Ok(Touched { methods, public_part })
    }
}

/// The library's word for "need not verify", which it does not export.
fn policy_of_touches<T: serde::de::DeserializeOwned>() -> Result<T, AuthenticationError> {
    serde_json::from_value(Value::from("discouraged")).map_err(AuthenticationError::State)
}

/// What verifies the credential after this.
fn moved(
    passkey: &mut Passkey,
    result: &AuthenticationResult,
) -> Result<String, AuthenticationError> {
    passkey.update_credential(result);
    serde_json::to_string(passkey).map_err(AuthenticationError::State)
}

/// What the key is: hardware only if its maker vouched for it.
fn key_method(kind: CredentialKind, attested: bool) -> Method {
    let hardware = attested && kind == CredentialKind::SecurityKey;
    if hardware { Method::HardwareKey } else { Method::SoftwareKey }
}

/// What an authentication with a verified user is: a key is called hardware only if its maker vouched for it, and only such
/// a key that cannot be copied is AAL3 (SP 800-63B-4 §2.3, §3.1.7; for those that can, appendix B).
fn means(kind: CredentialKind, attested: bool, now: Timestamp) -> Authentication {
    let key = key_method(kind, attested);
    let aal = if key == Method::HardwareKey { Aal::Aal3 } else { Aal::Aal2 };
    Authentication::new(now, vec![key, Method::Presence, Method::Pin], aal).resisting_phishing()
}
