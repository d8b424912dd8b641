//! What applications call the user.
use std::fmt;

use serde::{Deserialize, Serialize};

/// Which kind of name an application gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameIdFormat {
    /// One that is the same at every sign-on, and another at every application (saml-core-2.0-os §8.3.7).
    #[default]
    Persistent,
    /// One that is new at every sign-on (§8.3.8).
    Transient,
    /// Her user name (`unspecified`, §8.3.1).
    Username,
}

/// A name, with its format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameId {
    /// The kind.
    pub format: NameIdFormat,
    /// The name: personal data if it is a user name.
    pub value: String,
}

impl NameIdFormat {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Persistent, Self::Transient, Self::Username];

    /// The URI.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Persistent => "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
            Self::Transient => "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
            Self::Username => UNSPECIFIED,
        }
    }

    /// What an application that is configured for `self` gets when it asks for `uri`, if it may have that. One may always ask
    /// for a name that tells less.
    pub fn asked(self, uri: Option<&str>) -> Option<Self> {
        match uri {
            None | Some(UNSPECIFIED) => Some(self),
            Some(uri) if uri == Self::Transient.uri() => Some(Self::Transient),
            Some(uri) if uri == Self::Persistent.uri() && self != Self::Transient => {
                Some(Self::Persistent)
            }
            Some(_) => None,
        }
    }
}

const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

impl fmt::Display for NameIdFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Persistent => "persistent",
            Self::Transient => "transient",
            Self::Username => "username",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_may_ask_for_less_and_not_for_more() {
        let persistent = Some(NameIdFormat::Persistent.uri());
        let transient = Some(NameIdFormat::Transient.uri());
        assert_eq!(NameIdFormat::Username.asked(None), Some(NameIdFormat::Username));
        assert_eq!(NameIdFormat::Username.asked(persistent), Some(NameIdFormat::Persistent));
        assert_eq!(NameIdFormat::Persistent.asked(transient), Some(NameIdFormat::Transient));
        assert_eq!(NameIdFormat::Transient.asked(persistent), None);
        let mail = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
        assert_eq!(NameIdFormat::Username.asked(Some(mail)), None);
    }
}
