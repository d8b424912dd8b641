//! One question to the agent, and its answer, within a time.
//!
//! Everything the other side can do to keep a caller waiting is bounded by one deadline: connecting does not block (a socket whose queue is full
//! is no agent), and each read waits for what is left of the time. What it can say is bounded by the longest line.
use std::io::{ErrorKind, Read as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

use crate::accounts;
use crate::message::{Answer, Question};
use crate::settings::Settings;

/// Longest line that is read, in bytes.
const LONGEST_LINE: usize = 4096;
/// Most lines that come before the answer: a tap has some ten hints.
const MOST_LINES: usize = 256;

/// Nobody is let in by this module.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// Nothing listens there, or it is too busy.
    #[error("the agent does not listen")]
    NoAgent(#[source] rustix::io::Errno),
    /// The account that the agent should run as is not one of this machine.
    #[error("there is no account {0:?}, as which the agent would run")]
    UnknownAgent(String),
    /// Somebody else listens in its place.
    #[error("the socket is that of account {found}, not of the agent's, {expected}")]
    Stranger {
        /// Who.
        found: u32,
        /// Whose it should be.
        expected: u32,
    },
    /// The time is up.
    #[error("the agent did not answer in time")]
    Late,
    /// It hung up.
    #[error("the agent hung up")]
    Closed,
    /// It talks without end.
    #[error("the agent said too much")]
    TooLong,
    /// Not what agents say.
    #[error("the agent said something that is not understood")]
    Malformed(#[source] serde_json::Error),
    /// An answer to another question.
    #[error("the agent answered another question")]
    Unexpected,
    /// It said no.
    #[error("the agent vouches for nobody")]
    Refused(
        /// Why, for the person before the screen.
        String,
    ),
    /// The connection broke.
    #[error("the connection to the agent broke")]
    Io(#[from] std::io::Error),
}

/// Asks the agent; `begun` is called once it has heard the question. `Ok` means: whoever is here may use the account.
pub(crate) fn ask(
    settings: &Settings,
    question: &Question<'_>,
    begun: impl FnOnce(),
) -> Result<(), AskError> {
    let deadline = Instant::now() + settings.patience;
    let stream = connect(&settings.socket)?;
    check_peer(&stream, &settings.agent)?;
    let mut line = serde_json::to_vec(question).map_err(AskError::Malformed)?;
    line.push(b'\n');
    send(&stream, &line)?;
    begun();
    let mut lines = Lines { stream, deadline, kept: vec![] };
    for _ in 0..MOST_LINES {
        let line = lines.next()?;
        match serde_json::from_slice(&line).map_err(AskError::Malformed)? {
            Answer::Hint {} => {}
            Answer::Vouched { account } if account == question.account => return Ok(()),
            Answer::Vouched { .. } => return Err(AskError::Unexpected),
            Answer::Failed { message } => return Err(AskError::Refused(message)),
        }
    }
    Err(AskError::TooLong)
}

/// Without waiting: a Unix socket is connected at once, or its queue is full.
fn connect(path: &Path) -> Result<UnixStream, AskError> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let connected = || {
        let address = SocketAddrUnix::new(path)?;
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        rustix::net::connect(&socket, &address)?;
        Ok(socket)
    };
    Ok(UnixStream::from(connected().map_err(AskError::NoAgent)?))
}

/// The kernel says who made the socket listen. Any account could have put one there, if the folder let it.
fn check_peer(stream: &UnixStream, agent: &str) -> Result<(), AskError> {
    let expected = accounts::number_of(agent);
    let expected = expected.ok_or_else(|| AskError::UnknownAgent(agent.to_owned()))?;
    let peer = rustix::net::sockopt::socket_peercred(stream).map_err(std::io::Error::from)?;
    let found = peer.uid.as_raw();
    if found == expected { Ok(()) } else { Err(AskError::Stranger { found, expected }) }
}

/// One short line, which a new connection always has room for. No signal if the other side is gone: it would kill `sudo`.
fn send(stream: &UnixStream, line: &[u8]) -> Result<(), AskError> {
    let sent =
        rustix::net::send(stream, line, SendFlags::NOSIGNAL).map_err(std::io::Error::from)?;
    if sent == line.len() { Ok(()) } else { Err(AskError::Late) }
}

/// The agent's lines, until the deadline.
struct Lines {
    stream: UnixStream,
    deadline: Instant,
    kept: Vec<u8>,
}

impl Lines {
    fn next(&mut self) -> Result<Vec<u8>, AskError> {
        loop {
            if let Some(end) = self.kept.iter().position(|&byte| byte == b'\n') {
                let rest = self.kept.split_off(end + 1);
                self.kept.truncate(end);
                return Ok(std::mem::replace(&mut self.kept, rest));
            }
            if self.kept.len() >= LONGEST_LINE {
                return Err(AskError::TooLong);
            }
            self.read()?;
        }
    }

    fn read(&mut self) -> Result<(), AskError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left < Duration::from_millis(1) {
            return Err(AskError::Late);
        }
        self.stream.set_nonblocking(false)?;
        self.stream.set_read_timeout(Some(left))?;
        let mut chunk = [0; 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(AskError::Closed),
            Ok(length) => {
                self.kept.extend_from_slice(&chunk[..length]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(AskError::Late)
            }
            Err(error) => Err(error.into()),
        }
    }
}
