//! `imp-client tap`
use std::process::ExitCode;

use clap::Args;
use imp_client::entry::KeyCommand;
use imp_client::socket::{Answer, Connection, Entered, Request};
use imp_client::tap::{TapCommand, TapOutcome, TapReport};
use imp_identity::Secret;
use imp_identity::tap::{Intent, Purpose};

use super::{Context, Failure, output};

/// What can be said about a tap.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
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
    /// Unlock with the phone alone, without the face; where the policy lets one factor suffice for a while.
    #[arg(long, conflicts_with_all = ["user", "security_key"])]
    phone_alone: bool,
    /// Use the security key that is put in, instead of phone and face.
    #[arg(long, conflicts_with = "user")]
    security_key: bool,
    /// Unlock by a touch of the security key, without its PIN; where the policy lets one factor suffice for a while.
    #[arg(long, requires = "security_key", conflicts_with = "pin")]
    touch: bool,
    /// Read the key's PIN from standard input; without it the key verifies you by itself.
    #[arg(long, requires = "security_key")]
    pin: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Tap {
    pub(super) async fn run(&self, context: &Context) -> Result<ExitCode, Failure> {
        if self.security_key {
            return self.key(context).await;
        }
        let (purpose, user, intent) = (self.purpose, self.user.clone(), self.intent);
        let phone_alone = self.phone_alone;
        let request = Request::Tap(TapCommand { purpose, user, intent, phone_alone });
        let mut connection = Connection::ask(&context.socket(), &request).await?;
        let report = loop {
            match connection.next().await? {
                Answer::Hint { hint } if !self.json => output::say(&format!("… {}", hint.words())),
                Answer::Hint { .. } => {}
                Answer::Tap(report) => break report,
                Answer::Failed { message } => return Err(message.into()),
                Answer::Frame(_)
                | Answer::Progress(_)
                | Answer::Status(_)
                | Answer::Enrolled(_)
                | Answer::Entered(_)
                | Answer::Token(_)
                | Answer::Vouched { .. } => {
                    return Err(
                        "the agent answered something else: is it of another version?".into()
                    );
                }
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
            | TapOutcome::Failed { .. }
            | TapOutcome::Choose { .. } => ExitCode::from(1),
            TapOutcome::Busy => ExitCode::from(2),
        })
    }
}

impl Tap {
    async fn key(&self, context: &Context) -> Result<ExitCode, Failure> {
        let pin = if self.pin { Some(read_pin()?) } else { None };
        let (purpose, touch) = (self.purpose, self.touch);
        let request = Request::Key(KeyCommand { purpose, pin, touch });
        let mut connection = Connection::ask(&context.socket(), &request).await?;
        match connection.next().await? {
            Answer::Entered(entered) if self.json => output::say_json(&entered)?,
            Answer::Entered(Entered { purpose, session }) => {
                let name = session.display_name;
                output::say(&match purpose {
                    Purpose::TapIn | Purpose::Unlock => format!("Welcome, {name}."),
                    Purpose::StepUp => format!("Confirmed by {name}."),
                    Purpose::TapOut => format!("Goodbye, {name}. You are signed out."),
                });
            }
            Answer::Failed { message } => {
                output::complain(&message);
                return Ok(ExitCode::from(1));
            }
            Answer::Hint { .. }
            | Answer::Frame(_)
            | Answer::Progress(_)
            | Answer::Tap(_)
            | Answer::Status(_)
            | Answer::Enrolled(_)
            | Answer::Token(_)
            | Answer::Vouched { .. } => {
                return Err("the agent answered something else: is it of another version?".into());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// One line of standard input.
fn read_pin() -> std::io::Result<Secret<String>> {
    let mut line = zeroize::Zeroizing::new(String::new());
    std::io::stdin().read_line(&mut line)?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n']).to_owned()))
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
        TapOutcome::Accepted { .. } | TapOutcome::Busy | TapOutcome::Failed { .. } => {}
    }
    if let Some(detail) = &report.detail {
        output::say(&format!("  {detail}"));
    }
    for step in &report.steps {
        output::say(&format!("  {:<18} {:>12}", step.name, output::milliseconds(step.micros)));
    }
}
