//! From measured pictures to captures of people, and how often there is none (ISO/IEC 19795-1: failure to acquire).
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use imp_biometrics::{Engine, Measured};
use serde::Serialize;

use crate::dataset::{Dataset, Person, Presentation, Shows};
use crate::measuring::{Record, Seen};
use crate::proportion::Proportion;
use crate::trials::{Bare, Probe, Subject, Wearing, Worn};

/// How often no capture could be made of one kind of presentation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Acquisition {
    /// What was shown, in words.
    pub shows: String,
    /// Presentations refused.
    pub refused: Proportion,
    /// Why, and how often.
    pub reasons: BTreeMap<String, usize>,
}

/// One presentation and what became of it, whoever it shows.
pub(crate) struct Judged<'a> {
    /// Index of the person; none where it is not known.
    pub(crate) person: Option<u32>,
    /// What was shown.
    pub(crate) shows: &'a Shows,
    pub(crate) wearing: Wearing,
    /// None where no probe could be made.
    pub(crate) capture: Option<imp_biometrics::Capture>,
}

/// All captures of a dataset.
#[derive(Default)]
pub(crate) struct Captures<'a> {
    /// Of those who are compared, in the order of the dataset.
    pub(crate) subjects: Vec<Subject<'a>>,
    pub(crate) judged: Vec<Judged<'a>>,
    tally: BTreeMap<Wearing, (u64, BTreeMap<String, usize>)>,
    /// Pictures that were refused, and why.
    pub(crate) refused: Vec<(PathBuf, String)>,
}

/// A capture with the measured picture that would enrol.
type Made<'a> = Result<(&'a Measured, imp_biometrics::Capture), String>;

impl<'a> Captures<'a> {
    /// Makes them from what was measured.
    pub(crate) fn new(
        engine: &Engine,
        dataset: &'a Dataset,
        records: &'a HashMap<PathBuf, Record>,
    ) -> Self {
        let mut captures = Self::default();
        for (index, person) in (0u32..).zip(&dataset.people) {
            let mut subject = Subject::default();
            for presentation in &person.presentations {
                let index = (!person.unnamed).then_some(index);
                captures.take(engine, (index, presentation), records, &mut subject);
            }
            if !person.unnamed {
                captures.subjects.push(subject);
            }
        }
        captures
    }

    /// Bona fide presentations: how often no capture could be made.
    pub(crate) fn acquisition(&self) -> Vec<Acquisition> {
        let row = |(wearing, (shown, reasons)): (&Wearing, &(u64, BTreeMap<String, usize>))| {
            let refused = reasons.values().sum::<usize>() as u64;
            Acquisition {
                shows: wearing.name(),
                refused: Proportion::wilson(refused, *shown),
                reasons: reasons.clone(),
            }
        };
        self.tally.iter().map(row).collect()
    }

    /// Refused and shown in all kinds for which `which` holds.
    pub(crate) fn refusals(&self, which: impl Fn(Wearing) -> bool) -> (u64, u64) {
        let of_kind = self.tally.iter().filter(|(wearing, _)| which(**wearing));
        of_kind.fold((0, 0), |(refused, shown), (_, (count, reasons))| {
            (refused + reasons.values().sum::<usize>() as u64, shown + count)
        })
    }

    fn take(
        &mut self,
        engine: &Engine,
        (person, presentation): (Option<u32>, &'a Presentation),
        records: &'a HashMap<PathBuf, Record>,
        subject: &mut Subject<'a>,
    ) {
        let frames: Vec<(&PathBuf, &Record)> =
            presentation.frames.iter().filter_map(|f| records.get_key_value(f)).collect();
        for (path, record) in &frames {
            if let Seen::Refused(reason) = &record.seen {
                self.refused.push(((*path).clone(), reason.clone()));
            }
        }
        let seen = capture(engine, frames.iter().map(|(_, record)| &record.seen));
        let wearing = match &presentation.shows {
            Shows::Attack(_) => {
                let capture = seen.ok().map(|(_, capture)| capture);
                let (shows, wearing) = (&presentation.shows, Wearing::Nothing);
                self.judged.push(Judged { person, shows, wearing, capture });
                return;
            }
            Shows::Masked => Wearing::Worn,
            Shows::Bare => Wearing::Nothing,
        };
        subject.taken += usize::from(wearing == Wearing::Nothing);
        let Some((measured, probe)) = self.count((person, &presentation.shows), wearing, seen)
        else {
            return;
        };
        if wearing == Wearing::Worn {
            subject.worn.push(Worn { measured, probe });
            return;
        }
        let drawn = frames.iter().filter_map(|(_, record)| record.drawn.as_ref());
        let style = drawn.clone().map(|(style, _)| *style).next();
        let drawn = style.and_then(|style| {
            let seen = capture(engine, drawn.map(|(_, seen)| seen));
            self.count((person, &presentation.shows), Wearing::Drawn(style), seen)
        });
        subject.bare.push(Bare { measured, probe, drawn });
    }

    /// Counts a capture or its refusal.
    fn count(
        &mut self,
        (person, shows): (Option<u32>, &'a Shows),
        wearing: Wearing,
        seen: Made<'a>,
    ) -> Option<(&'a Measured, Probe)> {
        let (count, reasons) = self.tally.entry(wearing).or_default();
        *count += 1;
        let capture = seen.as_ref().ok().map(|(_, capture)| capture.clone());
        self.judged.push(Judged { person, shows, wearing, capture });
        match seen {
            Ok((measured, capture)) => Some((measured, Probe { wearing, capture })),
            Err(reason) => {
                *reasons.entry(reason).or_default() += 1;
                None
            }
        }
    }
}

/// The capture of these frames, by the code that decides at the door; the first usable frame enrols.
fn capture<'a>(engine: &Engine, frames: impl Iterator<Item = &'a Seen>) -> Made<'a> {
    let mut measured: Vec<&Measured> = Vec::new();
    let mut reason = "the picture was not measured".to_owned();
    for seen in frames {
        match seen {
            Seen::Measured(one) => measured.push(one),
            Seen::Refused(why) => reason.clone_from(why),
        }
    }
    let first = *measured.first().ok_or(reason)?;
    let capture = engine.capture_of(&measured).map_err(|error| error.to_string())?;
    Ok((first, capture))
}

/// How many people of each group there are, by label.
pub(crate) fn groups<'a>(people: &[&'a Person], label: usize) -> BTreeMap<&'a str, Vec<bool>> {
    let mut groups: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
    for (index, person) in people.iter().enumerate() {
        if let Some(group) = person.groups.get(label).and_then(Option::as_deref) {
            groups.entry(group).or_insert_with(|| vec![false; people.len()])[index] = true;
        }
    }
    groups
}
