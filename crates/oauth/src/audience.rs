//! `aud`: one name or several (RFC 7519 §4.1.3).
use serde::{Deserialize, Serialize};

/// Whom a token is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Audience {
    /// Whether `name` is among them.
    pub fn names(&self, name: &str) -> bool {
        self.iter().any(|own| own == name)
    }

    /// Each name.
    pub fn iter(&self) -> std::slice::Iter<'_, String> {
        match self {
            Self::One(name) => std::slice::from_ref(name).iter(),
            Self::Several(names) => names.iter(),
        }
    }
}

impl<'a> IntoIterator for &'a Audience {
    type Item = &'a String;
    type IntoIter = std::slice::Iter<'a, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Vec<String>> for Audience {
    /// A list with one name becomes that name.
    fn from(mut names: Vec<String>) -> Self {
        match (names.len(), names.pop()) {
            (1, Some(name)) => Self::One(name),
            (_, last) => {
                names.extend(last);
                Self::Several(names)
            }
        }
    }
}

impl From<String> for Audience {
    fn from(name: String) -> Self {
        Self::One(name)
    }
}
