//! `doctor`: what is wrong, and how to mend it.
use std::process::ExitCode;

use super::output::{self, Failure};
use crate::config::Config;

mod clock;
mod consumers;
mod database;
mod disk;
mod keys;
mod port;

/// One thing that was looked at.
enum Finding {
    /// It is as it should be.
    Well(String),
    /// It is not.
    Wrong {
        /// What is wrong.
        what: String,
        /// How to mend it.
        mend: String,
    },
}

impl Finding {
    fn well(text: impl Into<String>) -> Self {
        Self::Well(text.into())
    }

    fn wrong(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::Wrong { what: what.into(), mend: mend.into() }
    }
}

/// Looks at everything; changes nothing. 0: all well. 1: something is wrong.
pub(super) async fn run(config: &Config) -> Result<ExitCode, Failure> {
    let now = super::clock().now();
    let mut findings = vec![Finding::well("the configuration can be used")];
    let (keys, found) = keys::check(config, now);
    findings.extend(found);
    findings.push(disk::check(config));
    let (newest, found) = database::check(config).await;
    let is_there = matches!(found, Finding::Well(_));
    findings.push(found);
    if is_there {
        findings.extend(consumers::check(config).await);
    }
    findings.push(clock::check(now, newest));
    findings.push(port::check(config, keys.as_ref()).await);
    let mut code = ExitCode::SUCCESS;
    for finding in findings {
        match finding {
            Finding::Well(text) => output::line(format!("ok     {text}"))?,
            Finding::Wrong { what, mend } => {
                code = ExitCode::FAILURE;
                output::line(format!("WRONG  {what}"))?;
                output::line(format!("       {mend}"))?;
            }
        }
    }
    Ok(code)
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.extend([": ", &error.to_string()]);
        cause = error.source();
    }
    text
}
