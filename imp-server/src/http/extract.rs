//! Path and query, whose faults are answered with problems.
use axum::extract::{FromRequestParts, Path as AxumPath, Query as AxumQuery};
use axum::http::request::Parts;
use imp_service::http::ProblemResponse;
use serde::de::DeserializeOwned;

use super::problem;

/// Identifiers in the path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<T>(pub(crate) T);

/// Parameters in the query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ProblemResponse> {
        let path = AxumPath::from_request_parts(parts, state).await;
        path.map(|AxumPath(value)| Self(value))
            .map_err(|_| problem::PATH_INVALID.says("The address does not name anything."))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ProblemResponse> {
        let query = AxumQuery::from_request_parts(parts, state).await;
        query.map(|AxumQuery(value)| Self(value)).map_err(|rejection| {
            let problem = problem::QUERY_INVALID.says("A parameter is not what is expected.");
            problem.with_detail(rejection.body_text())
        })
    }
}
