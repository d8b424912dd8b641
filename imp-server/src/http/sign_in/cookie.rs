//! The cookies of browsers. All have the prefix `__Host-`: only this origin can have set them (RFC 6265bis §4.1.3.2), and they
//! go to no other. `SameSite=Lax`, not `Strict`: an application sends its user here by a link of its own, and then she must be
//! known; a request that changes something is never taken on a cookie alone, see [`super::origin`].
use axum::extract::FromRequestParts;
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use imp_identity::sign_on::SignOn;
use imp_identity::user::User;
use imp_identity::{InteractionId, Secret};

use crate::app::App;
use crate::command;
use crate::http::{ProblemResponse, problem};

const SIGN_ON: &str = "__Host-imp-sign-on";
const INTERACTION: &str = "__Host-imp-interaction-";
const LANGUAGE: &str = "__Host-imp-language";
const LEAVING: &str = "__Host-imp-leaving";

/// The longest value that is looked at: 256 bits in base64url.
const LONGEST: usize = 43;
/// The longest way: browsers keep cookies of 4096 bytes.
const LONGEST_WAY: usize = 4000;
/// How long a browser may be on its way through the applications that it signs out of, in seconds.
const LEAVING_SECONDS: u32 = 600;

/// Who is signed on in the browser that asks, if anybody.
pub(crate) struct BrowserSignOn(pub(crate) Option<(SignOn, User)>);

impl FromRequestParts<App> for BrowserSignOn {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let Some(cookie) = value(&parts.headers, SIGN_ON) else { return Ok(Self(None)) };
        let found = command::find_sign_on_by_cookie(&app.storage, cookie, app.now()).await;
        Ok(Self(found.map_err(problem::unread)?))
    }
}

/// What the browser holds for an interaction.
pub(crate) fn binding(headers: &HeaderMap, id: InteractionId) -> Option<&str> {
    value(headers, &format!("{INTERACTION}{id}"))
}

/// Signs a browser on. It lives as long as the browser's session: what counts is what the server says.
pub(crate) fn sign_on(value: &Secret<String>) -> HeaderValue {
    set(SIGN_ON, value.expose(), "")
}

/// Signs a browser out.
pub(crate) fn forget_sign_on() -> HeaderValue {
    set(SIGN_ON, "", "; Max-Age=0")
}

/// Binds an interaction to a browser.
pub(crate) fn interaction(id: InteractionId, value: &Secret<String>) -> HeaderValue {
    let age = command::INTERACTION_LIFETIME.as_secs();
    set(&format!("{INTERACTION}{id}"), value.expose(), &format!("; Max-Age={age}"))
}

/// Remembers in which language the pages speak to this browser, for as long as it is open.
pub(crate) fn speaks(language: &str) -> HeaderValue {
    set(LANGUAGE, language, "")
}

/// In which language the pages speak to this browser, if it was chosen.
pub(crate) fn language(headers: &HeaderMap) -> Option<&str> {
    value(headers, LANGUAGE)
}

/// Removes the cookie of an interaction that is over.
pub(crate) fn forget_interaction(id: InteractionId) -> HeaderValue {
    set(&format!("{INTERACTION}{id}"), "", "; Max-Age=0")
}

/// Remembers where a browser is on its way, which is signing out of one application after the other.
pub(crate) fn lead(way: &str) -> HeaderValue {
    set(LEAVING, way, &format!("; Max-Age={LEAVING_SECONDS}"))
}

/// Where a browser is on its way.
pub(crate) fn leaving(headers: &HeaderMap) -> Option<&str> {
    bounded(headers, LEAVING, LONGEST_WAY)
}

/// The browser has arrived.
pub(crate) fn forget_leaving() -> HeaderValue {
    set(LEAVING, "", "; Max-Age=0")
}

fn set(name: &str, value: &str, age: &str) -> HeaderValue {
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}");
    // Names and values are of our own making, in ASCII.
    let mut header = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}

/// The value of a cookie (RFC 6265 §5.4), if it is there once. With two, somebody planted one.
fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    bounded(headers, name, LONGEST)
}

fn bounded<'a>(headers: &'a HeaderMap, name: &str, longest: usize) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    let mut found = pairs.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim());
    let value = found.next().filter(|value| !value.is_empty() && value.len() <= longest)?;
    found.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let lines = lines.iter().map(|line| (COOKIE, HeaderValue::from_str(line).unwrap()));
        lines.collect()
    }

    #[test]
    fn cookies_are_of_this_host_alone_and_out_of_reach_of_scripts() {
        let header = sign_on(&Secret::new("abc".to_owned()));
        assert_eq!(
            header.to_str().unwrap(),
            "__Host-imp-sign-on=abc; Path=/; Secure; HttpOnly; SameSite=Lax"
        );
        assert!(header.is_sensitive());
    }

    #[test]
    fn a_cookie_that_is_there_twice_is_not_believed() {
        let name = SIGN_ON;
        assert_eq!(value(&headers(&["a=b; __Host-imp-sign-on=x; c=d"]), name), Some("x"));
        assert_eq!(value(&headers(&["a=b", "__Host-imp-sign-on=x"]), name), Some("x"));
        let twice = headers(&["__Host-imp-sign-on=x; __Host-imp-sign-on=y"]);
        assert_eq!(value(&twice, name), None);
        assert_eq!(value(&headers(&["__Host-imp-sign-on="]), name), None);
        let long = format!("__Host-imp-sign-on={}", "x".repeat(44));
        assert_eq!(value(&headers(&[&long]), name), None);
    }
}
