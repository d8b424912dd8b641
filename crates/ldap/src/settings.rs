//! How a directory is asked, and what its attributes mean.
use std::collections::BTreeMap;
use std::path::PathBuf;

use imp_identity::name::Label;
use imp_identity::user::Role;
use serde::Deserialize;
use url::Url;

/// A directory from which people are taken over.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What it is called here: people are known to come from it by this name, so it stays.
    #[serde(default = "usual_name")]
    pub name: Label,
    /// `ldaps://` or `ldap://`, the host, and the port unless it is the usual one.
    pub url: String,
    /// Whether an `ldap://` connection is encrypted by `StartTLS` (RFC 4511 §4.14).
    #[serde(default)]
    pub starttls: bool,
    /// The certificate authority of the directory, in PEM; without it, the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Whose account reads the directory; without it, nobody's.
    #[serde(default)]
    pub bind_dn: Option<String>,
    /// The file with the password of that account.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Below which entry people are.
    pub base: String,
    /// Which entries are people (RFC 4515).
    #[serde(default = "usual_filter")]
    pub filter: String,
    /// How many entries are asked for at a time (RFC 2696).
    #[serde(default = "usual_page")]
    pub page: u32,
    /// What the attributes of entries mean.
    #[serde(default)]
    pub attributes: AttributeNames,
    /// The roles of groups' members, by the distinguished names of the groups. With any, who is in none is staff.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
    /// How often people are taken over, in minutes; 0: only when an operator says so.
    #[serde(default = "usual_minutes")]
    pub minutes: u32,
    /// What becomes of people who are no longer in the directory.
    #[serde(default)]
    pub leavers: Leavers,
    /// Nothing is taken over when more than so many of 100 people would leave at once.
    #[serde(default = "usual_percent")]
    pub most_leavers_percent: u32,
}

/// What becomes of people who are no longer in the directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leavers {
    /// They are disabled, and everything that was given to them ends.
    #[default]
    Disable,
    /// Nothing.
    Keep,
}

/// The names of attributes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttributeNames {
    /// What never changes and names the entry: `entryUUID`; in Active Directory `objectGUID`.
    pub id: String,
    /// What she signs in as: `uid`; in Active Directory `sAMAccountName`.
    pub username: String,
    /// How she is shown to people.
    pub display_name: String,
    /// Her given name.
    pub given_name: String,
    /// Her family name.
    pub family_name: String,
    /// Where notices to her go.
    pub email: String,
    /// The ward or department she belongs to.
    pub unit: String,
    /// The distinguished names of the groups that she is in.
    pub groups: String,
}

impl Default for AttributeNames {
    fn default() -> Self {
        let [id, username, display_name, given_name] =
            ["entryUUID", "uid", "displayName", "givenName"].map(str::to_owned);
        let [family_name, email, unit, groups] =
            ["sn", "mail", "ou", "memberOf"].map(str::to_owned);
        Self { id, username, display_name, given_name, family_name, email, unit, groups }
    }
}

#[expect(clippy::expect_used, reason = "a constant that a test reads")]
fn usual_name() -> Label {
    "ldap".parse().expect("a label")
}

fn usual_filter() -> String {
    "(objectClass=inetOrgPerson)".to_owned()
}

const fn usual_page() -> u32 {
    500
}

const fn usual_minutes() -> u32 {
    60
}

const fn usual_percent() -> u32 {
    10
}

/// The settings cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// Not an address of a directory.
    #[error("the url must be ldaps://host, or ldap://host")]
    Url,
    /// A password would be read by whoever listens.
    #[error("a connection to another machine must be encrypted: ldaps://, or starttls = true")]
    Clear,
    /// `ldaps://` is encrypted already.
    #[error("starttls is for ldap://")]
    Twice,
    /// One without the other.
    #[error("bind_dn and password_file belong together")]
    Credentials,
    /// A number is out of its range.
    #[error("{key} must be between {least} and {most}")]
    Range {
        /// The key.
        key: &'static str,
        /// Smallest.
        least: u32,
        /// Largest.
        most: u32,
    },
}

impl Settings {
    /// Checks what the types do not.
    pub fn validate(&self) -> Result<(), InvalidSettings> {
        let url = Url::parse(&self.url).map_err(|_| InvalidSettings::Url)?;
        let host = url.host_str().filter(|it| !it.is_empty()).ok_or(InvalidSettings::Url)?;
        let here = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
        match (url.scheme(), self.starttls) {
            ("ldaps", true) => return Err(InvalidSettings::Twice),
            ("ldaps", false) | ("ldap", true) => {}
            ("ldap", false) if here => {}
            ("ldap", false) => return Err(InvalidSettings::Clear),
            (_, _) => return Err(InvalidSettings::Url),
        }
        if self.bind_dn.is_some() != self.password_file.is_some() {
            return Err(InvalidSettings::Credentials);
        }
        for (key, value, least, most) in [
            ("page", self.page, 1, 10_000),
            ("minutes", self.minutes, 0, 10_080),
            ("most_leavers_percent", self.most_leavers_percent, 0, 100),
        ] {
            if !(least..=most).contains(&value) {
                return Err(InvalidSettings::Range { key, least, most });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        toml::from_str(&format!("base = \"dc=hospital\"\n{text}")).unwrap()
    }

    #[test]
    fn what_is_not_said_is_as_in_openldap() {
        let settings = settings("url = \"ldaps://directory.hospital.example\"");
        assert_eq!(settings.validate(), Ok(()));
        assert_eq!(settings.name.as_str(), "ldap");
        assert_eq!(settings.attributes.id, "entryUUID");
        assert_eq!((settings.leavers, settings.most_leavers_percent), (Leavers::Disable, 10));
    }

    #[test]
    fn a_password_goes_nowhere_in_clear() {
        for (text, expected) in [
            ("url = \"ldap://directory.hospital.example\"", Err(InvalidSettings::Clear)),
            ("url = \"ldap://directory.hospital.example\"\nstarttls = true", Ok(())),
            ("url = \"ldap://127.0.0.1:3890\"", Ok(())),
            ("url = \"ldaps://x\"\nstarttls = true", Err(InvalidSettings::Twice)),
            ("url = \"https://x\"", Err(InvalidSettings::Url)),
            ("url = \"x\"", Err(InvalidSettings::Url)),
            ("url = \"ldaps://x\"\nbind_dn = \"cn=imp\"", Err(InvalidSettings::Credentials)),
        ] {
            assert_eq!(settings(text).validate(), expected, "{text}");
        }
        let many = settings("url = \"ldaps://x\"\nmost_leavers_percent = 101").validate();
        assert!(matches!(many, Err(InvalidSettings::Range { key: "most_leavers_percent", .. })));
    }
}
