//! The real binaries as separate processes, each ended with the value that stands for it.
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longest wait for anything that a process should do.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// Between two questions whether it was done.
pub const POLL: Duration = Duration::from_millis(25);

/// A process did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("could not start {program}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// It ended, or was silent for too long.
    #[error("{program} {what}; it said:\n{said}")]
    Silent {
        /// The program.
        program: String,
        /// What is wrong.
        what: &'static str,
        /// The end of what it printed.
        said: String,
    },
}

/// Where cargo put the program called `name`: beside the running one, or one folder up from a test.
pub fn binary(name: &str) -> PathBuf {
    let running = std::env::current_exe().unwrap_or_default();
    let folders = running.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    folders.into_iter().find(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(name))
}

/// A program that goes on in the background. Killed when dropped.
pub struct Running {
    name: String,
    child: Child,
    lines: Receiver<String>,
    stdout: Said,
    stderr: Said,
    readers: Vec<JoinHandle<()>>,
}

/// What a stream said so far.
type Said = Arc<Mutex<String>>;

impl Running {
    /// Starts `command`; `name` is for messages.
    pub fn start(name: &str, command: &mut Command) -> Result<Self, ProcessError> {
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = piped.spawn();
        let mut child =
            started.map_err(|source| ProcessError::Start { program: name.to_owned(), source })?;
        let (sender, lines) = channel();
        let (stdout, stderr) = (Said::default(), Said::default());
        let mut readers = Vec::new();
        if let Some(stream) = child.stdout.take() {
            readers.push(listen(stream, Arc::clone(&stdout), sender.clone()));
        }
        if let Some(stream) = child.stderr.take() {
            readers.push(listen(stream, Arc::clone(&stderr), sender));
        }
        Ok(Self { name: name.to_owned(), child, lines, stdout, stderr, readers })
    }

    /// Waits for a line that `wanted` recognises, and returns what it made of it.
    pub fn line<T>(&self, wanted: impl Fn(&str) -> Option<T>) -> Result<T, ProcessError> {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(found) = wanted(&line) {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Err(self.silent("did not say it in time")),
                Err(RecvTimeoutError::Disconnected) => return Err(self.silent("ended early")),
            }
        }
    }

    /// Its process identifier.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it printed so far.
    pub fn said(&self) -> String {
        text(&self.stdout) + &text(&self.stderr)
    }

    /// Everything that it printed until its end, which must have come.
    pub fn into_said(mut self) -> String {
        for reader in self.readers.drain(..) {
            // A reader only fails when this process does.
            let _read = reader.join();
        }
        self.said()
    }

    /// Ends it as a power failure would, and waits until it is gone.
    pub fn kill(&mut self) {
        // It may be gone already; then there is nothing to do.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }

    /// Asks it to end (SIGTERM) and waits.
    pub fn stop(mut self) -> Result<ExitStatus, ProcessError> {
        let pid = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        self.ended(PATIENCE)
    }

    /// Waits until it ends by itself.
    pub fn ended(&mut self, patience: Duration) -> Result<ExitStatus, ProcessError> {
        let status = eventually(patience, || self.child.try_wait().ok().flatten());
        status.ok_or_else(|| self.silent("does not end"))
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The error of not having done what it should.
    pub fn silent(&self, what: &'static str) -> ProcessError {
        let said = self.said();
        let tail = said.len().saturating_sub(2000);
        let said = said.get(tail..).unwrap_or(&said).to_owned();
        ProcessError::Silent { program: self.name.clone(), what, said }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a program said that ran to its end.
pub struct Finished {
    /// The exit status; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs `command` to its end, which must come in time.
pub fn run(command: &mut Command) -> Result<Finished, ProcessError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut running = Running::start(&name, command)?;
    let status = running.ended(PATIENCE)?;
    for reader in running.readers.drain(..) {
        // A reader only fails when this process does.
        let _read = reader.join();
    }
    let (stdout, stderr) = (text(&running.stdout), text(&running.stderr));
    Ok(Finished { code: status.code(), stdout, stderr })
}

fn text(said: &Said) -> String {
    said.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Keeps and passes on every line of a stream.
fn listen(stream: impl Read + Send + 'static, said: Said, heard: Sender<String>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.push_str(&line);
            said.push('\n');
            drop(said);
            // Nobody may be listening any more: the line is kept all the same.
            let _unheard = heard.send(line);
        }
    })
}

/// How a person would type `command`, with the folder `shortened` written as `$DEMO`.
pub fn typed(command: &Command, shortened: &str) -> String {
    let name = |word: &OsStr| {
        let word = word.to_string_lossy();
        let word = word.rsplit_once("/debug/").map_or(word.as_ref(), |(_, name)| name).to_owned();
        let word = word.replace(shortened, "$DEMO");
        if word.contains([' ', '?', '&']) { format!("'{word}'") } else { word }
    };
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(name).collect::<Vec<_>>().join(" ")
}

/// Asks again until there is an answer; `None` when there is none in time.
pub fn eventually<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + patience;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= until {
            return None;
        }
        std::thread::sleep(POLL);
    }
}
