//! Presentation attack detection after ISO/IEC 30107-3: how often instruments pass as people (APCER, by species, the worst
//! one counts), how often people are taken for instruments (BPCER), and how often an attack passes the comparison as well
//! (IAPAR).
mod html;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::proportion::{Proportion, share};
use crate::random::Seeded;

/// The first line of every report.
pub const NOTICE: &str = "Rendered attacks are no substitute for a laboratory test (ISO/IEC 30107-3, 19989-3): these figures compare versions of this software; they do not say how often a real instrument passes.";
/// Species of rendered sequences that show people; every other species is an attack.
const BONA_FIDE: [&str; 2] = ["bona-fide", "masked-bona-fide"];
/// How often people are drawn anew for an interval.
const DRAWS: usize = 1000;
/// Shares of people turned away at which the report says what passes.
const POINTS: [f64; 4] = [0.01, 0.02, 0.05, 0.1];

/// One presentation to the camera and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Presentation {
    /// Who is shown.
    pub person: u32,
    /// The species of the instrument; `None` for a photograph of the person as it is.
    pub species: Option<String>,
    /// A mask is worn, or drawn.
    pub masked: bool,
    /// The score of the capture, 0–1, one for bona fide; `None` where no probe could be made (no response).
    pub score: Option<f32>,
    /// Similarity to the reference of the person shown, and the threshold that it had to reach.
    pub comparison: Option<(f32, f32)>,
}

/// What presentation attack detection does at one threshold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttackReport {
    /// What may not be concluded.
    pub notice: &'static str,
    /// Scores below it are attacks.
    pub threshold: f32,
    /// The species with the highest APCER; `None` without attacks.
    pub worst: Option<String>,
    /// People, by what they look like.
    pub bona_fide: Vec<BonaFide>,
    /// Attacks, by species.
    pub attacks: Vec<Attack>,
    /// What other thresholds would do.
    pub points: Vec<OperatingPoint>,
}

/// People who present themselves.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BonaFide {
    /// How: `photographs`, `photographs, masked`, or a rendered species.
    pub kind: String,
    /// Different people.
    pub people: usize,
    /// BPCER: bona fide presentations classified as attacks.
    pub bpcer: Proportion,
    /// Presentations of which no probe could be made (BPNRR): they are not among the BPCER's.
    pub no_response: Proportion,
}

/// One species of instrument.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attack {
    /// Its name.
    pub species: String,
    /// Different people shown.
    pub people: usize,
    /// APCER: attacks classified as bona fide, of those of which a probe could be made.
    pub apcer: Proportion,
    /// Attacks of which no probe could be made (APNRR).
    pub no_response: Proportion,
    /// IAPAR: attacks classified as bona fide and matched with the person shown, of all that were made on a person with
    /// a reference.
    pub iapar: Option<Proportion>,
}

/// A threshold that turns away a given share of people at most.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OperatingPoint {
    /// The share aimed at.
    pub aim: f64,
    /// The highest threshold that keeps it.
    pub threshold: f32,
    /// Share of people turned away.
    pub bpcer: f64,
    /// The species that passes most, and the share of it that does.
    pub worst: Option<(String, f64)>,
}

/// Counts errors of `presentations` at `threshold`. Intervals hold both Wilson's and the one of drawing people anew.
pub fn evaluate(presentations: &[Presentation], threshold: f32) -> AttackReport {
    let passes = |p: &Presentation| p.score.map(|score| score >= threshold);
    let mut people: BTreeMap<String, Vec<&Presentation>> = BTreeMap::new();
    let mut attacks: BTreeMap<String, Vec<&Presentation>> = BTreeMap::new();
    for presentation in presentations {
        let groups = if presentation.is_attack() { &mut attacks } else { &mut people };
        groups.entry(presentation.kind()).or_default().push(presentation);
    }
    let bona_fide = people.into_iter().map(|(kind, group)| BonaFide {
        people: people_in(&group),
        bpcer: counted(&group, |p| passes(p).map(|passes| !passes)),
        no_response: counted(&group, |p| Some(p.score.is_none())),
        kind,
    });
    let attacks: Vec<Attack> = attacks
        .into_iter()
        .map(|(species, group)| {
            let compared = group.iter().any(|p| p.comparison.is_some());
            let accepted = |p: &Presentation| {
                let matches = p.comparison.is_some_and(|(similarity, least)| similarity >= least);
                Some(passes(p) == Some(true) && matches)
            };
            Attack {
                people: people_in(&group),
                apcer: counted(&group, passes),
                no_response: counted(&group, |p| Some(p.score.is_none())),
                iapar: compared.then(|| counted(&group, accepted)),
                species,
            }
        })
        .collect();
    AttackReport {
        notice: NOTICE,
        threshold,
        worst: attacks
            .iter()
            .max_by(|a, b| a.apcer.rate().total_cmp(&b.apcer.rate()))
            .map(|attack| attack.species.clone()),
        bona_fide: bona_fide.collect(),
        attacks,
        points: POINTS.iter().filter_map(|aim| point(presentations, *aim)).collect(),
    }
}

/// The highest threshold at which at most `aim` of the bona fide `presentations` with a score are turned away; `None`
/// where there are none.
pub fn threshold_for(presentations: &[Presentation], aim: f64) -> Option<f32> {
    let mut scores: Vec<f32> =
        presentations.iter().filter(|p| !p.is_attack()).filter_map(|p| p.score).collect();
    scores.sort_by(f32::total_cmp);
    let allowed = (1..=scores.len()).take_while(|n| share(*n as u64, scores.len() as u64) <= aim);
    scores.get(allowed.count()).or(scores.last()).copied()
}

impl Presentation {
    fn is_attack(&self) -> bool {
        self.species.as_ref().is_some_and(|species| !BONA_FIDE.contains(&species.as_str()))
    }

    fn kind(&self) -> String {
        let photographs = if self.masked { "photographs, masked" } else { "photographs" };
        self.species.clone().unwrap_or_else(|| photographs.to_owned())
    }
}

fn people_in(group: &[&Presentation]) -> usize {
    group.iter().map(|p| p.person).collect::<BTreeSet<_>>().len()
}

/// How often `outcome` is true among those for which it is known.
fn counted(group: &[&Presentation], outcome: impl Fn(&Presentation) -> Option<bool>) -> Proportion {
    let mut people: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for presentation in group {
        if let Some(outcome) = outcome(presentation) {
            let (errors, trials) = people.entry(presentation.person).or_default();
            *errors += u64::from(outcome);
            *trials += 1;
        }
    }
    let people: Vec<(u64, u64)> = people.into_values().collect();
    let sum = |(e, t): (u64, u64), (errors, trials): (u64, u64)| (e + errors, t + trials);
    let (errors, trials) = people.iter().copied().fold((0, 0), sum);
    let mut found = Proportion::wilson(errors, trials);
    if people.len() > 1 {
        let mut random = Seeded::new(1, "attacks");
        let mut rates: Vec<f64> = (0..DRAWS)
            .map(|_| {
                let drawn = (0..people.len()).map(|_| people[random.below(people.len())]);
                let (errors, trials) = drawn.fold((0, 0), sum);
                share(errors, trials)
            })
            .collect();
        rates.sort_by(f64::total_cmp);
        found.low = found.low.min(rates[DRAWS / 40]);
        found.high = found.high.max(rates[DRAWS - 1 - DRAWS / 40]);
    }
    found
}

fn point(presentations: &[Presentation], aim: f64) -> Option<OperatingPoint> {
    let threshold = threshold_for(presentations, aim)?;
    let mut bona_fide = (0, 0);
    let mut species: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for presentation in presentations {
        let Some(score) = presentation.score else { continue };
        let (count, error) = match &presentation.species {
            Some(name) if presentation.is_attack() => {
                (species.entry(name).or_default(), score >= threshold)
            }
            Some(_) | None => (&mut bona_fide, score < threshold),
        };
        count.0 += u64::from(error);
        count.1 += 1;
    }
    let worst = species
        .into_iter()
        .map(|(name, (errors, trials))| (name.to_owned(), share(errors, trials)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    Some(OperatingPoint { aim, threshold, bpcer: share(bona_fide.0, bona_fide.1), worst })
}

#[cfg(test)]
mod tests;
