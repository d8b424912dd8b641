//! Enrols people, compares every reference with every probe by the code that decides at the door, and sorts the
//! similarities by kind of comparison.
use std::collections::BTreeMap;

use imp_biometrics::{Capture, Engine, MaskStyle, Measured, Template};
use imp_models::{ProbeKind, ReferenceKind};
use serde::Serialize;

use crate::comparisons::{Comparisons, Grid, Impostor};
use crate::protocol::{Round, rounds};
use crate::random::Seeded;

/// Most comparisons of different people for one way to enrol; with more, only some references are compared.
const MOST_COMPARISONS: usize = 200_000_000;

/// A way to enrol.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enrolment {
    /// With one photograph.
    One,
    /// With two.
    Two,
    /// With three.
    Three,
    /// With one photograph that shows a mask; to compare two pictures only.
    OneMasked,
    /// With three photographs that show a mask.
    ThreeMasked,
}

/// What a probe really shows.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wearing {
    /// No mask.
    Nothing,
    /// A drawn mask; index in [`MaskStyle::ALL`].
    Drawn(usize),
    /// A mask really worn.
    Worn,
}

/// A kind of comparison: what the reference is, what the probe shows, and what it was taken for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Kind {
    pub(crate) reference: ReferenceKind,
    pub(crate) wearing: Wearing,
    /// By the mask detector; the threshold depends on it.
    pub(crate) judged: ProbeKind,
}

/// A capture of one person that can be compared.
pub(crate) struct Probe {
    pub(crate) wearing: Wearing,
    pub(crate) capture: Capture,
}

/// The captures of one person who is compared.
#[derive(Default)]
pub(crate) struct Subject<'a> {
    /// Bare photographs that can be used.
    pub(crate) bare: Vec<Bare<'a>>,
    /// With a mask really worn.
    pub(crate) worn: Vec<Worn<'a>>,
    /// Bare photographs in all, usable or not.
    pub(crate) taken: usize,
}

/// A usable bare photograph.
pub(crate) struct Bare<'a> {
    pub(crate) measured: &'a Measured,
    pub(crate) probe: Probe,
    /// The same with a mask drawn on it, where the face is still found.
    pub(crate) drawn: Option<(&'a Measured, Probe)>,
}

/// A usable photograph with a mask really worn.
pub(crate) struct Worn<'a> {
    pub(crate) measured: &'a Measured,
    pub(crate) probe: Probe,
}

/// Everything compared for one way to enrol.
pub(crate) struct Trials {
    pub(crate) enrolment: Enrolment,
    pub(crate) kinds: BTreeMap<Kind, Comparisons>,
    /// People with photographs enough for it.
    pub(crate) eligible: usize,
    /// Those of them for whom no reference could be made.
    pub(crate) not_enrolled: usize,
    /// Why references were refused, and how often; photographs that cannot be used were never tried.
    pub(crate) refusals: BTreeMap<String, usize>,
}

/// Probes with their people, by what they show and what that is taken for.
type Probes<'a> = BTreeMap<(Wearing, ProbeKind), Vec<(u32, &'a Probe)>>;

/// A reference of one person, and which probes are her own.
struct Reference<'a> {
    person: u32,
    template: Template,
    own: Vec<&'a Probe>,
    /// Compared with other people's probes as well.
    impostors: bool,
}

impl Enrolment {
    /// Every way.
    pub const ALL: [Self; 5] =
        [Self::One, Self::Two, Self::Three, Self::OneMasked, Self::ThreeMasked];

    /// Photographs needed.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::One | Self::OneMasked => 1,
            Self::Two => 2,
            Self::Three | Self::ThreeMasked => 3,
        }
    }

    /// The kind of reference that it makes, where the mask detector does not err.
    pub(crate) fn makes(self) -> ReferenceKind {
        match self {
            Self::One => ReferenceKind::Single,
            Self::Two | Self::Three => ReferenceKind::Several,
            Self::OneMasked | Self::ThreeMasked => ReferenceKind::MaskedOnly,
        }
    }

    fn masked(self) -> bool {
        match self {
            Self::OneMasked | Self::ThreeMasked => true,
            Self::One | Self::Two | Self::Three => false,
        }
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::One => "one photograph",
            Self::Two => "two photographs",
            Self::Three => "three photographs",
            Self::OneMasked => "one photograph with a mask",
            Self::ThreeMasked => "three photographs with masks",
        }
    }
}

impl Wearing {
    /// In words.
    pub fn name(self) -> String {
        match self {
            Self::Nothing => "bare".to_owned(),
            Self::Drawn(style) => {
                let style = MaskStyle::ALL.get(style);
                style.map_or_else(|| "drawn".to_owned(), |style| format!("drawn, {style}"))
            }
            Self::Worn => "really worn".to_owned(),
        }
    }
}

impl Trials {
    /// Enrols everybody in this way and compares everybody with everybody, on `threads` threads.
    pub(crate) fn run(
        engine: &Engine,
        subjects: &[Subject<'_>],
        enrolment: Enrolment,
        (threads, seed): (usize, u64),
    ) -> Self {
        let mut trials = Self {
            enrolment,
            kinds: BTreeMap::new(),
            eligible: 0,
            not_enrolled: 0,
            refusals: BTreeMap::new(),
        };
        let references = trials.enrol(engine, subjects, seed);
        let probes = probes(subjects);
        let count = probes.values().map(Vec::len).sum();
        let mut references = thinned(references, count);
        trials.prepare(&references, &probes, subjects.len());
        let chunk = references.len().div_ceil(threads.max(1)).max(1);
        let empty = &trials.kinds;
        let parts: Vec<_> = std::thread::scope(|scope| {
            let parts = references.chunks_mut(chunk).map(|chunk| {
                let probes = &probes;
                scope.spawn(move || compare(chunk, probes, empty.clone()))
            });
            // All must run before the first is waited for.
            let parts: Vec<_> = parts.collect();
            parts
                .into_iter()
                .map(|p| p.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        for part in parts {
            for (kind, comparisons) in part {
                if let Some(all) = trials.kinds.get_mut(&kind) {
                    all.absorb(comparisons);
                }
            }
        }
        trials.kinds.values_mut().for_each(Comparisons::finish);
        trials.kinds.retain(|_, c| c.impostor_count() > 0 || !c.genuine.is_empty());
        trials
    }

    fn enrol<'a>(
        &mut self,
        engine: &Engine,
        subjects: &'a [Subject<'a>],
        seed: u64,
    ) -> Vec<Reference<'a>> {
        let size = self.enrolment.size();
        let mut references = Vec::new();
        for (person, subject) in (0u32..).zip(subjects) {
            let mut random = Seeded::new(seed, &format!("enrolment {person}"));
            let rounds = rounds(size, subject.bare.len(), subject.worn.len(), &mut random);
            let mut enrolled = false;
            let mut try_one =
                |measured: Vec<&Measured>, own: Vec<&'a Probe>| match engine.template(&measured) {
                    Ok(template) => {
                        enrolled = true;
                        references.push(Reference { person, template, own, impostors: true });
                    }
                    Err(error) => *self.refusals.entry(error.to_string()).or_default() += 1,
                };
            for round in &rounds {
                if let Some(measured) = members(subject, round, self.enrolment.masked()) {
                    try_one(measured, own(subject, round));
                }
            }
            if self.enrolment == Enrolment::OneMasked {
                for (measured, own) in worn_references(subject) {
                    try_one(vec![measured], own);
                }
            }
            if subject.taken >= size {
                self.eligible += 1;
                self.not_enrolled += usize::from(!enrolled);
            }
        }
        references
    }

    /// A grid for each kind of comparison that can occur.
    fn prepare(&mut self, references: &[Reference<'_>], probes: &Probes<'_>, people: usize) {
        let mut made: BTreeMap<ReferenceKind, Vec<u32>> = BTreeMap::new();
        for reference in references {
            let counts = made.entry(reference.template.kind()).or_insert_with(|| vec![0; people]);
            counts[reference.person as usize] += u32::from(reference.impostors);
        }
        let mut shown: BTreeMap<(Wearing, ProbeKind), Vec<u32>> = BTreeMap::new();
        for (kind, probes) in probes {
            let counts = shown.entry(*kind).or_insert_with(|| vec![0; people]);
            for (person, _) in probes {
                counts[*person as usize] += 1;
            }
        }
        for (reference, references) in &made {
            for ((wearing, judged), probes) in &shown {
                let grid = Grid { references: references.clone(), probes: probes.clone() };
                let kind = Kind { reference: *reference, wearing: *wearing, judged: *judged };
                self.kinds.insert(kind, Comparisons::new(grid));
            }
        }
    }
}

impl Probe {
    fn kind(&self) -> (Wearing, ProbeKind) {
        (self.wearing, judged(&self.capture))
    }
}

/// What a capture is taken for.
pub(crate) fn judged(capture: &Capture) -> ProbeKind {
    if capture.mask_worn() { ProbeKind::Masked } else { ProbeKind::Bare }
}

/// What enrols the person in this round; none where a mask cannot be drawn on one of the photographs.
fn members<'a>(subject: &Subject<'a>, round: &Round, masked: bool) -> Option<Vec<&'a Measured>> {
    let one = |index: &usize| {
        let bare = &subject.bare[*index];
        if masked { bare.drawn.as_ref().map(|d| d.0) } else { Some(bare.measured) }
    };
    round.enrolled.iter().map(one).collect()
}

/// Her own probes of this round.
fn own<'a>(subject: &'a Subject<'a>, round: &Round) -> Vec<&'a Probe> {
    let bare = round.probes.iter().map(|index| &subject.bare[*index]);
    let drawn = bare.clone().filter_map(|bare| bare.drawn.as_ref().map(|d| &d.1));
    let worn = round.worn.iter().map(|index| &subject.worn[*index].probe);
    bare.map(|bare| &bare.probe).chain(drawn).chain(worn).collect()
}

/// Each photograph with a mask really worn as a reference; the next one, and a bare one, are its probes.
fn worn_references<'a>(
    subject: &'a Subject<'a>,
) -> impl Iterator<Item = (&'a Measured, Vec<&'a Probe>)> {
    let (worn, bare) = (&subject.worn, &subject.bare);
    worn.iter().enumerate().map(move |(index, reference)| {
        let next = (worn.len() > 1).then(|| &worn[(index + 1) % worn.len()].probe);
        let other = (!bare.is_empty()).then(|| &bare[index % bare.len()].probe);
        (reference.measured, next.into_iter().chain(other).collect())
    })
}

/// Everybody's probes, by what they show and what that is taken for.
fn probes<'a>(subjects: &'a [Subject<'a>]) -> Probes<'a> {
    let mut probes = Probes::new();
    for (person, subject) in (0u32..).zip(subjects) {
        let bare = subject.bare.iter().map(|bare| &bare.probe);
        let drawn = subject.bare.iter().filter_map(|bare| bare.drawn.as_ref().map(|d| &d.1));
        for probe in bare.chain(drawn).chain(subject.worn.iter().map(|worn| &worn.probe)) {
            probes.entry(probe.kind()).or_default().push((person, probe));
        }
    }
    probes
}

/// With very many comparisons, every so-manieth reference is compared with other people.
fn thinned(mut references: Vec<Reference<'_>>, probes: usize) -> Vec<Reference<'_>> {
    let stride = (references.len() * probes).div_ceil(MOST_COMPARISONS).max(1);
    for (index, reference) in references.iter_mut().enumerate() {
        reference.impostors = index % stride == 0;
    }
    references
}

/// Compares these references with their own and with other people's probes.
fn compare(
    references: &mut [Reference<'_>],
    probes: &Probes<'_>,
    mut kinds: BTreeMap<Kind, Comparisons>,
) -> BTreeMap<Kind, Comparisons> {
    for Reference { person, template, own, impostors } in references {
        let prepared = ProbeKind::ALL.map(|kind| template.prepared(kind));
        let similarity = |probe: &Probe| {
            let prepared = match judged(&probe.capture) {
                ProbeKind::Bare => &prepared[0],
                ProbeKind::Masked => &prepared[1],
            };
            prepared.as_ref().map_or(-1.0, |prepared| prepared.similarity(&probe.capture))
        };
        for (Kind { reference, wearing, judged }, comparisons) in &mut kinds {
            if *reference != template.kind() {
                continue;
            }
            for probe in own.iter().filter(|probe| probe.kind() == (*wearing, *judged)) {
                comparisons.genuine(*person, similarity(probe));
            }
            if *impostors {
                let others = probes.get(&(*wearing, *judged)).into_iter().flatten();
                let others = others.filter(|(other, _)| other != person);
                comparisons.impostors(others.map(|(other, probe)| Impostor {
                    reference: *person,
                    probe: *other,
                    score: similarity(probe),
                }));
            }
        }
    }
    kinds
}
