//! What certificates are ordered for: names (RFC 8555 §9.7.7), addresses (RFC 8738), and what manufacturers call a device or its
//! security module (draft-ietf-acme-device-attest-10 §3, §4).
use std::fmt;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::{ProblemType, Refused};
use crate::profile::ServerName;

/// The longest value, in bytes: that of a DNS name.
pub const LONGEST: usize = 253;

/// What a certificate is ordered for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier {
    /// A DNS name in lower case.
    Dns {
        /// The name, without the `*.` of a wildcard.
        name: String,
        /// Whether every name directly under it is meant.
        wildcard: bool,
    },
    /// An address.
    Ip(IpAddr),
    /// A device by its manufacturer's number.
    Permanent {
        /// The number.
        value: String,
        /// The dotted object identifier of whoever gave it.
        assigner: Option<String>,
    },
    /// A security module by its number.
    HardwareModule {
        /// The number.
        serial: String,
        /// The dotted object identifier of its kind.
        kind: String,
    },
}

/// The identifier is not one that can be ordered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentifier {
    /// It has no type or value, or more than those.
    #[error("an identifier has a type and a value, both text")]
    Shape,
    /// Nobody knows this type.
    #[error("identifiers of type `{0}` are not supported")]
    Kind(String),
    /// The value does not follow the rules of its type.
    #[error("`{0}` is not a value of its type")]
    Value(String),
}

impl Refused for InvalidIdentifier {
    fn kind(&self) -> ProblemType {
        match self {
            Self::Kind(_) => ProblemType::UnsupportedIdentifier,
            Self::Shape | Self::Value(_) => ProblemType::Malformed,
        }
    }

    fn word(&self) -> &'static str {
        "identifier-invalid"
    }
}

impl Identifier {
    /// Reads `{"type": …, "value": …}`.
    pub fn from_json(value: &Value) -> Result<Self, InvalidIdentifier> {
        let text = |name| value.get(name).and_then(Value::as_str).ok_or(InvalidIdentifier::Shape);
        Self::parse(text("type")?, text("value")?)
    }

    /// Reads a value of a type.
    pub fn parse(kind: &str, value: &str) -> Result<Self, InvalidIdentifier> {
        if value.is_empty() || value.len() > LONGEST || value.chars().any(char::is_control) {
            return Err(InvalidIdentifier::Value(shown(value)));
        }
        let read = match kind {
            "dns" => dns(value),
            // RFC 8738 §3: the textual form, of which each address has one.
            "ip" => value.parse().ok().filter(|ip: &IpAddr| ip.to_string() == value).map(Self::Ip),
            "permanent-identifier" => permanent(value),
            "hardware-module" => hardware_module(value),
            _ => return Err(InvalidIdentifier::Kind(shown(kind))),
        };
        read.ok_or_else(|| InvalidIdentifier::Value(shown(value)))
    }

    /// Its type.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Dns { .. } => "dns",
            Self::Ip(_) => "ip",
            Self::Permanent { .. } => "permanent-identifier",
            Self::HardwareModule { .. } => "hardware-module",
        }
    }

    /// As an order has it: a wildcard with its `*.`.
    pub fn to_json(&self) -> Value {
        json!({ "type": self.kind(), "value": self.to_string() })
    }

    /// As an authorization has it: a wildcard without its `*.` (RFC 8555 §7.1.4).
    pub fn to_json_of_authorization(&self) -> Value {
        match self {
            Self::Dns { name, .. } => json!({ "type": "dns", "value": name }),
            Self::Ip(_) | Self::Permanent { .. } | Self::HardwareModule { .. } => self.to_json(),
        }
    }

    /// Whether it is a wildcard.
    pub const fn is_wildcard(&self) -> bool {
        matches!(self, Self::Dns { wildcard: true, .. })
    }

    /// What a certificate calls it; nothing of what manufacturers gave, which never stands in certificates.
    pub fn server_name(&self) -> Option<ServerName> {
        match self {
            Self::Dns { .. } => Some(ServerName::Dns(self.to_string())),
            Self::Ip(address) => Some(ServerName::Ip(*address)),
            Self::Permanent { .. } | Self::HardwareModule { .. } => None,
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns { name, wildcard: true } => write!(f, "*.{name}"),
            Self::Dns { name, wildcard: false } => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
            Self::Permanent { value, assigner: None } => f.write_str(value),
            Self::Permanent { value, assigner: Some(oid) } => write!(f, "{value}/{oid}"),
            Self::HardwareModule { serial, kind } => write!(f, "{serial}/{kind}"),
        }
    }
}

/// What a refusal repeats of a stranger's text.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

fn dns(value: &str) -> Option<Identifier> {
    let (base, wildcard) = match value.strip_prefix("*.") {
        Some(base) => (base, true),
        None => (value, false),
    };
    match base.parse().ok()? {
        // A wildcard directly under the root would be everything.
        ServerName::Dns(name) if !wildcard || name.contains('.') => {
            Some(Identifier::Dns { name, wildcard })
        }
        ServerName::Dns(_) | ServerName::Ip(_) => None,
    }
}

fn permanent(value: &str) -> Option<Identifier> {
    let (number, assigner) = match value.split_once('/') {
        Some((number, oid)) => (number, Some(oid)),
        None => (value, None),
    };
    let fits = !number.is_empty() && assigner.is_none_or(is_oid);
    fits.then(|| Identifier::Permanent {
        value: number.to_owned(),
        assigner: assigner.map(str::to_owned),
    })
}

fn hardware_module(value: &str) -> Option<Identifier> {
    let (serial, kind) = value.split_once('/')?;
    let fits = !serial.is_empty() && is_oid(kind);
    fits.then(|| Identifier::HardwareModule { serial: serial.to_owned(), kind: kind.to_owned() })
}

/// An object identifier in dotted decimals (the ABNF of the draft, §3.1).
fn is_oid(text: &str) -> bool {
    let component = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        digits && (part == "0" || !part.starts_with('0'))
    };
    let parts: Vec<_> = text.split('.').collect();
    let [first, second, ..] = parts.as_slice() else { return false };
    let root = match *first {
        "0" | "1" => second.parse::<u8>().is_ok_and(|second| second < 40),
        "2" => true,
        _ => false,
    };
    root && parts.iter().all(|part| component(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_read_by_the_rules_of_their_type() {
        for (kind, value, valid) in [
            ("dns", "Pump.Ward.example", true),
            ("dns", "*.ward.example", true),
            ("dns", "*.example", false),
            ("dns", "*.*.ward.example", false),
            ("dns", "a.*.example", false),
            ("dns", "192.0.2.1", false),
            ("dns", "pump.example.", false),
            ("dns", "pump_1.example", false),
            ("dns", "", false),
            ("ip", "192.0.2.1", true),
            ("ip", "2001:db8::1", true),
            ("ip", "2001:0db8::1", false),
            ("ip", "192.0.2.1/24", false),
            ("permanent-identifier", "ABCDEF123456", true),
            ("permanent-identifier", "ABCDEF123456/1.2.3.4", true),
            ("permanent-identifier", "ABCDEF/1.2/3", false),
            ("permanent-identifier", "ABCDEF/1.40", false),
            ("permanent-identifier", "/1.2.3", false),
            ("hardware-module", "ABCD/1.2.3.4", true),
            ("hardware-module", "ABCD", false),
            ("hardware-module", "ABCD/01.2", false),
            ("dns", "a\nb.example", false),
        ] {
            assert_eq!(Identifier::parse(kind, value).is_ok(), valid, "{kind} {value:?}");
        }
        let unknown = Identifier::parse("email", "nurse@example").unwrap_err();
        assert_eq!(unknown.kind(), ProblemType::UnsupportedIdentifier);
        assert_eq!(Identifier::from_json(&json!({"type": "dns"})), Err(InvalidIdentifier::Shape));
    }

    #[test]
    fn a_wildcard_loses_its_star_only_in_authorizations() {
        let wildcard = Identifier::parse("dns", "*.Ward.example").unwrap();
        assert_eq!(wildcard.to_json()["value"], "*.ward.example");
        assert_eq!(wildcard.to_json_of_authorization()["value"], "ward.example");
        assert_eq!(Identifier::from_json(&wildcard.to_json()), Ok(wildcard));
    }
}
