//! What the hospital allows: who may tap where and when, how long things last, which models count.
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::name::Label;
use crate::refusal::Refusal;
use crate::session::OneFactor;
use crate::sign_on::SignOnPolicy;
use crate::tap::Purpose;
use crate::user::Role;

/// The policy in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Grows by one with each change.
    pub version: u32,
    /// How long a challenge may be answered.
    pub challenge_lifetime: SignedDuration,
    /// How far a phone's clock may be from the server's.
    pub clock_tolerance: SignedDuration,
    /// How long an enrolled face counts.
    pub reference_lifetime: SignedDuration,
    /// How long sessions last, and how many a person may have.
    pub session: SessionLimits,
    /// How long browsers stay signed on to applications, and by what.
    pub sign_on: SignOnPolicy,
    /// Who may enter without the usual proof in an emergency; if absent, nobody.
    pub break_glass: Option<BreakGlass>,
    /// How long after its roster was made a workstation decides taps on its own while the server cannot be reached; if
    /// absent, it never does.
    pub offline: Option<SignedDuration>,
    /// The IANA time zone of the rules' hours.
    pub time_zone: String,
    /// A tap is allowed if one of these matches; with none, everywhere and always.
    pub rules: Vec<Rule>,
    /// The model sets whose comparisons count, with the lowest thresholds; with none, every signed one.
    pub model_sets: Vec<ModelSetFloor>,
}

/// How long sessions last, where they go, and what they take with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionLimits {
    /// From opening to the end, whatever happens.
    pub overall: SignedDuration,
    /// How long a suspended session can be resumed.
    pub suspended: SignedDuration,
    /// How long an active session goes without a sign of life before it is suspended; if absent, the workstations alone
    /// decide (SP 800-63B-4 §2.2.3: at AAL2 it should be an hour at most).
    pub idle: Option<SignedDuration>,
    /// How long after it was suspended a session follows to another workstation by an unlock tap; if absent, as long as
    /// it can be resumed at all.
    pub grace: Option<SignedDuration>,
    /// How many sessions that have not ended a person may have, each at another workstation.
    pub several: u8,
    /// How long after it was suspended one factor suffices to unlock a session where it was (SP 800-63B-4 §2.2.3); if
    /// absent, never.
    pub reauthentication: Option<SignedDuration>,
    /// The only single factor that suffices then; if absent, each.
    pub one_factor: Option<OneFactor>,
    /// What becomes of the browsers that a session signed on, when it is suspended.
    pub on_suspend: OnSuspend,
}

/// What becomes of the browsers that a session signed on to applications, when it is suspended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnSuspend {
    /// They stay signed on: the desktop is locked in front of them.
    Keep,
    /// They are signed out, and the applications are told.
    #[default]
    End,
}

/// Who may enter without the usual proof in an emergency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakGlass {
    /// Users of these roles; with none, staff. Others must be named: nobody becomes an administrator by typing a name.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// Users of these units; with none, everybody.
    #[serde(default)]
    pub units: Vec<Label>,
    /// What makes up for the proof that is missing.
    #[serde(default)]
    pub witness: Witness,
    /// How long such a session lasts, whatever happens.
    #[serde(default = "emergency")]
    pub lifetime: SignedDuration,
    /// How long an auditor may take to review it.
    #[serde(default = "three_days")]
    pub review_within: SignedDuration,
}

const fn emergency() -> SignedDuration {
    SignedDuration::from_mins(30)
}

const fn three_days() -> SignedDuration {
    SignedDuration::from_hours(72)
}

/// What makes up for the proof that is missing in an emergency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Witness {
    /// Somebody else taps at the same workstation after it was asked for, and so vouches for her. A review is owed all the
    /// same.
    #[default]
    SecondPerson,
    /// An auditor's review afterwards alone.
    Review,
}

/// Allows taps that fit every condition; an empty condition fits all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// The user's role.
    pub roles: Vec<Role>,
    /// The unit the user belongs to.
    pub user_units: Vec<Label>,
    /// The unit where the workstation stands.
    pub workstation_units: Vec<Label>,
    /// What for.
    pub purposes: Vec<Purpose>,
    /// The hours of the day, in the policy's time zone.
    pub hours: Option<Hours>,
}

/// From `from` until just before `to`; past midnight when `to` is not after `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// First instant.
    pub from: Time,
    /// First instant that is too late.
    pub to: Time,
}

/// The lowest thresholds at which a model set's comparisons count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSetFloor {
    /// `name@version`.
    pub model_set: String,
    /// Lowest threshold of the comparison.
    pub similarity: f32,
    /// Lowest threshold of presentation-attack detection.
    pub bona_fide: f32,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The user's role.
    pub role: Role,
    /// The user's unit.
    pub user_unit: Option<&'a Label>,
    /// The workstation's unit.
    pub workstation_unit: Option<&'a Label>,
    /// What for.
    pub purpose: Purpose,
    /// When.
    pub at: Timestamp,
}

/// The policy cannot be put in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// The time zone is not in the IANA database.
    #[error("`{0}` is not an IANA time zone")]
    TimeZone(String),
    /// A lifetime is out of its range.
    #[error("{field} must be between {least} s and {most} s")]
    Lifetime {
        /// The key.
        field: &'static str,
        /// Shortest, in seconds.
        least: i64,
        /// Longest, in seconds.
        most: i64,
    },
    /// Nobody could sign in, or without end.
    #[error("`session.several` must be between 1 and 16")]
    Several,
    /// A threshold is not a number from −1 to 1.
    #[error("a threshold of model set `{0}` is not between -1 and 1")]
    Threshold(String),
}

impl SessionLimits {
    /// 12 h over all (AAL2: SP 800-63B-4 §2.2.3), resumed within one; one a person.
    pub const DEFAULT: Self = Self {
        overall: SignedDuration::from_hours(12),
        suspended: SignedDuration::from_hours(1),
        idle: None,
        grace: None,
        several: 1,
        reauthentication: None,
        one_factor: None,
        on_suspend: OnSuspend::End,
    };
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl BreakGlass {
    /// Whether a user of this role and unit may enter so.
    pub fn allows(&self, role: Role, unit: Option<&Label>) -> bool {
        let named = self.roles.contains(&role) || (self.roles.is_empty() && role == Role::Staff);
        named && (self.units.is_empty() || unit.is_some_and(|unit| self.units.contains(unit)))
    }
}

impl Default for Policy {
    /// Everyone everywhere; 60 s to answer; 12 h sessions (AAL2: SP 800-63B-4 §2.2.3); a year for a face.
    fn default() -> Self {
        Self {
            version: 1,
            challenge_lifetime: SignedDuration::from_secs(60),
            clock_tolerance: SignedDuration::from_secs(120),
            reference_lifetime: SignedDuration::from_hours(24 * 365),
            session: SessionLimits::DEFAULT,
            break_glass: None,
            offline: None,
            sign_on: SignOnPolicy::default(),
            time_zone: "UTC".to_owned(),
            rules: vec![],
            model_sets: vec![],
        }
    }
}

impl Policy {
    /// Checks that the policy can be put in force.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        TimeZone::get(&self.time_zone)
            .map_err(|_| InvalidPolicy::TimeZone(self.time_zone.clone()))?;
        for (field, value, least, most) in self.lifetimes() {
            if !(least..=most).contains(&value.as_secs()) {
                return Err(InvalidPolicy::Lifetime { field, least, most });
            }
        }
        if !(1..=16).contains(&self.session.several) {
            return Err(InvalidPolicy::Several);
        }
        let fits = |value: f32| (-1.0..=1.0).contains(&value);
        match self.model_sets.iter().find(|set| !fits(set.similarity) || !fits(set.bona_fide)) {
            Some(set) => Err(InvalidPolicy::Threshold(set.model_set.clone())),
            None => Ok(()),
        }
    }

    /// Every lifetime that is set, with the least and the most that it may be, in seconds.
    fn lifetimes(&self) -> Vec<(&'static str, SignedDuration, i64, i64)> {
        let (day, session) = (86_400, &self.session);
        let mut all = vec![
            ("challenge_lifetime", self.challenge_lifetime, 5, 600),
            ("clock_tolerance", self.clock_tolerance, 1, 3600),
            ("reference_lifetime", self.reference_lifetime, day, 5 * 366 * day),
            ("session.overall", session.overall, 60, day),
            ("session.suspended", session.suspended, 0, day),
            ("sign_on.overall", self.sign_on.overall, 60, 30 * day),
            ("sign_on.idle", self.sign_on.idle, 60, 30 * day),
        ];
        all.extend(self.offline.map(|value| ("offline", value, 900, 3 * day)));
        let suspended = session.suspended.as_secs();
        for (field, value, least, most) in [
            ("session.idle", session.idle, 60, day),
            ("session.grace", session.grace, 0, suspended),
            ("session.reauthentication", session.reauthentication, 0, suspended.min(3600)),
        ] {
            all.extend(value.map(|value| (field, value, least, most)));
        }
        if let Some(emergency) = &self.break_glass {
            all.push(("break_glass.lifetime", emergency.lifetime, 60, 4 * 3600));
            all.push(("break_glass.review_within", emergency.review_within, 3600, 30 * day));
        }
        all
    }

    /// Whether some rule allows a tap in these circumstances; else what stood against it in the rule that came closest.
    pub fn allows(&self, circumstances: &Circumstances<'_>) -> Result<(), Refusal> {
        if self.rules.is_empty() {
            return Ok(());
        }
        let zone = TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC);
        let time = circumstances.at.to_zoned(zone).time();
        let mut closest: Option<(u8, Refusal)> = None;
        for rule in &self.rules {
            let Some((fitting, refusal)) = rule.against(circumstances, time) else { return Ok(()) };
            if closest.is_none_or(|(most, _)| fitting > most) {
                closest = Some((fitting, refusal));
            }
        }
        Err(closest.map_or(Refusal::PolicyRole, |(_, refusal)| refusal))
    }

    /// Whether a comparison by this model set at these thresholds counts.
    pub fn accepts_models(
        &self,
        model_set: &str,
        similarity: f32,
        bona_fide: f32,
    ) -> Result<(), Refusal> {
        let fits = |set: &ModelSetFloor| {
            set.model_set == model_set && similarity >= set.similarity && bona_fide >= set.bona_fide
        };
        if self.model_sets.is_empty() || self.model_sets.iter().any(fits) {
            Ok(())
        } else {
            Err(Refusal::ModelSetRefused)
        }
    }
}

impl Rule {
    /// The first condition that does not fit, with how many came before it.
    fn against(&self, circumstances: &Circumstances<'_>, time: Time) -> Option<(u8, Refusal)> {
        let unit_fits = |units: &[Label], unit: Option<&Label>| {
            units.is_empty() || unit.is_some_and(|u| units.contains(u))
        };
        if !self.roles.is_empty() && !self.roles.contains(&circumstances.role) {
            return Some((0, Refusal::PolicyRole));
        }
        if !unit_fits(&self.user_units, circumstances.user_unit)
            || !unit_fits(&self.workstation_units, circumstances.workstation_unit)
        {
            return Some((1, Refusal::PolicyPlace));
        }
        if !self.purposes.is_empty() && !self.purposes.contains(&circumstances.purpose) {
            return Some((2, Refusal::PolicyPurpose));
        }
        if self.hours.is_some_and(|hours| !hours.contains(time)) {
            return Some((3, Refusal::PolicyHour));
        }
        None
    }
}

impl Hours {
    fn contains(self, time: Time) -> bool {
        if self.from < self.to {
            self.from <= time && time < self.to
        } else {
            self.from <= time || time < self.to
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::time;

    #[test]
    fn a_tap_outside_every_rule_is_refused_for_what_stood_against_it() {
        let ward: Label = "Ward 3".parse().unwrap();
        let lab: Label = "Laboratory".parse().unwrap();
        let night = Hours { from: time(20, 0, 0, 0), to: time(6, 0, 0, 0) };
        let rule = Rule {
            roles: vec![Role::Staff],
            workstation_units: vec![ward.clone()],
            purposes: vec![Purpose::TapIn],
            hours: Some(night),
            ..Rule::default()
        };
        let policy = Policy { rules: vec![rule], ..Policy::default() };
        let at = "2026-01-01T23:30:00Z".parse().unwrap();
        let good = Circumstances {
            role: Role::Staff,
            user_unit: None,
            workstation_unit: Some(&ward),
            purpose: Purpose::TapIn,
            at,
        };
        assert_eq!(policy.allows(&good), Ok(()));
        for (circumstances, refusal) in [
            (Circumstances { role: Role::Auditor, ..good }, Refusal::PolicyRole),
            (Circumstances { workstation_unit: Some(&lab), ..good }, Refusal::PolicyPlace),
            (Circumstances { workstation_unit: None, ..good }, Refusal::PolicyPlace),
            (Circumstances { purpose: Purpose::StepUp, ..good }, Refusal::PolicyPurpose),
            (
                Circumstances { at: "2026-01-01T06:00:00Z".parse().unwrap(), ..good },
                Refusal::PolicyHour,
            ),
        ] {
            assert_eq!(policy.allows(&circumstances), Err(refusal));
        }
    }

    #[test]
    fn hours_are_those_of_the_policys_time_zone() {
        let hours = Hours { from: time(8, 0, 0, 0), to: time(9, 0, 0, 0) };
        let rule = Rule { hours: Some(hours), ..Rule::default() };
        let policy =
            Policy { rules: vec![rule], time_zone: "Europe/Rome".to_owned(), ..Policy::default() };
        let at = |text: &str| Circumstances {
            role: Role::Staff,
            user_unit: None,
            workstation_unit: None,
            purpose: Purpose::TapIn,
            at: text.parse().unwrap(),
        };
        assert_eq!(policy.allows(&at("2026-07-01T06:30:00Z")), Ok(()));
        assert_eq!(policy.allows(&at("2026-01-01T06:30:00Z")), Err(Refusal::PolicyHour));
    }

    #[test]
    fn a_policy_out_of_range_is_refused() {
        assert_eq!(Policy::default().validate(), Ok(()));
        let zone = Policy { time_zone: "Mars/Olympus".to_owned(), ..Policy::default() };
        assert_eq!(zone.validate(), Err(InvalidPolicy::TimeZone("Mars/Olympus".to_owned())));
        let hasty =
            Policy { challenge_lifetime: SignedDuration::from_secs(1), ..Policy::default() };
        assert!(matches!(
            hasty.validate(),
            Err(InvalidPolicy::Lifetime { field: "challenge_lifetime", .. })
        ));
    }

    #[test]
    fn a_policy_of_an_earlier_version_still_counts() {
        let mut document = serde_json::to_value(Policy::default()).unwrap();
        document.as_object_mut().unwrap().remove("break_glass");
        document["session"] = serde_json::json!({ "overall": "PT8H", "suspended": "PT30M" });
        let policy: Policy = serde_json::from_value(document).unwrap();
        assert_eq!(policy.validate(), Ok(()));
        assert_eq!(policy.session.overall, SignedDuration::from_hours(8));
        assert_eq!((policy.session.several, policy.session.idle), (1, None));
        assert_eq!(policy.session.on_suspend, OnSuspend::End);
        assert_eq!(policy.break_glass, None, "nobody, until the hospital says who");
    }

    #[test]
    fn limits_that_contradict_each_other_are_refused() {
        let with = |change: fn(&mut Policy)| {
            let mut policy = Policy::default();
            change(&mut policy);
            policy.validate()
        };
        let field = |result: Result<(), InvalidPolicy>| match result {
            Err(InvalidPolicy::Lifetime { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(with(|policy| policy.session.several = 0), Err(InvalidPolicy::Several));
        assert_eq!(
            field(with(|policy| policy.session.grace = Some(SignedDuration::from_hours(2)))),
            "session.grace",
            "longer than it can be resumed"
        );
        assert_eq!(
            field(with(
                |policy| policy.session.reauthentication = Some(SignedDuration::from_hours(2))
            )),
            "session.reauthentication"
        );
        assert_eq!(
            field(with(|policy| policy.session.idle = Some(SignedDuration::ZERO))),
            "session.idle"
        );
        let endless = |policy: &mut Policy| {
            let json = serde_json::json!({ "lifetime": "PT12H" });
            policy.break_glass = Some(serde_json::from_value(json).unwrap());
        };
        assert_eq!(field(with(endless)), "break_glass.lifetime");
    }

    #[test]
    fn an_emergency_is_for_whom_the_policy_names() {
        let ward: Label = "Ward 3".parse().unwrap();
        let json = serde_json::json!({ "roles": ["staff"], "units": ["Ward 3"] });
        let emergency: BreakGlass = serde_json::from_value(json).unwrap();
        assert_eq!(emergency.witness, Witness::SecondPerson);
        assert!(emergency.allows(Role::Staff, Some(&ward)));
        assert!(!emergency.allows(Role::Auditor, Some(&ward)));
        assert!(!emergency.allows(Role::Staff, None));
        let everybody: BreakGlass = serde_json::from_str("{}").unwrap();
        assert!(everybody.allows(Role::Staff, None));
        for role in [Role::Officer, Role::Administrator, Role::Auditor] {
            assert!(!everybody.allows(role, None), "{role:?} was not named");
        }
    }

    #[test]
    fn lowered_thresholds_do_not_count() {
        let floor = ModelSetFloor { model_set: "a@1".to_owned(), similarity: 0.45, bona_fide: 0.5 };
        let policy = Policy { model_sets: vec![floor], ..Policy::default() };
        assert_eq!(policy.accepts_models("a@1", 0.45, 0.6), Ok(()));
        assert_eq!(policy.accepts_models("a@1", 0.1, 0.6), Err(Refusal::ModelSetRefused));
        assert_eq!(policy.accepts_models("b@1", 0.9, 0.9), Err(Refusal::ModelSetRefused));
    }
}
