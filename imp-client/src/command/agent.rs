//! `imp-client agent`
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use imp_client::{Agent, Devices, Parts, broker, socket};
use imp_identity::clock::SystemClock;
use imp_service::Shutdown;

use super::{Context, Failure, output};

/// How long tasks may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn run(context: Context) -> Result<ExitCode, Failure> {
    let socket_path = context.socket();
    let Context { state, config } = context;
    config.telemetry.start()?;
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let (devices_config, devices_state) = (config.clone(), state.clone());
    let open = move || Devices::open(&devices_config, &devices_state);
    let devices = tokio::task::spawn_blocking(open).await??;
    let agent_hands_over = config.broker.enabled;
    let parts = Parts {
        config,
        state: state.clone(),
        clock: Arc::new(SystemClock),
        devices,
        #[cfg(feature = "emulator")]
        recorder: None,
    };
    let agent = Agent::start(parts, &shutdown).await?;
    socket::serve(&agent)?;
    if agent_hands_over {
        // Taps go on without it: browsers here show the sign-in page meanwhile.
        match broker::serve(&agent).await {
            Ok(address) => {
                output::say(&format!("browsers here are signed on through http://{address}"));
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "browsers here are not signed on by the desktop");
            }
        }
    }
    let name = agent.standing().stored.name.clone();
    output::say(&format!("the agent of “{name}” listens at {}", socket_path.display()));
    drop(agent);
    shutdown.requested().await;
    shutdown.finished(PATIENCE).await?;
    Ok(ExitCode::SUCCESS)
}
