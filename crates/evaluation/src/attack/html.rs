//! The section of the evaluation's page.
use std::fmt::Write as _;

use super::{AttackReport, Proportion};

impl AttackReport {
    /// A `<section>` of the report, self-contained; its first line says what may not be concluded.
    pub fn html(&self) -> String {
        let mut page = String::from("<section id=\"attacks\">\n<h2>Presentation attacks</h2>\n");
        page += &paragraph(self.notice, "class=\"notice\"");
        match (
            &self.worst,
            self.attacks.iter().max_by(|a, b| a.apcer.rate().total_cmp(&b.apcer.rate())),
        ) {
            (Some(species), Some(attack)) => {
                let headline = format!(
                    "At the threshold {:.3} the worst species is {species}: APCER {}.",
                    self.threshold,
                    percent(&attack.apcer)
                );
                page += &paragraph(&headline, "");
            }
            (None, _) | (_, None) => page += &paragraph("The set holds no attacks.", ""),
        }
        let bona_fide = self.bona_fide.iter().map(|row| {
            [
                row.kind.clone(),
                row.people.to_string(),
                percent(&row.bpcer),
                percent(&row.no_response),
            ]
        });
        page += &table(["Bona fide", "People", "BPCER", "No response"], bona_fide);
        let attacks = self.attacks.iter().map(|row| {
            let iapar = row.iapar.as_ref().map_or_else(|| "no references".to_owned(), percent);
            let people = row.people.to_string();
            [row.species.clone(), people, percent(&row.apcer), iapar, percent(&row.no_response)]
        });
        page += &table(["Attack", "People", "APCER", "IAPAR", "No response"], attacks);
        let points = self.points.iter().map(|point| {
            let worst = point.worst.as_ref().map_or_else(String::new, |(species, rate)| {
                format!("{:.1} % ({species})", rate * 100.0)
            });
            let aim = format!("at most {:.0} %", point.aim * 100.0);
            [aim, format!("{:.3}", point.threshold), format!("{:.1} %", point.bpcer * 100.0), worst]
        });
        page += &table(["People turned away", "Threshold", "BPCER", "Highest APCER"], points);
        page += "</section>\n";
        page
    }
}

fn paragraph(text: &str, attributes: &str) -> String {
    format!("<p {attributes}>{}</p>\n", escaped(text))
}

fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut table = String::from("<table>\n<tr>");
    for cell in head {
        let _ = write!(table, "<th>{}</th>", escaped(cell));
    }
    table += "</tr>\n";
    for row in rows {
        table += "<tr>";
        for cell in row {
            let _ = write!(table, "<td>{}</td>", escaped(&cell));
        }
        table += "</tr>\n";
    }
    table + "</table>\n"
}

/// Errors of trials, the share, and its interval.
fn percent(share: &Proportion) -> String {
    if share.trials == 0 {
        return "–".to_owned();
    }
    let (low, high) = (share.low * 100.0, share.high * 100.0);
    let rate = share.rate() * 100.0;
    format!("{} / {} = {rate:.1} % ({low:.1}–{high:.1})", share.errors, share.trials)
}

/// Species are names of folders: they may hold anything.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
