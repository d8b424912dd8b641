//! The table of `docs/walk-away.md`.
use std::fmt::Write as _;
use std::ops::Range;

use imp_leaving::{Constants, Reason};

use crate::SHIFT;
use crate::numbers::{count_interval, quantile, quantile_interval};
use crate::person::Nurse;
use crate::replay::{Judgement, Links, replay};
use crate::trace::{Trace, Trip};

/// What is judged.
#[derive(Clone)]
pub(crate) struct Condition {
    pub(crate) interval: f64,
    pub(crate) sees_keys: bool,
    pub(crate) links: Links,
    pub(crate) shifts: Range<u64>,
}

/// What came of many shifts.
#[derive(Default)]
pub(crate) struct Tally {
    shifts: usize,
    countdowns: usize,
    false_locks: usize,
    silent: usize,
    pub(crate) while_typing: usize,
    leavings: usize,
    pub(crate) missed: usize,
    /// Seconds from three metres, and from standing up, to the lock.
    from_three_metres: Vec<f64>,
    from_standing_up: Vec<f64>,
    printer: (usize, usize),
    bed: (usize, usize),
}

impl Tally {
    pub(crate) fn of(condition: &Condition, constants: &Constants) -> Self {
        let mut tally = Self::default();
        for seed in condition.shifts.clone() {
            let trace = Nurse::new(seed, condition.interval).shift(SHIFT);
            tally.add(&replay(&trace, constants, condition.sees_keys, condition.links));
        }
        tally.from_three_metres.sort_by(f64::total_cmp);
        tally.from_standing_up.sort_by(f64::total_cmp);
        tally
    }

    fn add(&mut self, judgement: &Judgement) {
        self.shifts += 1;
        self.countdowns += judgement.countdowns.len();
        self.false_locks += judgement.false_locks.len();
        let silent = |(_, reason): &&(f64, Reason)| *reason == Reason::PhoneSilent;
        self.silent += judgement.false_locks.iter().filter(silent).count();
        self.while_typing += judgement.while_typing;
        for outcome in judgement.trips(Trip::Leaving) {
            self.leavings += 1;
            let Some((at, _)) = outcome.locked else {
                self.missed += 1;
                continue;
            };
            self.from_three_metres.push((at - outcome.absence.leaves).max(0.0));
            self.from_standing_up.push(at - outcome.absence.stands_up);
        }
        let locked = |trip| {
            let trips: Vec<_> = judgement.trips(trip).collect();
            (trips.iter().filter(|outcome| outcome.locked.is_some()).count(), trips.len())
        };
        let (printer, bed) = (locked(Trip::Printer), locked(Trip::Bed));
        self.printer = (self.printer.0 + printer.0, self.printer.1 + printer.1);
        self.bed = (self.bed.0 + bed.0, self.bed.1 + bed.1);
    }
}

/// Plays all conditions, each on a thread of its own.
pub(crate) fn tallies<'a>(rows: &[(&'a str, Condition)]) -> Vec<(&'a str, Tally)> {
    std::thread::scope(|scope| {
        let play = |(name, condition): &(&'a str, Condition)| {
            let (name, condition) = (*name, condition.clone());
            (name, scope.spawn(move || Tally::of(&condition, &Constants::default())))
        };
        let playing: Vec<_> = rows.iter().map(play).collect();
        playing.into_iter().map(|(name, tally)| (name, tally.join().unwrap())).collect()
    })
}

/// What each certainty, in thousandths, reaches with advertisements alone and with the link.
pub(crate) fn curve() -> Vec<(u16, [Tally; 2])> {
    let of = |permille: u16, links| {
        let constants =
            Constants { certainty: f64::from(permille) / 1000.0, ..Constants::default() };
        let shifts = 3001..3031;
        Tally::of(&Condition { interval: 0.25, sees_keys: true, links, shifts }, &constants)
    };
    std::thread::scope(|scope| {
        let play = |permille: u16| {
            (
                permille,
                [Links::None, Links::Stands].map(|links| scope.spawn(move || of(permille, links))),
            )
        };
        let playing = [700, 900, 950, 995].map(play);
        playing
            .into_iter()
            .map(|(permille, both)| (permille, both.map(|tally| tally.join().unwrap())))
            .collect()
    })
}

fn row(text: &mut String, name: &str, cells: impl Iterator<Item = String>) {
    let _ = writeln!(text, "| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
}

/// The table, and one of the short traces.
pub(crate) fn write(
    tallies: &[(&str, Tally)],
    curve: &[(u16, [Tally; 2])],
    shorts: &[(String, Trace)],
) -> String {
    let mut text = String::from("\n| |");
    for (name, _) in tallies {
        let _ = write!(text, " {name} |");
    }
    let _ = writeln!(text, "\n|---|{}", "---|".repeat(tallies.len()));
    let all = || tallies.iter().map(|(_, tally)| tally);
    let per_shift = |count: usize, shifts: usize| {
        let (least, most) = count_interval(count);
        let each = |count: f64| count / shifts as f64;
        format!("{:.2} [{:.2}, {:.2}] ({count})", each(count as f64), each(least), each(most))
    };
    row(&mut text, "shifts of 8 h", all().map(|t| t.shifts.to_string()));
    row(
        &mut text,
        "**false locks a shift**, goal 0.1",
        all().map(|t| per_shift(t.false_locks, t.shifts)),
    );
    row(
        &mut text,
        "… of them because the phone was not heard",
        all().map(|t| t.silent.to_string()),
    );
    row(&mut text, "… of them within a second of a key", all().map(|t| t.while_typing.to_string()));
    row(
        &mut text,
        "countdowns that began while she was there, a shift",
        all().map(|t| per_shift(t.countdowns, t.shifts)),
    );
    row(
        &mut text,
        "**leavings that were missed**, goal 0",
        all().map(|t| format!("{} of {}", t.missed, t.leavings)),
    );
    let times = |sorted: &[f64]| {
        let (least, most) = quantile_interval(sorted, 0.95);
        format!(
            "{:.1} / {:.1} [{least:.1}, {most:.1}]",
            quantile(sorted, 0.5),
            quantile(sorted, 0.95)
        )
    };
    row(
        &mut text,
        "**seconds from 3 m to the lock**, p50 / p95, goal 10",
        all().map(|t| times(&t.from_three_metres)),
    );
    row(
        &mut text,
        "seconds from standing up to the lock, p50 / p95",
        all().map(|t| times(&t.from_standing_up)),
    );
    let of = |(locked, all): (usize, usize)| format!("{locked} of {all}");
    row(
        &mut text,
        "ways to the printer (5–9 m, about 25 s) that locked",
        all().map(|t| of(t.printer)),
    );
    row(&mut text, "stays at the next bed (4–6 m, minutes) that locked", all().map(|t| of(t.bed)));
    write_curve(&mut text, curve);
    write_shorts(&mut text, shorts);
    text.push('\n');
    text
}

fn write_curve(text: &mut String, curve: &[(u16, [Tally; 2])]) {
    text.push_str("\n| `certainty_permille` | false locks a shift | missed | 3 m to the lock, p50 / p95 | with the link: false locks | missed | p50 / p95 |\n|---|---|---|---|---|---|---|\n");
    for (permille, both) in curve {
        let cells = both.iter().flat_map(|t| {
            let each = t.false_locks as f64 / t.shifts as f64;
            let time = |share| quantile(&t.from_three_metres, share);
            [
                format!("{each:.2}"),
                format!("{} of {}", t.missed, t.leavings),
                format!("{:.1} / {:.1}", time(0.5), time(0.95)),
            ]
        });
        row(text, &permille.to_string(), cells);
    }
}

fn write_shorts(text: &mut String, shorts: &[(String, Trace)]) {
    text.push_str("\n| Short trace | Countdowns while there | Locks while there | Locked behind her |\n|---|---|---|---|\n");
    for (name, trace) in shorts {
        let judged = replay(trace, &Constants::default(), true, Links::None);
        let behind: Vec<_> = judged
            .outcomes
            .iter()
            .map(|o| {
                o.locked.map_or("no".to_owned(), |(at, _)| {
                    format!("after {:.1} s", at - o.absence.leaves)
                })
            })
            .collect();
        let behind = if behind.is_empty() { "she stays".to_owned() } else { behind.join(", ") };
        let (begun, locked) = (judged.countdowns.len(), judged.false_locks.len());
        let _ = writeln!(text, "| `{name}` | {begun} | {locked} | {behind} |");
    }
}
