//! What an entry matches, as far as the matrix can say it.
use std::collections::BTreeMap;

use serde_json::Value;

use super::document::Ace;
use super::{MudMeaning, Why};
use crate::endpoint::Endpoint;
use crate::ports::{Ports, Protocol};

/// With whom, by what, to which ports, and who begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Matched {
    pub(super) peer: Option<Endpoint>,
    pub(super) protocol: Option<Protocol>,
    pub(super) source: Option<Ports>,
    pub(super) destination: Option<Ports>,
    /// `direction-initiated` (RFC 8520 §3.2): whether the device begins.
    pub(super) device_begins: Option<bool>,
}

/// A term that cannot be mapped, and why.
pub(super) type Refusal = (String, Why);

/// The members of one match.
type Terms = BTreeMap<String, Value>;

/// Reads an entry. The first term that cannot be mapped refuses all of it.
pub(super) fn read(ace: &Ace, meaning: &MudMeaning) -> Result<Matched, Refusal> {
    let mut matched = Matched::default();
    for (kind, terms) in &ace.matches {
        match kind.trim_start_matches("ietf-access-control-list:") {
            "ietf-mud:mud" => abstractions(terms, meaning, &mut matched)?,
            "ipv4" | "ipv6" => network(terms, meaning, &mut matched)?,
            "tcp" => transport(terms, Protocol::Tcp, &mut matched)?,
            "udp" => transport(terms, Protocol::Udp, &mut matched)?,
            other => return Err((other.to_owned(), Why::NotInMatrix)),
        }
    }
    Ok(matched)
}

impl Matched {
    /// The other end. An entry that names two must mean both, and the matrix cannot say so.
    fn set_peer(&mut self, term: &str, peer: Option<&Endpoint>) -> Result<(), Refusal> {
        let peer = peer.ok_or_else(|| (term.to_owned(), Why::Meaning))?;
        if self.peer.as_ref().is_some_and(|other| other != peer) {
            return Err((term.to_owned(), Why::NotInMatrix));
        }
        self.peer = Some(peer.clone());
        Ok(())
    }

    fn set_protocol(&mut self, term: &str, protocol: Protocol) -> Result<(), Refusal> {
        if self.protocol.is_some_and(|other| other != protocol) {
            return Err((term.to_owned(), Why::NotInMatrix));
        }
        self.protocol = Some(protocol);
        Ok(())
    }
}

/// `ietf-mud:mud` (RFC 8520 §3.3).
fn abstractions(terms: &Terms, meaning: &MudMeaning, matched: &mut Matched) -> Result<(), Refusal> {
    for (term, value) in terms {
        let value = value.as_str();
        let shown = value.map_or_else(|| term.clone(), |value| format!("{term} {value}"));
        let value = value.unwrap_or_default();
        let peer = match term.as_str() {
            "my-controller" => meaning.my_controller.as_ref(),
            "controller" => meaning.controllers.get(value),
            "same-manufacturer" => meaning.same_manufacturer.as_ref(),
            "manufacturer" => meaning.manufacturers.get(value),
            "local-networks" => meaning.local_networks.as_ref(),
            // `model` names machines by another file: nobody could say which those are.
            _ => return Err((shown, Why::NotInMatrix)),
        };
        matched.set_peer(&shown, peer)?;
    }
    Ok(())
}

/// `ipv4` and `ipv6` (RFC 8519 §4.2) with names in DNS (RFC 8520 §8).
fn network(terms: &Terms, meaning: &MudMeaning, matched: &mut Matched) -> Result<(), Refusal> {
    for (term, value) in terms {
        match term.as_str() {
            "protocol" => match value.as_u64() {
                Some(6) => matched.set_protocol("protocol 6", Protocol::Tcp)?,
                Some(17) => matched.set_protocol("protocol 17", Protocol::Udp)?,
                _ => return Err((format!("{term} {value}"), Why::NotInMatrix)),
            },
            "ietf-acldns:src-dnsname" | "ietf-acldns:dst-dnsname" => {
                let name = value.as_str().unwrap_or_default().trim_end_matches('.');
                let name = name.to_ascii_lowercase();
                matched.set_peer(&format!("{term} {name}"), meaning.hosts.get(&name))?;
            }
            // Addresses are no identities, and the rest is about packets.
            other => return Err((other.to_owned(), Why::NotInMatrix)),
        }
    }
    Ok(())
}

/// `tcp` and `udp` (RFC 8519 §4.2).
fn transport(terms: &Terms, protocol: Protocol, matched: &mut Matched) -> Result<(), Refusal> {
    matched.set_protocol(protocol.code(), protocol)?;
    for (term, value) in terms {
        let refused = || (format!("{term} {value}"), Why::NotInMatrix);
        match term.as_str() {
            "source-port" => matched.source = Some(ports(value).ok_or_else(refused)?),
            "destination-port" => matched.destination = Some(ports(value).ok_or_else(refused)?),
            "ietf-mud:direction-initiated" => match value.as_str() {
                Some("from-device") => matched.device_begins = Some(true),
                Some("to-device") => matched.device_begins = Some(false),
                Some(_) | None => return Err(refused()),
            },
            _ => return Err(refused()),
        }
    }
    Ok(())
}

/// `eq`, `lte`, `gte` or a range (RFC 8519 §4.1). `neq` is two ranges, which no rule can say.
fn ports(value: &Value) -> Option<Ports> {
    let number = |member: &str| value.get(member)?.as_u64()?.try_into().ok();
    if let (Some(lower), Some(upper)) = (number("lower-port"), number("upper-port")) {
        return Ports::range(lower, upper).ok();
    }
    let port = number("port")?;
    match value.get("operator").map_or(Some("eq"), Value::as_str)? {
        "eq" => Ports::one(port).ok(),
        "lte" => Ports::range(1, port).ok(),
        "gte" => Ports::range(port, u16::MAX).ok(),
        _ => None,
    }
}
