//! `imp-client face …`: looks at photographs with the engine that decides at the door, without phone or server.
mod evaluate;
mod report;

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, Subcommand};
use imp_biometrics::{
    CaptureError, CompareError, DrawMaskError, Engine, EnrolError, Image, ImageError,
    InferenceError, LoadError, MaskStyle, Outcome, Step,
};
use imp_client::ClientConfig;
use imp_models::{ModelStore, OpenError};
use jiff::Timestamp;

use evaluate::{Evaluate, EvaluateError};
use report::{ComparisonReport, InspectionReport};

/// Looks at photographs. Exit status: 0 same person, 1 different people, no face found, or too few photographs to
/// calibrate, 2 the pictures cannot be used.
#[derive(Debug, Subcommand)]
pub(crate) enum FaceCommand {
    /// Says whether two photographs show the same person.
    Compare(Compare),
    /// Says what can be seen of the faces in a photograph.
    Inspect(Inspect),
    /// Draws a face mask on the face in a photograph.
    Mask(DrawMask),
    /// Measures how often people are not recognised, or taken for others, on a folder of photographs (ISO/IEC 19795-1).
    Evaluate(Evaluate),
}

/// Arguments of `face compare`.
#[derive(Args, Debug)]
pub(crate) struct Compare {
    /// The reference: a JPEG or PNG of one person.
    reference: PathBuf,
    /// The probe: a JPEG or PNG of one person.
    probe: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `face inspect`.
#[derive(Args, Debug)]
pub(crate) struct Inspect {
    /// A JPEG or PNG.
    picture: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `face mask`.
#[derive(Args, Debug)]
pub(crate) struct DrawMask {
    /// A JPEG or PNG of one person.
    picture: PathBuf,
    /// Where to write the PNG.
    target: PathBuf,
    /// surgical, cloth, respirator or dark.
    #[arg(long, default_value_t = MaskStyle::Surgical)]
    style: MaskStyle,
    /// Chooses colour and shape; the same seed draws the same mask.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder with manifest.toml and the models.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
}

/// How to answer.
#[derive(Args, Debug)]
struct Output {
    /// Answers in JSON.
    #[arg(long)]
    json: bool,
    /// Folder with manifest.toml and the models.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
}

/// What a command found out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// The same person; for `inspect` and `mask`, a face; for `evaluate`, a calibration.
    Yes,
    /// Different people; for `inspect`, no face; for `evaluate`, too few photographs for a calibration.
    No,
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => Self::SUCCESS,
            Answer::No => Self::from(1),
        }
    }
}

/// A command could not be carried out; its exit status is [`FaceError::EXIT_STATUS`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum FaceError {
    /// There is no folder of models.
    #[error("the models cannot be found")]
    Models(#[from] OpenError),
    /// The models cannot be used.
    #[error("the models cannot be used")]
    Load(#[from] LoadError),
    /// A file is no picture that can be used.
    #[error("{} cannot be used", .path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ImageError,
    },
    /// Nobody can be recognised by the first picture.
    #[error("{} cannot be a reference", .path.display())]
    Reference {
        /// The file.
        path: PathBuf,
        /// Why.
        source: EnrolError,
    },
    /// Nobody can be recognised in the second picture.
    #[error("{} cannot be a probe", .path.display())]
    Probe {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CaptureError,
    },
    /// The pictures cannot be compared.
    #[error("the pictures cannot be compared")]
    Compare(#[from] CompareError),
    /// A picture cannot be evaluated.
    #[error("the picture cannot be evaluated")]
    Inference(#[from] InferenceError),
    /// No mask can be drawn.
    #[error("no mask can be drawn on {}", .path.display())]
    Draw {
        /// The file.
        path: PathBuf,
        /// Why.
        source: DrawMaskError,
    },
    /// No evaluation came to its end.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// The picture cannot be encoded.
    #[error("the picture cannot be written")]
    Encode(#[source] ImageError),
    /// The answer or the picture cannot be written.
    #[error("the answer cannot be written")]
    Write(#[from] io::Error),
}

impl FaceError {
    /// What the program exits with.
    pub(crate) const EXIT_STATUS: u8 = 2;
}

/// Carries out `command` and writes its answer to `out`; the models of `config` are used where the command names no
/// folder.
pub(crate) fn run(
    command: &FaceCommand,
    config: &ClientConfig,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<Answer, FaceError> {
    match command {
        FaceCommand::Compare(arguments) => compare(arguments, config, out),
        FaceCommand::Inspect(arguments) => inspect(arguments, config, out),
        FaceCommand::Mask(arguments) => draw(arguments, config, out),
        FaceCommand::Evaluate(arguments) => Ok(evaluate::run(arguments, config, now, out)?),
    }
}

fn compare(
    arguments: &Compare,
    config: &ClientConfig,
    out: &mut impl Write,
) -> Result<Answer, FaceError> {
    let pictures = [open(&arguments.reference)?, open(&arguments.probe)?];
    let (engine, load) = load(arguments.output.models.as_deref(), config)?;
    let inspections = [engine.inspect(&pictures[0])?, engine.inspect(&pictures[1])?];
    let [reference, probe] = pictures;
    let unusable = |source| FaceError::Reference { path: arguments.reference.clone(), source };
    let template = engine.reference(&[reference]).map_err(unusable)?;
    let unusable = |source| FaceError::Probe { path: arguments.probe.clone(), source };
    let capture = engine.capture(&[probe]).map_err(unusable)?;
    let mut verification = engine.compare(&capture, &template)?;
    verification.steps.insert(0, load);
    let answer = if verification.outcome == Outcome::Match { Answer::Yes } else { Answer::No };
    let [reference, probe] = inspections;
    let limit = engine.thresholds().attack;
    let report = ComparisonReport {
        reference: InspectionReport::new(&arguments.reference, reference, limit),
        probe: InspectionReport::new(&arguments.probe, probe, limit),
        verification,
    };
    if arguments.output.json {
        report::json(&report, out)?;
    } else {
        report.write(out)?;
    }
    Ok(answer)
}

fn inspect(
    arguments: &Inspect,
    config: &ClientConfig,
    out: &mut impl Write,
) -> Result<Answer, FaceError> {
    let picture = open(&arguments.picture)?;
    let (engine, load) = load(arguments.output.models.as_deref(), config)?;
    let mut inspection = engine.inspect(&picture)?;
    inspection.steps.insert(0, load);
    let answer = if inspection.faces.is_empty() { Answer::No } else { Answer::Yes };
    let limit = engine.thresholds().attack;
    let report = InspectionReport::new(&arguments.picture, inspection, limit);
    if arguments.output.json {
        report::json(&report, out)?;
    } else {
        report.write(out)?;
    }
    Ok(answer)
}

fn draw(
    arguments: &DrawMask,
    config: &ClientConfig,
    out: &mut impl Write,
) -> Result<Answer, FaceError> {
    let picture = open(&arguments.picture)?;
    let (engine, _) = load(arguments.models.as_deref(), config)?;
    let masked = engine
        .draw_mask(&picture, arguments.style, arguments.seed)
        .map_err(|source| FaceError::Draw { path: arguments.picture.clone(), source })?;
    std::fs::write(&arguments.target, masked.to_png().map_err(FaceError::Encode)?)?;
    writeln!(out, "{}: {} mask drawn", arguments.target.display(), arguments.style)?;
    Ok(Answer::Yes)
}

fn open(path: &Path) -> Result<Image, FaceError> {
    Image::open(path).map_err(|source| FaceError::Picture { path: path.to_owned(), source })
}

/// The models in `folder` with their own calibration, or those of the configuration.
fn store(folder: Option<&Path>, config: &ClientConfig) -> Result<ModelStore, OpenError> {
    folder.map_or_else(|| config.model_store(), ModelStore::open)
}

fn load(folder: Option<&Path>, config: &ClientConfig) -> Result<(Engine, Step), FaceError> {
    let start = Instant::now();
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let engine = Engine::load(&store(folder, config)?, threads)?;
    let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    Ok((engine, Step { name: "load", micros }))
}

#[cfg(test)]
mod tests;
