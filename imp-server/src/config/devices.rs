//! `[devices]`: which devices may be given which certificates, how, and where their status is published.
use std::collections::BTreeMap;

use imp_identity::device::{DeviceClass, EnrolmentMeans};
use imp_identity::name::Label;
use imp_pki::{KeyKind, Usage};
use jiff::SignedDuration;
use serde::{Deserialize, Deserializer};

use super::InvalidConfig;

/// Devices and their certificates.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DevicesConfig {
    /// Where whoever sees a device's certificate finds out whether it counts; without it, certificates do not say.
    pub public_url: Option<String>,
    /// Into how many parts the list of revoked certificates is split.
    pub crl_partitions: u32,
    /// How long a technician's one-time code counts, in hours.
    pub code_hours: u32,
    /// How long a second person's approval counts, in days.
    pub approval_days: u32,
    /// What is said of classes in the place of what is built in.
    pub classes: BTreeMap<DeviceClass, ClassConfig>,
}

/// What is said of a class; what is missing stays as it is built in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClassConfig {
    /// How its devices may ask for certificates.
    pub means: Option<Vec<EnrolmentMeans>>,
    /// Whose devices may; with none, everybody's.
    pub manufacturers: Option<Vec<String>>,
    /// What certificates they may have; the first is given to who does not ask.
    #[serde(deserialize_with = "profiles")]
    pub profiles: Option<Vec<Usage>>,
    /// Which kinds of keys.
    #[serde(deserialize_with = "kinds")]
    pub keys: Option<Vec<KeyKind>>,
    /// How long a certificate counts, in hours.
    pub hours: Option<u32>,
    /// Whether a second person approves.
    pub approval: Option<bool>,
}

/// What counts for a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassRule {
    /// How its devices may ask for certificates.
    pub means: Vec<EnrolmentMeans>,
    /// Whose devices may; with none, everybody's.
    pub manufacturers: Vec<String>,
    /// What certificates they may have; the first is given to who does not ask.
    pub profiles: Vec<Usage>,
    /// Which kinds of keys.
    pub keys: Vec<KeyKind>,
    /// How long a certificate counts.
    pub lifetime: SignedDuration,
    /// Whether a second person approves.
    pub approval: bool,
}

impl Default for DevicesConfig {
    fn default() -> Self {
        Self {
            public_url: None,
            crl_partitions: 1,
            code_hours: 24,
            approval_days: 365,
            classes: BTreeMap::new(),
        }
    }
}

impl ClassRule {
    /// What is built in for a class.
    fn built_in(class: DeviceClass) -> Self {
        use DeviceClass::{
            Analyser, Gateway, Imaging, InfusionPump, LegacyGateway, Phone, Server, Workstation,
        };
        use EnrolmentMeans::{Acme, Est, Token};
        let (means, profiles, days) = match class {
            Server => {
                (vec![Est, Acme, Token], vec![Usage::Machine, Usage::Server, Usage::Client], 14)
            }
            Gateway => (
                vec![Est, Acme, Token],
                vec![Usage::Machine, Usage::Server, Usage::Client, Usage::SdcConsumer, Usage::Sdc],
                14,
            ),
            LegacyGateway => {
                (vec![Est, Acme, Token], vec![Usage::Machine, Usage::Server, Usage::Client], 7)
            }
            // Whoever rules over a name on the network does not rule over a pump.
            InfusionPump => {
                (vec![Est, Token], vec![Usage::Machine, Usage::Client, Usage::SdcProvider], 30)
            }
            Analyser | Imaging => (
                vec![Est, Acme, Token],
                vec![Usage::Machine, Usage::Server, Usage::Client, Usage::SdcProvider],
                30,
            ),
            // They have their own ways.
            Workstation | Phone => (vec![], vec![], 1),
        };
        Self {
            means,
            manufacturers: vec![],
            profiles,
            keys: vec![KeyKind::P256, KeyKind::P384, KeyKind::Ed25519, KeyKind::Rsa],
            lifetime: SignedDuration::from_hours(24 * days),
            approval: class == InfusionPump,
        }
    }
}

impl DevicesConfig {
    /// What counts for a class.
    pub fn rule(&self, class: DeviceClass) -> ClassRule {
        let built_in = ClassRule::built_in(class);
        let Some(said) = self.classes.get(&class) else { return built_in };
        let hours = said.hours.map(|hours| SignedDuration::from_hours(i64::from(hours)));
        ClassRule {
            means: said.means.clone().unwrap_or(built_in.means),
            manufacturers: said.manufacturers.clone().unwrap_or(built_in.manufacturers),
            profiles: said.profiles.clone().unwrap_or(built_in.profiles),
            keys: said.keys.clone().unwrap_or(built_in.keys),
            lifetime: hours.unwrap_or(built_in.lifetime),
            approval: said.approval.unwrap_or(built_in.approval),
        }
    }

    /// Where a part of an authority's CRL is found, as its certificates say; nowhere without `public_url`.
    pub fn crl_url(&self, short: &str, partition: u32) -> Option<String> {
        let url = self.public_url.as_deref()?.trim_end_matches('/');
        Some(format!("{url}/crl/{short}/{partition}.crl"))
    }

    /// Checks what the types do not.
    pub(super) fn validate(&self) -> Result<(), InvalidConfig> {
        let hours = self.classes.values().filter_map(|class| class.hours);
        let mut numbers = vec![
            ("devices.crl_partitions", self.crl_partitions, 1, 64),
            ("devices.code_hours", self.code_hours, 1, 24 * 30),
            ("devices.approval_days", self.approval_days, 1, 3650),
        ];
        numbers.extend(hours.map(|hours| ("devices.classes.….hours", hours, 1, 24 * 400)));
        for (key, value, least, most) in numbers {
            if !(least..=most).contains(&value) {
                return Err(InvalidConfig::Range { key, least, most });
            }
        }
        let is_empty = |class: &ClassConfig| class.profiles.as_ref().is_some_and(Vec::is_empty);
        let is_foreign =
            |class: &DeviceClass| matches!(class, DeviceClass::Workstation | DeviceClass::Phone);
        if self.classes.keys().any(is_foreign) || self.classes.values().any(is_empty) {
            return Err(InvalidConfig::Classes);
        }
        let manufacturers = self.classes.values().filter_map(|it| it.manufacturers.as_ref());
        if manufacturers.flatten().any(|name| name.parse::<Label>().is_err()) {
            return Err(InvalidConfig::Classes);
        }
        // Whoever checks a certificate's status by TLS would have to check that certificate's first (RFC 5280 §8).
        let fits = |url: &str| {
            let host = url.strip_prefix("http://").unwrap_or_default();
            !host.is_empty() && url.len() <= 256 && host.bytes().all(|b| b.is_ascii_graphic())
        };
        if self.public_url.as_deref().is_none_or(fits) {
            Ok(())
        } else {
            Err(InvalidConfig::PublicUrl)
        }
    }
}

fn profiles<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<Usage>>, D::Error> {
    words(from)
}

fn kinds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<KeyKind>>, D::Error> {
    words(from)
}

fn words<'de, D, T>(from: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let texts = Vec::<String>::deserialize(from)?;
    let words = texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom));
    words.collect::<Result<Vec<T>, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_class_replaces_what_is_built_in() {
        let text = "[classes.server]\nprofiles = [\"server\"]\nkeys = [\"p256\"]\nhours = 48\napproval = true\n";
        let config: DevicesConfig = toml::from_str(text).unwrap();
        let rule = config.rule(DeviceClass::Server);
        assert_eq!(rule.profiles, [Usage::Server]);
        assert_eq!(rule.keys, [KeyKind::P256]);
        assert_eq!(rule.lifetime, SignedDuration::from_hours(48));
        assert!(rule.approval);
        assert_eq!(rule.means, ClassRule::built_in(DeviceClass::Server).means);
        assert_eq!(config.rule(DeviceClass::Gateway), ClassRule::built_in(DeviceClass::Gateway));
        assert_eq!(config.validate(), Ok(()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for text in [
            "[classes.server]\nprofiles = []\n",
            "[classes.phone]\nhours = 5\n",
            "[classes.server]\nhours = 0\n",
            "public_url = \"https://pki.example\"\n",
            "public_url = \"http://\"\n",
            "crl_partitions = 65\n",
        ] {
            let config: DevicesConfig = toml::from_str(text).unwrap();
            assert!(config.validate().is_err(), "{text}");
        }
        assert!(
            toml::from_str::<DevicesConfig>("[classes.server]\nprofiles = [\"root\"]\n").is_err()
        );
    }
}
