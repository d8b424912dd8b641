//! What the policy says of an attempt, and why.
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::attempt::Attempt;
use crate::policy::Policy;
use crate::ports::{Ports, Protocol};
use crate::rule::{Rule, RuleId};

/// Whether a connection is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// By this rule; of several, the one whose name comes first.
    Expected {
        /// Which.
        rule: RuleId,
    },
    /// No rule expects it.
    Unexpected {
        /// Why not, as near as can be said.
        reason: Reason,
    },
}

/// Which of the two machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Who connects.
    From,
    /// To whom.
    To,
}

/// Why a connection is unexpected. When several rules almost expected it, the one that came nearest is named: one whose time is
/// over before one for other ports, before one for another protocol, before one in the other direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A machine does not stand in the inventory, or is not in use.
    UnknownMachine {
        /// Which of the two.
        side: Side,
    },
    /// A rule expected it until its time was over.
    Expired {
        /// Which.
        rule: RuleId,
        /// First instant at which it was over.
        until: Timestamp,
    },
    /// A rule is for other ports.
    WrongPort {
        /// Which.
        rule: RuleId,
        /// Those.
        ports: Ports,
    },
    /// A rule is for another protocol.
    WrongProtocol {
        /// Which.
        rule: RuleId,
        /// That one.
        protocol: Protocol,
    },
    /// A rule expects the other machine to connect to this one.
    WrongDirection {
        /// Which.
        rule: RuleId,
    },
    /// No rule speaks of the two machines.
    NoRule,
}

impl Decision {
    /// Whether it is expected.
    pub const fn is_expected(&self) -> bool {
        matches!(self, Self::Expected { .. })
    }

    /// The stable word: `expected`, or that of the reason.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Expected { .. } => "expected",
            Self::Unexpected { reason } => reason.word(),
        }
    }

    /// The rule that expects it, or that came nearest.
    pub const fn rule(&self) -> Option<&RuleId> {
        match self {
            Self::Expected { rule } => Some(rule),
            Self::Unexpected { reason } => reason.rule(),
        }
    }
}

impl Reason {
    /// The stable word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::UnknownMachine { .. } => "unknown-machine",
            Self::Expired { .. } => "rule-expired",
            Self::WrongPort { .. } => "wrong-port",
            Self::WrongProtocol { .. } => "wrong-protocol",
            Self::WrongDirection { .. } => "wrong-direction",
            Self::NoRule => "no-rule",
        }
    }

    /// The rule that came nearest.
    pub const fn rule(&self) -> Option<&RuleId> {
        match self {
            Self::Expired { rule, .. }
            | Self::WrongPort { rule, .. }
            | Self::WrongProtocol { rule, .. }
            | Self::WrongDirection { rule } => Some(rule),
            Self::UnknownMachine { .. } | Self::NoRule => None,
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected { rule } => write!(f, "the rule `{rule}` expects it"),
            Self::Unexpected { reason } => write!(f, "{reason}"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownMachine { side: Side::From } => {
                f.write_str("the machine that connects is not in the inventory, or not in use")
            }
            Self::UnknownMachine { side: Side::To } => f.write_str(
                "the machine that it connects to is not in the inventory, or not in use",
            ),
            Self::Expired { rule, until } => {
                write!(f, "the rule `{rule}` expected it until {until}")
            }
            Self::WrongPort { rule, ports } => {
                write!(f, "the rule `{rule}` is for port {ports}")
            }
            Self::WrongProtocol { rule, protocol } => {
                write!(f, "the rule `{rule}` is for {protocol}")
            }
            Self::WrongDirection { rule } => {
                write!(f, "the rule `{rule}` is for the other direction")
            }
            Self::NoRule => f.write_str("no rule speaks of these two machines"),
        }
    }
}

/// How near a rule between the right machines comes, nearest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    Expects,
    Over,
    OtherPort,
    OtherProtocol,
}

impl Nearness {
    fn of(rule: &Rule, attempt: &Attempt<'_>) -> Self {
        if rule.protocol != attempt.protocol {
            Self::OtherProtocol
        } else if !rule.ports.contains(attempt.port) {
            Self::OtherPort
        } else if rule.is_over(attempt.at) {
            Self::Over
        } else {
            Self::Expects
        }
    }
}

impl Policy {
    /// Whether a connection is expected, by which rule, or why not. Microseconds, whatever the number of rules; only many rules
    /// between the very same two ends are looked at one by one.
    pub fn decide(&self, attempt: &Attempt<'_>) -> Decision {
        let places = self.index().between(&attempt.from, &attempt.to);
        let rules = places.filter_map(|place| Some((place, self.at(place)?)));
        let nearest = rules.map(|(place, rule)| (Nearness::of(rule, attempt), place)).min();
        let nearest = nearest.and_then(|(near, place)| Some((near, self.at(place)?)));
        let Some((near, rule)) = nearest else {
            return Decision::Unexpected { reason: self.other_way(attempt) };
        };
        let (id, until) = (rule.id.clone(), rule.until.unwrap_or(attempt.at));
        let reason = match near {
            Nearness::Expects => return Decision::Expected { rule: id },
            Nearness::Over => Reason::Expired { rule: id, until },
            Nearness::OtherPort => Reason::WrongPort { rule: id, ports: rule.ports },
            Nearness::OtherProtocol => Reason::WrongProtocol { rule: id, protocol: rule.protocol },
        };
        Decision::Unexpected { reason }
    }

    /// No rule is between the two: is one between the other and the one?
    fn other_way(&self, attempt: &Attempt<'_>) -> Reason {
        let turned = Attempt { from: attempt.to, to: attempt.from, ..*attempt };
        let places = self.index().between(&turned.from, &turned.to);
        let expecting = places.filter(|place| {
            self.at(*place).is_some_and(|rule| Nearness::of(rule, &turned) == Nearness::Expects)
        });
        let rule = expecting.min().and_then(|place| self.at(place));
        rule.map_or(Reason::NoRule, |rule| Reason::WrongDirection { rule: rule.id.clone() })
    }

    fn at(&self, place: u32) -> Option<&Rule> {
        self.rules().get(usize::try_from(place).ok()?)
    }
}
