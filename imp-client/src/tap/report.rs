//! What a tap came to, for the person before the screen and for whoever measures.
use imp_api::tap::Session;
use imp_identity::Refusal;
use imp_identity::refusal::Abandonment;
use imp_identity::tap::{Purpose, Step};
use serde::{Deserialize, Serialize};

/// A tap and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TapReport {
    /// What for; absent when it was not decided yet.
    pub purpose: Option<Purpose>,
    /// Whose phone was asked.
    pub person: Option<Person>,
    /// By what.
    #[serde(default)]
    pub means: TapMeans,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: TapOutcome,
    /// More about this occurrence, for the help desk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What was done and how long it took; steps overlap, `total` is the whole.
    pub steps: Vec<Step>,
}

/// By what somebody wants to be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TapMeans {
    /// Phone and face.
    #[default]
    Face,
    /// The phone alone.
    Phone,
    /// A security key that verified who holds it.
    SecurityKey,
    /// A security key that was touched.
    Touch,
}

/// What came of a tap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum TapOutcome {
    /// The server accepted.
    Accepted {
        /// The session it opened, resumed, stepped up or ended.
        session: Session,
    },
    /// The server refused.
    Refused {
        /// Why.
        reason: Refusal,
    },
    /// The workstation gave up.
    Abandoned {
        /// Why.
        reason: Abandonment,
    },
    /// Several phones are near: the person has to say which is hers.
    Choose {
        /// Whose.
        people: Vec<Person>,
    },
    /// Another tap or an enrolment is under way.
    Busy,
    /// The security key was not accepted, or did not sign.
    Failed {
        /// Why, with its causes.
        message: String,
    },
}

/// A person, as she is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Person {
    /// How she is shown.
    pub display_name: String,
    /// What she signs in as.
    pub username: String,
}

impl TapOutcome {
    /// A stable word for it: the reason's code, if there is one.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Refused { reason } => reason.code(),
            Self::Abandoned { reason } => reason.code(),
            Self::Choose { .. } => "choose",
            Self::Busy => "busy",
            Self::Failed { .. } => "failed",
        }
    }
}

impl TapReport {
    /// Whether the server accepted.
    pub const fn accepted(&self) -> bool {
        matches!(self.outcome, TapOutcome::Accepted { .. })
    }

    /// One or two sentences for the person before the screen.
    pub fn explain(&self) -> String {
        match &self.outcome {
            TapOutcome::Accepted { session } => self.welcome(&session.display_name),
            TapOutcome::Refused { reason } => reason.explain().to_owned(),
            TapOutcome::Abandoned { reason } => reason.explain().to_owned(),
            TapOutcome::Choose { people } => {
                let names: Vec<_> = people.iter().map(|p| p.display_name.as_str()).collect();
                format!("Several phones are near. Who are you? {}", names.join(", "))
            }
            TapOutcome::Busy => "One moment: another tap is under way.".to_owned(),
            TapOutcome::Failed { message } => message.clone(),
        }
    }

    fn welcome(&self, name: &str) -> String {
        let more = match self.means {
            TapMeans::Face | TapMeans::SecurityKey => "",
            TapMeans::Phone => " Your phone alone opened: applications may ask for your face.",
            TapMeans::Touch => " A touch alone opened: applications may ask for your key's PIN.",
        };
        match self.purpose {
            Some(Purpose::TapOut) => format!("Goodbye, {name}. You are signed out."),
            Some(Purpose::StepUp) => format!("Confirmed by {name}."),
            Some(Purpose::Unlock) => format!("Welcome back, {name}.{more}"),
            Some(Purpose::TapIn) | None => format!("Welcome, {name}."),
        }
    }
}

impl TapMeans {
    /// What a press asks for.
    pub(super) const fn of(command: &super::TapCommand) -> Self {
        if command.phone_alone { Self::Phone } else { Self::Face }
    }

    /// In words, for a line of status.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Face => "phone and face",
            Self::Phone => "phone alone",
            Self::SecurityKey => "security key",
            Self::Touch => "touched security key",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_survives_the_socket() {
        let person = Person { display_name: "Ada L".to_owned(), username: "ada".to_owned() };
        for outcome in [
            TapOutcome::Refused { reason: Refusal::ComparisonFailed },
            TapOutcome::Abandoned { reason: Abandonment::NoPhone },
            TapOutcome::Choose { people: vec![person.clone()] },
            TapOutcome::Busy,
            TapOutcome::Failed { message: "there is no security key".to_owned() },
        ] {
            let report = TapReport {
                purpose: Some(Purpose::TapIn),
                person: Some(person.clone()),
                means: TapMeans::SecurityKey,
                outcome,
                detail: None,
                steps: vec![Step { name: "total".to_owned(), micros: 7 }],
            };
            let text = serde_json::to_string(&report).unwrap();
            assert_eq!(serde_json::from_str::<TapReport>(&text).unwrap(), report, "{text}");
            assert!(!report.explain().is_empty() && !report.accepted());
        }
    }
}
