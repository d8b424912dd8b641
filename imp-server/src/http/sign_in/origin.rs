//! Requests that change something come from our own pages, or not at all (OWASP ASVS 5.0, 3.5).
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::app::App;
use crate::http::{ProblemResponse, origin, problem};

/// The request comes from a page of ours: the browser says so, in headers that no script can set. (Our pages say
/// `Referrer-Policy: same-origin`, so that their forms have an origin.)
pub(crate) struct OwnPage;

impl FromRequestParts<App> for OwnPage {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        if origin::is_own(&parts.headers, &app.issuer) {
            Ok(Self)
        } else {
            tracing::warn!("a request of another site was refused");
            Err(problem::CROSS_SITE.says("This must be asked by a page of the server itself."))
        }
    }
}
