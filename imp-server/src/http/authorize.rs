//! The gate before every route: who asks, and whether the policies let her. A route whose operation no policy permits cannot be
//! reached, so that a new one is closed until somebody decides.
use axum::extract::{FromRequestParts as _, MatchedPath, RawPathParams, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use imp_access::{Caller, Circumstances, Decision, Person, Subject, SubjectKind};
use imp_identity::UserId;
use imp_identity::authentication::Aal;
use imp_identity::spiffe::Machine;
use imp_identity::user::User;

use super::refusal::Refusal;
use super::ssf::ReceiverPeer;
use super::{ProblemResponse, caller, limits, problem};
use crate::access::{Route, Scheme};
use crate::app::{self, App};
use crate::command;

/// Lets a request through to its route, or answers why not.
pub(super) async fn authorize(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    let Some(route) = app.gate.route(request.method(), path) else {
        // Asking which methods there are does nothing (RFC 9110 §9.3.7).
        if request.method() == Method::OPTIONS {
            return next.run(request).await;
        }
        tracing::error!(route = path, "a route is not in the contract: refused");
        return problem::ACCESS_REFUSED.says("Nobody may do this.").into_response();
    };
    let (mut parts, body) = request.into_parts();
    let limit = limits::limit_of(&route.operation.id, &app.config);
    let from = limits::neighbourhood(&parts);
    if let Some(limit) = limit
        && let Err(wait) = app.limits.before(limit, from, app.now())
    {
        return wait.answer();
    }
    let response = match permit(&app, route, &mut parts).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(refused) => refused.into_response(),
    };
    if let Some(limit) = limit {
        app.limits.after(limit, from, response.status());
    }
    response
}

async fn permit(app: &App, route: &Route, parts: &mut Parts) -> Result<(), Refusal> {
    let Some(way) = chosen(route, parts) else {
        let (caller, circumstances) = (Caller::Anyone, circumstances(app));
        return Ok(ask(app, route, parts, (caller, circumstances)).await?);
    };
    for scheme in way {
        let who = authenticate(app, *scheme, parts).await?;
        ask(app, route, parts, who).await?;
    }
    Ok(())
}

/// The way that the caller has begun to go: machines show certificates, the others tokens. None: anyone asks.
fn chosen<'a>(route: &'a Route, parts: &Parts) -> Option<&'a Vec<Scheme>> {
    let has_certificate = parts.extensions.get::<caller::PeerCertificate>().is_some();
    let fits = |way: &&Vec<Scheme>| way.contains(&Scheme::Machine) == has_certificate;
    route.ways.iter().find(fits).or_else(|| route.ways.first())
}

/// Who asks by a scheme. What was found stands in the request afterwards.
async fn authenticate(
    app: &App,
    scheme: Scheme,
    parts: &mut Parts,
) -> Result<(Caller, Circumstances), Refusal> {
    let mut circumstances = circumstances(app);
    let caller = match scheme {
        Scheme::Machine => match caller::machine(parts, app).await? {
            Machine::Workstation(id) => Caller::Workstation(id),
            Machine::Phone(id) => Caller::Phone(id),
            Machine::Device(id) => Caller::Device(id),
        },
        Scheme::Person => {
            let person = caller::person(parts, app).await?;
            circumstances.aal = Some(person.proof().aal);
            circumstances.client = person.proof().client;
            Caller::User(known(app, person.user()).await?)
        }
        Scheme::Receiver => {
            let ReceiverPeer(receiver) = ReceiverPeer::authenticate(parts, app).await?;
            let id = receiver.id;
            parts.extensions.insert(ReceiverPeer(receiver));
            Caller::Receiver(id)
        }
        Scheme::Client => caller::application(parts, app).await?,
    };
    Ok((caller, circumstances))
}

fn circumstances(app: &App) -> Circumstances {
    Circumstances { requires_aal2: app.gate.requires_aal2, ..Circumstances::default() }
}

/// Asks the policies, and records that a person was refused.
async fn ask(
    app: &App,
    route: &Route,
    parts: &mut Parts,
    (caller, circumstances): (Caller, Circumstances),
) -> Result<(), ProblemResponse> {
    let subject = subject(app, route, parts).await?;
    let operation = &route.operation.id;
    let decision = app.gate.access.decide(&caller, operation, &subject, &circumstances);
    if decision.allowed {
        return Ok(());
    }
    tracing::info!(operation, policies = ?decision.policies, "refused");
    if let Caller::User(person) = &caller {
        record(app, person.id, operation).await;
    }
    Err(refusal(&caller, &circumstances, decision))
}

fn refusal(caller: &Caller, circumstances: &Circumstances, decision: Decision) -> ProblemResponse {
    if let Some(advice) = decision.advice {
        let is_weak = circumstances.requires_aal2 && circumstances.aal < Some(Aal::Aal2);
        let kind = if is_weak { problem::SIGN_IN_STRONGER } else { problem::ACCESS_REFUSED };
        return kind.says(advice);
    }
    match caller {
        Caller::User(_) => problem::ROLE_INSUFFICIENT.says("You may not do this."),
        Caller::Workstation(_) => problem::MACHINE_WRONG.says("Workstations may not do this."),
        Caller::Phone(_) => problem::MACHINE_WRONG.says("Phones may not do this."),
        Caller::Device(_) => problem::MACHINE_WRONG.says("Devices may not do this."),
        Caller::Receiver(_) | Caller::Client { .. } | Caller::Anyone => {
            problem::ACCESS_REFUSED.says("This is not allowed.")
        }
    }
}

/// A refusal that cannot be recorded is a refusal all the same.
async fn record(app: &App, user: UserId, operation: &str) {
    if !app.gate.refusals.admit(user, operation, app.now()) {
        return;
    }
    let mut rng = app::rng();
    if let Err(error) = command::refuse_access(&mut app.context(&mut rng), user, operation).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, operation, "a refusal was not recorded");
    }
}

/// What the address names.
async fn subject(app: &App, route: &Route, parts: &mut Parts) -> Result<Subject, ProblemResponse> {
    let Some(parameter) = &route.parameter else { return Ok(Subject::Hospital) };
    let parameters = RawPathParams::from_request_parts(parts, app).await;
    let parameters = parameters
        .map_err(|_| problem::PATH_INVALID.says("The address does not name anything."))?;
    let named = parameters.iter().find(|(name, _)| name == parameter);
    let id = named.map_or_else(String::new, |(_, value)| value.to_owned());
    let kind = route.operation.subject;
    if kind == SubjectKind::User
        && let Ok(user) = id.parse::<UserId>()
        && let Some(user) = command::find_user(&app.storage, user).await.map_err(problem::unread)?
    {
        let registered = command::has_credential(&app.storage, user.id).await;
        let registered = Some(registered.map_err(problem::unread)?);
        return Ok(Subject::User(Person { registered, ..known(app, &user).await? }));
    }
    Ok(Subject::Thing { kind, id })
}

/// A person as the policies see her.
async fn known(app: &App, user: &User) -> Result<Person, ProblemResponse> {
    let unit = user.unit.as_ref().map(ToString::to_string);
    let groups = if app.gate.access.reads_groups() {
        command::group_names(&app.storage, user.id).await.map_err(problem::unread)?
    } else {
        vec![]
    };
    Ok(Person { id: user.id, role: user.role, unit, groups, registered: None })
}
