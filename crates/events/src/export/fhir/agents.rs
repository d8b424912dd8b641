//! Who and what took part (`AuditEvent.agent`), in BALP's slices: user, client, server.
use imp_identity::name::Label;
use serde_json::{Map, Value, json};

use super::balp::Interaction;
use super::{DCM, coding, identifier};
use crate::export::view::{Party, View};

const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";

/// All of them, the actor first and the server last.
pub(super) fn agents(view: &View<'_>, interaction: Option<Interaction>) -> Value {
    let mut agents: Vec<_> =
        view.participants().into_iter().map(|party| agent(view, party, interaction)).collect();
    if let Some(interaction) = interaction {
        if let Party::User(_) = view.actor() {
            agents.push(unknown_client(interaction));
        }
        agents.push(server(view, interaction));
    }
    Value::Array(agents)
}

fn agent(view: &View<'_>, party: Party<'_>, interaction: Option<Interaction>) -> Value {
    let mut agent = Map::new();
    agent.insert("type".to_owned(), concept(&role(view, party, interaction)));
    let mut who = json!({ "identifier": identifier(&view.uri(party)) });
    if !matches!(party, Party::User(_) | Party::Operator(_)) {
        who["type"] = json!("Device");
    }
    let name = match party {
        Party::User(_) => view.person(party).map(|person| person.display_name.as_str()),
        Party::Workstation(workstation) => view.names.workstation(workstation).map(Label::as_str),
        Party::Server => Some(view.source.host.as_str()),
        Party::Phone(_) | Party::Client(_) | Party::Device(_) | Party::Operator(_) => None,
    };
    if let Some(name) = name {
        who["display"] = json!(name);
        agent.insert("name".to_owned(), json!(name));
    }
    if let Some(person) = view.person(party) {
        agent.insert("altId".to_owned(), json!(person.username));
    }
    agent.insert("who".to_owned(), who);
    agent.insert("requestor".to_owned(), json!(view.is_requestor(party)));
    match party {
        // Machines are known by the name in the certificate of their connection.
        Party::Workstation(_) | Party::Phone(_) | Party::Client(_) | Party::Device(_) => {
            agent.insert("network".to_owned(), network(&view.uri(party), "5"));
        }
        Party::Server => {
            agent.insert("network".to_owned(), network(&view.source.host, "1"));
        }
        Party::User(_) | Party::Operator(_) => {}
    }
    Value::Object(agent)
}

/// The server as the other end of an interaction.
fn server(view: &View<'_>, interaction: Interaction) -> Value {
    let role = match interaction {
        Interaction::Create | Interaction::Update | Interaction::Search => destination(),
        Interaction::Delete => coding(
            "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
            "custodian",
            "Custodian",
        ),
    };
    json!({
        "type": concept(&role),
        "who": {
            "type": "Device",
            "identifier": identifier(&view.source.server()),
            "display": view.source.host,
        },
        "requestor": false,
        "network": network(&view.source.host, "1"),
    })
}

/// The program through which a person acted: the log does not know it, nor the address it had.
fn unknown_client(interaction: Interaction) -> Value {
    let unknown = json!([{ "url": ABSENT, "valueCode": "unknown" }]);
    json!({
        "type": concept(&client(interaction)),
        "who": { "display": "a program of the user" },
        "requestor": false,
        "network": { "_address": { "extension": unknown } },
    })
}

fn role(view: &View<'_>, party: Party<'_>, interaction: Option<Interaction>) -> Value {
    match (party, interaction) {
        (Party::User(_), _) if !view.is_requestor(party) => coding(
            "http://terminology.hl7.org/CodeSystem/extra-security-role-type",
            "datasubject",
            "data subject",
        ),
        (Party::User(_), Some(Interaction::Create | Interaction::Update | Interaction::Delete)) => {
            coding(PARTICIPATION, "AUT", "author (originator)")
        }
        (Party::User(_) | Party::Operator(_), _) => {
            coding(PARTICIPATION, "IRCP", "information recipient")
        }
        (
            Party::Workstation(_) | Party::Phone(_) | Party::Client(_) | Party::Device(_),
            Some(interaction),
        ) if party == view.actor() => client(interaction),
        (Party::Workstation(_) | Party::Phone(_) | Party::Client(_) | Party::Device(_), _) => {
            coding(PARTICIPATION, "DEV", "device")
        }
        (Party::Server, _) => coding(DCM, "110150", "Application"),
    }
}

fn client(interaction: Interaction) -> Value {
    match interaction {
        Interaction::Create | Interaction::Update | Interaction::Search => {
            coding(DCM, "110153", "Source Role ID")
        }
        Interaction::Delete => coding(DCM, "110150", "Application"),
    }
}

fn destination() -> Value {
    coding(DCM, "110152", "Destination Role ID")
}

fn concept(coding: &Value) -> Value {
    json!({ "coding": [coding] })
}

/// An end of the connection; `kind` is 1 for a host name, 5 for a URI (`network-type`).
fn network(address: &str, kind: &str) -> Value {
    json!({ "address": address, "type": kind })
}
