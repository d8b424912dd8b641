//! `GET /v1/events/stream`: server-sent events (WHATWG HTML §9.2).
//!
//! Entries leave one page at a time, and the next page is read when the client has taken the last: a slow client costs one
//! page of memory and misses nothing.
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse as _, Response};
use futures::stream::unfold;
use imp_api::audit::EventsQuery;
use imp_events::Question;
use imp_events::attendance::Form;
use imp_identity::UserId;
use imp_identity::event::Reading;
use imp_identity::user::Role;
use imp_service::Shutdown;
use imp_storage::{Commits, StorageError};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep, sleep_until};

use super::{answer, question};
use crate::app::{self, App};
use crate::command::{self, AskError, Paging, SearchPage};
use crate::http::caller::Reader;
use crate::http::{ProblemResponse, Query};
use crate::store::{Direction, Tables as _};

/// Entries that are read at once.
const PAGE: u32 = 100;
/// After a commit, how long to wait for more.
const GATHER: Duration = Duration::from_millis(100);
/// How often to look for what other processes appended.
const POLL: Duration = Duration::from_secs(1);
/// How often a silent stream shows that it lives, and whether its reader may still read.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long an entry takes from its time to the disk, at most.
const SETTLING: SignedDuration = SignedDuration::from_secs(10);
/// The longest stream. The client comes back by itself, and says who it is.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);

/// Follows the event log: one message for each entry that the question asks for, its `id` the index. Begins with what is
/// appended from now on, or after the entry of `Last-Event-ID` or `after`. The opening is itself an entry.
#[utoipa::path(
    get, path = "/v1/events/stream", tag = "audit", operation_id = "stream_events", params(
        EventsQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "the index of the last entry that was received"),
    ),
    security(("person" = [])),
    responses(
        (status = 200, description = "entries, as `data` of server-sent events",
         body = imp_api::audit::Entry, content_type = "text/event-stream"),
        (status = 403, description = "it would follow somebody as she works", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn stream(
    State(app): State<App>,
    reader: Reader,
    Extension(shutdown): Extension<Shutdown>,
    headers: HeaderMap,
    Query(query): Query<EventsQuery>,
) -> Result<Response, ProblemResponse> {
    let after = resumption(&headers, &query)?;
    let question = question::question(&app.storage, &query).await?;
    if let Some(after) = after {
        permit_backlog(&app, &reader, &question, after).await?;
    }
    // Before the opening is recorded, so that nothing falls in between.
    let commits = app.storage.commits();
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let (form, means) = (Form::Live, Reading::Stream);
    let begun = command::begin_reading(context, &reader.actor(), question, form, means).await?;
    let follower = Follower {
        question: begun.question,
        after: after.unwrap_or(begun.index),
        reader: reader.id(),
        opened_at: app.now(),
        checked_at: Instant::now(),
        shutdown,
        commits,
        app,
    };
    let first = Some("retry: 2000\n\n".to_owned());
    let messages = unfold((first, follower), |(first, mut follower)| async move {
        let text = match first {
            Some(text) => text,
            None => follower.next().await?,
        };
        Some((Ok::<_, std::convert::Infallible>(text), (None, follower)))
    });
    let headers = [(CONTENT_TYPE.as_str(), "text/event-stream"), ("x-accel-buffering", "no")];
    Ok((headers, Body::from_stream(messages)).into_response())
}

/// After which entry it goes on.
fn resumption(headers: &HeaderMap, query: &EventsQuery) -> Result<Option<u64>, ProblemResponse> {
    let EventsQuery { before, order, limit, .. } = query;
    if before.is_some() || order.is_some() || limit.is_some() {
        return Err(question::invalid("order", "a stream has one order and no pages"));
    }
    let Some(last) = headers.get("last-event-id") else { return Ok(query.after) };
    let index = last.to_str().ok().and_then(|text| text.parse().ok());
    index.map(Some).ok_or_else(|| question::invalid("Last-Event-ID", "an index is expected"))
}

/// What lies behind may be a long time: then it is an archive that is asked for.
async fn permit_backlog(
    app: &App,
    reader: &Reader,
    question: &Question,
    after: u64,
) -> Result<(), ProblemResponse> {
    let mut transaction = app.storage.read().await.map_err(AskError::from)?;
    let found = transaction.entries().find(after).await.map_err(AskError::from)?;
    let last = found.ok_or_else(|| question::invalid("after", "the log has no such entry"))?;
    let now = app.now();
    let backlog = Question {
        from: question.from.max(Some(last.at)),
        until: question.until.or(now.checked_add(SignedDuration::from_secs(1)).ok()),
        ..question.clone()
    };
    let actor = reader.actor();
    command::permit_question(&mut transaction, &actor, &backlog, Form::Archive, now).await?;
    Ok(())
}

/// One open stream.
struct Follower {
    app: App,
    question: Question,
    /// The index of the last entry that was looked at.
    after: u64,
    reader: UserId,
    opened_at: Timestamp,
    /// When the reader was last found to be an auditor.
    checked_at: Instant,
    shutdown: Shutdown,
    commits: Commits,
}

impl Follower {
    /// The next text to send; `None` at the end. Whatever goes wrong ends the stream: the client comes back to where it was.
    async fn next(&mut self) -> Option<String> {
        let heartbeat = Instant::now() + HEARTBEAT;
        loop {
            let open = self.app.now().duration_since(self.opened_at);
            if self.shutdown.is_requested() || open >= LONGEST {
                return None;
            }
            match self.look().await {
                Ok(Some(text)) => return self.still_reads().await.then_some(text),
                Ok(None) if self.is_complete() => return None,
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a stream ends");
                    return None;
                }
            }
            tokio::select! {
                () = self.shutdown.requested() => return None,
                woken = self.commits.next() => {
                    woken.ok()?;
                    sleep(GATHER).await;
                }
                () = sleep(POLL) => {}
                () = sleep_until(heartbeat) => {
                    return self.still_reads().await.then(|| ": still here\n\n".to_owned());
                }
            }
        }
    }

    /// The next entries, if there are any now.
    async fn look(&mut self) -> Result<Option<String>, StorageError> {
        let size = self.size().await?;
        while self.after.saturating_add(1) < size {
            let direction = Direction::Oldest { after: Some(self.after) };
            let paging = Paging { direction, limit: PAGE };
            let page = command::read_page(&self.app.storage, &self.question, paging).await?;
            let last = page.entries.last().map(|entry| entry.index);
            // A page that ends the answer has seen everything that was there when the size was asked for.
            let seen = page.next.unwrap_or_else(|| last.unwrap_or_default().max(size - 1));
            self.after = self.after.max(seen);
            if !page.entries.is_empty() {
                return Ok(Some(messages(&page)));
            }
            if page.next.is_none() {
                break;
            }
        }
        Ok(None)
    }

    async fn size(&self) -> Result<u64, StorageError> {
        let origin = self.app.keys.log_key().verifier_key().name();
        let head = self.app.storage.read().await?.log().head(origin).await?;
        Ok(head.map_or(0, |head| head.size))
    }

    /// Whether nothing more can belong to the answer. An entry of the last instant may still be on its way to the disk.
    fn is_complete(&self) -> bool {
        let end = self.question.until.and_then(|until| until.checked_add(SETTLING).ok());
        end.is_some_and(|end| end <= self.app.now())
    }

    /// Whether she is still an auditor.
    /// Looks again, however busy the log is, once a heartbeat's time has passed.
    async fn still_reads(&mut self) -> bool {
        if self.checked_at.elapsed() < HEARTBEAT {
            return true;
        }
        self.checked_at = Instant::now();
        self.may_read().await
    }

    async fn may_read(&self) -> bool {
        let found = command::find_user(&self.app.storage, self.reader).await;
        matches!(found, Ok(Some(user)) if user.is_active() && user.role == Role::Auditor)
    }
}

/// A page as messages.
fn messages(page: &SearchPage) -> String {
    let mut text = String::new();
    for found in &page.entries {
        let entry = answer::entry(found, &page.names);
        // Nothing in an entry can fail to serialise, and JSON on one line has no line breaks.
        let data = serde_json::to_string(&entry).unwrap_or_default();
        text.extend(["id: ", &found.index.to_string(), "\ndata: ", &data, "\n\n"]);
    }
    text
}
