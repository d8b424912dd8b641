//! What is said on the socket.
use imp_api::session::{ExchangeSession, ExchangedToken};
use imp_api::tap::Session;
use imp_identity::tap::Purpose;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::enrolment::{EnrolCommand, Enrolled, Progress};
use crate::entry::{BreakGlassCommand, KeyCommand};
use crate::status::StatusReport;
use crate::tap::{TapCommand, TapReport};

/// Longest line, in bytes with its end.
pub const LONGEST_LINE: usize = 64 * 1024;

/// What a program asks the agent for: one line, the first of a connection. Closing the connection stops a tap or an enrolment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Request {
    /// Run a tap.
    Tap(TapCommand),
    /// Lock the desktop.
    Lock,
    /// Say how the workstation is.
    Status,
    /// Enrol a person.
    Enrol(EnrolCommand),
    /// Use the security key that is put in.
    Key(KeyCommand),
    /// Let somebody in, in an emergency.
    BreakGlass(BreakGlassCommand),
    /// Get a token for an application of this desktop.
    Token(ExchangeSession),
}

/// What the agent answers: any number of `progress`, then one of the others, then the connection closes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum Answer {
    /// An enrolment has come so far.
    Progress(Progress),
    /// The tap came to its end.
    Tap(TapReport),
    /// How the workstation is.
    Status(Box<StatusReport>),
    /// The person is enrolled.
    Enrolled(Enrolled),
    /// Somebody was let in, confirmed, or signed out.
    Entered(Entered),
    /// The token.
    Token(ExchangedToken),
    /// It was not done.
    Failed {
        /// Why, with its causes.
        message: String,
    },
}

/// Somebody was let in without a tap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entered {
    /// What for.
    pub purpose: Purpose,
    /// The session that was opened, resumed, stepped up or ended.
    pub session: Session,
}

/// A line cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The other side has gone.
    #[error("the connection was closed")]
    Closed,
    /// More than [`LONGEST_LINE`] bytes.
    #[error("the line is longer than {LONGEST_LINE} bytes")]
    TooLong,
    /// Not what is said here.
    #[error("the line is not one that is expected here")]
    Malformed(#[source] serde_json::Error),
    /// The connection broke.
    #[error("the connection broke")]
    Io(#[from] std::io::Error),
}

/// Reads one line.
pub(super) async fn read_line<T: for<'a> Deserialize<'a>>(
    from: &mut (impl AsyncBufRead + Unpin),
) -> Result<T, LineError> {
    let mut line = Vec::new();
    loop {
        let chunk = from.fill_buf().await?;
        if chunk.is_empty() {
            return Err(LineError::Closed);
        }
        let end = chunk.iter().position(|&b| b == b'\n');
        let taken = end.unwrap_or(chunk.len());
        if line.len() + taken >= LONGEST_LINE {
            return Err(LineError::TooLong);
        }
        line.extend_from_slice(&chunk[..taken]);
        from.consume(taken + usize::from(end.is_some()));
        if end.is_some() {
            return serde_json::from_slice(&line).map_err(LineError::Malformed);
        }
    }
}

/// Writes one line.
pub(super) async fn write_line(
    to: &mut (impl AsyncWrite + Unpin),
    value: &impl Serialize,
) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value).map_err(std::io::Error::other)?;
    line.push(b'\n');
    to.write_all(&line).await?;
    to.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use imp_identity::tap::Intent;

    async fn read(bytes: &[u8]) -> Result<Request, LineError> {
        read_line(&mut tokio::io::BufReader::with_capacity(64, bytes)).await
    }

    #[tokio::test]
    async fn requests_are_lines_of_json() {
        let line =
            b"{\"do\":\"tap\",\"purpose\":\"step-up\",\"user\":\"ada\",\"intent\":\"screen\"}\n";
        let Request::Tap(command) = read(line).await.unwrap() else {
            panic!("a tap was asked for")
        };
        let expected = TapCommand {
            purpose: Some(Purpose::StepUp),
            user: Some("ada".to_owned()),
            intent: Intent::Screen,
            phone_alone: false,
        };
        assert_eq!(command, expected);
        assert!(matches!(read(b"{\"do\":\"lock\"}\nmore").await.unwrap(), Request::Lock));
    }

    #[tokio::test]
    async fn lines_that_are_malformed_unfinished_or_endless_are_refused() {
        for line in [
            "\n",
            "{}\n",
            "{\"do\":\"dance\"}\n",
            "{\"do\":\"tap\"}\n",
            "{\"do\":\"tap\",\"intent\":\"key\",\"as\":\"root\"}\n",
            "[[[[\n",
            "\u{fffd}\n",
        ] {
            assert!(matches!(read(line.as_bytes()).await, Err(LineError::Malformed(_))), "{line}");
        }
        assert!(matches!(read(b"\xff\xfe\n").await, Err(LineError::Malformed(_))));
        assert!(matches!(read(b"{\"do\":\"lock\"}").await, Err(LineError::Closed)));
        let endless = vec![b'['; LONGEST_LINE + 1];
        assert!(matches!(read(&endless).await, Err(LineError::TooLong)));
        let deep = [vec![b'['; 60_000], b"\n".to_vec()].concat();
        assert!(matches!(read(&deep).await, Err(LineError::Malformed(_))));
    }
}
