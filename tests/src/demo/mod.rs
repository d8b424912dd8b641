//! `make demo`: the main job on real photographs, in separate processes, told to somebody who has never seen IMP.
mod acts;
pub mod hospital;
mod narrator;

use std::path::Path;

pub use narrator::Narrator;

use crate::process::ProcessError;

/// The play cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A process failed.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A command failed.
    #[error("`{command}` failed:\n{said}")]
    Command {
        /// What was typed.
        command: String,
        /// What it answered.
        said: String,
    },
    /// A file could not be written or read.
    #[error("{what}")]
    File {
        /// What was tried.
        what: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A program answered what nobody can use.
    #[error("{program} answered what cannot be understood: {answer}")]
    Answer {
        /// The program.
        program: &'static str,
        /// Its answer.
        answer: String,
    },
}

/// Plays everything in `folder` and says how many expectations were not met.
pub fn run(folder: &Path) -> Result<usize, DemoError> {
    let narrator = Narrator::new();
    acts::play(folder, &narrator)?;
    Ok(narrator.failures())
}
