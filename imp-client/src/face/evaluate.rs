//! `imp-client face evaluate`: measures the engine on a folder of photographs, and writes a report and a calibration.
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use clap::Args;
use imp_biometrics::{Engine, LoadError};
use imp_client::ClientConfig;
use imp_evaluation::{
    Calibrated, Condition, Dataset, DatasetError, Enrolment, Evaluated, Existing, JournalError,
    Probes, Progress, Settings, evaluate,
};
use imp_models::{Made, OpenError};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::{Answer, store};

/// What was measured so far.
const MEASUREMENTS: &str = "measurements";
const PAGE: &str = "report.html";
const REPORT: &str = "report.json";
const CALIBRATION: &str = "calibration.json";
const REFUSED: &str = "refused.csv";

/// Arguments of `face evaluate`.
#[derive(Args, Debug)]
#[command(group(clap::ArgGroup::new("existing").args(["resume", "discard"])))]
pub(crate) struct Evaluate {
    /// A folder for each person with photographs in it; docs/faces/evaluation.md describes masks, labels and attacks.
    folder: PathBuf,
    /// Where report and calibration are written.
    #[arg(long, value_name = "DIR", default_value = "face-evaluation")]
    out: PathBuf,
    /// Threads; all processors if absent.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Goes on with the measurements of an evaluation that did not end.
    #[arg(long)]
    resume: bool,
    /// Throws away the measurements of an evaluation that did not end.
    #[arg(long)]
    discard: bool,
    /// Leaves the measurements when it is done: biometric data of everybody in the folder.
    #[arg(long)]
    keep_measurements: bool,
    /// False match rate for which thresholds are chosen.
    #[arg(long, value_name = "RATE", default_value_t = 1e-4, value_parser = rate)]
    aim: f64,
    /// The same seed gives the same choices, masks and intervals.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How often people are drawn anew for the intervals.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    resample: u32,
    /// What the photographs are, for the report; the folder's name if absent. No names of people.
    #[arg(long, value_name = "TEXT")]
    data: Option<String>,
    /// Folder with manifest.toml and the models.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
}

/// No evaluation came to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EvaluateError {
    /// There is no folder of models.
    #[error("the models cannot be found")]
    Models(#[from] OpenError),
    /// The models cannot be used.
    #[error("the models cannot be used")]
    Load(#[from] LoadError),
    /// The folder cannot be evaluated.
    #[error("the photographs cannot be evaluated")]
    Dataset(#[from] DatasetError),
    /// The results would be taken for photographs the next time.
    #[error("{} is inside the folder of photographs: choose another with --out", .0.display())]
    Inside(PathBuf),
    /// Measurements cannot be kept.
    #[error("the evaluation cannot go on")]
    Measurements(#[from] JournalError),
    /// A result cannot be written.
    #[error("could not write {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why: no permission, no space.
        source: io::Error,
    },
    /// The summary cannot be printed.
    #[error("the summary cannot be printed")]
    Print(#[from] io::Error),
}

/// Yes: with a calibration; no: the photographs are too few for one.
pub(super) fn run(
    arguments: &Evaluate,
    config: &ClientConfig,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<Answer, EvaluateError> {
    let dataset = Dataset::read(&arguments.folder)?;
    let folder = prepared(arguments)?;
    let store = store(arguments.models.as_deref(), config)?;
    // One picture a thread: nothing is gained by sharing one among several.
    let engine = Engine::load_uncalibrated(&store, NonZeroUsize::MIN)?;
    let settings = settings(arguments, now);
    let measurements = folder.join(MEASUREMENTS);
    writeln!(
        out,
        "{} people, {} pictures. What is measured is biometric data of these people; until the end it is kept in {}, readable by you alone.",
        dataset.named().count(),
        dataset.pictures(),
        measurements.display()
    )?;
    let bar = bar();
    let watch = |progress: Progress| {
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
    };
    let done = evaluate((&engine, &store), &dataset, &settings, &measurements, &watch);
    bar.finish_and_clear();
    let (evaluated, rest) = done?;
    write_all(&folder, &evaluated)?;
    match rest {
        Some(rest) => {
            rest.remove()?;
            writeln!(out, "The measurements are removed.")?;
        }
        None => writeln!(
            out,
            "The measurements stay in {}: remove them when they are not needed any more.",
            measurements.display()
        )?,
    }
    summary(&folder, &evaluated, out)?;
    Ok(if evaluated.calibration.is_some() { Answer::Yes } else { Answer::No })
}

fn settings(arguments: &Evaluate, now: Timestamp) -> Settings {
    let all = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let name =
        || arguments.folder.file_name().map_or("photographs".into(), |n| n.to_string_lossy());
    let existing = match (arguments.resume, arguments.discard) {
        (true, _) => Existing::Resume,
        (false, true) => Existing::Discard,
        (false, false) => Existing::Refuse,
    };
    Settings {
        made: Made {
            at: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            by: concat!("imp-client ", env!("CARGO_PKG_VERSION")).to_owned(),
            data: arguments.data.clone().unwrap_or_else(|| name().into_owned()),
            people: 0,
            photographs: 0,
        },
        aim: arguments.aim,
        seed: arguments.seed,
        threads: arguments.threads.unwrap_or_else(all).get(),
        resample: arguments.resample as usize,
        existing,
        keep: arguments.keep_measurements,
    }
}

/// The folder for the results, made for its owner alone if need be.
fn prepared(arguments: &Evaluate) -> Result<PathBuf, EvaluateError> {
    let out = &arguments.out;
    let failed = |source| EvaluateError::Write { path: out.clone(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(out).map_err(failed)?;
    let (out, folder) = (out.canonicalize().map_err(failed)?, arguments.folder.canonicalize());
    if folder.is_ok_and(|folder| out.starts_with(folder)) {
        // If it was made just now; one with content stays.
        let _kept_or_gone = fs::remove_dir(&out);
        return Err(EvaluateError::Inside(out));
    }
    Ok(out)
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} pictures, {eta} left");
    let bar = ProgressBar::new(0);
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

fn write_all(folder: &Path, evaluated: &Evaluated) -> Result<(), EvaluateError> {
    let json =
        |value: serde_json::Result<String>| value.map(|text| text + "\n").map_err(io::Error::from);
    write_file(&folder.join(PAGE), Ok(evaluated.report.html()))?;
    write_file(&folder.join(REPORT), json(serde_json::to_string_pretty(&evaluated.report)))?;
    let calibration = folder.join(CALIBRATION);
    match &evaluated.calibration {
        Some(made) => write_file(&calibration, json(serde_json::to_string_pretty(made)))?,
        // One of an earlier evaluation would be taken for this one's.
        None => match fs::remove_file(&calibration) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(EvaluateError::Write { path: calibration, source });
            }
            Ok(()) | Err(_) => {}
        },
    }
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let row = |(path, reason): &(PathBuf, String)| {
        format!("{},{}\n", quoted(&path.to_string_lossy()), quoted(reason))
    };
    let rows: String = evaluated.refused.iter().map(row).collect();
    // Names of folders are names of people.
    write_file(&folder.join(REFUSED), Ok(format!("picture,reason\n{rows}")))
}

/// Writes the whole file, for its owner alone, or leaves the one before.
fn write_file(path: &Path, text: io::Result<String>) -> Result<(), EvaluateError> {
    let beside = path.with_extension("part");
    let write = || -> io::Result<()> {
        // Left by a crash, or a link that somebody put there; a new file (O_EXCL) follows none.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).custom_flags(flags);
        let mut file = options.open(&beside)?;
        file.write_all(text?.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|source| EvaluateError::Write { path: path.to_owned(), source })
}

fn summary(folder: &Path, evaluated: &Evaluated, out: &mut impl Write) -> io::Result<()> {
    let report = &evaluated.report;
    let (earlier, dropped) = evaluated.resumed;
    if earlier > 0 || dropped > 0 {
        writeln!(
            out,
            "{earlier} pictures were measured before; {dropped} damaged bytes were dropped."
        )?;
    }
    if !evaluated.refused.is_empty() {
        let count = evaluated.refused.len();
        writeln!(
            out,
            "Pictures that could not be used: {count}; {} says why.",
            folder.join(REFUSED).display()
        )?;
    }
    let asked = |c: &&Condition| {
        let usual = c.enrolment == Enrolment::One || c.enrolment == Enrolment::Three;
        usual
            && (c.aim - report.aim).abs() < report.aim * 1e-9
            && !matches!(c.probes, Probes::Style(_))
    };
    for condition in report.conditions.iter().filter(asked) {
        let Some(missed) = condition.false_non_matches else { continue };
        let wrong = condition.false_matches.map_or_else(String::new, |wrong| {
            format!(", FMR {:.1e} (at most {:.1e})", wrong.rate(), wrong.high)
        });
        writeln!(
            out,
            "{}, probe {}: FNMR {:.1} % (at most {:.1} %, {} of {}){wrong}",
            condition.enrolment.name(),
            condition.probes.name(),
            missed.rate() * 100.0,
            missed.high * 100.0,
            missed.errors,
            missed.trials
        )?;
    }
    writeln!(out, "Report: {}", folder.join(PAGE).display())?;
    match &report.calibration {
        Calibrated::Complete | Calibrated::Completed { .. } => writeln!(
            out,
            "Calibration: {}; `calibration = \"…\"` below `[face]` in client.toml puts it to use.",
            folder.join(CALIBRATION).display()
        ),
        Calibrated::No { .. } => writeln!(
            out,
            "No calibration: the photographs are too few; the report says how many are needed."
        ),
        Calibrated::OutOfBounds { limit } => {
            writeln!(out, "No calibration, for it would protect too little: {limit}.")
        }
    }
}

/// A false match rate that can be aimed at.
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let possible = (1e-7..=0.1).contains(&rate);
    possible.then_some(rate).ok_or_else(|| "a false match rate is between 1e-7 and 0.1".to_owned())
}

#[cfg(test)]
mod tests;
