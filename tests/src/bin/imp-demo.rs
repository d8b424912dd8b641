//! `imp-demo [FOLDER]`: plays the main job. Status 0: everything was as it should be.
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use imp_tests::demo;

fn main() -> ExitCode {
    let folder = match std::env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => match tempfile::Builder::new().prefix("imp-demo-").tempdir() {
            Ok(folder) => folder.keep(),
            Err(error) => return failed(&format!("no temporary folder: {error}")),
        },
    };
    match demo::run(&folder) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => failed(&format!("the demonstration cannot go on: {error}")),
    }
}

fn failed(why: &str) -> ExitCode {
    // Without a reader there is only the status.
    let _unread = writeln!(std::io::stderr(), "\nimp-demo: {why}");
    ExitCode::FAILURE
}
