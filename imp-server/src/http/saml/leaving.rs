//! Signing out at applications that only a browser can tell (saml-profiles-2.0-os §4.4.3.2, HTTP-Redirect): it is sent to one
//! after the other, and then where it was going. A cookie says where it is on its way; only the server can have made it.
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use data_encoding::BASE64URL_NOPAD;
use imp_identity::{ClientId, SignOnId};
use imp_saml::{NameId, RedirectMessage, SignedOut, is_signed_out};
use serde::{Deserialize, Serialize};

use super::see_other;
use crate::app::{self, App};
use crate::command::{self, Told};
use crate::http::sign_in::cookie;
use crate::http::{ProblemResponse, problem};

/// The longest address that a cookie can carry; a browser that is going further is not led.
const LONGEST: usize = 2800;

/// Where a browser is on its way.
#[derive(Debug, Serialize, Deserialize)]
struct Way {
    /// What ended.
    sign_on: SignOnId,
    /// The application that was asked last.
    asked: Option<(ClientId, String)>,
    /// Where it goes afterwards.
    then: Option<String>,
}

/// Sends a browser whose sign-on has just ended to the first application that only it can tell, and says that it is on its way to
/// `then`; `None` if there is no such application.
pub(crate) async fn lead(
    app: &App,
    sign_on: SignOnId,
    then: Option<&str>,
) -> Result<Option<Response>, ProblemResponse> {
    if then.is_some_and(|then| then.len() > LONGEST) {
        return Ok(None);
    }
    go_on(app, Way { sign_on, asked: None, then: then.map(str::to_owned) }).await
}

/// Takes what an application answered, and sends the browser on.
pub(super) async fn answered(
    app: &App,
    headers: &HeaderMap,
    message: &RedirectMessage,
) -> Result<Option<Response>, ProblemResponse> {
    let Some(way) = cookie::leaving(headers).and_then(|text| open(app, text)) else {
        return Ok(None);
    };
    if let Some((client, id)) = &way.asked {
        let found = command::service_provider(&app.storage, *client).await;
        if let Some(found) = found.map_err(problem::unread)? {
            let told = match is_signed_out(message, &found.provider, id) {
                Ok(()) => Told::Yes,
                Err(error) => {
                    let error = &error as &(dyn std::error::Error + 'static);
                    tracing::warn!(%client, error, "an application did not sign a user out");
                    Told::No
                }
            };
            let mut rng = app::rng();
            let context = &mut app.context(&mut rng);
            let written = command::record_logout(context, (way.sign_on, *client), told).await;
            written.map_err(problem::unread)?;
        }
    }
    let then = way.then.clone();
    let way = Way { asked: None, ..way };
    if let Some(response) = go_on(app, way).await? {
        return Ok(Some(response));
    }
    let mut response = see_other(then.as_deref().unwrap_or("/sign-out"))?;
    forget(&mut response);
    Ok(Some(response))
}

/// To the next application.
async fn go_on(app: &App, mut way: Way) -> Result<Option<Response>, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let next = command::next_to_leave(context, way.sign_on).await.map_err(problem::unread)?;
    let Some((found, known)) = next else { return Ok(None) };
    let provider = &found.provider;
    let (Some(destination), Some(format)) = (provider.redirect_logout.as_deref(), known.format)
    else {
        return Ok(None);
    };
    let name_id = NameId { format, value: known.subject };
    let whom = SignedOut {
        application: &provider.entity_id,
        destination,
        name_id: &name_id,
        session_index: &known.session,
    };
    let mut rng = app::rng();
    let ours = super::provider(app, &mut rng)?;
    let question = ours.sign_out_by_redirect(&whom, None, app.now(), &mut rng);
    let question = question.map_err(|error| problem::internal(&error))?;
    way.asked = Some((found.stored.id, question.id));
    let mut response = see_other(&question.text)?;
    let sealed = seal(app, &way).map_err(|error| problem::internal(&error))?;
    response.headers_mut().append(header::SET_COOKIE, cookie::lead(&sealed));
    Ok(Some(response))
}

fn forget(response: &mut Response) {
    let cookie: HeaderValue = cookie::forget_leaving();
    response.headers_mut().append(header::SET_COOKIE, cookie);
}

fn seal(app: &App, way: &Way) -> Result<String, serde_json::Error> {
    let text = BASE64URL_NOPAD.encode(&serde_json::to_vec(way)?);
    let proof = app.oauth.confirmation(&[b"leaving", text.as_bytes()]);
    Ok(format!("{text}.{proof}"))
}

fn open(app: &App, sealed: &str) -> Option<Way> {
    let (text, proof) = sealed.split_once('.')?;
    let expected = app.oauth.confirmation(&[b"leaving", text.as_bytes()]);
    verify_slices_are_equal(proof.as_bytes(), expected.as_bytes()).ok()?;
    serde_json::from_slice(&BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()
}
