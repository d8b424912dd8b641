//! `POST /v1/sessions/watch`
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use data_encoding::HEXLOWER;
use imp_api::session::{SessionsSeen, WatchSessions};
use imp_identity::Digest;
use imp_identity::clock::to_micros;
use imp_service::Shutdown;
use tokio::time::{Instant, sleep, timeout_at};

use crate::app::App;
use crate::command::{self, UserSession};
use crate::http::caller::WorkstationPeer;
use crate::http::{Json, ProblemResponse, answer, problem};

/// The longest wait: less than the patience of a client.
const LONGEST: Duration = Duration::from_secs(8);
/// How often it looks for what other servers changed, and for limits that were reached.
const LOOK: Duration = Duration::from_millis(500);

/// Says at once what has changed of the sessions at this workstation, or waits until something does: what ends a session
/// here reaches the desktop within a second.
#[utoipa::path(
    post, path = "/v1/sessions/watch", tag = "sessions", operation_id = "watch_sessions",
    request_body = WatchSessions, security(("machine" = [])),
    responses((status = 200, description = "the sessions", body = SessionsSeen))
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id))]
pub(crate) async fn watch(
    State(app): State<App>,
    shutdown: Option<Extension<Shutdown>>,
    WorkstationPeer(workstation): WorkstationPeer,
    Json(WatchSessions { known, active }): Json<WatchSessions>,
) -> Result<Json<SessionsSeen>, ProblemResponse> {
    let mut commits = app.storage.commits();
    if let Some(session) = active {
        let touched = command::touch_session(&app.storage, workstation.id, session, app.now());
        touched.await.map_err(problem::unread)?;
    }
    let longest = Duration::from_secs(u64::from(app.config.http.request_seconds)) * 3 / 4;
    let deadline = Instant::now() + longest.min(LONGEST);
    let ends = async || match &shutdown {
        Some(Extension(shutdown)) => shutdown.requested().await,
        None => std::future::pending().await,
    };
    let mut over = false;
    loop {
        let found = command::sessions_of_workstation(&app.storage, workstation.id, app.now()).await;
        let found = found.map_err(problem::unread)?;
        let version = version(&found);
        if known.as_ref() != Some(&version) || over || Instant::now() >= deadline {
            let sessions = found.iter().map(|s| answer::session(&s.session, &s.user)).collect();
            return Ok(Json(SessionsSeen { version, sessions }));
        }
        let woken = async {
            tokio::select! {
                // A closed database shows at the next look.
                woken = commits.next() => if woken.is_err() { sleep(LOOK).await },
                () = sleep(LOOK) => {}
                () = ends() => over = true,
            }
        };
        // At the deadline it looks once more, and answers what there is.
        let _woken_or_not = timeout_at(deadline, woken).await;
    }
}

/// A short name of what an answer says.
fn version(sessions: &[UserSession]) -> String {
    let mut said = Vec::new();
    for UserSession { session, user } in sessions {
        said.extend_from_slice(session.id.as_uuid().as_bytes());
        said.extend_from_slice(&to_micros(session.expires_at).to_be_bytes());
        said.push(u8::from(session.state == imp_identity::session::State::Active));
        said.extend_from_slice(Digest::of(&[user.display_name.to_string().as_bytes()]).as_bytes());
    }
    HEXLOWER.encode(&Digest::of(&[b"imp sessions", &said]).as_bytes()[..16])
}
