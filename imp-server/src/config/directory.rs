//! `[directory]`: who may provision what, and the directory from which people are taken over.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use imp_identity::Secret;
use imp_identity::name::Label;
use imp_identity::user::Role;
use imp_ldap::{Credentials, InvalidSettings, Settings};
use serde::Deserialize;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// Provisioning and directories.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Directory {
    /// The roles that provisioning clients may give and take.
    pub roles: Vec<Role>,
    /// The roles that groups give to their members, by the groups' names.
    pub group_roles: BTreeMap<GroupName, Role>,
    /// The directory from which people are taken over.
    pub ldap: Option<Settings>,
}

/// The name of a group, as a key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GroupName(pub Label);

impl Ord for GroupName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.as_str().cmp(other.0.as_str())
    }
}

impl PartialOrd for GroupName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Default for Directory {
    fn default() -> Self {
        let roles = vec![Role::Staff];
        Self { roles, group_roles: BTreeMap::new(), ldap: None }
    }
}

/// The directory cannot be asked with this configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirectoryError {
    /// A file cannot be read.
    #[error("{} cannot be read", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Directory {
    /// Checks what the types do not.
    pub(super) fn validate(&self) -> Result<(), InvalidSettings> {
        self.ldap.as_ref().map_or(Ok(()), Settings::validate)
    }
}

/// Password and authority of a directory, read from their files.
pub(crate) fn credentials(settings: &Settings) -> Result<Credentials, DirectoryError> {
    let password = settings.password_file.as_deref().map(read).transpose()?;
    let ca = settings.ca_file.as_deref().map(read).transpose()?;
    let password = password.map(|text| Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()));
    Ok(Credentials { password, ca })
}

fn read(path: &Path) -> Result<String, DirectoryError> {
    let failed = |source| DirectoryError::File { path: path.to_owned(), source };
    if fs::metadata(path).map_err(failed)?.len() > LARGEST {
        return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
    }
    fs::read_to_string(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_give_roles_by_their_names() {
        let directory: Directory =
            toml::from_str("roles = [\"staff\"]\ngroup_roles = { \"IMP officers\" = \"officer\" }")
                .unwrap();
        let (name, role) = directory.group_roles.first_key_value().unwrap();
        assert_eq!((name.0.as_str(), *role), ("IMP officers", Role::Officer));
        assert_eq!(directory.validate(), Ok(()));
    }

    #[test]
    fn a_password_file_that_is_not_there_is_named() {
        let settings: Settings = toml::from_str(
            "url = \"ldaps://x\"\nbase = \"dc=x\"\nbind_dn = \"cn=imp\"\npassword_file = \"/nonexistent\"",
        )
        .unwrap();
        let error = credentials(&settings).unwrap_err();
        assert_eq!(error.to_string(), "/nonexistent cannot be read");
    }
}
