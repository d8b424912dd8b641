//! `connection import-mud`
use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use imp_connection::{Endpoint, Mud, MudImport, MudMeaning, Policy, csv};
use jiff::Timestamp;

use super::{put, table};
use crate::app::App;
use crate::cli::output::{self, Failure, failure};
use crate::command::connection::connection_hosts;

/// A manufacturer's usage description, and what its terms mean here.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The file in JSON. Its signature is not checked: whoever imports it says that it is the manufacturer's.
    file: PathBuf,
    /// The machines that it describes: class:…, unit:…, zone:…, or a SPIFFE ID.
    #[arg(long)]
    device: Endpoint,
    /// What the file calls `my-controller`.
    #[arg(long, value_name = "END")]
    my_controller: Option<Endpoint>,
    /// What the file calls a `controller`, by its URI.
    #[arg(long, value_name = "URI=END", value_parser = pair)]
    controller: Vec<(String, Endpoint)>,
    /// What the file calls `same-manufacturer`.
    #[arg(long, value_name = "END")]
    same_manufacturer: Option<Endpoint>,
    /// What the file calls a `manufacturer`, by its name.
    #[arg(long, value_name = "NAME=END", value_parser = pair)]
    manufacturer: Vec<(String, Endpoint)>,
    /// What the file calls `local-networks`.
    #[arg(long, value_name = "END")]
    local_networks: Option<Endpoint>,
    /// What a name in DNS means here; devices of the inventory are known by their names.
    #[arg(long, value_name = "NAME=END", value_parser = pair)]
    host: Vec<(String, Endpoint)>,
    /// When the rules end.
    #[arg(long)]
    until: Option<Timestamp>,
    /// Add the rules to those in force. Without it they are printed only.
    #[arg(long)]
    apply: bool,
}

fn pair(text: &str) -> Result<(String, Endpoint), String> {
    // Endpoints have no `=`; URIs may.
    let (name, end) = text.rsplit_once('=').ok_or("`name=end` is expected")?;
    Ok((name.to_owned(), end.parse().map_err(|error| format!("{error}"))?))
}

/// Says which rules the file asks for, and puts them in force if that is wanted.
pub(super) async fn import(app: &App, arguments: Arguments) -> Result<(), Failure> {
    let mud = Mud::parse(table::text(&arguments.file)?.as_bytes())?;
    let mut hosts = connection_hosts(&app.storage, app.keys.trust_domain()).await?;
    let apply = arguments.apply;
    hosts.extend(arguments.host.iter().cloned());
    let import = mud.rules(&meaning(arguments, hosts));
    say(&mud, &import)?;
    let rules = import.rules;
    if rules.is_empty() {
        return Err(failure("none of its entries becomes a rule"));
    }
    if apply {
        return put(app, rules, true).await;
    }
    Ok(output::text(&csv::write(&Policy::new(0, rules)?))?)
}

fn meaning(arguments: Arguments, hosts: BTreeMap<String, Endpoint>) -> MudMeaning {
    MudMeaning {
        device: arguments.device,
        my_controller: arguments.my_controller,
        controllers: arguments.controller.into_iter().collect(),
        same_manufacturer: arguments.same_manufacturer,
        manufacturers: arguments.manufacturer.into_iter().collect(),
        local_networks: arguments.local_networks,
        hosts,
        until: arguments.until,
    }
}

/// What became of the entries, on stderr.
fn say(mud: &Mud, import: &MudImport) -> Result<(), Failure> {
    let system = mud.system.as_deref().unwrap_or("a device without a description");
    output::note(format!("{system}: {}, of {}", mud.url, mud.last_update))?;
    for wide in &import.wide {
        output::note(format!("wide: {wide} is for every port"))?;
    }
    for entry in &import.covered {
        output::note(format!("needs no rule: {entry}"))?;
    }
    for refused in &import.refused {
        let why = refused.why.explain();
        output::note(format!("refused: {} ({}): {why}", refused.entry, refused.term))?;
    }
    Ok(())
}
