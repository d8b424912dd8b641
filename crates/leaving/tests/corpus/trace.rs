//! What a workstation noticed, and where she truly was.
use std::fmt::Write as _;

/// One thing that was noticed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Event {
    /// Her phone was heard, in dBm.
    Heard(i16),
    /// Another phone was heard.
    Other,
    /// The link to her phone stands, at this strength in dBm.
    Link(i16),
    /// The link to her phone was lost.
    Lost,
    /// She touched keyboard or pointer.
    Key,
    /// The truth, for judging alone: so many metres from the workstation.
    At(f64),
}

/// Why she went, for judging alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trip {
    /// Away for minutes, out of the room.
    Leaving,
    /// To the printer in the room, and back.
    Printer,
    /// To a bed in the same room, for minutes.
    Bed,
}

/// Absence: from standing up until she sits again, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Absence {
    pub(crate) trip: Trip,
    pub(crate) stands_up: f64,
    /// When she passes three metres.
    pub(crate) leaves: f64,
    /// When she passes three metres on her way back.
    pub(crate) returns: f64,
}

/// A recording, real or made.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Trace {
    /// Seconds, and what happened.
    pub(crate) events: Vec<(f64, Event)>,
    pub(crate) absences: Vec<Absence>,
    /// Seconds that it lasts.
    pub(crate) length: f64,
}

impl Trace {
    /// One line an event: seconds, what, and how much.
    pub(crate) fn write(&self, about: &str) -> String {
        let mut text = String::new();
        for line in about.lines() {
            let _ = writeln!(text, "# {line}");
        }
        for (at, event) in &self.events {
            let _ = match event {
                Event::Heard(rssi) => writeln!(text, "{at:.2} heard {rssi}"),
                Event::Other => writeln!(text, "{at:.2} other"),
                Event::Link(rssi) => writeln!(text, "{at:.2} link {rssi}"),
                Event::Lost => writeln!(text, "{at:.2} lost"),
                Event::Key => writeln!(text, "{at:.2} key"),
                Event::At(metres) => writeln!(text, "{at:.2} at {metres:.1}"),
            };
        }
        let _ = writeln!(text, "{:.2} end", self.length);
        text
    }

    /// Reads what [`Self::write`] wrote, or what somebody recorded on a ward: without `at` lines where nobody noted where she was.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut trace = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            let bad = || format!("not a line of a trace: {line}");
            let words: Vec<_> = line.split_whitespace().collect();
            let at: f64 = words.first().and_then(|w| w.parse().ok()).ok_or_else(bad)?;
            let event = match words[1..] {
                ["heard", rssi] => Event::Heard(rssi.parse().map_err(|_| bad())?),
                ["other"] => Event::Other,
                ["link", rssi] => Event::Link(rssi.parse().map_err(|_| bad())?),
                ["lost"] => Event::Lost,
                ["key"] => Event::Key,
                ["at", metres] => Event::At(metres.parse().map_err(|_| bad())?),
                ["end"] => {
                    trace.length = at;
                    continue;
                }
                _ => return Err(bad()),
            };
            trace.events.push((at, event));
        }
        trace.absences = absences(&trace.events, trace.length);
        Ok(trace)
    }
}

/// What the `at` lines say of absences: beyond three metres for a minute or more is a leaving, for less a way to the printer.
fn absences(events: &[(f64, Event)], length: f64) -> Vec<Absence> {
    let mut found = vec![];
    let (mut here, mut left) = (0.0, None);
    for (at, event) in events {
        let Event::At(metres) = event else { continue };
        if *metres < 3.0 {
            if let Some((stands_up, leaves)) = left.take() {
                found.push((stands_up, leaves, *at));
            }
            if *metres < 1.5 {
                here = *at;
            }
        } else if left.is_none() {
            left = Some((here, *at));
        }
    }
    found.extend(left.map(|(stands_up, leaves)| (stands_up, leaves, length)));
    let absence = |(stands_up, leaves, returns): (f64, f64, f64)| {
        let trip = if returns - leaves >= 60.0 { Trip::Leaving } else { Trip::Printer };
        Absence { trip, stands_up, leaves, returns }
    };
    found.into_iter().map(absence).collect()
}
