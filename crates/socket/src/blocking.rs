//! A blocking program's side of the socket: every call ends at a deadline, whatever the agent does.
//!
//! It runs a small runtime of its own in the calling thread, because connecting with `std` cannot be given a deadline: an agent that hangs with
//! a full queue would hang its callers, and one of them is `sudo`.
use std::path::Path;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::{Instant, timeout_at};

use crate::client;
use crate::protocol::{Answer, Request};

/// A connection to the agent, for one request, that ends at its deadline.
pub struct Connection {
    runtime: Runtime,
    client: client::Connection,
    deadline: Instant,
}

/// The agent cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum BlockingError {
    /// The time is up.
    #[error("the agent did not answer in time")]
    Late,
    /// This thread runs a runtime already: blocking in it would stop it.
    #[error("an asynchronous program cannot be blocked: use the asynchronous client")]
    Asynchronous,
    /// The system gives no runtime.
    #[error("the conversation could not be begun")]
    Runtime(#[source] std::io::Error),
    /// The agent, or the way to it.
    #[error(transparent)]
    Connection(#[from] client::ConnectionError),
}

impl Connection {
    /// Asks the agent at `path`; the whole conversation may take `patience`.
    pub fn ask(path: &Path, request: &Request, patience: Duration) -> Result<Self, BlockingError> {
        if Handle::try_current().is_ok() {
            return Err(BlockingError::Asynchronous);
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(BlockingError::Runtime)?;
        let (client, deadline) = runtime.block_on(async {
            let deadline = Instant::now() + patience;
            let asked = timeout_at(deadline, client::Connection::ask(path, request)).await;
            let client = asked.map_err(|_| BlockingError::Late)??;
            Ok::<_, BlockingError>((client, deadline))
        })?;
        Ok(Self { runtime, client, deadline })
    }

    /// The next answer.
    #[expect(
        clippy::should_implement_trait,
        reason = "a conversation that broke does not end like a list"
    )]
    pub fn next(&mut self) -> Result<Answer, BlockingError> {
        let Self { runtime, client, deadline } = self;
        runtime.block_on(async {
            let answered = timeout_at(*deadline, client.next()).await;
            Ok(answered.map_err(|_| BlockingError::Late)??)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::PathBuf;

    use super::*;
    use crate::{ConnectionError, Hint, LineError};

    const SOON: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(30);

    fn listener() -> (tempfile::TempDir, PathBuf, UnixListener) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        let listener = UnixListener::bind(&path).unwrap();
        (folder, path, listener)
    }

    /// An agent that reads a request, answers `text`, and hangs up when told.
    fn answering(listener: UnixListener, text: &'static str) -> std::thread::JoinHandle<String> {
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut asked).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
            asked
        })
    }

    #[test]
    fn hints_come_before_the_answer() {
        let (_folder, path, listener) = listener();
        let text = "{\"answer\":\"hint\",\"hint\":\"come-closer\"}\n\
                    {\"answer\":\"failed\",\"message\":\"no\"}\n";
        let agent = answering(listener, text);
        let mut connection = Connection::ask(&path, &Request::Lock, LONG).unwrap();
        assert_eq!(connection.next().unwrap(), Answer::Hint { hint: Hint::ComeCloser });
        assert_eq!(connection.next().unwrap(), Answer::Failed { message: "no".to_owned() });
        let closed = connection.next().unwrap_err();
        assert!(matches!(
            closed,
            BlockingError::Connection(ConnectionError::Line(LineError::Closed))
        ));
        assert_eq!(agent.join().unwrap(), "{\"do\":\"lock\"}\n");
    }

    #[test]
    fn an_agent_that_says_nothing_is_late() {
        let (_folder, path, _listener) = listener();
        let mut connection = Connection::ask(&path, &Request::Status, SOON).unwrap();
        assert!(matches!(connection.next(), Err(BlockingError::Late)));
    }

    #[test]
    fn an_agent_whose_queue_is_full_does_not_hang_its_callers() {
        let (_folder, path, _listener) = listener();
        // The kernel's queue is finite: one of these is told that there is no room.
        let mut waiting = Vec::new();
        let full = loop {
            match Connection::ask(&path, &Request::Status, SOON) {
                Ok(connection) if waiting.len() < 10_000 => waiting.push(connection.client),
                Ok(_) => panic!("the queue has no end"),
                Err(error) => break error,
            }
        };
        let no_room = BlockingError::Connection(ConnectionError::NoAgent {
            path: path.clone(),
            source: std::io::Error::other("full"),
        });
        assert_eq!(full.to_string(), no_room.to_string());
    }

    #[test]
    fn without_an_agent_it_says_how_to_start_one() {
        let (_folder, path, listener) = listener();
        drop(listener);
        let error = Connection::ask(&path, &Request::Status, LONG).err().unwrap();
        assert!(error.to_string().contains("imp-client agent"), "{error}");
    }

    #[tokio::test]
    async fn an_asynchronous_program_is_refused_instead_of_stopped() {
        let (_folder, path, _listener) = listener();
        let refused = Connection::ask(&path, &Request::Status, LONG).err().unwrap();
        assert!(matches!(refused, BlockingError::Asynchronous));
        drop(UnixStream::connect(&path).unwrap());
    }
}
