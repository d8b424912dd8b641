//! `workstation`
use clap::Subcommand;
use imp_authenticator::InvitationUri;
use imp_authenticator::invitation::InvitationPurpose;
use imp_identity::WorkstationId;
use imp_identity::name::Label;
use imp_identity::phone::Revocation;

use super::account;
use super::output::{self, Failure};
use crate::app::{self, App};
use crate::command;
use crate::config::Config;
use crate::http::answer;

/// How many workstations are read at a time.
const PAGE: u32 = 500;

/// What to do with workstations.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Invite a workstation; the last line is what to type there.
    Add {
        /// How it is shown to people.
        name: Label,
        /// The ward or department where it stands.
        #[arg(long)]
        unit: Option<Label>,
    },
    /// List workstations, oldest first.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Stop accepting a workstation, and end the sessions there.
    Revoke {
        /// Which.
        workstation: WorkstationId,
        /// administrator, lost, superseded or erased.
        #[arg(long, default_value_t = Revocation::Administrator)]
        reason: Revocation,
    },
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    match command {
        Command::Add { name, unit } => add(&app, name, unit).await,
        Command::List { json } => list(&app, json).await,
        Command::Revoke { workstation, reason } => revoke(&app, workstation, reason).await,
    }
}

async fn add(app: &App, name: Label, unit: Option<Label>) -> Result<(), Failure> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let invited =
        command::invite_workstation(context, account::operator(), name.clone(), unit).await?;
    let invitation = InvitationUri {
        purpose: InvitationPurpose::Enrol,
        server: app.url.to_string(),
        ca: app.keys.fingerprint(),
        code: invited.code,
    };
    let (id, until) = (invited.workstation, invited.expires_at);
    output::line(format!("invited {name} ({id}), good until {until:.0}:"))?;
    Ok(output::line(invitation.to_string())?)
}

async fn list(app: &App, json: bool) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let page = command::list_workstations(&app.storage, after, PAGE).await?;
        for workstation in page.items.iter().map(answer::workstation) {
            if json {
                output::json_line(&workstation)?;
                continue;
            }
            let imp_api::admin::Workstation { id, name, unit, state } = workstation;
            let unit = unit.as_deref().unwrap_or("-");
            output::line(format!("{id}  {state:<8}  {unit:<20} {name}"))?;
        }
        let Some(next) = page.next else { return Ok(()) };
        after = Some(next);
    }
}

async fn revoke(app: &App, id: WorkstationId, reason: Revocation) -> Result<(), Failure> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::revoke_workstation(context, account::operator(), id, reason).await?;
    Ok(output::line(format!("revoked workstation {id}"))?)
}
