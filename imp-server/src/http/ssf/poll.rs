//! `POST /ssf/poll/{stream_id}`: RFC 8936
use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use imp_identity::StreamId;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout_at};
use utoipa::ToSchema;

use super::ReceiverPeer;
use crate::app::{self, App};
use crate::command::{self, Complaint, PollStreamError, Polled, Token};
use crate::http::{Json, Path, ProblemResponse, problem};

/// The most acknowledgements in one request.
const MOST: usize = 1000;
/// The most refusals in one request: each becomes an entry.
const MOST_ERRORS: usize = 100;
/// How often it looks for what other servers appended.
const LOOK: Duration = Duration::from_secs(1);

/// What the receiver has, and wants (RFC 8936 §2.2).
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, rename_all = "camelCase")]
#[schema(as = SsfRequest)]
pub(crate) struct Request {
    /// At most so many tokens; 0: only acknowledge.
    max_events: Option<u32>,
    /// Whether to answer at once, also when there is nothing.
    return_immediately: bool,
    /// Tokens that were taken, by `jti`.
    ack: Vec<String>,
    /// Tokens that are refused, by `jti`.
    set_errs: BTreeMap<String, Refused>,
}

/// Why a token is refused (RFC 8936 §2.6).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = SsfRefused)]
pub(crate) struct Refused {
    err: String,
    #[serde(default)]
    description: String,
}

/// Tokens (RFC 8936 §2.3).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SsfAnswer)]
pub(crate) struct Answer {
    /// Tokens by `jti`.
    sets: BTreeMap<String, String>,
    more_available: bool,
}

/// Takes acknowledgements and gives tokens. Waits for one, unless told not to, for less than a request may take.
#[utoipa::path(
    post, path = "/ssf/poll/{stream_id}", tag = "ssf", operation_id = "poll_ssf_stream",
    params(("stream_id" = String, Path, description = "the stream")),
    request_body = Request, security(("receiver" = [])),
    responses((status = 200, description = "tokens", body = Answer))
)]
#[tracing::instrument(skip_all, fields(stream.id = %id, receiver.id = %peer.0.id))]
pub(crate) async fn poll(
    State(app): State<App>,
    peer: ReceiverPeer,
    Path(id): Path<StreamId>,
    Json(request): Json<Request>,
) -> Result<Json<Answer>, ProblemResponse> {
    if request.ack.len() + request.set_errs.len() > MOST {
        return Err(problem::STREAM_INVALID.says("At most 1000 tokens are acknowledged at once."));
    }
    if request.set_errs.len() > MOST_ERRORS {
        return Err(problem::STREAM_INVALID.says("At most 100 tokens are refused at once."));
    }
    let author = peer.author();
    let immediately = request.return_immediately || request.max_events == Some(0);
    let mut poll = command::Poll {
        most: request.max_events,
        acknowledged: request.ack,
        complaints: request.set_errs.into_iter().map(complaint).collect(),
    };
    let longest = Duration::from_secs(u64::from(app.config.http.request_seconds)) * 3 / 4;
    let deadline = Instant::now() + longest;
    let mut commits = app.storage.commits();
    loop {
        let mut rng = app::rng();
        let context = &mut app.context(&mut rng);
        let polled = command::poll_stream(context, &author, id, &poll).await?;
        let done = immediately || !polled.tokens.is_empty() || Instant::now() >= deadline;
        if done {
            return answer(&app, &polled).map(Json);
        }
        (poll.acknowledged, poll.complaints) = (vec![], vec![]);
        if polled.more {
            // Much was looked through that the receiver does not want: go on.
            continue;
        }
        let woken = async {
            tokio::select! {
                // A closed database shows at the next look.
                woken = commits.next() => if woken.is_err() { sleep(LOOK).await },
                () = sleep(LOOK) => {}
            }
        };
        // At the deadline it looks once more, and answers what there is.
        let _ = timeout_at(deadline, woken).await;
    }
}

fn complaint((id, refused): (String, Refused)) -> Complaint {
    let Refused { err, description } = refused;
    Complaint { id, why: format!("the receiver refuses it: {err}: {description}") }
}

fn answer(app: &App, polled: &Polled) -> Result<Answer, ProblemResponse> {
    let (issuer, now) = (&app.streams.issuer, app.now());
    let Polled { stream, tokens, more } = polled;
    let mut sets = BTreeMap::new();
    for token in tokens {
        let (id, token) = match token {
            Token::Entry(entry) => {
                (entry.record.id.to_string(), issuer.entry(entry, &stream.audience, now))
            }
            Token::Message(message) => {
                let token = issuer.message(message, stream.id, &stream.audience, now);
                (message.id.to_string(), token)
            }
        };
        sets.insert(id, token.map_err(|error| problem::internal(&error))?);
    }
    Ok(Answer { sets, more_available: *more })
}

impl From<PollStreamError> for ProblemResponse {
    fn from(error: PollStreamError) -> Self {
        match &error {
            PollStreamError::NotFound => problem::NOT_FOUND.because(&error),
            PollStreamError::Storage(source) => problem::storage(&error, source),
        }
    }
}
