//! `imp-client gateway`
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use imp_client::gateway::{Gateway, GatewayConfig, GatewayParts};
use imp_identity::clock::SystemClock;
use imp_service::Shutdown;
use tokio::signal::unix::{SignalKind, signal};

use super::{Context, Failure, output};

/// With which routes.
#[derive(Args)]
pub(super) struct RunGateway {
    /// The routes.
    #[arg(long, default_value = "/etc/imp/gateway.toml", value_name = "FILE")]
    routes: PathBuf,
    /// Look whether the routes can be used, and run nothing.
    #[arg(long)]
    check: bool,
}

impl RunGateway {
    pub(super) async fn run(&self, context: Context) -> Result<ExitCode, Failure> {
        let config = GatewayConfig::load(&self.routes, std::env::vars())?;
        if self.check {
            output::say(&format!("{} routes", config.routes.len()));
            return Ok(ExitCode::SUCCESS);
        }
        context.config.telemetry.start()?;
        let keystore = context.config.keystore(&context.state);
        let keystore = tokio::task::spawn_blocking(move || keystore.open()).await??;
        let shutdown = Shutdown::new();
        shutdown.on_signals()?;
        // Listened to before anything runs: by itself it would end the program.
        let mut hangups = signal(SignalKind::hangup())?;
        let clock = Arc::new(SystemClock);
        let parts = GatewayParts { config, state: context.state, clock, keystore };
        let gateway = Gateway::start(parts, &shutdown).await?;
        let (hurry, token) = (gateway.hurry(), shutdown.token());
        shutdown.spawn(async move {
            while let Some(Some(())) = token.run_until_cancelled(hangups.recv()).await {
                hurry();
            }
        });
        for (route, address) in gateway.addresses() {
            output::say(&format!("{route} listening on {address}"));
        }
        gateway.stopped().await?;
        Ok(ExitCode::SUCCESS)
    }
}
