//! Scopes (RFC 6749 §3.3), SMART scopes among them.
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, OAuthError};

/// The scope that makes a request one of OpenID Connect.
pub const OPENID: &str = "openid";
/// The scope under which a refresh token outlives the sign-on.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// A set of scope tokens. As text: separated by spaces, in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scope(BTreeSet<String>);

/// The text is not a scope: 1 to 100 tokens of `!#-[]-~`, 4096 bytes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a scope")]
pub struct InvalidScope;

impl From<InvalidScope> for OAuthError {
    fn from(_: InvalidScope) -> Self {
        Self::new(ErrorCode::InvalidScope, "the scope is malformed")
    }
}

impl Scope {
    /// Whether the token is in it.
    pub fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    /// Whether every token is in `other` too.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The tokens that both have.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// This scope without a token.
    #[must_use]
    pub fn without(mut self, token: &str) -> Self {
        self.0.remove(token);
        self
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tokens in ascending order.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let allowed = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if text.len() > 4096 {
            return Err(InvalidScope);
        }
        let tokens: BTreeSet<String> =
            text.split(' ').filter(|token| !token.is_empty()).map(str::to_owned).collect();
        let valid =
            (1..=100).contains(&tokens.len()) && tokens.iter().all(|t| t.bytes().all(allowed));
        if valid { Ok(Self(tokens)) } else { Err(InvalidScope) }
    }
}

impl<S: Into<String>> FromIterator<S> for Scope {
    fn from_iter<I: IntoIterator<Item = S>>(tokens: I) -> Self {
        Self(tokens.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, token) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { " " })?;
            f.write_str(token)?;
        }
        Ok(())
    }
}

impl Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    /// No text at all is the empty scope here: what was stored is read back.
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if text.is_empty() {
            Ok(Self::default())
        } else {
            text.parse().map_err(serde::de::Error::custom)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_sets() {
        let scope: Scope =
            "profile openid  openid system/Patient.rs?status=active".parse().unwrap();
        assert_eq!(scope.to_string(), "openid profile system/Patient.rs?status=active");
        let less: Scope = "openid".parse().unwrap();
        assert!(less.is_within(&scope) && !scope.is_within(&less) && scope.contains(OPENID));
        assert_eq!(scope.intersect(&less), less);
        for bad in ["", "  ", "a\"b", "a\\b", "é", "a\tb"] {
            assert_eq!(bad.parse::<Scope>(), Err(InvalidScope), "{bad:?}");
        }
        let json = serde_json::to_string(&Scope::default()).unwrap();
        assert_eq!(serde_json::from_str::<Scope>(&json).unwrap(), Scope::default());
    }
}
