//! `imp-client tap`
use std::process::ExitCode;

use clap::Args;
use imp_client::socket::{Answer, Connection, Request};
use imp_client::tap::{TapCommand, TapOutcome, TapReport};
use imp_identity::tap::{Intent, Purpose};

use super::{Context, Failure, output};

/// What can be said about a tap.
#[derive(Args)]
pub(super) struct Tap {
    /// tap-in, unlock, step-up or tap-out; if absent: unlock for whom the desktop is locked, else tap-in.
    #[arg(long)]
    purpose: Option<Purpose>,
    /// Whose phone, when several are near.
    #[arg(long)]
    user: Option<String>,
    /// How the person pressed: screen or key.
    #[arg(long, default_value = "key")]
    intent: Intent,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Tap {
    pub(super) async fn run(&self, context: &Context) -> Result<ExitCode, Failure> {
        let (purpose, user, intent) = (self.purpose, self.user.clone(), self.intent);
        let request = Request::Tap(TapCommand { purpose, user, intent });
        let mut connection = Connection::ask(&context.state.socket(), &request).await?;
        let report = match connection.next().await? {
            Answer::Tap(report) => report,
            Answer::Failed { message } => return Err(message.into()),
            Answer::Progress(_) | Answer::Status(_) | Answer::Enrolled(_) => {
                return Err("the agent answered something else: is it of another version?".into());
            }
        };
        if self.json {
            output::say_json(&report)?;
        } else {
            print(&report);
        }
        Ok(match report.outcome {
            TapOutcome::Accepted { .. } => ExitCode::SUCCESS,
            TapOutcome::Refused { .. }
            | TapOutcome::Abandoned { .. }
            | TapOutcome::Choose { .. } => ExitCode::from(1),
            TapOutcome::Busy => ExitCode::from(2),
        })
    }
}

fn print(report: &TapReport) {
    output::say(&report.explain());
    match &report.outcome {
        TapOutcome::Refused { reason } => output::say(&format!("  refused: {reason}")),
        TapOutcome::Abandoned { reason } => output::say(&format!("  given up: {reason}")),
        TapOutcome::Choose { people } => {
            for person in people {
                output::say(&format!("  {}: --user {}", person.display_name, person.username));
            }
        }
        TapOutcome::Accepted { .. } | TapOutcome::Busy => {}
    }
    if let Some(detail) = &report.detail {
        output::say(&format!("  {detail}"));
    }
    for step in &report.steps {
        output::say(&format!("  {:<18} {:>12}", step.name, output::milliseconds(step.micros)));
    }
}
