//! `events`
use std::collections::HashMap;
use std::time::Duration;

use clap::Args;
use imp_api::admin;
use imp_identity::name::Username;
use imp_identity::{Actor, UserId, WorkstationId};
use imp_storage::Storage;

use super::arguments;
use super::output::{self, Failure};
use crate::command::{self, Entry};
use crate::config::Config;
use crate::store::Tables as _;

/// How many events are read at a time.
const PAGE: u32 = 500;
/// How often the log is looked at with `--follow`.
const PAUSE: Duration = Duration::from_secs(1);

/// Which events.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Go on with new events until stopped.
    #[arg(long)]
    follow: bool,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// Only those that concern this user.
    #[arg(long, value_name = "USERNAME")]
    user: Option<Username>,
    /// Only those from this index on.
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
}

/// Prints them.
pub(super) async fn run(config: Config, arguments: Arguments) -> Result<(), Failure> {
    let app = super::open(config).await?;
    let storage = &app.storage;
    let user = match &arguments.user {
        Some(username) => Some(arguments::user(storage, username).await?.id),
        None => None,
    };
    let mut names = Names { storage, users: HashMap::new(), workstations: HashMap::new() };
    let mut from = arguments.from;
    loop {
        let page = match user {
            Some(user) => command::events_of_user(storage, user, from, PAGE).await?,
            None => command::events_page(storage, from, PAGE).await?,
        };
        for stored in &page {
            from = stored.index + 1;
            let Some(entry) = stored.entry()? else {
                if !arguments.json {
                    output::line(format!(
                        "{:>6}  {:.0}  {:<28} erased",
                        stored.index, stored.at, stored.kind
                    ))?;
                }
                continue;
            };
            if arguments.json {
                output::json_line(&admin::Entry {
                    index: entry.index,
                    type_uri: entry.record.event.type_uri(),
                    record: entry.record,
                })?;
            } else {
                output::line(line(&entry, &mut names).await?)?;
            }
        }
        if page.is_empty() {
            if !arguments.follow {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Place, time, what, who, where, why, by whom.
async fn line(entry: &Entry, names: &mut Names<'_>) -> Result<String, Failure> {
    let record = &entry.record;
    let fields = serde_json::to_value(&record.event)?;
    let text = |field: &str| fields.get(field).and_then(serde_json::Value::as_str);
    let mut line = format!("{:>6}  {:.0}  {:<28}", entry.index, record.at, record.event.name());
    if let Some(user) = record.event.user() {
        line.extend([" ", &names.user(user).await?]);
    }
    if let Some(workstation) = text("workstation").and_then(|id| id.parse().ok()) {
        line.extend([" at ", &names.workstation(workstation).await?]);
    }
    for (field, label) in [("purpose", "to"), ("reason", "because"), ("machine", "for")] {
        if let Some(value) = text(field) {
            line.extend([" ", label, " ", value]);
        }
    }
    let by = match &record.actor {
        Actor::Operator(account) => format!("operator {account}"),
        Actor::User(id) => names.user(*id).await?,
        Actor::Workstation(id) => format!("workstation {}", names.workstation(*id).await?),
        Actor::Phone(id) => format!("phone {id}"),
        Actor::Server => "server".to_owned(),
    };
    line.extend(["  [", &by, "]"]);
    Ok(line)
}

/// Names of what events identify, looked up once.
struct Names<'a> {
    storage: &'a Storage,
    users: HashMap<UserId, String>,
    workstations: HashMap<WorkstationId, String>,
}

impl Names<'_> {
    async fn user(&mut self, id: UserId) -> Result<String, Failure> {
        if let Some(name) = self.users.get(&id) {
            return Ok(name.clone());
        }
        let user = command::find_user(self.storage, id).await?;
        let name = user.map_or_else(|| id.to_string(), |user| user.username.to_string());
        self.users.insert(id, name.clone());
        Ok(name)
    }

    async fn workstation(&mut self, id: WorkstationId) -> Result<String, Failure> {
        if let Some(name) = self.workstations.get(&id) {
            return Ok(name.clone());
        }
        let workstation = self.storage.read().await?.workstations().find(id).await?;
        let name = workstation.map_or_else(|| id.to_string(), |w| w.name.to_string());
        self.workstations.insert(id, name.clone());
        Ok(name)
    }
}
