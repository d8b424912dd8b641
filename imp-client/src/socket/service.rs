//! The agent's side of the socket.
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use imp_api::session::{ExchangeSession, ExchangedToken};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::accounts;
use crate::agent::Agent;
use crate::broker::Accounts;
use crate::config::SocketConfig;
use crate::enrolment::EnrolCommand;
use crate::tap::{TapCommand, shown, with_causes};
use imp_socket::{
    Answer, Entered, Hint, LineError, Request, Token, TokenCommand, VouchCommand, read_line,
    write_line,
};

/// Most connections at a time.
const MOST_CONNECTIONS: usize = 32;
/// How long a connection may take to say what it wants, or to take an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a program may take to hear a hint.
const HINT_PATIENCE: Duration = Duration::from_millis(200);
/// How often followers are told what changed by itself.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Frames come no faster than this.
const FRAME_PACE: Duration = Duration::from_millis(66);

/// The agent cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("the socket {} cannot be opened", .path.display())]
pub struct ListenError {
    path: PathBuf,
    source: std::io::Error,
}

/// Listens in the agent's state folder until the agent stops. Returns once programs can connect.
pub fn serve(agent: &Arc<Agent>) -> Result<(), ListenError> {
    let path = agent.config.socket(&agent.state);
    let failed = |source| ListenError { path: path.clone(), source };
    // The lock of the folder says that no other agent listens: what is there is left from a crash.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&path).map_err(failed)?;
    // Where others may come to the door, who they are is asked of the kernel.
    let mode = if agent.config.socket.path.is_some() { 0o666 } else { 0o600 };
    std::fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(failed)?;
    agent.shutdown.spawn(accept(agent.clone(), listener));
    Ok(())
}

async fn accept(agent: Arc<Agent>, listener: UnixListener) {
    let token = agent.shutdown.token();
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    while let Some(accepted) = token.run_until_cancelled(listener.accept()).await {
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(error = %error, "a connection to the socket failed");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
        let agent = agent.clone();
        agent.clone().shutdown.spawn(async move {
            let _place = place;
            let token = agent.shutdown.token();
            token.run_until_cancelled(Box::pin(connection(&agent, stream))).await;
        });
    }
    let _gone_or_not = std::fs::remove_file(agent.config.socket(&agent.state));
}

async fn connection(agent: &Arc<Agent>, stream: UnixStream) {
    let peer = match stream.peer_cred() {
        Ok(peer) => peer.uid(),
        Err(error) => {
            tracing::warn!(error = %error, "nobody can be told to have asked: refused");
            return;
        }
    };
    let own = rustix::process::geteuid().as_raw();
    if !may_ask(peer, own) && !sits_here(agent, peer).await {
        tracing::warn!(uid = peer, "another account asked the agent: refused");
        return;
    }
    let (read, write) = stream.into_split();
    if let Err(error) = converse(agent, peer, BufReader::new(read), write).await {
        tracing::debug!(error = %error, "a connection to the socket ended early");
    }
}

/// The agent's own account and root may ask it.
const fn may_ask(peer: u32, own: u32) -> bool {
    peer == own || peer == 0
}

/// Those who sit before the machine may, or those who are configured, where the socket is in a place that they can reach.
async fn sits_here(agent: &Agent, peer: u32) -> bool {
    let SocketConfig { path, accounts } = &agent.config.socket;
    path.is_some() && Accounts::new(accounts).include(peer).await
}

async fn converse(
    agent: &Arc<Agent>,
    peer: u32,
    mut read: BufReader<impl AsyncRead + Unpin>,
    mut write: impl AsyncWrite + Unpin,
) -> Result<(), LineError> {
    let request = match tokio::time::timeout(PATIENCE, read_line::<Request>(&mut read)).await {
        Ok(Ok(request)) => request,
        Ok(Err(LineError::Closed)) | Err(_) => return Ok(()),
        Ok(Err(error)) => {
            let message = with_causes(&error);
            return answer(&mut write, &Answer::Failed { message }).await;
        }
    };
    match request {
        Request::Tap(command) => tap(agent, command, &mut read, &mut write).await,
        Request::Lock => {
            agent.lock().await;
            answer(&mut write, &Answer::Status(Box::new(agent.status()))).await
        }
        Request::Follow => follow(agent, &mut read, &mut write).await,
        Request::Preview => preview(agent, &mut read, &mut write).await,
        Request::Stay => {
            agent.stay();
            answer(&mut write, &Answer::Status(Box::new(agent.status()))).await
        }
        Request::Status => answer(&mut write, &Answer::Status(Box::new(agent.status()))).await,
        Request::Enrol(command) => enrol(agent, &command, &mut read, &mut write).await,
        Request::Key(command) => {
            let used = agent.use_key(command).await;
            let used = used.map(|(purpose, session)| {
                Answer::Entered(Entered { purpose, session: shown(session) })
            });
            answer(&mut write, &used.unwrap_or_else(|error| failed(&error))).await
        }
        Request::BreakGlass(command) => {
            let purpose = imp_identity::tap::Purpose::TapIn;
            let entered = agent.break_glass(command).await;
            let entered = entered
                .map(|session| Answer::Entered(Entered { purpose, session: shown(session) }));
            answer(&mut write, &entered.unwrap_or_else(|error| failed(&error))).await
        }
        Request::Vouch(command) => vouch(agent, peer, command, &mut read, &mut write).await,
        Request::Token(wanted) => {
            let token = agent.token(&exchange(wanted)).await;
            let token = token.map(|token| Answer::Token(handed(token)));
            answer(&mut write, &token.unwrap_or_else(|error| failed(&error))).await
        }
    }
}

fn failed(error: &dyn std::error::Error) -> Answer {
    Answer::Failed { message: with_causes(error) }
}

/// What the server is asked for a token.
fn exchange(wanted: TokenCommand) -> ExchangeSession {
    let TokenCommand { client, scope, resource, id_token } = wanted;
    ExchangeSession { client, scope, resource, id_token }
}

/// What the server gave, for the application.
fn handed(token: ExchangedToken) -> Token {
    let ExchangedToken { access_token, token_type, expires_in, scope } = token;
    Token { access_token, token_type, expires_in, scope }
}

/// Says how the workstation is whenever that changes, until the program goes away.
async fn follow(
    agent: &Agent,
    read: &mut BufReader<impl AsyncRead + Unpin>,
    write: &mut (impl AsyncWrite + Unpin),
) -> Result<(), LineError> {
    let mut changes = agent.looking.changes();
    let mut told = None;
    loop {
        changes.mark_unchanged();
        let status = agent.status();
        if told.as_ref() != Some(&status) {
            answer(write, &Answer::Status(Box::new(status.clone()))).await?;
            told = Some(status);
        }
        tokio::select! {
            () = gone(read) => return Ok(()),
            _ = changes.changed() => {}
            // Phones go and sessions expire without anybody's doing.
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// Shows what the camera sees while a tap or an enrolment looks, until the program goes away.
async fn preview(
    agent: &Agent,
    read: &mut BufReader<impl AsyncRead + Unpin>,
    write: &mut (impl AsyncWrite + Unpin),
) -> Result<(), LineError> {
    let mut pictures = agent.looking.pictures();
    loop {
        let picture = pictures.borrow_and_update().clone();
        if let Some(frame) = picture.and_then(|picture| picture.frame()) {
            answer(write, &Answer::Frame(frame)).await?;
        }
        let next = async {
            tokio::time::sleep(FRAME_PACE).await;
            pictures.changed().await
        };
        tokio::select! {
            () = gone(read) => return Ok(()),
            next = next => if next.is_err() { return Ok(()) },
        }
    }
}

/// Runs a tap; the program that asked for it may go away, which stops it.
async fn tap(
    agent: &Agent,
    command: TapCommand,
    read: &mut BufReader<impl AsyncRead + Unpin>,
    write: &mut (impl AsyncWrite + Unpin),
) -> Result<(), LineError> {
    let mut changes = agent.looking.changes();
    let mut told: Option<Hint> = None;
    let cancelled = CancellationToken::new();
    let tap = agent.tap_until(command, &cancelled);
    tokio::pin!(tap);
    let report = loop {
        tokio::select! {
            biased;
            report = &mut tap => break report,
            () = gone(read), if !cancelled.is_cancelled() => cancelled.cancel(),
            _ = changes.changed(), if !cancelled.is_cancelled() => {
                let hint = agent.looking.tapping().and_then(|tapping| tapping.hint);
                let Some(hint) = hint.filter(|hint| told != Some(*hint)) else { continue };
                told = Some(hint);
                let hint = Answer::Hint { hint };
                let telling = write_line(write, &hint);
                // The tap does not wait for a program that does not listen.
                let heard = tokio::time::timeout(HINT_PATIENCE, telling).await;
                if !matches!(heard, Ok(Ok(()))) {
                    cancelled.cancel();
                }
            }
        }
    };
    answer(write, &Answer::Tap(report)).await
}

/// Has whoever is here tap for a local account. Root may ask for any, others for their own.
async fn vouch(
    agent: &Agent,
    peer: u32,
    mut command: VouchCommand,
    read: &mut BufReader<impl AsyncRead + Unpin>,
    write: &mut (impl AsyncWrite + Unpin),
) -> Result<(), LineError> {
    if peer != 0 {
        command.asker = Some(accounts::name_of(peer).unwrap_or_default());
    }
    let cancelled = CancellationToken::new();
    let vouching = agent.vouch(&command, &cancelled);
    tokio::pin!(vouching);
    let vouched = tokio::select! {
        biased;
        vouched = &mut vouching => vouched,
        () = gone(read) => {
            cancelled.cancel();
            vouching.await
        }
    };
    let vouched = vouched.map(|()| Answer::Vouched { account: command.account.clone() });
    let said = vouched.unwrap_or_else(|error| {
        tracing::info!(service = command.service, error = %error, "nobody is vouched for");
        failed(&error)
    });
    answer(write, &said).await
}

/// Runs an enrolment; the program that asked for it may go away, which stops it.
async fn enrol(
    agent: &Arc<Agent>,
    command: &EnrolCommand,
    read: &mut BufReader<impl AsyncRead + Unpin>,
    write: &mut (impl AsyncWrite + Unpin),
) -> Result<(), LineError> {
    let (told, mut progress) = mpsc::unbounded_channel();
    let tell = move |step| {
        let _gone_or_not = told.send(step);
    };
    let enrolment = async {
        let result = agent.enrol_person(command, &tell).await;
        match result {
            Ok(enrolled) => Answer::Enrolled(enrolled),
            Err(error) => Answer::Failed { message: with_causes(&error) },
        }
    };
    tokio::pin!(enrolment);
    let last = loop {
        tokio::select! {
            biased;
            Some(step) = progress.recv() => answer(write, &Answer::Progress(step)).await?,
            last = &mut enrolment => break last,
            () = gone(read) => return Ok(()),
        }
    };
    while let Ok(step) = progress.try_recv() {
        answer(write, &Answer::Progress(step)).await?;
    }
    answer(write, &last).await
}

/// Completes when the other side has closed the connection; what it says meanwhile is not heard.
async fn gone(read: &mut BufReader<impl AsyncRead + Unpin>) {
    while let Ok(chunk) = read.fill_buf().await {
        let length = chunk.len();
        if length == 0 {
            return;
        }
        read.consume(length);
    }
}

async fn answer(write: &mut (impl AsyncWrite + Unpin), value: &Answer) -> Result<(), LineError> {
    let written = tokio::time::timeout(PATIENCE, write_line(write, value)).await;
    Ok(written.map_err(|_| LineError::Closed)??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_account_and_root_may_ask() {
        assert!(may_ask(1000, 1000) && may_ask(0, 1000) && may_ask(0, 0));
        assert!(!may_ask(1001, 1000) && !may_ask(1000, 0));
    }

    #[tokio::test]
    async fn the_end_of_a_connection_is_noticed_whatever_is_said_before() {
        let (mut here, there) = tokio::io::duplex(16);
        let mut read = BufReader::new(there);
        let noticed = gone(&mut read);
        tokio::pin!(noticed);
        let soon = Duration::from_millis(1);
        write_line(&mut here, &1).await.unwrap();
        tokio::time::timeout(soon, &mut noticed).await.unwrap_err();
        drop(here);
        noticed.await;
    }
}
