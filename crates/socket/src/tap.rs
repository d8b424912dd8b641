//! A tap: what is asked for by a press, what the person is told meanwhile, and what came of it.
use imp_identity::refusal::Abandonment;
use imp_identity::tap::{Intent, Purpose, Step};
use imp_identity::{Refusal, SessionId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What somebody asks the agent for by a press.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TapCommand {
    /// What for; if absent: unlock for whom the desktop is locked, tap in for anybody else.
    #[serde(default)]
    pub purpose: Option<Purpose>,
    /// Whose phone, by username; needed only when several are near.
    #[serde(default)]
    pub user: Option<String>,
    /// How she pressed.
    pub intent: Intent,
    /// Her phone alone, without her face: only to unlock a desktop that was locked a moment ago, if the policy lets it suffice.
    #[serde(default)]
    pub phone_alone: bool,
}

/// One plain thing to do, or to know, while a tap or an enrolment is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hint {
    /// No phone is heard yet.
    BringPhone,
    /// No face is seen, or it is turned away.
    LookHere,
    /// The face is small.
    ComeCloser,
    /// A part of the face is outside the picture.
    MoveBack,
    /// The face is blurred.
    HoldStill,
    /// The light is behind the face.
    LightBehind,
    /// The face is dark.
    MoreLight,
    /// The face is overexposed.
    LessLight,
    /// One half of the face is much darker.
    EvenLight,
    /// The head is tilted.
    HeadUpright,
    /// The head is lowered or raised.
    ChinLevel,
    /// Dark glasses hide the eyes.
    UncoverEyes,
    /// The eyes are shut.
    OpenEyes,
    /// Several faces are seen.
    OneAtATime,
    /// A mask covers the face and does no harm.
    MaskIsFine,
    /// At an enrolment the mask has to come off.
    MaskOff,
    /// At an enrolment the new reference is tried.
    OnceMore,
    /// The face is seen well; phone or server are still at work.
    OneMoment,
}

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
    /// What the person can do better, when her face could not be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Hint>,
    /// More about this occurrence, for the help desk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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

/// A session at this workstation, as programs of the desktop see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Names the session.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// What she signs in as.
    pub username: String,
    /// How she is shown to people.
    pub display_name: String,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
    /// `active`, `suspended` or `ended`.
    pub state: String,
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
    pub const fn of(command: &TapCommand) -> Self {
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

impl Hint {
    /// In words, for a terminal.
    pub const fn words(self) -> &'static str {
        match self {
            Self::BringPhone => "bring your phone near, with Bluetooth switched on",
            Self::LookHere => "look at the camera",
            Self::ComeCloser => "come closer",
            Self::MoveBack => "move back until the whole face is in the picture",
            Self::LightBehind => "turn away from the light behind you",
            Self::ChinLevel => "hold the chin level",
            Self::UncoverEyes => "take off dark glasses",
            Self::OpenEyes => "open the eyes",
            Self::OnceMore => "once more, to be sure: look at the camera",
            Self::HoldStill => "hold still",
            Self::MoreLight => "more light on the face is needed",
            Self::LessLight => "less light on the face is needed",
            Self::EvenLight => "turn so that the light falls evenly on the face",
            Self::HeadUpright => "hold the head upright",
            Self::OneAtATime => "one person at a time",
            Self::MaskIsFine => "the mask is fine",
            Self::MaskOff => "take the mask off for a moment",
            Self::OneMoment => "one moment",
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
                hint: Some(Hint::HoldStill),
                detail: None,
                steps: vec![Step { name: "total".to_owned(), micros: 7 }],
            };
            let text = serde_json::to_string(&report).unwrap();
            assert_eq!(serde_json::from_str::<TapReport>(&text).unwrap(), report, "{text}");
            assert!(!report.explain().is_empty() && !report.accepted());
        }
    }
}
