//! What the hospital allows: who may tap where and when, how long things last, which models count.
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::name::Label;
use crate::refusal::Refusal;
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
    /// How long sessions last.
    pub session: SessionLimits,
    /// The IANA time zone of the rules' hours.
    pub time_zone: String,
    /// A tap is allowed if one of these matches; with none, everywhere and always.
    pub rules: Vec<Rule>,
    /// The model sets whose comparisons count, with the lowest thresholds; with none, every signed one.
    pub model_sets: Vec<ModelSetFloor>,
}

/// How long sessions last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionLimits {
    /// From opening to the end, whatever happens.
    pub overall: SignedDuration,
    /// How long a suspended session can be resumed.
    pub suspended: SignedDuration,
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
    /// A threshold is not a number from −1 to 1.
    #[error("a threshold of model set `{0}` is not between -1 and 1")]
    Threshold(String),
}

impl Default for Policy {
    /// Everyone everywhere; 60 s to answer; 12 h sessions (AAL2: SP 800-63B-4 §2.2.3); a year for a face.
    fn default() -> Self {
        Self {
            version: 1,
            challenge_lifetime: SignedDuration::from_secs(60),
            clock_tolerance: SignedDuration::from_secs(120),
            reference_lifetime: SignedDuration::from_hours(24 * 365),
            session: SessionLimits {
                overall: SignedDuration::from_hours(12),
                suspended: SignedDuration::from_hours(1),
            },
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
        let day = 86_400;
        for (field, value, least, most) in [
            ("challenge_lifetime", self.challenge_lifetime, 5, 600),
            ("clock_tolerance", self.clock_tolerance, 1, 3600),
            ("reference_lifetime", self.reference_lifetime, day, 5 * 366 * day),
            ("session.overall", self.session.overall, 60, day),
            ("session.suspended", self.session.suspended, 0, day),
        ] {
            if !(least..=most).contains(&value.as_secs()) {
                return Err(InvalidPolicy::Lifetime { field, least, most });
            }
        }
        let fits = |value: f32| (-1.0..=1.0).contains(&value);
        match self.model_sets.iter().find(|set| !fits(set.similarity) || !fits(set.bona_fide)) {
            Some(set) => Err(InvalidPolicy::Threshold(set.model_set.clone())),
            None => Ok(()),
        }
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
    fn lowered_thresholds_do_not_count() {
        let floor = ModelSetFloor { model_set: "a@1".to_owned(), similarity: 0.45, bona_fide: 0.5 };
        let policy = Policy { model_sets: vec![floor], ..Policy::default() };
        assert_eq!(policy.accepts_models("a@1", 0.45, 0.6), Ok(()));
        assert_eq!(policy.accepts_models("a@1", 0.1, 0.6), Err(Refusal::ModelSetRefused));
        assert_eq!(policy.accepts_models("b@1", 0.9, 0.9), Err(Refusal::ModelSetRefused));
    }
}
