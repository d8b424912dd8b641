//! Scripts of applications in browsers may ask the endpoints that need no cookie, from any origin (Fetch §3.2): what they get
//! is for whoever has the token or the code in the request.
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// The endpoints that scripts ask.
const OPEN: [&str; 8] = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/oauth/jwks",
    "/oauth/par",
    "/oauth/token",
    "/oauth/revoke",
    "/oauth/userinfo",
    "/oauth/device_authorization",
];

/// What a script may read of an answer, beside what it always may.
const EXPOSED: &str = "DPoP-Nonce, WWW-Authenticate";

/// Lets scripts in, and answers browsers that ask whether they may. No cookie is ever sent along: there is no
/// `Access-Control-Allow-Credentials`.
pub(crate) async fn cors(request: Request, next: Next) -> Response {
    if !OPEN.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    if request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    {
        let headers = [
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, dpop"),
            (header::ACCESS_CONTROL_MAX_AGE, "3600"),
        ];
        return (StatusCode::NO_CONTENT, headers).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    response
}
