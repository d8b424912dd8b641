//! Notices of the day: the page behind a mail's link, what a phone fetches, and disputes from both.
pub(crate) mod dispute;
pub(crate) mod list;
pub(crate) mod page;

use imp_api::me::Disputed;
use jiff::tz::TimeZone;

use super::{ProblemResponse, problem};
use crate::app::App;
use crate::command::{self, DisputeUseError};

/// The hospital's time zone, as the policy says.
async fn zone(app: &App) -> Result<TimeZone, ProblemResponse> {
    let policy = command::current_policy(&app.storage).await.map_err(problem::unread)?;
    Ok(TimeZone::get(&policy.time_zone).unwrap_or(TimeZone::UTC))
}

fn answer(disputed: command::Disputed) -> Disputed {
    Disputed { case: disputed.case, number: disputed.number }
}

impl From<DisputeUseError> for ProblemResponse {
    fn from(error: DisputeUseError) -> Self {
        match &error {
            DisputeUseError::NotFound => problem::NOT_FOUND.because(&error),
            DisputeUseError::Case(_) => problem::internal(&error),
            DisputeUseError::Storage(source) => problem::storage(&error, source),
        }
    }
}
