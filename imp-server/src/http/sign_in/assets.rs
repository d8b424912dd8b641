//! `GET /assets/{name}`: what the pages load. All of it is in the program.
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::http::{Path, ProblemResponse, problem};

const FILES: [(&str, &str, &str); 4] = [
    ("page.css", "text/css", include_str!("../../../assets/page.css")),
    ("webauthn.js", "text/javascript", include_str!("../../../assets/webauthn.js")),
    ("sign-in.js", "text/javascript", include_str!("../../../assets/sign-in.js")),
    ("account.js", "text/javascript", include_str!("../../../assets/account.js")),
];

/// A script or a style sheet of the pages.
#[utoipa::path(
    get, path = "/assets/{name}", tag = "pages", operation_id = "asset",
    params(("name" = String, Path, description = "the file")),
    responses(
        (status = 200, description = "the file", body = String),
        (status = 404, description = "no such file", body = imp_api::Problem),
    )
)]
pub(crate) async fn asset(Path(name): Path<String>) -> Result<Response, ProblemResponse> {
    let file = FILES.iter().find(|(file, _, _)| *file == name);
    let (_, kind, text) = file.ok_or(problem::NOT_FOUND.says("There is no such file."))?;
    let mut response = (StatusCode::OK, *text).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::try_from(format!("{kind}; charset=utf-8"));
    headers.insert(header::CONTENT_TYPE, kind.map_err(|error| problem::internal(&error))?);
    // A new version of the server may bring new ones: browsers ask each time.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}
