//! What an entry of a directory says of a person.
use std::collections::BTreeMap;

use imp_identity::name::{Email, Label, Username};
use imp_identity::profile::ExternalId;
use imp_identity::user::Role;
use uuid::Uuid;

use crate::settings::Settings;

/// The bit of `userAccountControl` that says an account is disabled (Active Directory, `ADS_UF_ACCOUNTDISABLE`).
const ACCOUNT_DISABLED: u32 = 0x2;
/// Which role wins when groups give several.
const ORDER: [Role; 4] = [Role::Administrator, Role::Auditor, Role::Officer, Role::Staff];

/// A person as the directory has her.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryPerson {
    /// What names her there for good.
    pub external_id: ExternalId,
    /// What she signs in as, in lower case.
    pub username: Username,
    /// How she is shown to people.
    pub display_name: Label,
    /// Her given name.
    pub given_name: Option<Label>,
    /// Her family name.
    pub family_name: Option<Label>,
    /// Where notices to her go.
    pub email: Option<Email>,
    /// The ward or department she belongs to.
    pub unit: Option<Label>,
    /// What her groups let her do; `None` when groups say nothing about it.
    pub role: Option<Role>,
    /// Whether her account may be used.
    pub active: bool,
}

/// An entry that cannot be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its distinguished name.
    pub entry: String,
    /// Why, for people.
    pub why: String,
}

/// The attributes of an entry, by their names in lower case.
pub(crate) struct Attributes(pub(crate) BTreeMap<String, Vec<Vec<u8>>>);

impl Attributes {
    fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.0.get(&name.to_ascii_lowercase())?.first().map(Vec::as_slice)
    }

    fn text(&self, name: &str) -> Option<&str> {
        let text = std::str::from_utf8(self.bytes(name)?).ok()?.trim();
        (!text.is_empty()).then_some(text)
    }

    fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.0.get(&name.to_ascii_lowercase());
        values.into_iter().flatten().filter_map(|it| std::str::from_utf8(it).ok())
    }

    /// What is optional is left out when it is not what it should be.
    fn optional<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }
}

/// Reads an entry.
pub(crate) fn person(
    entry: &str,
    attributes: &Attributes,
    settings: &Settings,
) -> Result<DirectoryPerson, Skipped> {
    let names = &settings.attributes;
    let skipped = |why: String| Skipped { entry: entry.to_owned(), why };
    let id = external_id(attributes, &names.id);
    let external_id = id.ok_or_else(|| skipped(format!("it has no usable {}", names.id)))?;
    let username = attributes.text(&names.username);
    let username = username.ok_or_else(|| skipped(format!("it has no {}", names.username)))?;
    let username: Username = username
        .to_lowercase()
        .parse()
        .map_err(|why| skipped(format!("{}: {why}", names.username)))?;
    let (given_name, family_name): (Option<Label>, Option<Label>) =
        (attributes.optional(&names.given_name), attributes.optional(&names.family_name));
    let parts: Vec<_> =
        [&given_name, &family_name].into_iter().flatten().map(Label::as_str).collect();
    let display_name = attributes
        .optional(&names.display_name)
        .or_else(|| parts.join(" ").parse().ok())
        .or_else(|| username.as_str().parse().ok());
    Ok(DirectoryPerson {
        external_id,
        display_name: display_name.ok_or_else(|| skipped("it has no name".to_owned()))?,
        given_name,
        family_name,
        email: attributes.optional(&names.email),
        unit: attributes.optional(&names.unit),
        role: role(attributes, settings),
        active: is_active(attributes),
        username,
    })
}

/// `objectGUID` is 16 bytes, of which the first eight are in another order (MS-DTYP §2.3.4.2); others are text.
fn external_id(attributes: &Attributes, name: &str) -> Option<ExternalId> {
    if name.eq_ignore_ascii_case("objectGUID") {
        let bytes: [u8; 16] = attributes.bytes(name)?.try_into().ok()?;
        return Uuid::from_bytes_le(bytes).to_string().parse().ok();
    }
    attributes.optional(name)
}

fn role(attributes: &Attributes, settings: &Settings) -> Option<Role> {
    if settings.roles.is_empty() {
        return None;
    }
    let groups: Vec<String> = attributes.texts(&settings.attributes.groups).map(normal).collect();
    let gives = |role: &Role| {
        settings.roles.iter().any(|(group, given)| given == role && groups.contains(&normal(group)))
    };
    Some(ORDER.into_iter().find(gives).unwrap_or(Role::Staff))
}

/// Distinguished names are compared without regard to case and to blanks behind commas.
fn normal(name: &str) -> String {
    name.split(',').map(|part| part.trim().to_lowercase()).collect::<Vec<_>>().join(",")
}

/// Active Directory and 389 Directory Server say when an account is disabled.
fn is_active(attributes: &Attributes) -> bool {
    let control = attributes.text("userAccountControl").and_then(|it| it.parse::<u32>().ok());
    let locked = attributes.text("nsAccountLock").is_some_and(|it| it.eq_ignore_ascii_case("true"));
    control.is_none_or(|it| it & ACCOUNT_DISABLED == 0) && !locked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::AttributeNames;

    fn settings(more: &str) -> Settings {
        toml::from_str(&format!("url = \"ldaps://x\"\nbase = \"dc=x\"\n{more}")).unwrap()
    }

    fn attributes(these: &[(&str, &[u8])]) -> Attributes {
        let mut read = BTreeMap::<_, Vec<_>>::new();
        for (name, value) in these {
            read.entry(name.to_ascii_lowercase()).or_default().push(value.to_vec());
        }
        Attributes(read)
    }

    #[test]
    fn an_entry_of_openldap() {
        let entry = attributes(&[
            ("entryUUID", b"0e54b1e4-7a1e-103f-8d24-3d2b6f4a9f10"),
            ("uid", b"ARossi"),
            ("givenName", b"Ada"),
            ("sn", b"Rossi"),
            ("mail", b"not an address"),
            ("ou", b"Ward 3"),
        ]);
        let ada = person("uid=ARossi", &entry, &settings("")).unwrap();
        assert_eq!(ada.username.as_str(), "arossi");
        assert_eq!(ada.display_name.as_str(), "Ada Rossi");
        assert_eq!((ada.email, ada.role, ada.active), (None, None, true));
        assert_eq!(ada.unit.unwrap().as_str(), "Ward 3");
    }

    #[test]
    fn an_entry_of_active_directory() {
        let mut settings = settings("[roles]\n\"CN=IMP Officers,OU=Groups,DC=x\" = \"officer\"");
        settings.attributes = AttributeNames {
            id: "objectGUID".to_owned(),
            username: "sAMAccountName".to_owned(),
            unit: "department".to_owned(),
            ..AttributeNames::default()
        };
        let guid = [
            0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
            0xee, 0xff,
        ];
        let entry = attributes(&[
            ("objectGUID", &guid),
            ("sAMAccountName", b"a.rossi"),
            ("displayName", b"Ada Rossi"),
            ("memberOf", b"cn=all staff,dc=x"),
            ("memberOf", b"cn=IMP officers, ou=Groups, dc=x"),
            ("userAccountControl", b"514"),
        ]);
        let ada = person("CN=Ada", &entry, &settings).unwrap();
        assert_eq!(ada.external_id.as_str(), "00112233-4455-6677-8899-aabbccddeeff");
        assert_eq!((ada.role, ada.active), (Some(Role::Officer), false));
    }

    #[test]
    fn an_entry_without_a_name_is_left_out_and_says_why() {
        let entry = attributes(&[("entryUUID", b"1")]);
        assert_eq!(person("cn=x", &entry, &settings("")).unwrap_err().why, "it has no uid");
        let entry = attributes(&[("entryUUID", b"1"), ("uid", "\u{e9}".as_bytes())]);
        assert!(person("cn=x", &entry, &settings("")).unwrap_err().why.starts_with("uid: "));
    }
}
