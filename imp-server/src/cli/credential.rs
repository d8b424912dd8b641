//! `credential`
use clap::Subcommand;
use imp_identity::CredentialId;
use imp_identity::name::Username;
use imp_identity::phone::Revocation;

use super::output::{self, Failure};
use super::{account, arguments};
use crate::app;
use crate::command;
use crate::config::Config;
use crate::http::answer;

/// What to do with passkeys and security keys. People register them at `/account`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List a user's passkeys and security keys.
    List {
        /// Whose.
        username: Username,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Remove one, also the last: a one-time code is the way back. What it opened ends.
    Remove {
        /// Whose.
        username: Username,
        /// Which.
        credential: CredentialId,
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
            for found in command::credentials_of_user(&app.storage, user.id).await? {
                let key = answer::credential(&found);
                if json {
                    output::json_line(&key)?;
                } else {
                    let last = key.used_at.map_or("never".to_owned(), |at| at.to_string());
                    output::line(format!(
                        "{}  {}  {}  last used {last}",
                        key.id, key.kind, key.name
                    ))?;
                }
            }
            Ok(())
        }
        Command::Remove { username, credential, reason } => {
            let user = arguments::user(&app.storage, &username).await?;
            let mut rng = app::rng();
            let context = &mut app.context(&mut rng);
            let actor = account::operator();
            command::remove_credential(context, &actor, user.id, credential, reason).await?;
            Ok(output::line(format!("removed credential {credential}"))?)
        }
    }
}
