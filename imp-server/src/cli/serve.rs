//! `serve` and `migrate`.
use imp_service::Shutdown;
use imp_storage::Storage;

use super::output::{self, Failure};
use crate::config::Config;
use crate::server::Server;
use crate::store::MIGRATIONS;

/// Serves until SIGTERM or SIGINT.
pub(super) async fn serve(config: Config) -> Result<(), Failure> {
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let server = Server::start_with(config, super::clock(), shutdown).await?;
    announce(&server)?;
    Ok(server.stopped().await?)
}

fn announce(server: &Server) -> std::io::Result<()> {
    output::line(format!("listening on https://{}", server.address()))?;
    output::line(format!("CA fingerprint {}", server.ca()))?;
    if let Some(code) = server.administrator_code() {
        output::line(format!("administrator token {}", code.expose()))?;
    }
    Ok(())
}

/// Brings the schema up to date.
pub(super) async fn migrate(config: &Config) -> Result<(), Failure> {
    if config.storage.url.is_none() {
        std::fs::create_dir_all(&config.data)?;
    }
    let storage =
        Storage::open(&config.storage_url(), &MIGRATIONS, &config.storage_options()).await?;
    output::line(format!("the {} database is up to date", storage.kind()))?;
    storage.close().await;
    Ok(())
}
