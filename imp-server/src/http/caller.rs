//! Who asks. Before a route is reached, [`super::authorize`] has found out who it is and has asked the policies; what it found
//! stands in the request, and handlers take it from there.
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use imp_access::Caller;
use imp_authenticator::Peer;
use imp_identity::authentication::{Aal, Authentication, Method};
use imp_identity::device::Device;
use imp_identity::phone::Phone;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::user::User;
use imp_identity::workstation::Workstation;
use imp_identity::{Actor, ClientId, SignOnId, UserId};
use jiff::Timestamp;

use super::oauth::access_token::{TokenCaller, authenticate_access_token};
use super::refusal::Refusal;
use super::sign_in::cookie::BrowserSignOn;
use super::{ProblemResponse, origin, problem};
use crate::app::App;
use crate::command::{self, AuthenticateMachineError};

/// The verified client certificate of a connection. The listener puts it in each of its requests.
#[derive(Clone, Debug)]
pub(crate) struct PeerCertificate {
    pub(crate) peer: Peer,
    /// What tokens and registrations compare of it (RFC 8705).
    pub(crate) certificate: imp_oauth::mtls::Certificate,
    /// Its serial number.
    pub(crate) serial: String,
    /// First instant at which it no longer counts; connections may outlive it.
    pub(crate) expires_at: Timestamp,
}

/// With this scope an application may use this contract in a person's name.
const SCOPE: &str = "imp";

/// An enrolled workstation.
#[derive(Clone)]
pub(crate) struct WorkstationPeer(pub(crate) Workstation);

/// A bound phone.
#[derive(Clone)]
pub(crate) struct PhonePeer(pub(crate) Phone);

/// A device in use, by a certificate that counts.
#[derive(Clone)]
pub(crate) struct DevicePeer(pub(crate) Device);

/// An enrolled workstation, a bound phone, or a device in use.
#[derive(Clone)]
pub(crate) struct MachinePeer {
    pub(crate) spiffe_id: SpiffeId,
    /// A `SubjectPublicKeyInfo` in DER: of workstations and phones, the key that they enrolled with.
    pub(crate) public_key: Vec<u8>,
}

/// An active user whom the policies let do what she asks.
#[derive(Clone)]
pub(crate) struct Person {
    user: User,
    proof: Proof,
}

/// By what a person showed that it is she.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    /// How surely.
    pub(crate) aal: Aal,
    /// The application that asks in her name.
    pub(crate) client: Option<ClientId>,
    /// The browser that asks.
    pub(crate) sign_on: Option<SignOnId>,
}

/// A person; the policies say who manages.
pub(crate) type Administrator = Person;
/// A person; the policies say who enrols.
pub(crate) type Officer = Person;
/// A person; the policies say who reviews.
pub(crate) type Reader = Person;
/// A person; the policies say who erases.
pub(crate) type ErasureParty = Person;
/// A person; the policies say who reads the policy.
pub(crate) type PolicyReader = Person;

impl Proof {
    /// A token that was given for a one-time code: one factor.
    const CODE: Self = Self { aal: Aal::Aal1, client: None, sign_on: None };
}

impl MachinePeer {
    /// As the cause of events.
    pub(crate) fn actor(&self) -> Actor {
        match self.spiffe_id.machine {
            Machine::Workstation(id) => Actor::Workstation(id),
            Machine::Phone(id) => Actor::Phone(id),
            Machine::Device(id) => Actor::Device(id),
        }
    }
}

impl Person {
    /// Who she is.
    pub(crate) const fn id(&self) -> UserId {
        self.user.id
    }

    /// As the cause of events.
    pub(crate) const fn actor(&self) -> Actor {
        Actor::User(self.user.id)
    }

    /// What is known of her.
    pub(crate) const fn user(&self) -> &User {
        &self.user
    }

    /// By what she showed that it is she.
    pub(crate) const fn proof(&self) -> Proof {
        self.proof
    }
}

/// Takes from the request what stands there since the policies were asked.
macro_rules! found {
    ($($type:ident, $problem:expr;)+) => {
        $(impl FromRequestParts<App> for $type {
            type Rejection = ProblemResponse;

            async fn from_request_parts(
                parts: &mut Parts,
                _app: &App,
            ) -> Result<Self, ProblemResponse> {
                parts.extensions.get::<Self>().cloned().ok_or_else(|| $problem)
            }
        })+
    };
}
found! {
    WorkstationPeer, problem::MACHINE_WRONG.says("This is for workstations only.");
    PhonePeer, problem::MACHINE_WRONG.says("This is for phones only.");
    DevicePeer, problem::MACHINE_WRONG.says("This is for devices only.");
    MachinePeer, problem::CERTIFICATE_REQUIRED.says("A client certificate is needed.");
    Person, problem::SIGN_IN_REQUIRED.says("Sign in first.");
}

/// The enrolled machine at the other end, whatever it is. It is put into the request.
pub(super) async fn machine(parts: &mut Parts, app: &App) -> Result<Machine, ProblemResponse> {
    let Peer { spiffe_id, public_key } = peer(parts, app)?.clone();
    let machine = spiffe_id.machine;
    match machine {
        Machine::Workstation(id) => {
            let found = command::authenticate_workstation(&app.storage, id, &public_key).await?;
            parts.extensions.insert(WorkstationPeer(found));
        }
        Machine::Phone(id) => {
            let found = command::authenticate_phone(&app.storage, id, &public_key).await?;
            parts.extensions.insert(PhonePeer(found));
        }
        Machine::Device(id) => {
            let shown = parts.extensions.get::<PeerCertificate>();
            let serial = shown.map(|it| it.serial.clone()).unwrap_or_default();
            let storage = &app.storage;
            let found = command::authenticate_device(storage, id, &public_key, &serial).await?;
            parts.extensions.insert(DevicePeer(found));
        }
    }
    parts.extensions.insert(MachinePeer { spiffe_id, public_key });
    Ok(machine)
}

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

/// The person whose token or browser asks. She is put into the request.
pub(super) async fn person(parts: &mut Parts, app: &App) -> Result<Person, Refusal> {
    let found = match bearer(parts) {
        Some(token) if !token.contains('.') => by_token(token, app).await?,
        _ if parts.headers.contains_key(AUTHORIZATION) => by_application(parts, app).await?,
        _ => by_browser(parts, app).await?,
    };
    let person = found.filter(|person| person.user.is_active());
    let person = person.ok_or_else(|| problem::SIGN_IN_REQUIRED.says("Sign in first."))?;
    parts.extensions.insert(person.clone());
    Ok(person)
}

async fn by_token(token: &str, app: &App) -> Result<Option<Person>, ProblemResponse> {
    let user = command::authenticate_token(&app.storage, token, app.now()).await;
    Ok(user.map_err(problem::unread)?.map(|user| Person { user, proof: Proof::CODE }))
}

/// By an access token that an application has in her name, if it is for this server's own contract.
async fn by_application(parts: &Parts, app: &App) -> Result<Option<Person>, Refusal> {
    let TokenCaller { client, user, scope, authentication, .. } =
        authenticate_access_token(app, parts).await?;
    let (Some(user), Some(authentication)) = (user, authentication) else { return Ok(None) };
    if !scope.contains(SCOPE) {
        let title =
            "The access token lacks the scope imp, or a key that this server wants with it.";
        return Err(problem::ACCESS_REFUSED.says(title).into());
    }
    known(&authentication)?;
    let proof = Proof { aal: authentication.aal, client: Some(client), sign_on: None };
    Ok(Some(Person { user, proof }))
}

/// Who came in by an emergency has shown nothing of herself: she is a person to applications, and never to this contract.
fn known(authentication: &Authentication) -> Result<(), ProblemResponse> {
    if authentication.methods.contains(&Method::BreakGlass) {
        let title = "An emergency is no sign-in for this: use your passkey or your phone.";
        return Err(problem::SIGN_IN_STRONGER.says(title));
    }
    Ok(())
}

/// An application in its own name, by its access token. It is put into the request.
pub(super) async fn application(parts: &mut Parts, app: &App) -> Result<Caller, Refusal> {
    let token = authenticate_access_token(app, parts).await?;
    if token.user.is_some() {
        let title = "This is for applications in their own names.";
        return Err(problem::ACCESS_REFUSED.says(title).into());
    }
    let scopes = token.scope.tokens().map(ToOwned::to_owned).collect();
    let caller = Caller::Client { id: token.client, scopes };
    parts.extensions.insert(token);
    Ok(caller)
}

/// By the cookie of her browser, when a script of our own pages asks.
async fn by_browser(parts: &mut Parts, app: &App) -> Result<Option<Person>, ProblemResponse> {
    if !origin::is_own_script(&parts.method, &parts.headers, &app.issuer) {
        return Ok(None);
    }
    let BrowserSignOn(found) = BrowserSignOn::from_request_parts(parts, app).await?;
    let Some((sign_on, user)) = found else { return Ok(None) };
    known(&sign_on.authentication)?;
    let (aal, sign_on) = (sign_on.authentication.aal, Some(sign_on.id));
    Ok(Some(Person { user, proof: Proof { aal, client: None, sign_on } }))
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
