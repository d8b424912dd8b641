//! SPIFFE IDs: how certificates name workstations and phones.
use std::fmt;
use std::str::FromStr;

use crate::id::{DeviceId, PhoneId, WorkstationId};

/// The name of an installation, as in `spiffe://<trust domain>/…`: lower-case letters, digits, `.`, `-`, `_`; at most 255.
#[derive(Clone, Debug, Eq, PartialEq, Hash, serde::Serialize)]
pub struct TrustDomain(String);

/// What a certificate is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum Machine {
    /// A workstation's agent.
    Workstation(WorkstationId),
    /// A staff member's phone.
    Phone(PhoneId),
    /// A machine in the inventory.
    Device(DeviceId),
}

/// `spiffe://<trust domain>/workstation/<id>`, `…/phone/<id>` or `…/device/<id>` (SPIFFE-ID, §2).
#[derive(Clone, Debug, Eq, PartialEq, Hash)]
pub struct SpiffeId {
    /// The installation.
    pub trust_domain: TrustDomain,
    /// The machine within it.
    pub machine: Machine,
}

/// The text is not a SPIFFE ID of IMP.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a SPIFFE ID of a workstation, a phone or a device")]
pub struct InvalidSpiffeId;

/// The text is not a trust domain.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a trust domain: lower-case letters, digits, `.`, `-`, `_` are expected")]
pub struct InvalidTrustDomain;

impl TrustDomain {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TrustDomain {
    type Err = InvalidTrustDomain;

    fn from_str(text: &str) -> Result<Self, InvalidTrustDomain> {
        let valid = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
        if (1..=255).contains(&text.len()) && text.bytes().all(valid) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidTrustDomain)
        }
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for TrustDomain {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for SpiffeId {
    type Err = InvalidSpiffeId;

    fn from_str(text: &str) -> Result<Self, InvalidSpiffeId> {
        let rest = text.strip_prefix("spiffe://").ok_or(InvalidSpiffeId)?;
        let mut parts = rest.split('/');
        let (Some(domain), Some(kind), Some(id), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidSpiffeId);
        };
        let trust_domain = domain.parse().map_err(|_| InvalidSpiffeId)?;
        let machine = match kind {
            "workstation" => Machine::Workstation(id.parse().map_err(|_| InvalidSpiffeId)?),
            "phone" => Machine::Phone(id.parse().map_err(|_| InvalidSpiffeId)?),
            "device" => Machine::Device(id.parse().map_err(|_| InvalidSpiffeId)?),
            _ => return Err(InvalidSpiffeId),
        };
        let parsed = Self { trust_domain, machine };
        // One machine, one name: other spellings of the same UUID are refused.
        if parsed.to_string() == text { Ok(parsed) } else { Err(InvalidSpiffeId) }
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.machine {
            Machine::Workstation(id) => {
                write!(f, "spiffe://{}/workstation/{id}", self.trust_domain)
            }
            Machine::Phone(id) => write!(f, "spiffe://{}/phone/{id}", self.trust_domain),
            Machine::Device(id) => write!(f, "spiffe://{}/device/{id}", self.trust_domain),
        }
    }
}

impl serde::Serialize for SpiffeId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for SpiffeId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spiffe_ids_have_one_spelling() {
        let text = "spiffe://hospital.example/phone/01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(text.parse::<SpiffeId>().unwrap().to_string(), text);
        for wrong in [
            "spiffe://hospital.example/phone/01890A5D-AC96-774B-BCCE-B302099A8057",
            "spiffe://hospital.example/phone/01890a5dac96774bbcceb302099a8057",
            "spiffe://hospital.example/printer/01890a5d-ac96-774b-bcce-b302099a8057",
            "spiffe://hospital.example/phone/01890a5d-ac96-774b-bcce-b302099a8057/x",
            "https://hospital.example/phone/01890a5d-ac96-774b-bcce-b302099a8057",
            "spiffe://Hospital/phone/01890a5d-ac96-774b-bcce-b302099a8057",
            "",
        ] {
            assert_eq!(wrong.parse::<SpiffeId>(), Err(InvalidSpiffeId), "{wrong:?}");
        }
    }
}
