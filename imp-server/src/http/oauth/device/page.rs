//! `/device`: somebody enters the code that a device shows, signs in, and agrees.
use axum::extract::{Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;
use imp_identity::sign_on::{Requirements, SignOn};
use imp_identity::user::User;
use imp_identity::{Actor, ClientId};
use imp_oauth::device::UserCode;
use imp_oauth::scope::OFFLINE_ACCESS;

use crate::app::{self, App};
use crate::command::{self, InteractionFailure, NewGrant, NewInteraction};
use crate::http::oauth::body::{FormBody, query};
use crate::http::oauth::page;
use crate::http::oauth::refused::{Refused, failed};
use crate::http::oauth::resume::{Resumed, take};
use crate::http::origin;
use crate::http::sign_in::cookie;
use crate::http::sign_in::page::DEVICE;
use crate::store::{DeviceCode, DeviceState, Tables as _, Wishes};

/// Where a browser goes on after its interaction.
const CONTINUE: &str = "/device/continue";

const UNKNOWN: &str = "No device shows this code, or no longer. Look again at what it shows.";
const ELSEWHERE: &str = "The code was not entered on this page. Enter it here.";
const TOO_OFTEN: &str = "Too many wrong codes came from here. Wait a minute.";

/// Asks for the code that a device shows.
#[utoipa::path(
    get, path = "/device", tag = "oauth", operation_id = "device_page",
    responses((status = 200, description = "a page", content_type = "text/html", body = String))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn show(uri: Uri) -> Response {
    // A code in the address only fills the field: somebody else may have sent the link (RFC 8628 §5.4).
    let code = query(&uri).ok().and_then(|form| UserCode::read(form.get("user_code")?));
    page::device(None, &code.map(|code| code.to_string()).unwrap_or_default(), true)
}

/// Takes the code, and sends the browser to sign in and agree.
#[utoipa::path(
    post, path = "/device", tag = "oauth", operation_id = "enter_device_code",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "a page that asks again", content_type = "text/html", body = String),
        (status = 303, description = "to sign in"),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn answer(
    State(app): State<App>,
    parts: Parts,
    FormBody(form): FormBody,
) -> Response {
    // A page of somebody else must not enter his code in her browser (RFC 8628 §5.4).
    if !origin::is_own(&parts.headers, &app.issuer) {
        return page::device(Some(ELSEWHERE), "", true);
    }
    let typed = form.get("user_code").unwrap_or_default();
    // Codes are short, so that few may be tried from one place, whatever they are.
    if app.limits.may_try("device", &parts, app.now()).is_err() {
        return page::device(Some(TOO_OFTEN), "", true);
    }
    match ask(&app, typed).await {
        Ok(Some(response)) => response,
        Ok(None) => {
            app.limits.failed("device", &parts, app.now());
            page::device(Some(UNKNOWN), "", true)
        }
        Err(refused) => page::refused_with(refused),
    }
}

async fn ask(app: &App, typed: &str) -> Result<Option<Response>, Refused> {
    let Some(code) = UserCode::read(typed) else { return Ok(None) };
    let device = command::waiting_device(&app.storage, &code, app.now()).await?;
    let Some(device) = device else { return Ok(None) };
    let Some(client) = app.oauth.client(&app.storage, device.client).await? else {
        return Ok(None);
    };
    let name = client.metadata.name.parse().map_err(|error| failed(&error, false))?;
    let new = NewInteraction {
        continue_at: CONTINUE,
        request: code.letters().to_owned(),
        requirements: Requirements {
            aal: None,
            phishing_resistant: false,
            max_age: None,
            force: false,
            hint: None,
            // Always, and with what the device shows: who has it is not who sits here (RFC 8628 §5.4).
            consent: Some(
                std::iter::once(format!("{DEVICE}{code}"))
                    .chain(device.scope.tokens().map(str::to_owned))
                    .collect(),
            ),
            client_name: name,
        },
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let (id, binding) = command::open_interaction(context, new).await?;
    let mut response = page::see_other(&format!("/sign-in?interaction={id}"));
    response.headers_mut().append(header::SET_COOKIE, cookie::interaction(id, &binding));
    Ok(Some(response))
}

/// Goes on where a device's code was left to sign in.
#[utoipa::path(
    get, path = "/device/continue", tag = "oauth", operation_id = "device_continue", params(Resumed),
    responses((status = 200, description = "a page says what came of it", content_type = "text/html", body = String))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn resume(
    State(app): State<App>,
    headers: HeaderMap,
    resumed: Result<Query<Resumed>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Query(Resumed { interaction })) = resumed else {
        return page::device(Some(UNKNOWN), "", true);
    };
    let taken = match take(&app, &headers, interaction, CONTINUE).await {
        Ok(taken) => taken,
        Err(response) => return *response,
    };
    let agreed = taken.failed.is_none() && taken.consented;
    let said = match (&taken.sign_on, taken.failed) {
        (Some((sign_on, user)), None) if agreed => allow(&app, &taken.request, sign_on, user).await,
        (_, Some(InteractionFailure::Unmet | InteractionFailure::Cancelled) | None) => {
            Ok("Nothing was allowed. The device waits until its code expires.")
        }
        (_, Some(InteractionFailure::Declined)) => refuse(&app, &taken.request).await,
    };
    let mut response = match said {
        Ok(said) => page::device(Some(said), "", false),
        Err(refused) => page::refused_with(refused),
    };
    response.headers_mut().append(header::SET_COOKIE, cookie::forget_interaction(interaction));
    response
}

async fn waiting(app: &App, letters: &str) -> Result<Option<DeviceCode>, Refused> {
    let Some(code) = UserCode::read(letters) else { return Ok(None) };
    Ok(command::waiting_device(&app.storage, &code, app.now()).await?)
}

async fn allow(
    app: &App,
    letters: &str,
    sign_on: &SignOn,
    user: &User,
) -> Result<&'static str, Refused> {
    let Some(device) = waiting(app, letters).await? else { return Ok(UNKNOWN) };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let mut transaction = app.storage.begin().await?;
    if !command::sign_on_counts(&mut transaction, sign_on.id, app.now()).await? {
        return Ok("You were signed out. Begin again.");
    }
    let new = new_grant(app, &device, sign_on, user.id);
    let actor = Actor::User(user.id);
    let grant = command::make_grant(context, &mut transaction, &actor, new).await?;
    let to = DeviceState::Granted(grant.id);
    if !transaction.oauth().move_device(device.digest, DeviceState::Waiting, to).await? {
        return Ok(UNKNOWN);
    }
    transaction.commit().await?;
    Ok("The device is signed on. You may close this page.")
}

/// A device is not in this browser: what it is granted lives on when the browser signs out, as long as its scope lets it.
fn new_grant(
    app: &App,
    device: &DeviceCode,
    sign_on: &SignOn,
    user: imp_identity::UserId,
) -> NewGrant {
    let offline = device.scope.contains(OFFLINE_ACCESS);
    let client: ClientId = device.client;
    NewGrant {
        client,
        user,
        sign_on: None,
        session: None,
        workstation: sign_on.workstation,
        scope: device.scope.clone(),
        authentication: sign_on.authentication.clone(),
        wishes: Wishes { resources: device.resources.clone(), ..Wishes::default() },
        offline,
        expires_at: app.now() + app.config.oauth.longest_grant(offline),
    }
}

async fn refuse(app: &App, letters: &str) -> Result<&'static str, Refused> {
    let Some(device) = waiting(app, letters).await? else { return Ok(UNKNOWN) };
    let (from, to) = (DeviceState::Waiting, DeviceState::Refused);
    let mut transaction = app.storage.begin().await?;
    transaction.oauth().move_device(device.digest, from, to).await?;
    transaction.commit().await?;
    Ok("The device was refused.")
}
