//! `serve` and `migrate`.
use imp_service::Shutdown;
use imp_storage::Storage;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::output::{self, Failure};
use crate::config::Config;
use crate::server::Server;
use crate::store::MIGRATIONS;

/// Serves until SIGTERM or SIGINT.
pub(super) async fn serve(config: Config) -> Result<(), Failure> {
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    if let Err(error) = allow_open_files() {
        tracing::warn!(%error, "no more files can be open than at the start, and so not more connections");
    }
    let server = Server::start_with(config, super::clock(), shutdown).await?;
    announce(&server)?;
    Ok(server.stopped().await?)
}

/// Lets as many files be open as the administrator allows: each connection is one, and systems start programs with 1,024.
fn allow_open_files() -> rustix::io::Result<()> {
    let allowed = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: allowed.maximum, ..allowed })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_files_may_be_open_as_the_administrator_allows() {
        let allowed = getrlimit(Resource::Nofile);
        // Other tests of this process have files open, too.
        let fewer = allowed.maximum.map(|most| most - 1);
        setrlimit(Resource::Nofile, Rlimit { current: fewer, ..allowed }).unwrap();
        allow_open_files().unwrap();
        assert_eq!(getrlimit(Resource::Nofile).current, allowed.maximum);
    }
}
