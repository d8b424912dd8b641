//! The two routes of a witness.
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use imp_identity::Clock;
use imp_service::http::{Bounds, protected};
use imp_translog::witness::{AddCheckpoint, Refusal};

use super::keeper::{AddError, Keeper};

/// A checkpoint and the longest proof, with room for the signatures of other witnesses.
const BOUNDS: Bounds = Bounds { body: 160 * 1024, time: Duration::from_secs(10) };

const TEXT: &str = "text/plain; charset=utf-8";
/// What the protocol calls the answer that names the size of the latest checkpoint.
const SIZE: &str = "text/x.tlog.size";

/// What both routes work with.
#[derive(Clone)]
struct Parts {
    keeper: Arc<Keeper>,
    clock: Arc<dyn Clock>,
}

/// The routes.
pub(super) fn router(keeper: Arc<Keeper>, clock: Arc<dyn Clock>) -> Router {
    let router = Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/{origin_hash}/checkpoint", get(latest))
        .with_state(Parts { keeper, clock });
    protected(router, BOUNDS)
}

/// `POST /add-checkpoint`
async fn add_checkpoint(State(parts): State<Parts>, body: String) -> Response {
    let request: AddCheckpoint = match body.parse() {
        Ok(request) => request,
        Err(error) => return text(StatusCode::BAD_REQUEST, TEXT, format!("{error}\n")),
    };
    let now = u64::try_from(parts.clock.now().as_second()).unwrap_or(0);
    let keeper = Arc::clone(&parts.keeper);
    match tokio::task::spawn_blocking(move || keeper.add(&request, now)).await {
        Ok(Ok(cosignature)) => text(StatusCode::OK, TEXT, cosignature),
        Ok(Err(error)) => refused(&error),
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "try again\n".to_owned()),
    }
}

/// `GET /{origin hash}/checkpoint`
async fn latest(State(parts): State<Parts>, Path(hash): Path<String>) -> Response {
    match parts.keeper.latest(&hash) {
        Some(note) => text(StatusCode::OK, TEXT, note),
        None => text(StatusCode::NOT_FOUND, TEXT, "nothing of such a log was cosigned\n".into()),
    }
}

fn refused(error: &AddError) -> Response {
    match error {
        AddError::Refused(Refusal::Conflict { latest }) => {
            text(StatusCode::CONFLICT, SIZE, format!("{latest}\n"))
        }
        AddError::Refused(refusal) => {
            if let Refusal::Inconsistent(_) = refusal {
                tracing::error!(
                    error = refusal as &dyn std::error::Error,
                    "a log shows two histories: refused its checkpoint"
                );
            }
            let status = StatusCode::from_u16(refusal.status());
            let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            text(status, TEXT, format!("{refusal}\n"))
        }
        AddError::Keep(error) => {
            tracing::error!(error = error as &dyn std::error::Error, "cannot keep a checkpoint");
            text(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "it could not be kept\n".to_owned())
        }
    }
}

fn text(status: StatusCode, media_type: &'static str, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, media_type)], body).into_response()
}
