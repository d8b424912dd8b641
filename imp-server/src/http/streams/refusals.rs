//! What refusals of streams become.
use std::error::Error;

use crate::command::{
    AdmitReceiverError, ChangeStreamError, CreateStreamError, DeleteStreamError,
    DismissReceiverError, ReplayStreamError, SetStreamStatusError, VerifyStreamError,
};
use crate::http::{ProblemResponse, problem};
use crate::stream::wish::InvalidWish;

/// With all causes: what is wrong with an address or a certificate is the caller's own.
fn invalid(error: &(dyn Error + 'static)) -> ProblemResponse {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    let problem = problem::STREAM_INVALID.says(error.to_string());
    if causes.is_empty() { problem } else { problem.with_detail(causes.join(": ")) }
}

impl From<InvalidWish> for ProblemResponse {
    fn from(error: InvalidWish) -> Self {
        invalid(&error)
    }
}

impl From<CreateStreamError> for ProblemResponse {
    fn from(error: CreateStreamError) -> Self {
        match &error {
            CreateStreamError::NameTaken | CreateStreamError::TooMany => {
                problem::STREAM_CONFLICT.because(&error)
            }
            CreateStreamError::NoReceiver
            | CreateStreamError::NobodyPolls
            | CreateStreamError::Kinds
            | CreateStreamError::Form { .. }
            | CreateStreamError::Audience
            | CreateStreamError::Description
            | CreateStreamError::Beyond { .. }
            | CreateStreamError::Target(_) => invalid(&error),
            CreateStreamError::Attendance(_) => problem::ATTENDANCE_REFUSED.because(&error),
            CreateStreamError::Seal(_) => problem::internal(&error),
            CreateStreamError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<ChangeStreamError> for ProblemResponse {
    fn from(error: ChangeStreamError) -> Self {
        match &error {
            ChangeStreamError::NotFound => problem::NOT_FOUND.because(&error),
            ChangeStreamError::Kinds
            | ChangeStreamError::Delivery
            | ChangeStreamError::Description
            | ChangeStreamError::Target(_) => invalid(&error),
            ChangeStreamError::Attendance(_) => problem::ATTENDANCE_REFUSED.because(&error),
            ChangeStreamError::Seal(_) => problem::internal(&error),
            ChangeStreamError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<SetStreamStatusError> for ProblemResponse {
    fn from(error: SetStreamStatusError) -> Self {
        match &error {
            SetStreamStatusError::NotFound => problem::NOT_FOUND.because(&error),
            SetStreamStatusError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<DeleteStreamError> for ProblemResponse {
    fn from(error: DeleteStreamError) -> Self {
        match &error {
            DeleteStreamError::NotFound => problem::NOT_FOUND.because(&error),
            DeleteStreamError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<ReplayStreamError> for ProblemResponse {
    fn from(error: ReplayStreamError) -> Self {
        match &error {
            ReplayStreamError::NotFound => problem::NOT_FOUND.because(&error),
            ReplayStreamError::Beyond { .. } => invalid(&error),
            ReplayStreamError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<VerifyStreamError> for ProblemResponse {
    fn from(error: VerifyStreamError) -> Self {
        match &error {
            VerifyStreamError::NotFound => problem::NOT_FOUND.because(&error),
            VerifyStreamError::State => invalid(&error),
            VerifyStreamError::TooSoon => problem::TOO_SOON.because(&error),
            VerifyStreamError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<AdmitReceiverError> for ProblemResponse {
    fn from(error: AdmitReceiverError) -> Self {
        match &error {
            AdmitReceiverError::NameTaken | AdmitReceiverError::TooMany => {
                problem::STREAM_CONFLICT.because(&error)
            }
            AdmitReceiverError::Audience => invalid(&error),
            AdmitReceiverError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<DismissReceiverError> for ProblemResponse {
    fn from(error: DismissReceiverError) -> Self {
        match &error {
            DismissReceiverError::NotFound => problem::NOT_FOUND.because(&error),
            DismissReceiverError::Storage(source) => problem::storage(&error, source),
        }
    }
}
