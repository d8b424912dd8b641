//! The conversation with the agent: follows its status, watches its camera, and asks what the person wants, in a thread of its own.
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use imp_socket::{Answer, Connection, ConnectionError, Request};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

use crate::model::{Command, Ended, Input};

/// How long after a failure the agent is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// The longest that a tap, a security key or an emergency may take: an agent that hangs shall not hang the window.
const LONGEST: Duration = Duration::from_secs(90);

/// Hears what happens; called in the conversation's thread.
pub(crate) type Hear = Arc<dyn Fn(Input) + Send + Sync>;

/// The conversation; it ends when this is dropped.
pub(crate) struct Talk {
    commands: UnboundedSender<Command>,
}

impl Talk {
    /// Begins to talk with the agent at `socket`.
    pub(crate) fn begin(socket: PathBuf, hear: Hear) -> std::io::Result<Self> {
        let (commands, wanted) = unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("agent".to_owned());
        thread.spawn(move || runtime.block_on(converse(&socket, wanted, &hear)))?;
        Ok(Self { commands })
    }

    /// Asks the agent.
    pub(crate) fn ask(&self, command: Command) {
        let _the_thread_has_ended = self.commands.send(command);
    }
}

/// What was asked for, until it ends.
type UnderWay<'a> = Pin<Box<dyn Future<Output = Ended> + 'a>>;

async fn converse(socket: &Path, mut wanted: UnboundedReceiver<Command>, hear: &Hear) {
    let followed = follow(socket, &Request::Follow, hear, true);
    let watched = follow(socket, &Request::Preview, hear, false);
    tokio::pin!(followed, watched);
    let mut under_way: Option<UnderWay<'_>> = None;
    loop {
        tokio::select! {
            () = &mut followed => {}
            () = &mut watched => {}
            command = wanted.recv() => match command {
                None => return,
                // Dropping what is under way closes its connection, which stops it.
                Some(Command::Stop) => under_way = None,
                Some(Command::Begin(request)) => under_way = Some(Box::pin(ask(socket, request))),
                Some(Command::Tell(request)) => {
                    let told = timeout(AGAIN, ask(socket, request)).await;
                    if let Ok(Ended::Failed(message)) = told {
                        hear(Input::Ended(Ended::Failed(message)));
                    }
                }
            },
            ended = ended(&mut under_way) => {
                under_way = None;
                hear(Input::Ended(ended));
            }
        }
    }
}

/// Completes with what is under way; never, if nothing is.
async fn ended(under_way: &mut Option<UnderWay<'_>>) -> Ended {
    match under_way {
        Some(under_way) => under_way.await,
        None => std::future::pending().await,
    }
}

/// Hears a stream of answers, and begins again when it breaks. Says that the agent is away, if it `matters`.
async fn follow(socket: &Path, request: &Request, hear: &Hear, matters: bool) {
    loop {
        let Err(_away) = stream(socket, request, hear).await;
        if matters {
            hear(Input::AgentAway);
        }
        sleep(AGAIN).await;
    }
}

async fn stream(
    socket: &Path,
    request: &Request,
    hear: &Hear,
) -> Result<std::convert::Infallible, ConnectionError> {
    let mut connection = Connection::ask(socket, request).await?;
    loop {
        let answer = connection.next().await?;
        if let Answer::Status(status) = answer {
            hear(Input::Status(status));
        } else if let Answer::Frame(frame) = answer {
            hear(Input::Frame(frame));
        }
    }
}

/// Asks, and waits for the answer.
async fn ask(socket: &Path, request: Request) -> Ended {
    let answered = timeout(LONGEST, async {
        let mut connection = Connection::ask(socket, &request).await?;
        loop {
            let answer = connection.next().await?;
            if let Some(ended) = end(answer) {
                return Ok::<_, ConnectionError>(ended);
            }
        }
    });
    match answered.await {
        Ok(Ok(ended)) => ended,
        Ok(Err(error)) => Ended::Failed(error.to_string()),
        Err(_) => Ended::Failed("the agent did not answer in time".to_owned()),
    }
}

/// What an answer ends with; nothing, if more answers follow.
fn end(answer: Answer) -> Option<Ended> {
    if matches!(answer, Answer::Hint { .. } | Answer::Progress(_) | Answer::Frame(_)) {
        return None;
    }
    if let Answer::Failed { message } = answer {
        return Some(Ended::Failed(message));
    }
    if let Answer::Tap(report) = answer {
        return Some(Ended::Tap(Box::new(report)));
    }
    Some(Ended::Done)
}
