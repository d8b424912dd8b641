//! `device`
use clap::{Args, Subcommand};
use imp_authenticator::InvitationUri;
use imp_authenticator::invitation::InvitationPurpose;
use imp_identity::device::{Description, Device, DeviceClass, Lifecycle, ServerName};
use imp_identity::name::{Label, Remark};
use imp_identity::{ApprovalId, DeviceId};
use imp_storage::Storage;
use jiff::SignedDuration;

use super::account;
use super::output::{self, Failure, failure};
use crate::app::{self, App};
use crate::command::{self, DeviceChange, DeviceFilter};
use crate::config::Config;
use crate::http::device;

/// How many devices are read at a time.
const PAGE: u32 = 500;

/// What to do with devices.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Put a device in the inventory; prints its identifier.
    Add(Box<Described>),
    /// Say something else of a device; what is not named stays.
    Set {
        /// Which, by name or identifier.
        device: String,
        #[command(flatten)]
        facts: Box<Facts>,
    },
    /// List devices, oldest first.
    List {
        /// Of this class.
        #[arg(long)]
        class: Option<DeviceClass>,
        /// In this state.
        #[arg(long)]
        state: Option<Lifecycle>,
        /// Of this ward or department.
        #[arg(long)]
        unit: Option<Label>,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show a device and its certificates, in JSON.
    Show {
        /// Which, by name or identifier.
        device: String,
    },
    /// Make a one-time code for a technician; the last line is what to give her.
    Invite {
        /// Which, by name or identifier.
        device: String,
    },
    /// Take a device out of use for a while: its certificates are held.
    Suspend(Changed),
    /// Suspect a device: its certificates are held.
    Quarantine(Changed),
    /// Let a device be used again: its certificates count again.
    Reinstate(Changed),
    /// Never use a device again: its certificates are revoked.
    Retire(Changed),
    /// List the enrolments that wait for a second person.
    Waiting {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Approve an enrolment that somebody else began.
    Approve {
        /// Which.
        enrolment: ApprovalId,
    },
    /// Refuse an enrolment.
    Reject {
        /// Which.
        enrolment: ApprovalId,
        /// Why.
        #[arg(long)]
        reason: Remark,
    },
    /// Revoke a certificate, or hold it.
    Revoke {
        /// Its serial number, in hexadecimal.
        serial: String,
        /// unspecified, key-compromise, affiliation-changed, superseded, cessation-of-operation, certificate-hold or
        /// privilege-withdrawn.
        #[arg(long, default_value_t = imp_identity::device::CertificateRevocation::Unspecified)]
        reason: imp_identity::device::CertificateRevocation,
    },
    /// Let a certificate that was held count again.
    Release {
        /// Its serial number, in hexadecimal.
        serial: String,
    },
    /// List the devices that will stand without a certificate unless they renew, soonest first.
    Forecast {
        /// So many days from now on.
        #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=400))]
        days: u16,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
}

/// A device that is new.
#[derive(Debug, Args)]
pub(super) struct Described {
    /// How people call it.
    name: Label,
    /// server, gateway, infusion-pump, analyser, imaging or legacy-gateway.
    class: DeviceClass,
    #[command(flatten)]
    facts: Facts,
}

/// What is said of a device.
#[derive(Debug, Args)]
pub(super) struct Facts {
    /// Who made it.
    #[arg(long)]
    manufacturer: Option<Label>,
    /// What the manufacturer calls its kind.
    #[arg(long)]
    model: Option<Label>,
    /// The manufacturer's number of this one.
    #[arg(long)]
    serial_number: Option<Label>,
    /// Its Unique Device Identifier.
    #[arg(long)]
    udi: Option<Label>,
    /// The ward or department that answers for it.
    #[arg(long)]
    unit: Option<Label>,
    /// Where it stands.
    #[arg(long)]
    location: Option<Label>,
    /// The network zone that it belongs to.
    #[arg(long)]
    zone: Option<Label>,
    /// Where its security statement (MDS2) is.
    #[arg(long)]
    mds2: Option<Label>,
    /// A DNS name or address that its certificates may have; may be repeated.
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<ServerName>,
}

/// A device whose state is changed.
#[derive(Debug, Args)]
pub(super) struct Changed {
    /// Which, by name or identifier.
    device: String,
    /// Why.
    #[arg(long)]
    reason: Remark,
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    match command {
        Command::Add(described) => add(&app, *described).await,
        Command::Set { device, facts } => set(&app, &device, *facts).await,
        Command::List { class, state, unit, json } => {
            list(&app, &DeviceFilter { class, state, unit }, json).await
        }
        Command::Show { device } => show(&app, &device).await,
        Command::Invite { device } => invite(&app, &device).await,
        Command::Suspend(changed) => change(&app, changed, DeviceChange::Suspend).await,
        Command::Quarantine(changed) => change(&app, changed, DeviceChange::Quarantine).await,
        Command::Reinstate(changed) => change(&app, changed, DeviceChange::Reinstate).await,
        Command::Retire(changed) => change(&app, changed, DeviceChange::Retire).await,
        Command::Waiting { json } => waiting(&app, json).await,
        Command::Approve { enrolment } => {
            let lifetime = 24 * i64::from(app.config.devices.approval_days);
            let lifetime = SignedDuration::from_hours(lifetime);
            let mut rng = app::rng();
            let context = &mut app.context(&mut rng);
            command::approve_device(context, account::operator(), enrolment, lifetime).await?;
            Ok(output::line(format!("approved enrolment {enrolment}"))?)
        }
        Command::Reject { enrolment, reason } => {
            let mut rng = app::rng();
            let context = &mut app.context(&mut rng);
            command::reject_device(context, account::operator(), enrolment, reason).await?;
            Ok(output::line(format!("rejected enrolment {enrolment}"))?)
        }
        Command::Revoke { serial, reason } => {
            let mut rng = app::rng();
            let context = &mut app.context(&mut rng);
            command::revoke_certificate(context, account::operator(), &serial, reason).await?;
            Ok(output::line(format!("revoked certificate {serial}: {reason}"))?)
        }
        Command::Release { serial } => {
            let mut rng = app::rng();
            let context = &mut app.context(&mut rng);
            command::reinstate_certificate(context, account::operator(), &serial).await?;
            Ok(output::line(format!("certificate {serial} counts again"))?)
        }
        Command::Forecast { days, json } => forecast(&app, days, json).await,
    }
}

/// The device with a name or an identifier.
pub(super) async fn find(storage: &Storage, text: &str) -> Result<Device, Failure> {
    let found = if let Ok(id) = text.parse::<DeviceId>() {
        command::find_device(storage, id).await?.map(|(device, _)| device)
    } else {
        command::find_device_named(storage, &text.parse()?).await?
    };
    found.ok_or_else(|| failure(format!("there is no device `{text}`")))
}

async fn add(app: &App, Described { name, class, facts }: Described) -> Result<(), Failure> {
    let Facts { manufacturer, model, serial_number, udi, .. } = facts;
    let Facts { unit, location, zone, mds2, hosts: names, .. } = facts;
    let description = Description {
        name,
        class,
        manufacturer,
        model,
        serial_number,
        udi,
        unit,
        location,
        zone,
        mds2,
        names,
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let device = command::register_device(context, account::operator(), description).await?;
    Ok(output::line(device.id.to_string())?)
}

async fn set(app: &App, text: &str, facts: Facts) -> Result<(), Failure> {
    let device = find(&app.storage, text).await?;
    let old = device.description();
    let description = Description {
        name: old.name,
        class: old.class,
        manufacturer: facts.manufacturer.or(old.manufacturer),
        model: facts.model.or(old.model),
        serial_number: facts.serial_number.or(old.serial_number),
        udi: facts.udi.or(old.udi),
        unit: facts.unit.or(old.unit),
        location: facts.location.or(old.location),
        zone: facts.zone.or(old.zone),
        mds2: facts.mds2.or(old.mds2),
        names: if facts.hosts.is_empty() { old.names } else { facts.hosts },
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let actor = account::operator();
    let device = command::describe_device(context, actor, device.id, description).await?;
    output::json(&device::device(&device, app.keys.trust_domain()))
}

async fn list(app: &App, filter: &DeviceFilter, json: bool) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let page = command::list_devices(&app.storage, filter, after, PAGE).await?;
        for it in &page.items {
            if json {
                output::json_line(&device::device(it, app.keys.trust_domain()))?;
                continue;
            }
            let (id, class, state, name) = (it.id, it.class.code(), it.state.code(), &it.name);
            let unit = it.unit.as_ref().map_or("-", Label::as_str);
            output::line(format!("{id}  {state:<11}  {class:<14} {unit:<20} {name}"))?;
        }
        let Some(next) = page.next else { return Ok(()) };
        after = Some(next);
    }
}

async fn show(app: &App, text: &str) -> Result<(), Failure> {
    let found = find(&app.storage, text).await?;
    let certificates = command::certificates_of_device(&app.storage, found.id, app.now()).await?;
    output::json(&imp_api::device::DeviceShown {
        device: device::device(&found, app.keys.trust_domain()),
        certificates: certificates.iter().map(device::certificate).collect(),
    })
}

async fn invite(app: &App, text: &str) -> Result<(), Failure> {
    let device = find(&app.storage, text).await?;
    let lifetime = SignedDuration::from_hours(app.config.devices.code_hours.into());
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let actor = account::operator();
    let invited = command::invite_device(context, actor, device.id, lifetime).await?;
    let code = invited.code.expose();
    let invitation = InvitationUri {
        purpose: InvitationPurpose::Enrol,
        server: app.url.to_string(),
        ca: app.keys.fingerprint(),
        code: invited.code,
    };
    let (name, until) = (&device.name, invited.expires_at);
    output::line(format!("invited {name} ({}), good until {until:.0}", device.id))?;
    output::line(format!("code {code}"))?;
    Ok(output::line(invitation.to_string())?)
}

async fn change(app: &App, changed: Changed, change: DeviceChange) -> Result<(), Failure> {
    let Changed { device, reason } = changed;
    let id = find(&app.storage, &device).await?.id;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let device = command::change_device(context, account::operator(), id, change, reason).await?;
    Ok(output::line(format!("{} is {}", device.name, device.state))?)
}

async fn waiting(app: &App, json: bool) -> Result<(), Failure> {
    for approval in command::open_approvals(&app.storage).await? {
        let shown = device::approval(&approval);
        if json {
            output::json_line(&shown)?;
            continue;
        }
        let name = command::find_device(&app.storage, shown.device).await?;
        let name = name.map_or_else(String::new, |(device, _)| device.name.to_string());
        let (id, means, at, key) = (shown.id, shown.means.code(), shown.asked_at, shown.key);
        output::line(format!("{id}  {means:<5}  {at:.0}  {name}  key {key}"))?;
    }
    Ok(())
}

async fn forecast(app: &App, days: u16, json: bool) -> Result<(), Failure> {
    let now = app.now();
    let until = now + SignedDuration::from_hours(24 * i64::from(days));
    for expiring in command::expiry_forecast(&app.storage, now, until).await? {
        let shown = device::expiring(expiring);
        if json {
            output::json_line(&shown)?;
        } else {
            let (at, serial, machine) = (shown.expires_at, shown.serial, shown.spiffe_id);
            output::line(format!("{at:.0}  {serial}  {machine}"))?;
        }
    }
    Ok(())
}
