//! An entry of an access list becomes a rule, or is refused.
use super::document::{Ace, Acl};
use super::matches::{self, Matched};
use super::{MudImport, MudMeaning, RefusedTerm, Why};
use crate::ports::{Ports, Protocol};
use crate::rule::{Rule, RuleId};
use crate::text::Purpose;

/// Which of the two policies an access list is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Packets of the device.
    FromDevice,
    /// Packets to the device.
    ToDevice,
}

/// The rules of a list. What becomes of the other entries is noted.
pub(super) fn read(
    acl: &Acl,
    way: Way,
    meaning: &MudMeaning,
    system: Option<&str>,
    import: &mut MudImport,
) -> Vec<Rule> {
    let (mut rules, mut denied) = (vec![], false);
    for ace in &acl.aces.ace {
        let entry = format!("{}/{}", acl.name, ace.name);
        if !ace.accepts() {
            denied = true;
            import.covered.push(entry);
            continue;
        }
        let found = if denied {
            Err((ace.name.clone(), Why::AfterDeny))
        } else {
            matches::read(ace, meaning).and_then(|matched| connection(&matched, way, ace))
        };
        match found {
            Ok(Some(connection)) => {
                let rule = rule(connection, meaning, purpose(&entry, system));
                if rule.ports == Ports::ALL {
                    import.wide.push(rule.id.clone());
                }
                rules.push(rule);
            }
            Ok(None) => import.covered.push(entry),
            Err((term, why)) => import.refused.push(RefusedTerm { entry, term, why }),
        }
    }
    rules
}

/// A connection that an entry opens.
struct Connection {
    device_begins: bool,
    peer: crate::endpoint::Endpoint,
    protocol: Protocol,
    ports: Ports,
}

/// Which connection the packets of an entry belong to. `None`: to one that the list for the other way opens.
fn connection(matched: &Matched, way: Way, ace: &Ace) -> Result<Option<Connection>, (String, Why)> {
    let Matched { peer, protocol, source, destination, device_begins } = matched;
    let refused = |why| (ace.name.clone(), why);
    let peer = peer.clone().ok_or_else(|| refused(Why::Anybody))?;
    let protocol = protocol.ok_or_else(|| refused(Why::Direction))?;
    let sent_by_device = way == Way::FromDevice;
    let device_begins = match (device_begins, source, destination) {
        (Some(device_begins), ..) => *device_begins,
        // Who sends to a port begins, if nothing else is said; who only sends from one answers.
        (None, None, Some(_)) => sent_by_device,
        (None, Some(_), None) => !sent_by_device,
        (None, None, None) | (None, Some(_), Some(_)) => return Err(refused(Why::Direction)),
    };
    if device_begins != sent_by_device {
        return Ok(None);
    }
    // What the port of the beginner is does not matter to a rule; that it is fixed, the matrix cannot say.
    if source.is_some() {
        return Err(("source-port".to_owned(), Why::NotInMatrix));
    }
    let ports = destination.unwrap_or(Ports::ALL);
    Ok(Some(Connection { device_begins, peer, protocol, ports }))
}

fn rule(connection: Connection, meaning: &MudMeaning, purpose: Purpose) -> Rule {
    let Connection { device_begins, peer, protocol, ports } = connection;
    let device = meaning.device.clone();
    let (from, to) = if device_begins { (device, peer) } else { (peer, device) };
    let id = RuleId::derived(&from, &to, protocol, ports);
    Rule { id, from, to, protocol, ports, purpose, until: meaning.until }
}

/// What the rule is for: the entry, and what the manufacturer calls the device.
fn purpose(entry: &str, system: Option<&str>) -> Purpose {
    let text = match system {
        Some(system) => format!("MUD {entry}: {system}"),
        None => format!("MUD {entry}"),
    };
    let printable: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    printable.parse().unwrap_or_else(|_| Purpose::mud())
}
