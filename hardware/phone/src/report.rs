//! The uses as tables for people.
use std::fmt::Write as _;

use imp_identity::tap::Purpose;
use jiff::tz::TimeZone;

use crate::audit::{Standing, VerifiedUse};
use crate::evidence::Refused;
use crate::screen::{date, printable};
use crate::uses::{Use, Uses};
use crate::verify::Verification;

impl Uses {
    /// A table for people, with times in `zone`.
    pub fn table(&self, zone: &TimeZone) -> String {
        if self.uses.is_empty() && self.unreadable == 0 && !self.damaged && self.refused.is_empty()
        {
            return "no receipts yet\n".to_owned();
        }
        let mut table = String::new();
        for known in &self.uses {
            let _infallible = writeln!(table, "{}", known.line(zone));
        }
        table.push_str(&remarks(self.unreadable, self.damaged, &self.refused, zone));
        table
    }
}

impl Use {
    fn line(&self, zone: &TimeZone) -> String {
        let place = match self.workstation {
            Some(_) => printable(&self.workstation_label),
            None => "-".to_owned(),
        };
        let seal = match (self.verified, &self.remark) {
            (true, None) => "proven".to_owned(),
            (true, Some(remark)) => format!("signed by the server; {remark}"),
            (false, remark) => format!("NOT VALID: {}", remark.as_deref().unwrap_or("-")),
        };
        format!(
            "{}  {:<20} {:<8} {place}  (number {} in the log, {seal})",
            date(self.at, zone),
            printable(&self.kind),
            self.purpose.map_or("-", Purpose::code),
            self.index
        )
    }
}

impl Verification {
    /// Whether nothing is wrong with any of it.
    pub fn is_sound(&self) -> bool {
        !self.damaged
            && self.unreadable == 0
            && !self.uses.iter().any(|used| used.standing.is_alarm())
    }

    /// A table for people, with times in `zone`, and a summary.
    pub fn table(&self, zone: &TimeZone) -> String {
        let mut table = String::new();
        for known in &self.uses {
            let _infallible = writeln!(table, "{}", known.line(zone));
        }
        table.push_str(&remarks(self.unreadable, self.damaged, &self.refused, zone));
        table.push_str(&self.summary());
        table
    }

    fn summary(&self) -> String {
        let count = |wanted: fn(Standing) -> bool| {
            self.uses.iter().filter(|used| wanted(used.standing)).count()
        };
        let alarms = count(Standing::is_alarm);
        let mut text = match self.seen_before {
            Some(size) => format!(
                "the log has {} entries and continues the {size} that this phone knew\n",
                self.size
            ),
            None => format!(
                "the log has {} entries; this phone remembers them from now on\n",
                self.size
            ),
        };
        let _infallible = writeln!(
            text,
            "{} uses: {} proven by receipt and log, {} by the log alone ({} of them without the receipt that was due), {} erased by the server",
            self.uses.len(),
            count(|standing| standing == Standing::Proven),
            count(|standing| matches!(standing, Standing::Logged | Standing::ReceiptMissing)),
            count(|standing| standing == Standing::ReceiptMissing),
            count(|standing| standing == Standing::Erased),
        );
        if alarms > 0 {
            let _infallible = writeln!(
                text,
                "ALARM: {alarms} of them do not agree with the log: show this to the hospital's security officer"
            );
        }
        text
    }
}

impl VerifiedUse {
    fn line(&self, zone: &TimeZone) -> String {
        let at = self.at.map_or_else(|| "-".to_owned(), |at| date(at, zone));
        let kind = self.kind.as_deref().map_or_else(|| "(erased)".to_owned(), printable);
        let place = match self.workstation {
            Some(id) if self.workstation_label.is_empty() => id.to_string(),
            Some(_) => printable(&self.workstation_label),
            None => "-".to_owned(),
        };
        let reason =
            self.reason.as_deref().map_or_else(String::new, |r| format!(", {}", printable(r)));
        format!(
            "{at:<16}  {kind:<20} {:<8} {place}{reason}  (number {} in the log: {})",
            self.purpose.map_or("-", Purpose::code),
            self.index,
            self.remark
        )
    }
}

fn remarks(unreadable: usize, damaged: bool, refused: &[Refused], zone: &TimeZone) -> String {
    let mut text = String::new();
    if unreadable > 0 {
        let _infallible = writeln!(text, "{unreadable} receipts cannot be read");
    }
    if damaged {
        text.push_str("the file of receipts is damaged: later ones may be missing\n");
    }
    for Refused { at, why, .. } in refused {
        let _infallible =
            writeln!(text, "{}  refused and kept as evidence: {why}", date(*at, zone));
    }
    text
}
