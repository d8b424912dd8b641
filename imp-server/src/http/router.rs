//! The one route table.
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use imp_service::http::{Bounds, ProblemResponse, protected};
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::authorize::authorize;
use super::service::openapi::Security;
use super::settle::settle;
use super::{
    account, acme, admin, audit, break_glass, connection, device, enrolment, log, machine, me,
    notice, oauth, problem, saml, scim, security_key, service, session, sign_in, ssf, streams, tap,
};
use crate::app::App;
use crate::config::seconds;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "IMP identity server",
        description = "Machines show a client certificate; people send a bearer token. Every error is a Problem \
            (RFC 9457) whose type URI is listed in the reference."
    ),
    modifiers(&Security),
    components(schemas(imp_api::Problem))
)]
struct Contract;

/// The largest body that a stranger may send, in bytes: a code and a certificate request.
const STRANGERS_BODY: usize = 32 * 1024;

/// The largest request of an application that speaks SAML, in bytes.
const STRANGERS_SAML: usize = 192 * 1024;

/// The routes that need no more than a one-time code.
fn strangers() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(machine::enrol_workstation::enrol))
        .routes(routes!(machine::bind_phone::bind))
        .routes(routes!(device::enrolment::enrol))
        .routes(routes!(admin::sign_in::sign_in))
        // Whoever has the link from a mail
        .routes(routes!(notice::page::show, notice::page::dispute))
        .layer(DefaultBodyLimit::max(STRANGERS_BODY))
}

/// The routes of desktops' sessions, and of what is handed over to browsers and applications.
fn sessions() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(session::list::list))
        .routes(routes!(session::watch::watch))
        .routes(routes!(session::suspend::suspend))
        .routes(routes!(session::end::end))
        .routes(routes!(session::hand_over::hand_over))
        .routes(routes!(security_key::ask::ask))
        .routes(routes!(security_key::answer::answer))
        .routes(routes!(break_glass::enter::enter, break_glass::list::list))
        .routes(routes!(break_glass::review::review))
}

/// The routes of applications that speak SAML.
fn saml_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(saml::metadata::metadata))
        .routes(routes!(saml::sso::sign_on, saml::sso::post))
        .routes(routes!(saml::resume::resume))
        .routes(routes!(saml::logout::logout))
        .layer(DefaultBodyLimit::max(STRANGERS_SAML))
        .routes(routes!(saml::providers::list, saml::providers::register))
        .routes(routes!(saml::providers::show, saml::providers::change, saml::providers::remove))
}

/// The routes by which auditors review the log.
fn auditors() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(audit::events::search))
        .routes(routes!(audit::stream::stream))
        .routes(routes!(audit::export::export))
        .routes(routes!(audit::proof::proof))
        .routes(routes!(audit::timeline::of_user))
        .routes(routes!(audit::timeline::of_workstation))
        .routes(routes!(audit::list_searches::list, audit::save_search::save))
        .routes(routes!(audit::delete_search::remove))
        .routes(routes!(audit::run_search::run))
        .routes(routes!(audit::list_cases::list, audit::open_case::open))
        .routes(routes!(audit::show_case::show))
        .routes(routes!(audit::assign_case::assign))
        .routes(routes!(audit::comment_case::comment))
        .routes(routes!(audit::close_case::close))
        .routes(routes!(audit::reopen_case::reopen))
}

/// Every route, with its description.
fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Contract::openapi())
        // Workstations
        .routes(routes!(tap::open::open))
        .routes(routes!(tap::submit::submit))
        .routes(routes!(tap::presence::submit))
        .routes(routes!(tap::abandon::abandon_opened))
        .routes(routes!(tap::abandon::abandon))
        .routes(routes!(tap::roster::roster))
        .routes(routes!(tap::journal::reconcile))
        .merge(sessions())
        // Machines
        .routes(routes!(machine::renew::renew))
        .routes(routes!(machine::erase::erase))
        .routes(routes!(machine::revoke_self::revoke))
        .routes(routes!(me::uses::uses))
        .routes(routes!(me::proofs::proof))
        .routes(routes!(notice::list::list))
        .routes(routes!(notice::dispute::dispute))
        // Officers at a workstation
        .routes(routes!(enrolment::open::open))
        .routes(routes!(enrolment::status::status))
        .routes(routes!(enrolment::issue_reference::issue))
        .routes(routes!(enrolment::confirm_reference::confirm))
        // People
        .routes(routes!(admin::list_users::list, admin::create_user::create))
        .routes(routes!(admin::find_user::find))
        .routes(routes!(admin::disable_user::disable, admin::enable_user::enable))
        .routes(routes!(admin::contact_user::contact))
        .routes(routes!(admin::issue_sign_in_code::issue))
        .routes(routes!(admin::groups::list))
        .routes(routes!(admin::groups::show))
        .routes(routes!(admin::groups::units))
        .routes(routes!(admin::list_phones::list))
        .routes(routes!(admin::credentials::list))
        .routes(routes!(admin::credentials::remove))
        .routes(routes!(admin::list_workstations::list, admin::invite_workstation::invite))
        .routes(routes!(admin::place_workstation::place))
        .routes(routes!(admin::revoke_workstation::revoke))
        .routes(routes!(admin::revoke_phone::revoke))
        .routes(routes!(admin::show_policy::show, admin::set_policy::set))
        // Erasing records: administrators ask, auditors decide
        .routes(routes!(log::erasure::request::request, log::erasure::list::list))
        .routes(routes!(log::erasure::approve::approve))
        .routes(routes!(log::erasure::refuse::refuse))
        // Auditors
        .merge(auditors())
        // Anybody: the log shows no personal data
        .routes(routes!(log::checkpoint::checkpoint))
        .routes(routes!(log::cosigned::cosigned))
        .routes(routes!(log::tile::tile))
        .routes(routes!(log::key::key))
        .routes(routes!(log::inclusion::inclusion))
        .routes(routes!(log::consistency::consistency))
        // Streams of events
        .routes(routes!(streams::list::list, streams::create::create))
        .routes(routes!(streams::status::set))
        .routes(routes!(streams::replay::replay))
        .routes(routes!(streams::delete::delete))
        .routes(routes!(streams::receivers::list, streams::receivers::admit))
        .routes(routes!(streams::receivers::dismiss))
        // Receivers of security events
        .routes(routes!(
            ssf::streams::create,
            ssf::streams::read,
            ssf::streams::update,
            ssf::streams::replace,
            ssf::streams::delete
        ))
        .routes(routes!(ssf::status::read, ssf::status::set))
        .routes(routes!(ssf::verify::verify))
        .routes(routes!(ssf::poll::poll))
        // Anybody
        .routes(routes!(ssf::configuration::configuration))
        .routes(routes!(ssf::configuration::jwks))
        .routes(routes!(service::health::healthy))
        .routes(routes!(service::ready::ready))
        .routes(routes!(service::openapi::contract))
        .merge(saml_routes())
        .merge(scim::routes())
        .merge(oauth::routes())
        .merge(device::routes())
        .merge(connection::routes())
        // Devices' own clients
        .merge(acme::routes())
        .merge(strangers())
        // People in browsers
        .merge(sign_in::routes())
        .merge(account::routes())
}

/// The router with everything around it.
pub(crate) fn router(app: App) -> Router {
    let bounds = Bounds {
        body: usize::try_from(app.config.http.largest_body).unwrap_or(usize::MAX),
        time: seconds(app.config.http.request_seconds),
    };
    let settled = from_fn_with_state(app.storage.clone(), settle);
    let (router, _) = routes().split_for_parts();
    let router = router.route_layer(from_fn_with_state(app.clone(), authorize));
    let router = router.fallback(unknown).method_not_allowed_fallback(not_allowed);
    let router = router
        .layer(settled)
        .layer(from_fn(oauth::cors::cors))
        .layer(from_fn(scim::answer::in_scim))
        .with_state(app);
    protected(router, bounds)
}

/// The contract in `OpenAPI` 3.1.
pub(crate) fn contract() -> Document {
    routes().into_openapi()
}

/// The contract as others read it: a parameter that takes the rest of an address is written like every other (`OpenAPI` 3.1
/// §4.8.8), and not in the router's way.
pub(crate) fn published() -> Document {
    let mut document = contract();
    let paths = std::mem::take(&mut document.paths.paths);
    let plain = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item));
    document.paths.paths = plain.collect();
    document
}

async fn unknown() -> ProblemResponse {
    problem::ROUTE_UNKNOWN.says("There is nothing at this address.")
}

async fn not_allowed() -> ProblemResponse {
    problem::METHOD_NOT_ALLOWED.says("This address does not know this method.")
}
