//! Manufacturer Usage Descriptions (RFC 8520): what a manufacturer says that its device needs, as rules of the matrix.
//!
//! A MUD file speaks of packets at a switch; the matrix speaks of connections between machines that have shown certificates. So
//! some terms map, some map when a person says what they mean here, and the others are refused, each by name. A term that is
//! refused opens nothing: the matrix denies what it does not know.
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::endpoint::Endpoint;
use crate::rule::{Rule, RuleId};

mod ace;
mod document;
mod matches;

use document::Document;

/// The longest MUD file that is read, in bytes.
const LARGEST: usize = 512 * 1024;
/// The most entries of all its lists.
const MOST: usize = 2000;

/// A MUD file that was read. Its signature (RFC 8520 §13) is not checked: whoever imports it says that it is the manufacturer's.
#[derive(Clone, Debug)]
pub struct Mud {
    /// Where the manufacturer keeps it.
    pub url: String,
    /// What the manufacturer says that the device is.
    pub system: Option<String>,
    /// When the manufacturer changed it.
    pub last_update: String,
    document: Document,
}

/// What the terms of a MUD file mean in this hospital.
#[derive(Clone, Debug)]
pub struct MudMeaning {
    /// The machines that the file describes.
    pub device: Endpoint,
    /// `my-controller` (§3.3.6): what the hospital runs to control them.
    pub my_controller: Option<Endpoint>,
    /// `controller` (§3.3.4), by its URI.
    pub controllers: BTreeMap<String, Endpoint>,
    /// `same-manufacturer` (§3.3.5).
    pub same_manufacturer: Option<Endpoint>,
    /// `manufacturer` (§3.3.1), by its authority.
    pub manufacturers: BTreeMap<String, Endpoint>,
    /// `local-networks` (§3.3.3).
    pub local_networks: Option<Endpoint>,
    /// Names in DNS (§8), by name: the machines of the inventory that are called so.
    pub hosts: BTreeMap<String, Endpoint>,
    /// When the rules end.
    pub until: Option<Timestamp>,
}

/// The file is not one.
#[derive(Debug, thiserror::Error)]
pub enum MudError {
    /// Longer than any.
    #[error("the MUD file is longer than {LARGEST} bytes")]
    Long,
    /// Not what RFC 8520 says.
    #[error("the text is not a MUD file in JSON (RFC 8520)")]
    Document(#[from] serde_json::Error),
    /// Of another version.
    #[error("MUD version {0} is not known; 1 is")]
    Version(u8),
    /// A list is named that does not exist.
    #[error("the MUD file names the access list `{0}`, which it does not have")]
    NoList(String),
    /// More than is read.
    #[error("the MUD file has more than {MOST} entries")]
    Many,
}

/// What became of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MudImport {
    /// The rules.
    pub rules: Vec<Rule>,
    /// Entries that need no rule: the other half of a connection that another entry opens, or what is denied anyway.
    pub covered: Vec<String>,
    /// Entries that are wider than most: rules for every port.
    pub wide: Vec<RuleId>,
    /// What was refused.
    pub refused: Vec<RefusedTerm>,
}

/// An entry that opens nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedTerm {
    /// `list/entry`.
    pub entry: String,
    /// The term, as the file says it.
    pub term: String,
    /// Why.
    pub why: Why,
}

/// Why a term is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Nobody said what it means here.
    Meaning,
    /// The matrix has no such term: addresses, ICMP, flags, link layer.
    NotInMatrix,
    /// It does not say who begins the connection, or to which port.
    Direction,
    /// An entry before it denies something, and the matrix has no order.
    AfterDeny,
    /// It does not say with whom.
    Anybody,
}

impl Why {
    /// For people.
    pub const fn explain(self) -> &'static str {
        match self {
            Self::Meaning => "nobody said what it means here",
            Self::NotInMatrix => "the matrix has no such term",
            Self::Direction => "it does not say who begins the connection, or by what protocol",
            Self::AfterDeny => "an entry before it denies something, and rules have no order",
            Self::Anybody => "it does not say with whom",
        }
    }
}

impl MudMeaning {
    /// Nothing but the machines that the file describes.
    pub const fn of(device: Endpoint) -> Self {
        Self {
            device,
            my_controller: None,
            controllers: BTreeMap::new(),
            same_manufacturer: None,
            manufacturers: BTreeMap::new(),
            local_networks: None,
            hosts: BTreeMap::new(),
            until: None,
        }
    }
}

impl Mud {
    /// Reads a file.
    pub fn parse(text: &[u8]) -> Result<Self, MudError> {
        if text.len() > LARGEST {
            return Err(MudError::Long);
        }
        let document: Document = serde_json::from_slice(text)?;
        let mud = &document.mud;
        if mud.version != 1 {
            return Err(MudError::Version(mud.version));
        }
        if document.entries() > MOST {
            return Err(MudError::Many);
        }
        let mut named = mud.from_device.names().chain(mud.to_device.names());
        if let Some(missing) = named.find(|name| document.acl(name).is_none()) {
            return Err(MudError::NoList(missing.to_owned()));
        }
        drop(named);
        let (url, system) = (mud.url.clone(), mud.system.clone());
        Ok(Self { url, system, last_update: mud.last_update.clone(), document })
    }

    /// The rules that it asks for.
    pub fn rules(&self, meaning: &MudMeaning) -> MudImport {
        let mut import = MudImport::default();
        let mud = &self.document.mud;
        let lists =
            [(&mud.from_device, ace::Way::FromDevice), (&mud.to_device, ace::Way::ToDevice)];
        let mut seen = BTreeSet::new();
        for (policy, way) in lists {
            for acl in policy.names().filter_map(|name| self.document.acl(name)) {
                for rule in ace::read(acl, way, meaning, self.system.as_deref(), &mut import) {
                    // IPv4 and IPv6 say the same twice.
                    if seen.insert(rule.id.clone()) {
                        import.rules.push(rule);
                    }
                }
            }
        }
        import
    }
}
