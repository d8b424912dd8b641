//! How fast the whole log is checked, by the program that anybody would use.
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::Failure;

/// Runs `imp-server log verify` on the installation in `folder`, whose log has `events` entries.
pub(super) fn run(folder: &Path, events: u64) -> Result<(), Failure> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imp-server"));
    let began = Instant::now();
    let output = command.arg("--data").arg(folder).args(["log", "verify"]).output()?;
    let seconds = began.elapsed().as_secs_f64();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let rate = events as f64 / seconds;
    println!("log verify: {rate:.0} entries/s, {seconds:.0} s for all");
    Ok(())
}
