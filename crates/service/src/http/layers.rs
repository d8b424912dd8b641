//! What surrounds every route.
use std::any::Any;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use super::problem::{ProblemResponse, TIMEOUT};

/// How much a request may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Largest body, in bytes.
    pub body: usize,
    /// Longest time from the head of the request to the head of the answer.
    pub time: Duration,
}

/// OWASP ASVS 5.0, chapter 3.4: nothing of ours is to be framed, sniffed, cached or loaded from elsewhere.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Also on pages: nobody keeps a hold of their windows. (Not on redirections, which applications follow in windows of theirs.)
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Surrounds `router`: bounds on body and time, a catcher of panics, careful headers, one log line a request.
pub fn protected(router: Router, bounds: Bounds) -> Router {
    router
        .layer(DefaultBodyLimit::max(bounds.body))
        .layer(middleware::from_fn_with_state(bounds.time, in_time))
        .layer(CatchPanicLayer::custom(caught))
        .layer(middleware::map_response(careful))
        .layer(middleware::from_fn(logged))
}

async fn in_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => TIMEOUT.says("The server took too long. Try again.").into_response(),
    }
}

fn caught(panic: Box<dyn Any + Send + 'static>) -> Response {
    // The message may quote the request; the place is in the log already, by the panic hook.
    drop(panic);
    tracing::error!("a request handler panicked");
    ProblemResponse::internal().into_response()
}

async fn careful(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    if is_page(response.headers()) {
        response
            .headers_mut()
            .entry(OPENER_POLICY)
            .or_insert(HeaderValue::from_static("same-origin"));
    }
    response
}

fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html"))
}

/// Logs the route, never the path: identifiers of people may be in it. No address either.
async fn logged(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let begin = Instant::now();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let millis = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    let status = response.status().as_u16();
    tracing::debug!(%method, route, status, millis, "answered");
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::StatusCode;
    use axum::routing::{get, post};
    use imp_api::Problem;
    use tower::ServiceExt as _;

    use crate::http::Json;

    #[tokio::test]
    async fn a_panic_is_answered_and_tells_nothing() {
        let (status, problem) = ask(Request::get("/panic").body(Body::empty()).unwrap()).await;
        assert_eq!((status, problem.code()), (StatusCode::INTERNAL_SERVER_ERROR, "internal"));
        assert_eq!(problem.detail, None);
        assert!(!problem.title.contains("boom"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_handler_is_cut_off() {
        let (status, problem) = ask(Request::get("/slow").body(Body::empty()).unwrap()).await;
        assert_eq!((status, problem.code()), (StatusCode::SERVICE_UNAVAILABLE, "timeout"));
    }

    #[tokio::test]
    async fn a_bad_body_is_told_apart() {
        for (media_type, body, status, code) in [
            ("application/json", "[1,", 400, "body-malformed"),
            ("application/json", "[\"a\"]", 422, "body-invalid"),
            ("text/plain", "[1]", 415, "media-type"),
            ("application/json", &" ".repeat(65), 413, "body-too-large"),
        ] {
            let request = Request::post("/echo").header("content-type", media_type);
            let (got, problem) = ask(request.body(Body::from(body.to_owned())).unwrap()).await;
            assert_eq!((got.as_u16(), problem.code()), (status, code), "{body}");
        }
    }

    #[tokio::test]
    async fn every_answer_has_the_careful_headers() {
        let request = Request::get("/nowhere").body(Body::empty()).unwrap();
        let response = router().oneshot(request).await.unwrap();
        for (name, value) in HEADERS {
            assert_eq!(response.headers()[name], value);
        }
        assert!(!response.headers().contains_key(OPENER_POLICY), "this is no page");
        let request = Request::get("/page").body(Body::empty()).unwrap();
        let response = router().oneshot(request).await.unwrap();
        assert_eq!(response.headers()[OPENER_POLICY], "same-origin");
    }

    async fn ask(request: Request) -> (StatusCode, Problem) {
        let response = router().oneshot(request).await.unwrap();
        let status = response.status();
        assert_eq!(response.headers()["content-type"], imp_api::problem::MEDIA_TYPE);
        let body = to_bytes(response.into_body(), 4096).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    fn router() -> Router {
        async fn boom() -> StatusCode {
            panic!("boom")
        }
        async fn echo(Json(numbers): Json<Vec<u8>>) -> Json<Vec<u8>> {
            Json(numbers)
        }
        let router = Router::new()
            .route("/panic", get(boom))
            .route("/page", get(async || axum::response::Html("page")))
            .route("/slow", get(std::future::pending::<StatusCode>))
            .route("/echo", post(echo));
        protected(router, Bounds { body: 64, time: Duration::from_secs(5) })
    }
}
