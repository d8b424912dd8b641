//! `phone`
use clap::Subcommand;
use imp_identity::PhoneId;
use imp_identity::name::Username;
use imp_identity::phone::Revocation;

use super::output::{self, Failure};
use super::{account, arguments};
use crate::app;
use crate::command;
use crate::config::Config;
use crate::http::answer;

/// What to do with phones. They are bound at the enrolment desk.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List a user's phones.
    List {
        /// Whose.
        username: Username,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Stop accepting a phone.
    Revoke {
        /// Which.
        phone: PhoneId,
        /// administrator, lost, superseded or erased.
        #[arg(long, default_value_t = Revocation::Administrator)]
        reason: Revocation,
    },
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    match command {
        Command::List { username, json } => {
            let user = arguments::user(&app.storage, &username).await?;
            for phone in command::phones_of_user(&app.storage, user.id).await? {
                let phone = answer::phone(&phone);
                if json {
                    output::json_line(&phone)?;
                } else {
                    output::line(format!("{}  {}", phone.id, phone.state))?;
                }
            }
            Ok(())
        }
        Command::Revoke { phone, reason } => {
            let mut rng = app::rng();
            let context = &mut app.context(&mut rng);
            command::revoke_phone(context, account::operator(), phone, reason).await?;
            Ok(output::line(format!("revoked phone {phone}"))?)
        }
    }
}
