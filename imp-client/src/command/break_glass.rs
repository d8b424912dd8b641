//! `imp-client break-glass`
use std::process::ExitCode;

use clap::Args;
use imp_client::entry::BreakGlassCommand;
use imp_client::socket::{Answer, Connection, Request};

use super::{Context, Failure, output};

/// What is said in an emergency.
#[derive(Args)]
pub(super) struct BreakGlass {
    /// Who has to work.
    #[arg(long)]
    user: String,
    /// Why. Auditors read it.
    #[arg(long)]
    reason: String,
}

impl BreakGlass {
    pub(super) async fn run(&self, context: &Context) -> Result<ExitCode, Failure> {
        let (username, reason) = (self.user.clone(), self.reason.clone());
        let request = Request::BreakGlass(BreakGlassCommand { username, reason });
        let mut connection = Connection::ask(&context.socket(), &request).await?;
        match connection.next().await? {
            Answer::Entered(entered) => {
                let (name, until) = (entered.session.display_name, entered.session.expires_at);
                output::say(&format!("{name} may work until {until:.0}. It will be reviewed."));
                Ok(ExitCode::SUCCESS)
            }
            Answer::Failed { message } => {
                output::complain(&message);
                Ok(ExitCode::from(1))
            }
            Answer::Hint { .. }
            | Answer::Frame(_)
            | Answer::Progress(_)
            | Answer::Tap(_)
            | Answer::Status(_)
            | Answer::Enrolled(_)
            | Answer::Token(_)
            | Answer::Vouched { .. } => {
                Err("the agent answered something else: is it of another version?".into())
            }
        }
    }
}
