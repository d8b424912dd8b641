//! `POST /v1/taps/journal`
use axum::extract::State;
use imp_api::tap::{JournalTaken, JournalVerdict, ReportJournal};
use imp_authenticator::journal::MOST;

use crate::app::{self, App};
use crate::command::{self, ReconcileTapError, Reconciled};
use crate::http::caller::WorkstationPeer;
use crate::http::{Json, ProblemResponse, answer, problem};

/// Takes in taps that the workstation decided while this server could not be reached. The same entries may be sent again.
#[utoipa::path(
    post, path = "/v1/taps/journal", tag = "taps", operation_id = "reconcile_taps",
    request_body = ReportJournal, security(("machine" = [])),
    responses(
        (status = 200, description = "what became of each", body = JournalTaken),
        (status = 409, description = "the entries do not follow those before", body = imp_api::Problem),
        (status = 422, description = "not entries of this workstation", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id))]
pub(crate) async fn reconcile(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
    Json(ReportJournal { entries }): Json<ReportJournal>,
) -> Result<Json<JournalTaken>, ProblemResponse> {
    if entries.len() > MOST {
        return Err(problem::STATEMENT_INVALID.says(format!("more than {MOST} entries")));
    }
    let mut taken = Vec::new();
    for entry in &entries {
        let mut rng = app::rng();
        let context = &mut app.context(&mut rng);
        let reconciled = command::reconcile_tap(context, workstation.id, &entry.0).await?;
        taken.push(verdict(&reconciled));
    }
    Ok(Json(JournalTaken { entries: taken }))
}

fn verdict(reconciled: &Reconciled) -> JournalVerdict {
    let (session, refusal) = match &reconciled.standing {
        Ok((session, user)) => (Some(answer::session(session, user)), None),
        Err(reason) => (None, Some(*reason)),
    };
    JournalVerdict { sequence: reconciled.sequence, tap: reconciled.tap, session, refusal }
}

impl From<ReconcileTapError> for ProblemResponse {
    fn from(error: ReconcileTapError) -> Self {
        match &error {
            ReconcileTapError::Invalid(_) => problem::STATEMENT_INVALID.because(&error),
            ReconcileTapError::Chain(_) => problem::JOURNAL_BROKEN.because(&error),
            ReconcileTapError::Storage(source) => problem::storage(&error, source),
        }
    }
}
