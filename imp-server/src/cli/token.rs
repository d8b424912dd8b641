//! `token`
use super::account;
use super::output::{self, Failure, failure};
use crate::app;
use crate::command;
use crate::config::Config;

/// Makes a new administrator token; the one before no longer counts.
pub(super) async fn token(config: Config) -> Result<(), Failure> {
    let app = super::open(config).await?;
    let mut rng = app::rng();
    let ca = app.keys.fingerprint();
    let issued =
        command::initialise_server(&mut app.context(&mut rng), &account::operator(), ca).await?;
    let Some(token) = issued else {
        return Err(failure(
            "there is an administrator already: use `imp-server user sign-in-code USERNAME`",
        ));
    };
    output::line(format!("administrator token, good until {:.0}:", token.expires_at))?;
    Ok(output::line(token.code.expose())?)
}
