//! `imp-server`: see [`imp_server::cli`].
use std::process::ExitCode;

fn main() -> ExitCode {
    imp_server::cli::run()
}
