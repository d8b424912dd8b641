//! Other people's parsers: Python programs in the environment that `tests/setup/python.sh` makes.
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::source_tree;

/// A foreign parser could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// The environment is not there.
    #[error("no Python environment beside {0}: make it with tests/setup/python.sh")]
    Missing(PathBuf),
    /// The interpreter could not be started, fed or heard.
    #[error("could not run {script}")]
    Run {
        /// The program.
        script: String,
        /// Why.
        source: std::io::Error,
    },
    /// It ended otherwise than by accepting or rejecting: it is broken, or what it needs is missing.
    #[error("{script} failed instead of judging:\n{said}")]
    Broken {
        /// The program.
        script: String,
        /// What it printed.
        said: String,
    },
}

/// What a foreign parser thinks of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it takes the document for a good one.
    pub accepted: bool,
    /// What it printed: the facts it read, or the reasons for refusing.
    pub said: String,
}

/// How a script says that it refuses the document. Python's own failures end with 1, bad usage with 2.
const REJECTED: i32 = 3;

/// The interpreter of the environment: `python/bin/python` beside a profile's folder in the target directory.
pub fn interpreter() -> Result<PathBuf, PythonError> {
    let running = std::env::current_exe().unwrap_or_default();
    let places = running.ancestors().skip(1).take(4).map(|folder| folder.join("python/bin/python"));
    places.into_iter().find(|path| path.is_file()).ok_or(PythonError::Missing(running))
}

/// The interpreter, ready for arguments; it obeys no environment variables and writes no byte code.
pub fn command() -> Result<Command, PythonError> {
    let mut command = Command::new(interpreter()?);
    command.args(["-E", "-s", "-B"]).current_dir(source_tree::root());
    Ok(command)
}

/// Lets `tests/foreign/<name>` judge `document`, which it reads from its standard input.
///
/// A script ends with 0 when it accepts, and with 3 when it rejects; anything else is an error.
pub fn script(name: &str, arguments: &[&str], document: &[u8]) -> Result<Verdict, PythonError> {
    let run = |source| PythonError::Run { script: name.to_owned(), source };
    let mut command = command()?;
    command.arg(source_tree::root().join("tests/foreign").join(name)).args(arguments);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().map_err(run)?;
    let output = std::thread::scope(|scope| {
        feed(scope, &mut child, document);
        child.wait_with_output()
    });
    let output = output.map_err(run)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.code() {
        Some(0) => Ok(Verdict { accepted: true, said }),
        Some(REJECTED) => Ok(Verdict { accepted: false, said }),
        _ => {
            let said = said + &String::from_utf8_lossy(&output.stderr);
            Err(PythonError::Broken { script: name.to_owned(), said })
        }
    }
}

/// Writes from another thread, so that neither side waits for the other with full pipes.
fn feed<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    child: &mut Child,
    document: &'scope [u8],
) {
    if let Some(mut stdin) = child.stdin.take() {
        // One that has read enough closes its end; its exit status tells the rest.
        scope.spawn(move || stdin.write_all(document));
    }
}
