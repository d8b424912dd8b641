//! `imp-client token`
use std::process::ExitCode;

use clap::Args;
use imp_client::socket::{Answer, Connection, Request, TokenCommand};

use super::{Context, Failure, output};

/// For whom.
#[derive(Args)]
pub(super) struct Token {
    /// The application, by its client identifier; it must be registered for token exchange.
    #[arg(long, value_name = "CLIENT")]
    audience: String,
    /// What it may do, with spaces between; all that it is registered for, if absent.
    #[arg(long)]
    scope: Option<String>,
    /// Where the token is to be shown.
    #[arg(long, value_name = "URL")]
    resource: Option<String>,
    /// An ID token instead of an access token.
    #[arg(long = "id-token")]
    identity: bool,
    /// Print JSON, with the time for which it counts.
    #[arg(long)]
    json: bool,
}

impl Token {
    pub(super) async fn run(&self, context: &Context) -> Result<ExitCode, Failure> {
        let request = Request::Token(TokenCommand {
            client: self.audience.clone(),
            scope: self.scope.clone(),
            resource: self.resource.clone(),
            id_token: self.identity,
        });
        let mut connection = Connection::ask(&context.socket(), &request).await?;
        match connection.next().await? {
            Answer::Token(token) if self.json => output::say_json(&token)?,
            Answer::Token(token) => output::say(token.access_token.expose()),
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
            | Answer::Entered(_)
            | Answer::Vouched { .. } => {
                return Err("the agent answered something else: is it of another version?".into());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
