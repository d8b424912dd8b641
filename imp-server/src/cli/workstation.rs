//! `workstation`
use clap::Subcommand;
use imp_authenticator::InvitationUri;
use imp_authenticator::invitation::InvitationPurpose;
use imp_identity::WorkstationId;
use imp_identity::name::Label;
use imp_identity::phone::Revocation;
use imp_identity::workstation::Place;

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
        /// The building or campus where it stands.
        #[arg(long)]
        site: Option<Label>,
    },
    /// Say where a workstation stands now; what is not named is forgotten.
    Place {
        /// Which.
        workstation: WorkstationId,
        /// The ward or department.
        #[arg(long)]
        unit: Option<Label>,
        /// The building or campus.
        #[arg(long)]
        site: Option<Label>,
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
        Command::Add { name, unit, site } => add(&app, name, Place { unit, site }).await,
        Command::Place { workstation, unit, site } => {
            place(&app, workstation, Place { unit, site }).await
        }
        Command::List { json } => list(&app, json).await,
        Command::Revoke { workstation, reason } => revoke(&app, workstation, reason).await,
    }
}

async fn add(app: &App, name: Label, place: Place) -> Result<(), Failure> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let invited =
        command::invite_workstation(context, account::operator(), name.clone(), place).await?;
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
            let imp_api::admin::Workstation { id, name, unit, site, state } = workstation;
            let (unit, site) = (unit.as_deref().unwrap_or("-"), site.as_deref().unwrap_or("-"));
            output::line(format!("{id}  {state:<8}  {site:<12} {unit:<20} {name}"))?;
        }
        let Some(next) = page.next else { return Ok(()) };
        after = Some(next);
    }
}

async fn place(app: &App, id: WorkstationId, place: Place) -> Result<(), Failure> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let placed = command::place_workstation(context, account::operator(), id, place).await?;
    let name = |label: Option<Label>| label.map_or_else(|| "-".to_owned(), |l| l.to_string());
    let (unit, site) = (name(placed.unit), name(placed.site));
    Ok(output::line(format!("{} stands at unit {unit}, site {site}", placed.name))?)
}

async fn revoke(app: &App, id: WorkstationId, reason: Revocation) -> Result<(), Failure> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::revoke_workstation(context, account::operator(), id, reason).await?;
    Ok(output::line(format!("revoked workstation {id}"))?)
}
