//! Erasing records of the log: an administrator asks, an auditor decides.
pub(crate) mod approve;
pub(crate) mod list;
pub(crate) mod refuse;
pub(crate) mod request;

use imp_api::log::Erasure;
use imp_identity::erasure::{self, ErasureError, State};

use crate::command::{DecideErasureError, RequestErasureError};
use crate::http::{ProblemResponse, problem};

/// As the contract shows it.
pub(crate) fn answer(erasure: &erasure::Erasure) -> Erasure {
    let (state, by, at, erased) = match erasure.state {
        State::Requested => ("requested", None, None, 0),
        State::Refused { by, at } => ("refused", Some(by), Some(at), 0),
        State::Approved { by, at, erased, .. } => ("approved", Some(by), Some(at), erased),
        State::Done { by, at, erased } => ("done", Some(by), Some(at), erased),
    };
    Erasure {
        id: erasure.id,
        index: erasure.scope.index(),
        user: erasure.scope.user(),
        reason: erasure.reason.to_string(),
        requested_by: erasure.requested_by.clone(),
        requested_at: erasure.requested_at,
        state: state.to_owned(),
        decided_by: by,
        decided_at: at,
        erased,
    }
}

impl From<RequestErasureError> for ProblemResponse {
    fn from(error: RequestErasureError) -> Self {
        match &error {
            RequestErasureError::NotFound => problem::NOT_FOUND.because(&error),
            RequestErasureError::Erased => problem::ERASURE_STATE.because(&error),
            RequestErasureError::Kept { .. } => problem::ERASURE_KEPT.because(&error),
            RequestErasureError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<DecideErasureError> for ProblemResponse {
    fn from(error: DecideErasureError) -> Self {
        match &error {
            DecideErasureError::NotFound => problem::NOT_FOUND.because(&error),
            DecideErasureError::Refused(ErasureError::OwnRequest) => {
                problem::ERASURE_OWN.because(&error)
            }
            DecideErasureError::Refused(ErasureError::Decided | ErasureError::NotUnderWay) => {
                problem::ERASURE_STATE.because(&error)
            }
            DecideErasureError::Storage(source) => problem::storage(&error, source),
        }
    }
}
