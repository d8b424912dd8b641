//! An asynchronous program's side of the socket.
use std::path::{Path, PathBuf};

use tokio::io::BufReader;
use tokio::net::UnixStream;

use crate::line::{LineError, read_line, write_line};
use crate::protocol::{Answer, Request};

/// A connection to the agent, for one request.
pub struct Connection {
    stream: BufReader<UnixStream>,
}

/// The agent cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// It does not run, or belongs to somebody else.
    #[error("no agent answers at {}: start it with `imp-client agent`, or use the account it runs as", .path.display())]
    NoAgent {
        /// Where it should listen.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The conversation failed.
    #[error("the agent did not answer as expected")]
    Line(#[from] LineError),
    /// The request could not be sent.
    #[error("the agent could not be asked")]
    Send(#[source] std::io::Error),
}

impl Connection {
    /// Asks the agent at `path`. Does not wait for an agent that accepts no connections.
    pub async fn ask(path: &Path, request: &Request) -> Result<Self, ConnectionError> {
        let no_agent = |source| ConnectionError::NoAgent { path: path.to_owned(), source };
        let mut stream = UnixStream::connect(path).await.map_err(no_agent)?;
        write_line(&mut stream, request).await.map_err(ConnectionError::Send)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// The next answer.
    pub async fn next(&mut self) -> Result<Answer, ConnectionError> {
        Ok(read_line(&mut self.stream).await?)
    }
}
