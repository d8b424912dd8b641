//! `imp-window`: the window of a shared workstation.
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use imp_window::{Language, Mode};

/// The window of a shared workstation: who is signed in, the press, the camera's picture, what to do now. It talks to the agent on this machine only.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where the agent listens.
    #[arg(long, env = "IMP_WINDOW_SOCKET", default_value = "/run/imp-client/agent.sock")]
    socket: PathBuf,
    /// en, it or el, or a locale such as it_IT.UTF-8; that of the desktop if absent.
    #[arg(long, env = "IMP_WINDOW_LANGUAGE")]
    language: Option<String>,
    /// The desktop's locale.
    #[arg(long, env = "LANG", hide = true, default_value = "en")]
    locale: String,
    /// How the window behaves.
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let language = arguments.language.as_deref().unwrap_or(&arguments.locale);
    match imp_window::run(arguments.socket, Language::of_locale(language), arguments.mode) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _nobody_reads_it = writeln!(std::io::stderr(), "no window can be opened: {error}");
            ExitCode::FAILURE
        }
    }
}
