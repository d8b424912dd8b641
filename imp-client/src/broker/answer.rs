//! What the broker answers.
use std::fmt::Write as _;

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    LOCATION, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use imp_identity::{InteractionId, Secret};

use super::guard::Wanted;

/// The page that asks for a press.
pub(super) struct Page<'a> {
    /// Whom it asks.
    pub(super) name: &'a str,
    /// Who asks, in a sentence of the server's.
    pub(super) asked: &'a str,
    /// What it sends back.
    pub(super) press: &'a str,
    /// Why the last tap came to nothing.
    pub(super) sorry: Option<&'a str>,
}

const STYLE: &str = "body{font:1.25rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;\
    color:#111;background:#fff}button{font:inherit;padding:.75rem 2rem;border:0;border-radius:.5rem;color:#fff;\
    background:#0b5394}button:focus-visible{outline:3px solid #f90;outline-offset:3px}\
    @media(prefers-color-scheme:dark){body{color:#eee;background:#111}}";

/// The page's content security policy. Browsers hold a form to it also where its answer leads: back to the server.
fn policy(issuer: &str) -> String {
    let digest = imp_identity::Digest::of(&[STYLE.as_bytes()]);
    let digest = data_encoding::BASE64.encode(digest.as_bytes());
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; form-action 'self' {issuer}; \
         frame-ancestors 'none'; base-uri 'none'"
    )
}

/// An answer in a sentence.
pub(super) fn refused(status: u16, sentence: &str) -> Response {
    sealed(respond(status, &[(CONTENT_TYPE, "text/plain; charset=utf-8")], sentence.to_owned()))
}

/// The browser goes back to the server's page, which is told something that no server sees: it stands after the `#`.
pub(super) fn back(issuer: &str, interaction: InteractionId, key: &str, value: &str) -> Response {
    let location = format!("{issuer}/sign-in?interaction={interaction}#{key}={value}");
    respond(303, &[(LOCATION, &location)], String::new())
}

/// The code, for the server's page.
pub(super) fn code(issuer: &str, code: &Secret<String>) -> Response {
    let body = serde_json::json!({ "code": code.expose() }).to_string();
    let json = (CONTENT_TYPE, "application/json");
    respond(200, &[json, (ACCESS_CONTROL_ALLOW_ORIGIN, issuer), (VARY, "Origin")], body)
}

/// Why there is none, for the server's page.
pub(super) fn problem(issuer: &str, status: u16, error: &str) -> Response {
    let body = serde_json::json!({ "error": error }).to_string();
    let json = (CONTENT_TYPE, "application/json");
    respond(status, &[json, (ACCESS_CONTROL_ALLOW_ORIGIN, issuer), (VARY, "Origin")], body)
}

/// The server's page may ask.
pub(super) fn preflight(issuer: &str, wanted: Wanted) -> Response {
    let mut headers = vec![
        (ACCESS_CONTROL_ALLOW_ORIGIN, issuer),
        (ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (ACCESS_CONTROL_MAX_AGE, "600"),
        (VARY, "Origin"),
    ];
    if wanted.private_network {
        headers.push((HeaderName::from_static("access-control-allow-private-network"), "true"));
    }
    if wanted.local_network {
        headers.push((HeaderName::from_static("access-control-allow-local-network"), "true"));
    }
    sealed(respond(204, &headers, String::new()))
}

/// Asks for a press.
pub(super) fn page(issuer: &str, page: &Page<'_>) -> Response {
    let mut body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Confirm</title><meta name=\"viewport\" \
         content=\"width=device-width\"><style>{STYLE}</style><main><h1>{}</h1>",
        escaped(page.name)
    );
    if let Some(sorry) = page.sorry {
        // Writing to a string cannot fail.
        let _ = write!(body, "<p role=\"alert\">{}</p>", escaped(sorry));
    }
    let _ = write!(
        body,
        "<p>{}</p><p>Look at the camera, with your phone near.</p>\
         <form method=\"post\" action=\"/step-up\"><input type=\"hidden\" name=\"press\" value=\"{}\">\
         <button autofocus>Confirm</button></form></main></html>",
        escaped(page.asked),
        escaped(page.press)
    );
    respond(
        200,
        &[
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CONTENT_SECURITY_POLICY, &policy(issuer)),
            (X_FRAME_OPTIONS, "DENY"),
            // With `no-referrer`, browsers would send the press with `Origin: null`.
            (REFERRER_POLICY, "same-origin"),
        ],
        body,
    )
}

/// What every answer has: nothing of it is kept, guessed, or told to others.
pub(super) fn sealed(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn respond(status: u16, headers: &[(HeaderName, &str)], body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in headers {
        match HeaderValue::from_str(value) {
            Ok(value) => response.headers_mut().insert(name.clone(), value),
            Err(_) => continue,
        };
    }
    response
}

/// Text in HTML.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_text_and_no_markup_and_the_page_stands_in_no_frame() {
        let (name, press) = ("<script>alert('x')</script> \"&", "p");
        let response =
            page("https://imp.example", &Page { name, press, asked: "<i>", sorry: Some("<b>") });
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"));
        assert!(!policy.contains("unsafe"), "{policy}");
        let response = sealed(response);
        assert_eq!(
            response.headers()[REFERRER_POLICY],
            "same-origin",
            "else the press has no origin"
        );
        let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(
            !body.contains("<script") && !body.contains("<b>") && !body.contains("<i>"),
            "{body}"
        );
        assert!(body.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &quot;&amp;"));
    }

    #[test]
    fn an_answer_is_not_kept_and_names_no_other_origin() {
        let secret = Secret::new("c".to_owned());
        let response = sealed(code("https://imp.example", &secret));
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "https://imp.example");
        let back =
            sealed(back("https://imp.example", InteractionId::from_bytes([0; 16]), "k", "v"));
        assert_eq!(back.status(), StatusCode::SEE_OTHER);
        assert_eq!(back.headers()[REFERRER_POLICY], "no-referrer");
        let location = back.headers()[LOCATION].to_str().unwrap();
        assert!(
            location.starts_with("https://imp.example/sign-in?interaction=0")
                && location.ends_with("#k=v")
        );
    }
}
