//! One line of the matrix.
use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use imp_identity::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::attempt::Attempt;
use crate::endpoint::Endpoint;
use crate::ports::{Ports, Protocol};
use crate::text::{Purpose, as_text};

/// A connection that is expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Names the rule, in explanations and from one version of the policy to the next.
    pub id: RuleId,
    /// Who connects.
    pub from: Endpoint,
    /// To whom.
    pub to: Endpoint,
    /// By what.
    pub protocol: Protocol,
    /// The ports of whom it is connected to.
    pub ports: Ports,
    /// What for.
    pub purpose: Purpose,
    /// First instant at which it is expected no longer; never, unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// The name of a rule: 1 to 64 lower-case letters, digits, `.`, `_`, `-`, of which the first is a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(String);

/// The text is no [`RuleId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a name of a rule: 1 to 64 lower-case letters, digits, `.`, `_` or `-` are expected, the first a letter or digit"
)]
pub struct InvalidRuleId;

impl Rule {
    /// Whether the rule expects it.
    pub fn expects(&self, attempt: &Attempt<'_>) -> bool {
        self.from.covers(&attempt.from)
            && self.to.covers(&attempt.to)
            && self.protocol == attempt.protocol
            && self.ports.contains(attempt.port)
            && !self.is_over(attempt.at)
    }

    /// Whether its time is over.
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= at)
    }
}

impl RuleId {
    /// The name of a rule that nobody named: it follows from who may connect to whom, so that the same line has the same name
    /// each time that it is read.
    pub fn derived(from: &Endpoint, to: &Endpoint, protocol: Protocol, ports: Ports) -> Self {
        let text = format!("{from}\n{to}\n{protocol}\n{ports}");
        let digest = Digest::of(&[text.as_bytes()]);
        Self(format!("r-{}", HEXLOWER.encode(&digest.as_bytes()[..8])))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RuleId {
    type Err = InvalidRuleId;

    fn from_str(text: &str) -> Result<Self, InvalidRuleId> {
        let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| alphanumeric(b) || b"._-".contains(&b))
            && text.bytes().next().is_some_and(alphanumeric);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidRuleId) }
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

as_text!(RuleId);
