//! `imp-client doctor`
use std::process::ExitCode;
use std::sync::Arc;

use imp_client::doctor::{Check, examine};
use imp_identity::clock::SystemClock;

use super::{Context, Failure, output};

pub(super) async fn run(context: &Context, json: bool) -> Result<ExitCode, Failure> {
    let checks = examine(&context.config, &context.state, Arc::new(SystemClock)).await;
    if json {
        output::say_json(&checks)?;
    } else {
        report(&checks);
    }
    let well = checks.iter().all(|check| check.ok);
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Prints what was found; says whether all of it is well.
pub(super) fn report(checks: &[Check]) -> bool {
    checks.iter().for_each(print);
    checks.iter().all(|check| check.ok)
}

fn print(check: &Check) {
    let mark = if check.ok { "ok   " } else { "WRONG" };
    output::say(&format!("{mark}  {:<14} {}", check.name, check.found));
    if let Some(mend) = &check.mend {
        output::say(&format!("{:22} → {mend}", ""));
    }
}
