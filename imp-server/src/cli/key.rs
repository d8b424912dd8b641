//! `key`
use clap::Subcommand;
use imp_oauth::keys::KeyState;

use super::account;
use super::output::{self, Failure};
use crate::app;
use crate::command::{self, Haste};
use crate::config::Config;

/// What to do with the keys that sign tokens.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the keys that sign tokens, or will, or did.
    List,
    /// Change the keys before their time: applications are shown the next ones for `oauth.key_overlap_hours` first.
    Rotate {
        /// Change them at once, because somebody else has them: what they signed counts no longer.
        #[arg(long)]
        now: bool,
    },
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    if let Command::Rotate { now } = command {
        let haste = if now { Haste::Compromised } else { Haste::Orderly };
        let mut rng = app::rng();
        let context = &mut app.context(&mut rng);
        let actor = account::operator();
        command::rotate_signing_keys(context, &app.oauth, &actor, haste).await?;
    }
    for key in command::list_signing_keys(&app.storage, app.now()).await? {
        let state = match key.state {
            KeyState::Next => "next",
            KeyState::Current => "current",
            KeyState::Retiring => "retiring",
        };
        output::line(format!(
            "{:<6} {state:<8} signs from {}  {}",
            key.algorithm, key.signs_from, key.id
        ))?;
    }
    Ok(())
}
