//! `imp-client machine enrol`, `machine renew` and `machine status`
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use imp_authenticator::InvitationUri;
use imp_client::machine::enrolment::Enrolled;
use imp_client::machine::renewal::{Renewal, wait_after};
use imp_client::machine::status::CertificateStanding;
use imp_client::machine::{Device, DeviceStatus, Way, enrol_device_over, renew, renew_if_due};
use imp_identity::Clock as _;
use imp_identity::clock::SystemClock;
use rand_core::UnwrapErr;
use tokio::time::Instant;

use super::{Context, Failure, output};

/// How often it is asked whether a second person has approved.
const APPROVAL_POLL: Duration = Duration::from_secs(5);

/// What can be done with this machine's certificate.
#[derive(Subcommand)]
pub(super) enum Machine {
    /// Enrol this machine as a device of the inventory, with a technician's one-time code.
    Enrol {
        /// `imp:enrol?server=…&ca=…&code=…`
        invitation: InvitationUri,
        /// Enrol it anew, with a new key.
        #[arg(long)]
        replace: bool,
        /// Seconds to wait for a second person's approval, where the class of the device needs one.
        #[arg(long, default_value_t = 0, value_name = "SECONDS")]
        wait: u64,
        /// Enrol over EST (RFC 7030), at https://host:port; renewals go there too. Statement keys do not come over EST: not for a gateway.
        #[arg(long, requires = "name", value_name = "URL")]
        est: Option<String>,
        /// The device's identifier or serial number, as EST wants it beside the code.
        #[arg(long, requires = "est")]
        name: Option<String>,
    },
    /// Have the certificate renewed, if it is due. For a timer.
    Renew {
        /// Also if it is not due.
        #[arg(long)]
        now: bool,
        /// Seconds for which it is tried again when the server cannot be reached.
        #[arg(long, default_value_t = 600, value_name = "SECONDS")]
        patience: u64,
    },
    /// Say how this machine's certificate stands, and the gateway, if one runs here.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Machine {
    pub(super) async fn run(&self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Enrol { invitation, replace, wait, est, name } => {
                let way = match (est, name) {
                    (Some(server), Some(name)) => Way::Est { server, name },
                    (_, _) => Way::Code,
                };
                let wait = Duration::from_secs(*wait);
                enrol(context, invitation, *replace, wait, way).await
            }
            Self::Renew { now, patience } => {
                renewed(context, *now, Duration::from_secs(*patience)).await
            }
            Self::Status { json } => status(context, *json),
        }
    }
}

/// The device of this folder.
pub(super) async fn device(context: &Context) -> Result<Device, Failure> {
    let (state, keystore) = (context.state.clone(), context.config.keystore(&context.state));
    let load = move || -> Result<Device, Failure> {
        let keystore = keystore.open()?;
        Ok(Device::load(&state, keystore.as_ref(), Arc::new(SystemClock))?)
    };
    tokio::task::spawn_blocking(load).await?
}

async fn enrol(
    context: &Context,
    invitation: &InvitationUri,
    replace: bool,
    wait: Duration,
    way: Way<'_>,
) -> Result<ExitCode, Failure> {
    let keystore = context.config.keystore(&context.state);
    let keystore = tokio::task::spawn_blocking(move || keystore.open()).await??;
    let until = Instant::now() + wait;
    loop {
        let clock = Arc::new(SystemClock);
        let keystore = keystore.clone();
        let enrolled =
            enrol_device_over(way, &context.state, keystore, invitation, replace, clock).await?;
        match enrolled {
            Enrolled::Device(stored) => {
                output::say(&format!("This machine is enrolled as {}.", stored.enrolled.spiffe_id));
                let end = stored.enrolled.expires_at;
                output::say(&format!(
                    "Its certificate counts until {end:.0}; let a timer renew it."
                ));
                return Ok(ExitCode::SUCCESS);
            }
            Enrolled::AwaitingApproval(approval) if Instant::now() >= until => {
                let which = approval.map(|approval| format!(": {approval}")).unwrap_or_default();
                output::say(&format!("A second person has to approve this enrolment{which}."));
                output::say("Then run this again, with the same code.");
                return Ok(ExitCode::from(1));
            }
            Enrolled::AwaitingApproval(_) => tokio::time::sleep(APPROVAL_POLL).await,
        }
    }
}

async fn renewed(context: &Context, now: bool, patience: Duration) -> Result<ExitCode, Failure> {
    let device = device(context).await?;
    let until = Instant::now() + patience;
    let mut failures = 0;
    loop {
        let clock = Arc::new(SystemClock);
        let outcome = if now {
            renew(&device, &context.state, clock).await
        } else {
            renew_if_due(&device, &context.state, clock).await
        };
        match outcome {
            Ok(Renewal::Renewed(renewed)) => {
                let end = renewed.stored.enrolled.expires_at;
                output::say(&format!("The certificate was renewed until {end:.0}."));
                return Ok(ExitCode::SUCCESS);
            }
            Ok(Renewal::NotDue(due)) => {
                output::say(&format!("The certificate is not to be renewed before {due:.0}."));
                return Ok(ExitCode::SUCCESS);
            }
            Ok(Renewal::AwaitingApproval(approval)) => {
                let which = approval.map(|approval| format!(": {approval}")).unwrap_or_default();
                output::complain(&format!("a second person has to approve this{which}"));
                return Ok(ExitCode::from(1));
            }
            Err(error) => {
                failures += 1;
                let pause = wait_after(failures, &mut UnwrapErr(rand::rngs::SysRng));
                if !error.is_passing() || Instant::now() + pause >= until {
                    return Err(error.into());
                }
                output::complain(&format!("{error}; once more in {} s", pause.as_secs()));
                tokio::time::sleep(pause).await;
            }
        }
    }
}

fn status(context: &Context, json: bool) -> Result<ExitCode, Failure> {
    let status = DeviceStatus::read(&context.state, SystemClock.now())?;
    let status =
        status.ok_or("this machine is not enrolled: `imp-client machine enrol` comes first")?;
    if json {
        output::say_json(&status)?;
    } else {
        print(&status);
    }
    Ok(match status.certificate {
        CertificateStanding::Good | CertificateStanding::Due => ExitCode::SUCCESS,
        CertificateStanding::Urgent | CertificateStanding::Expired => ExitCode::from(1),
    })
}

fn print(status: &DeviceStatus) {
    output::say(&format!("machine      {}", status.spiffe_id));
    output::say(&format!("server       {}", status.server));
    if let Some(est) = &status.est {
        output::say(&format!("renewed at   {est} (EST)"));
    }
    let standing = match status.certificate {
        CertificateStanding::Good => "good",
        CertificateStanding::Due => "to be renewed",
        CertificateStanding::Urgent => "to be renewed at once: it expires soon",
        CertificateStanding::Expired => "expired",
    };
    let (renew, end) = (status.renew_after, status.expires_at);
    output::say(&format!("certificate  {standing} (renewed from {renew:.0}, ends {end:.0})"));
    let Some(gateway) = &status.gateway else { return };
    let policy = gateway.policy.map_or_else(
        || "none".to_owned(),
        |(version, until)| format!("version {version}, until {until:.0}"),
    );
    output::say(&format!("gateway      as of {:.0}; policy: {policy}", gateway.at));
    if gateway.unreported > 0 {
        output::say(&format!("             {} refusals are not reported yet", gateway.unreported));
    }
    for route in &gateway.routes {
        let stopped: u64 = route.stopped.values().sum();
        let open = if route.fails_open { ", fails open" } else { "" };
        output::say(&format!(
            "  {:<10} {} ({}{open}): {} connections, {} carried, {stopped} stopped",
            route.name, route.listening, route.assurance, route.connections, route.carried
        ));
        for (reason, count) in &route.stopped {
            output::say(&format!("             {count} {reason}"));
        }
    }
}
