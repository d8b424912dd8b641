//! The report as one page: no network, no script, readable on paper.
use std::fmt::Write as _;

use crate::conditions::{Condition, Probes};
use crate::proportion::{Proportion, Support};
use crate::report::{Calibrated, Report, plot, support};
use crate::trials::Enrolment;

const STYLE: &str = include_str!("style.css");

/// Columns of a table of errors.
const ERRORS: [&str; 11] = [
    "Enrolled with",
    "Probe",
    "People",
    "FNMR",
    "95 %",
    "Errors",
    "FMR",
    "95 %",
    "Errors",
    "GFRR",
    "FMR shown",
];

/// The whole page.
pub(super) fn page(report: &Report) -> String {
    let mut page = String::with_capacity(256 << 10);
    let title = format!("Face recognition measured: {}", report.set);
    let _ = writeln!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title>\n<style>\n{STYLE}</style></head>\n<body>\n<h1>{}</h1>",
        text(&title),
        text(&title)
    );
    page.push_str(&head(report));
    page.push_str(&short(report));
    page.push_str(&limits(report));
    page.push_str(&conditions(report));
    page.push_str(&curves(report));
    page.push_str(&thresholds(report));
    page.push_str(&failures(report));
    page.push_str(&groups(report));
    page.push_str(&judgements(report));
    page.push_str(&report.attacks.html());
    page.push_str(&method(report));
    page.push_str("</body></html>\n");
    page
}

fn head(report: &Report) -> String {
    let made = &report.made;
    let mut rows = vec![
        vec!["Photographs".to_owned(), text(&made.data)],
        vec!["Evaluated".to_owned(), format!("{} by {}", made.at, made.by)],
        vec![
            "Size".to_owned(),
            format!(
                "{} people, {} pictures",
                group(report.people as u64),
                group(report.pictures as u64)
            ),
        ],
        vec!["Pipeline".to_owned(), format!("{}, seed {}", report.pipeline, report.seed)],
    ];
    let model = |(name, digest): (&String, &String)| vec![format!("Model {name}"), digest.clone()];
    rows.extend(report.models.iter().map(model));
    table(&[], &rows, "facts")
}

/// The first figures anybody asks for.
fn short(report: &Report) -> String {
    let mut section = String::from("<h2>In short</h2>\n<ul>\n");
    let best = |probes: Probes| {
        let of_kind = |c: &&Condition| {
            c.probes == probes && same(c.aim, report.aim) && c.false_non_matches.is_some()
        };
        let wanted = [Enrolment::Three, Enrolment::Two, Enrolment::One];
        let find =
            |wanted| report.conditions.iter().filter(of_kind).find(|c| c.enrolment == wanted);
        wanted.into_iter().find_map(find)
    };
    for probes in [Probes::Bare, Probes::Drawn, Probes::Worn] {
        let Some(condition) = best(probes) else { continue };
        let (Some(missed), wrong) = (condition.false_non_matches, condition.false_matches) else {
            continue;
        };
        let _ = write!(
            section,
            "<li><b>{}</b>, enrolled with {}: <b>{}</b> of attempts by the right person fail to match (at most {} with 95 % confidence; {} of {} attempts, {} people)",
            text(&capital(&probes.name())),
            condition.enrolment.name(),
            percent(missed.rate()),
            percent(missed.high),
            group(missed.errors),
            group(missed.trials),
            group(condition.people as u64),
        );
        if let Some(wrong) = wrong {
            let _ = write!(
                section,
                "; somebody else matches in {} of comparisons ({} of {}; at most {})",
                rate(wrong.rate()),
                group(wrong.errors),
                group(wrong.trials),
                rate(wrong.high)
            );
        }
        section.push_str(".</li>\n");
    }
    let _ = writeln!(
        section,
        "<li>Thresholds aim at one false match in {} comparisons. They were chosen by one half of the people and tried on the other, both ways: every error counted here is of people who had no part in the choice.</li>",
        group(inverse(report.aim))
    );
    section.push_str(match &report.calibration {
        Calibrated::Complete => "<li>The calibration file beside this report has thresholds for every kind of comparison.</li>\n",
        Calibrated::Completed { .. } => "<li>The calibration file beside this report keeps some thresholds of the one before, because these photographs are too few for them (see Thresholds).</li>\n",
        Calibrated::No { .. } => "<li><b>No calibration file was written</b>: these photographs are too few (see Thresholds).</li>\n",
        Calibrated::OutOfBounds { .. } => "<li><b>No calibration file was written</b>: it would protect too little (see Thresholds).</li>\n",
    });
    section.push_str("</ul>\n");
    section
}

/// What may not be concluded, in plain words.
fn limits(report: &Report) -> String {
    let mut items = vec![
        "How often it will go wrong at your doors. Light, cameras, hats, glasses, hurry and age differ from these photographs; only a trial on site says that.".to_owned(),
        "Anything about people who are not like these. A rate measured on others does not carry over to a group that is missing or rare here.".to_owned(),
        "That the system recognises somebody among many. Each comparison was of one person with one reference; searching a list multiplies false matches by its length.".to_owned(),
        "What happens to twins and close relatives, unless they are in the folder and labelled: people who look alike match more often than the rates say.".to_owned(),
        "That a drawn mask stands for a worn one. Drawn masks test the same idea, not the same pictures.".to_owned(),
        "That a rate of 0 means never. Read the upper bound of the interval.".to_owned(),
    ];
    if report.groups.is_empty() {
        items.push("Anything about differences between women and men, ages or skin colours: no labels were given.".to_owned());
    }
    let weak =
        report.conditions.iter().any(|c| same(c.aim, report.aim) && c.support != Support::Firm);
    if weak {
        items.push(format!(
            "That each rate of {} is shown firmly: where the table says weak or not supported, there were too few comparisons (the rule of 30 asks for {}).",
            rate(report.aim),
            group(30 * inverse(report.aim))
        ));
    }
    format!("<h2>What may not be concluded</h2>\n<ul class=\"limits\">\n{}</ul>\n", list(&items))
}

fn conditions(report: &Report) -> String {
    let mut section = String::from(
        "<h2>Errors</h2>\n<p>FNMR: attempts by the right person that do not match. FMR: comparisons of different people that match. GFRR: attempts by the right person that fail for whatever reason, photographs without a usable face and failed enrolments included. Intervals hold 95 % and are over people, not comparisons.</p>\n",
    );
    let mut aims: Vec<f64> = report.conditions.iter().map(|c| c.aim).collect();
    aims.sort_by(|a, b| b.total_cmp(a));
    aims.dedup();
    for aim in aims {
        let rows: Vec<Vec<String>> =
            report.conditions.iter().filter(|c| same(c.aim, aim)).map(condition).collect();
        let _ = writeln!(section, "<h3>False match rate aimed at: {}</h3>", rate(aim));
        section.push_str(&table(&ERRORS, &rows, "wide"));
    }
    if let Some(in_use) = &report.in_use {
        let made = &in_use.made;
        let _ = writeln!(
            section,
            "<h3>At the thresholds in use</h3>\n<p>Of the calibration made {} with {} people: {}. It was made by other people than these only if the photographs are others.</p>",
            text(&made.at),
            group(made.people.into()),
            text(&made.data)
        );
        let rows: Vec<Vec<String>> = in_use.conditions.iter().map(condition).collect();
        section.push_str(&table(&ERRORS, &rows, "wide"));
    }
    section
}

fn condition(c: &Condition) -> Vec<String> {
    let (missed, wrong) = (c.false_non_matches, c.false_matches);
    let of = |p: Option<Proportion>| {
        p.map_or_else(dash, |p| format!("{} / {}", group(p.errors), group(p.trials)))
    };
    vec![
        c.enrolment.name().to_owned(),
        c.probes.name(),
        group(c.people as u64),
        missed.map_or_else(dash, |p| format!("<b>{}</b>", percent(p.rate()))),
        missed.map_or_else(dash, |p| format!("{}–{}", percent(p.low), percent(p.high))),
        of(missed),
        wrong.map_or_else(dash, |p| rate(p.rate())),
        wrong.map_or_else(dash, |p| format!("{}–{}", rate(p.low), rate(p.high))),
        of(wrong),
        c.generalised_false_reject.map_or_else(dash, percent),
        match c.support {
            Support::Firm => "firmly",
            Support::Weak => "weakly",
            Support::None => "not supported",
        }
        .to_owned(),
    ]
}

fn curves(report: &Report) -> String {
    let mut section = String::from(
        "<h2>Detection error trade-off</h2>\n<p>What a stricter or laxer threshold would give, all people together. The grey line is the false match rate aimed at. Rates below the axes are drawn on them.</p>\n",
    );
    for enrolment in Enrolment::ALL {
        let of: Vec<_> = report.curves.iter().filter(|c| c.enrolment == enrolment).collect();
        if of.is_empty() {
            continue;
        }
        let _ = writeln!(section, "<h3>Enrolled with {}</h3>", enrolment.name());
        section.push_str(&plot::det(&of, report.aim).unwrap_or_default());
        let equal: Vec<Vec<String>> = of
            .iter()
            .map(|c| vec![c.probes.name(), c.equal_error_rate.map_or_else(dash, percent)])
            .collect();
        section.push_str(&table(&["Probe", "Equal error rate"], &equal, ""));
    }
    section
}

fn thresholds(report: &Report) -> String {
    let rows: Vec<Vec<String>> = report
        .thresholds
        .iter()
        .map(|row| {
            vec![
                rate(row.aim),
                word(&row.reference),
                word(&row.probe),
                format!("{:.4}", row.limit.chosen.threshold),
                group(row.limit.comparisons),
                row.limit.decided_by.name().to_owned(),
                support(row.limit.chosen).to_owned(),
            ]
        })
        .collect();
    let mut section = String::from(
        "<h2>Thresholds</h2>\n<p>Chosen by all people, for the calibration file. The kind of probe is what the mask detector takes it for, as at the door. Where several ways to enrol make the same kind of reference, the strictest counts.</p>\n",
    );
    section.push_str(&table(
        &[
            "FMR aimed at",
            "Reference",
            "Probe",
            "Threshold",
            "Comparisons",
            "Decided by",
            "Support",
        ],
        &rows,
        "",
    ));
    let listed = match &report.calibration {
        Calibrated::Complete => vec![],
        Calibrated::Completed { carried_over } => {
            carried_over.iter().map(|k| format!("{k}: kept from the calibration before")).collect()
        }
        Calibrated::No { missing } => missing.clone(),
        Calibrated::OutOfBounds { limit } => vec![limit.clone()],
    };
    if !listed.is_empty() {
        let _ = writeln!(section, "<ul>\n{}</ul>", list(&listed));
    }
    section
}

fn failures(report: &Report) -> String {
    let reasons = |of: &std::collections::BTreeMap<String, usize>| {
        let mut of: Vec<_> = of.iter().collect();
        of.sort_by(|a, b| b.1.cmp(a.1));
        of.iter()
            .map(|(why, count)| format!("{} × {}", count, text(why)))
            .collect::<Vec<_>>()
            .join("; ")
    };
    let share = |p: &Proportion| {
        vec![
            group(p.errors),
            group(p.trials),
            percent(p.rate()),
            format!("{}–{}", percent(p.low), percent(p.high)),
        ]
    };
    let acquired: Vec<Vec<String>> = report
        .acquisition
        .iter()
        .map(|a| [vec![a.shows.clone()], share(&a.refused), vec![reasons(&a.reasons)]].concat())
        .collect();
    let enrolled: Vec<Vec<String>> = report
        .enrolment
        .iter()
        .map(|e| {
            [vec![e.enrolment.name().to_owned()], share(&e.failed), vec![reasons(&e.refusals)]]
                .concat()
        })
        .collect();
    let mut section = String::from(
        "<h2>Failure to acquire and to enrol</h2>\n<p>Photographs of which no probe could be made (FTA), with their reasons.</p>\n",
    );
    section.push_str(&table(
        &["Photograph", "Refused", "Of", "FTA", "95 %", "Reasons"],
        &acquired,
        "wide",
    ));
    section.push_str("<p>People with photographs enough of whom no reference could be made (FTE); a refused photograph is replaced by another of the same person, as at the enrolment desk.</p>\n");
    section.push_str(&table(
        &["Enrolled with", "Failed", "Of", "FTE", "95 %", "References refused for another reason"],
        &enrolled,
        "wide",
    ));
    section
}

fn groups(report: &Report) -> String {
    if report.groups.is_empty() {
        return String::new();
    }
    let mut section = String::from(
        "<h2>Differences between groups</h2>\n<p>Everybody at the thresholds of the calibration. False matches are between two people of the same group. Ratio: the largest rate by the smallest; inequity: the largest by the geometric mean (NIST IR 8429). Groups of fewer than 20 people are listed and not compared.</p>\n",
    );
    for one in &report.groups {
        let _ = writeln!(
            section,
            "<h3>{}: enrolled with {}, probe {}</h3>",
            text(&one.label),
            one.enrolment.name(),
            text(&one.probes.name())
        );
        let shown = |p: Option<Proportion>, as_text: fn(f64) -> String| {
            p.map_or_else(dash, |p| {
                format!(
                    "{} ({}–{}; {} / {})",
                    as_text(p.rate()),
                    as_text(p.low),
                    as_text(p.high),
                    group(p.errors),
                    group(p.trials)
                )
            })
        };
        let rows: Vec<Vec<String>> = one
            .groups
            .iter()
            .map(|g| {
                vec![
                    text(&g.name),
                    group(g.people as u64),
                    shown(g.false_matches, rate),
                    shown(g.false_non_matches, percent),
                ]
            })
            .collect();
        section.push_str(&table(&["Group", "People", "FMR", "FNMR"], &rows, ""));
        let times = |r: Option<f64>| {
            r.map_or_else(
                || "cannot be said (too few people, or no error in one group)".to_owned(),
                |r| format!("{r:.1}"),
            )
        };
        let _ = writeln!(
            section,
            "<p>FMR ratio {}, inequity {}; FNMR ratio {}, inequity {}.</p>",
            times(one.false_match_ratio),
            times(one.false_match_inequity),
            times(one.false_non_match_ratio),
            times(one.false_non_match_inequity)
        );
    }
    section
}

fn judgements(report: &Report) -> String {
    let row = |s: &super::Share| {
        let p = &s.wrong;
        let interval = format!("{}–{}", percent(p.low), percent(p.high));
        vec![s.shows.clone(), group(p.errors), group(p.trials), percent(p.rate()), interval]
    };
    let rows: Vec<Vec<String>> = report.masks.iter().map(row).collect();
    let mut section = String::from(
        "<h2>Mask or no mask</h2>\n<p>Bare faces taken for masked ones, and masked ones taken for bare.</p>\n",
    );
    section.push_str(&table(&["Shown", "Wrong", "Of", "Share", "95 %"], &rows, ""));
    section
}

fn method(report: &Report) -> String {
    format!(
        "<h2>How it was measured</h2>\n<ul>\n\
         <li>Technology evaluation after ISO/IEC 19795-1: stored photographs, every reference compared with every other person’s probe, by the code that decides at the door.</li>\n\
         <li>A person’s photographs are put in a random order (seed {}); one, two or three enrol her, the others are probes, in turns, so that each photograph is a probe once. A mask of one of four styles is drawn on each bare photograph for a second probe; references expect two of these styles.</li>\n\
         <li>Thresholds are the smallest at which at most the aimed share of impostors match. Errors: chosen by one random half of the people, counted on the other, both ways, comparisons within a half only.</li>\n\
         <li>Intervals: people drawn with replacement {} times, both sides of an impostor comparison; the 2.5 and 97.5 percentiles, never narrower than Wilson’s interval. FTA, FTE, masks and false alarms: Wilson’s interval.</li>\n\
         <li>Firm: at least 30 errors are expected at the rate (rule of 30: within 30 % of the truth with 90 % confidence). Weak: at least 3 (rule of 3).</li>\n\
         <li>To repeat it: <code>imp-client face evaluate DIR --seed {} --aim {}</code> with the same photographs, models and program gives the same figures.</li>\n</ul>\n",
        report.seed, report.resampled, report.seed, report.aim
    )
}

/// A table; cells are HTML already.
fn table(header: &[&str], rows: &[Vec<String>], class: &str) -> String {
    let mut html = format!("<table class=\"{class}\">\n");
    if !header.is_empty() {
        html.push_str("<thead><tr>");
        for cell in header {
            let _ = write!(html, "<th>{}</th>", text(cell));
        }
        html.push_str("</tr></thead>\n");
    }
    for row in rows {
        html.push_str("<tr>");
        for cell in row {
            let _ = write!(html, "<td>{cell}</td>");
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n");
    html
}

/// The items of a list.
fn list(items: &[String]) -> String {
    let mut html = String::new();
    for item in items {
        let _ = writeln!(html, "<li>{}</li>", text(item));
    }
    html
}

/// Text, safe in HTML.
pub(crate) fn text(raw: &str) -> String {
    raw.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn dash() -> String {
    "–".to_owned()
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= a * 1e-9
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.1 {
        format!("{percent:.2} %")
    } else {
        format!("{percent:.1} %")
    }
}

fn rate(share: f64) -> String {
    if share <= 0.0 { "0".to_owned() } else { format!("{share:.1e}") }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an aim is between 1e-9 and 1"
)]
fn inverse(aim: f64) -> u64 {
    (1.0 / aim).round() as u64
}

/// 1234567 as 1,234,567.
fn group(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A kind as its file spells it.
fn word(kind: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(kind).unwrap_or_default();
    text(value.as_str().unwrap_or_default())
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
