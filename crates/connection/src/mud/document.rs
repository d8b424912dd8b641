//! The form of a MUD file: RFC 8520 §7, its access lists as in RFC 8519 §4, in the JSON of RFC 7951. Members that change nothing
//! about who may connect are skipped; what is not known within `matches` is kept by name, so that it can be refused.
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Document {
    #[serde(rename = "ietf-mud:mud")]
    pub(super) mud: Description,
    #[serde(rename = "ietf-access-control-list:acls")]
    pub(super) acls: Acls,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Description {
    #[serde(rename = "mud-version")]
    pub(super) version: u8,
    #[serde(rename = "mud-url")]
    pub(super) url: String,
    #[serde(rename = "last-update")]
    pub(super) last_update: String,
    #[serde(rename = "systeminfo")]
    pub(super) system: Option<String>,
    #[serde(rename = "from-device-policy", default)]
    pub(super) from_device: Lists,
    #[serde(rename = "to-device-policy", default)]
    pub(super) to_device: Lists,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Lists {
    #[serde(rename = "access-lists", default)]
    lists: Names,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Names {
    #[serde(rename = "access-list", default)]
    names: Vec<Name>,
}

#[derive(Clone, Debug, Deserialize)]
struct Name {
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Acls {
    #[serde(default)]
    pub(super) acl: Vec<Acl>,
}

/// An access list.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Acl {
    pub(super) name: String,
    #[serde(default)]
    pub(super) aces: Aces,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Aces {
    #[serde(default)]
    pub(super) ace: Vec<Ace>,
}

/// An entry.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Ace {
    pub(super) name: String,
    /// By the name of what is matched: `ipv4`, `tcp`, `ietf-mud:mud`, …
    #[serde(default)]
    pub(super) matches: BTreeMap<String, BTreeMap<String, Value>>,
    pub(super) actions: Actions,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Actions {
    pub(super) forwarding: String,
}

impl Document {
    /// How many entries there are.
    pub(super) fn entries(&self) -> usize {
        self.acls.acl.iter().map(|acl| acl.aces.ace.len()).sum()
    }

    /// The list of that name.
    pub(super) fn acl(&self, name: &str) -> Option<&Acl> {
        self.acls.acl.iter().find(|acl| acl.name == name)
    }
}

impl Lists {
    /// The names of the lists.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.lists.names.iter().map(|name| name.name.as_str())
    }
}

impl Ace {
    /// Whether it lets something through. Identities may come with their module (RFC 7951 §6.8).
    pub(super) fn accepts(&self) -> bool {
        self.actions.forwarding.trim_start_matches("ietf-access-control-list:") == "accept"
    }
}
