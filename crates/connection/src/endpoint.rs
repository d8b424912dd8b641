//! One end of a rule.
use std::fmt;
use std::str::FromStr;

use imp_identity::device::DeviceClass;
use imp_identity::name::Label;
use imp_identity::spiffe::SpiffeId;

use crate::attempt::Party;
use crate::text::as_text;

/// Which machines a rule speaks of. Written `class:infusion-pump`, `unit:ICU`, `zone:imaging`, several of them as
/// `class:server & zone:imaging`, or as the SPIFFE ID of one machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The machines that have everything in common that the group says.
    Group(Group),
    /// One machine.
    Machine(SpiffeId),
}

/// What machines have in common. At least one of the three is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Group {
    /// The class of device.
    pub class: Option<DeviceClass>,
    /// The unit that owns it.
    pub unit: Option<String>,
    /// The zone of the network that it stands in.
    pub zone: Option<String>,
}

/// The text names no machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an end of a rule: `class:…`, `unit:…`, `zone:…`, some of them in this order with ` & ` between, or the \
     SPIFFE ID of a machine is expected"
)]
pub struct InvalidEndpoint;

/// What stands between the parts.
const AND: &str = " & ";

impl Endpoint {
    /// Every machine of a class.
    pub const fn class(class: DeviceClass) -> Self {
        Self::Group(Group { class: Some(class), unit: None, zone: None })
    }

    /// Whether the machine is one of them.
    pub fn covers(&self, party: &Party<'_>) -> bool {
        match self {
            Self::Machine(machine) => machine == party.machine,
            Self::Group(Group { class, unit, zone }) => {
                class.is_none_or(|class| class == party.class)
                    && unit.as_deref().is_none_or(|unit| party.unit == Some(unit))
                    && zone.as_deref().is_none_or(|zone| party.zone == Some(zone))
            }
        }
    }

    /// Whether the text form can be read again: names of units and zones are people's, and could contain what stands between.
    pub(crate) fn is_sound(&self) -> bool {
        self.to_string().parse().as_ref() == Ok(self)
    }
}

impl Group {
    /// Reads `class:… & unit:… & zone:…`, each of which may be missing.
    fn parse(text: &str) -> Option<Self> {
        let mut group = Self::default();
        let mut rest = Some(text);
        for (part, key) in ["class:", "unit:", "zone:"].into_iter().enumerate() {
            let Some(value) = rest.and_then(|rest| rest.strip_prefix(key)) else { continue };
            let later = [" & unit:", " & zone:"];
            let end = later.iter().skip(part).filter_map(|mark| value.find(mark)).min();
            let (value, after) = match end {
                Some(end) => (value.get(..end)?, value.get(end + AND.len()..)),
                None => (value, None),
            };
            match key {
                "class:" => group.class = Some(value.parse().ok()?),
                "unit:" => group.unit = Some(name(value)?),
                _ => group.zone = Some(name(value)?),
            }
            rest = after;
        }
        let says_something = group.class.is_some() || group.unit.is_some() || group.zone.is_some();
        (says_something && rest.is_none()).then_some(group)
    }
}

/// Units and zones are called as labels are: 1 to 128 printable characters without blanks at the ends. A name that looks like two
/// parts is none.
fn name(text: &str) -> Option<String> {
    let label: Label = text.parse().ok()?;
    let looks_like_two =
        [" & class:", " & unit:", " & zone:"].iter().any(|mark| text.contains(mark));
    (label.as_str() == text && !looks_like_two).then(|| text.to_owned())
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        if text.len() > 1024 {
            return Err(InvalidEndpoint);
        }
        if text.starts_with("spiffe://") {
            return text.parse().map(Self::Machine).map_err(|_| InvalidEndpoint);
        }
        Group::parse(text).map(Self::Group).ok_or(InvalidEndpoint)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Group { class, unit, zone } = match self {
            Self::Machine(machine) => return write!(f, "{machine}"),
            Self::Group(group) => group,
        };
        let class = class.map(|class| ("class", class.code()));
        let unit = unit.as_deref().map(|unit| ("unit", unit));
        let zone = zone.as_deref().map(|zone| ("zone", zone));
        for (place, (key, value)) in [class, unit, zone].into_iter().flatten().enumerate() {
            let before = if place == 0 { "" } else { AND };
            write!(f, "{before}{key}:{value}")?;
        }
        Ok(())
    }
}

as_text!(Endpoint);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_read_as_they_are_written() {
        for text in [
            "class:infusion-pump",
            "unit:Ear, Nose & Throat",
            "zone:imaging",
            "class:server & zone:DMZ 2",
            "class:server & unit:Ear, Nose & Throat & zone:b",
            "unit:ICU & zone:b",
            "spiffe://hospital.example/workstation/01890a5d-ac96-774b-bcce-b302099a8057",
        ] {
            let endpoint: Endpoint = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(endpoint.to_string(), text);
            assert!(endpoint.is_sound());
        }
    }

    #[test]
    fn other_texts_name_no_machines() {
        for wrong in [
            "",
            "class:",
            "class:printer",
            "infusion-pump",
            "unit: ICU",
            "unit:",
            "zone:a & unit:b",
            "unit:a & class:server",
            "class:server & ",
            "class:server & class:server",
            "spiffe://hospital.example/printer/01890a5d-ac96-774b-bcce-b302099a8057",
            "dns:pacs.hospital.example",
            "*",
        ] {
            assert_eq!(wrong.parse::<Endpoint>(), Err(InvalidEndpoint), "{wrong:?}");
        }
    }

    #[test]
    fn a_unit_whose_name_looks_like_two_parts_is_not_sound() {
        let group = Group { unit: Some("a & zone:b".to_owned()), ..Group::default() };
        assert!(!Endpoint::Group(group).is_sound());
    }
}
