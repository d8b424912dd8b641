//! Who asks: a machine, by the certificate of the connection and what the database says of it; or a person, by her token.
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use imp_authenticator::Peer;
use imp_identity::phone::Phone;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::user::{Role, User};
use imp_identity::workstation::Workstation;
use imp_identity::{Actor, UserId};
use jiff::Timestamp;

use super::{ProblemResponse, problem};
use crate::app::App;
use crate::command::{self, AuthenticateMachineError};

/// The verified client certificate of a connection. The listener puts it in each of its requests.
#[derive(Clone, Debug)]
pub(crate) struct PeerCertificate {
    pub(crate) peer: Peer,
    /// First instant at which it no longer counts; connections may outlive it.
    pub(crate) expires_at: Timestamp,
}

/// An enrolled workstation.
pub(crate) struct WorkstationPeer(pub(crate) Workstation);

/// A bound phone.
pub(crate) struct PhonePeer(pub(crate) Phone);

/// An enrolled workstation or a bound phone.
pub(crate) struct MachinePeer {
    pub(crate) spiffe_id: SpiffeId,
    /// A P-256 `SubjectPublicKeyInfo` in DER: the key that it enrolled with.
    pub(crate) public_key: Vec<u8>,
}

/// An active user with a valid token, whatever her role.
pub(crate) struct Person(User);

/// An active user who manages users, workstations and policies.
pub(crate) struct Administrator(UserId);

/// An active user who enrols others: officers and administrators.
pub(crate) struct Officer(UserId);

/// An active user who may read and review the event log: auditors, and nobody else. Who runs the hospital's identities
/// does not look into what people did with them, and the other way round.
pub(crate) struct Reader(UserId);

/// An active user who asks for erasures of records, or decides them.
pub(crate) struct ErasureParty(());

/// An active user who may read the policy: those who make it, and those who judge by it.
pub(crate) struct PolicyReader(());

impl MachinePeer {
    /// As the cause of events.
    pub(crate) fn actor(&self) -> Actor {
        match self.spiffe_id.machine {
            Machine::Workstation(id) => Actor::Workstation(id),
            Machine::Phone(id) => Actor::Phone(id),
        }
    }
}

impl Administrator {
    /// As the cause of events.
    pub(crate) const fn actor(&self) -> Actor {
        Actor::User(self.0)
    }
}

impl Officer {
    /// Who she is.
    pub(crate) const fn id(&self) -> UserId {
        self.0
    }

    /// As the cause of events.
    pub(crate) const fn actor(&self) -> Actor {
        Actor::User(self.0)
    }
}

impl Reader {
    /// Who she is.
    pub(crate) const fn id(&self) -> UserId {
        self.0
    }

    /// As the cause of events.
    pub(crate) const fn actor(&self) -> Actor {
        Actor::User(self.0)
    }
}

impl FromRequestParts<App> for WorkstationPeer {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let peer = peer(parts, app)?;
        let Machine::Workstation(id) = peer.spiffe_id.machine else {
            return Err(problem::MACHINE_WRONG.says("This is for workstations only."));
        };
        let found = command::authenticate_workstation(&app.storage, id, &peer.public_key).await;
        Ok(Self(found?))
    }
}

impl FromRequestParts<App> for PhonePeer {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let peer = peer(parts, app)?;
        let Machine::Phone(id) = peer.spiffe_id.machine else {
            return Err(problem::MACHINE_WRONG.says("This is for phones only."));
        };
        let found = command::authenticate_phone(&app.storage, id, &peer.public_key).await;
        Ok(Self(found?))
    }
}

impl FromRequestParts<App> for MachinePeer {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let Peer { spiffe_id, public_key } = peer(parts, app)?.clone();
        match spiffe_id.machine {
            Machine::Workstation(id) => {
                command::authenticate_workstation(&app.storage, id, &public_key).await?;
            }
            Machine::Phone(id) => {
                command::authenticate_phone(&app.storage, id, &public_key).await?;
            }
        }
        Ok(Self { spiffe_id, public_key })
    }
}

impl FromRequestParts<App> for Person {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let required = || problem::SIGN_IN_REQUIRED.says("Sign in first.");
        let token = bearer(parts).ok_or_else(required)?;
        let user = command::authenticate_token(&app.storage, token, app.now()).await;
        let user = user.map_err(problem::unread)?.filter(User::is_active);
        user.map(Self).ok_or_else(required)
    }
}

/// Lets some roles through.
macro_rules! role {
    ($type:ident, $($role:ident)|+, |$user:ident| $value:expr, $refused:literal) => {
        impl FromRequestParts<App> for $type {
            type Rejection = ProblemResponse;

            async fn from_request_parts(
                parts: &mut Parts,
                app: &App,
            ) -> Result<Self, ProblemResponse> {
                let Person($user) = Person::from_request_parts(parts, app).await?;
                if matches!($user.role, $(Role::$role)|+) {
                    Ok(Self($value))
                } else {
                    Err(problem::ROLE_INSUFFICIENT.says($refused))
                }
            }
        }
    };
}
role!(Administrator, Administrator, |user| user.id, "Only an administrator may do this.");
role!(Officer, Officer | Administrator, |user| user.id, "Only an officer may do this.");
role!(Reader, Auditor, |user| user.id, "Only an auditor may read the event log.");
role!(
    ErasureParty,
    Auditor | Administrator,
    |user| (),
    "Only an administrator or auditor may do this."
);
role!(
    PolicyReader,
    Auditor | Administrator,
    |user| (),
    "Only an auditor or administrator may do this."
);

/// The peer of the connection, if its certificate counts now.
fn peer<'a>(parts: &'a Parts, app: &App) -> Result<&'a Peer, ProblemResponse> {
    let Some(certificate) = parts.extensions.get::<PeerCertificate>() else {
        let title = "This is for machines: a client certificate is needed.";
        return Err(problem::CERTIFICATE_REQUIRED.says(title));
    };
    if certificate.expires_at <= app.now() {
        return Err(problem::CERTIFICATE_EXPIRED.says("The client certificate has expired."));
    }
    if certificate.peer.spiffe_id.trust_domain != *app.keys.trust_domain() {
        let title = "The client certificate belongs to another installation.";
        return Err(problem::MACHINE_WRONG.says(title));
    }
    Ok(&certificate.peer)
}

/// The token of `Authorization: Bearer` (RFC 6750 §2.1).
pub(super) fn bearer(parts: &Parts) -> Option<&str> {
    let (scheme, token) = parts.headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

impl From<AuthenticateMachineError> for ProblemResponse {
    fn from(error: AuthenticateMachineError) -> Self {
        match &error {
            AuthenticateMachineError::Unknown => problem::MACHINE_UNKNOWN.because(&error),
            AuthenticateMachineError::Revoked => problem::MACHINE_REVOKED.because(&error),
            AuthenticateMachineError::OtherKey => problem::MACHINE_OTHER_KEY.because(&error),
            AuthenticateMachineError::Storage(source) => problem::storage(&error, source),
        }
    }
}
