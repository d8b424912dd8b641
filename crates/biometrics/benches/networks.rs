//! Measures each network of the shipped set on one core, and writes what it was given and what it gave into a folder, for
//! tests/bench/faces/beside.py to do the same with other runtimes.
//!
//! `networks FOLDER`
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "times are printed, and pixels are small numbers"
)]
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use imp_biometrics::{Engine, LoadedNetwork};
use imp_models::ModelStore;

type Failure = Box<dyn std::error::Error>;

/// Runs of a network, of which the middle one counts.
const ROUNDS: usize = 41;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [folder] = arguments.as_slice() else { return Err("networks FOLDER".into()) };
    let folder = PathBuf::from(folder);
    fs::create_dir_all(&folder)?;
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let before = resident()?;
    let start = Instant::now();
    let engine = Engine::load(&ModelStore::open(&models)?, NonZeroUsize::MIN)?;
    let loaded = start.elapsed();
    let mut out = io::stdout().lock();
    let megabytes = (resident()? - before) as f64 / 1e6;
    writeln!(
        out,
        "start-up of the model set: {:.0} ms on two cores (goal: 1000), {megabytes:.0} MB more memory (goal: 150)",
        loaded.as_secs_f64() * 1e3
    )?;
    let mut table = String::new();
    for network in engine.networks() {
        let (width, height) = network.size();
        let millis = measured(network)?;
        let name = format!("{}-{width}x{height}", network.name());
        let picture = picture(network.size());
        write(&folder.join(format!("{name}.input")), &network.input(&picture))?;
        for (index, output) in network.run(&picture)?.iter().enumerate() {
            write(&folder.join(format!("{name}.output{index}")), output)?;
        }
        writeln!(table, "{}\t{width}\t{height}\t{millis}", network.name())?;
    }
    fs::write(folder.join("networks.tsv"), table)?;
    Ok(())
}

/// The middle time of a run, in milliseconds of a core that nobody else uses.
fn measured(network: LoadedNetwork<'_>) -> Result<f64, Failure> {
    let picture = picture(network.size());
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        network.run(&picture)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[ROUNDS / 2])
}

/// A smooth picture with edges.
fn picture((width, height): (usize, usize)) -> Vec<u8> {
    let value = |index: usize| {
        let (x, y, channel) = (index / 3 % width, index / 3 / width, index % 3);
        ((x * x / 7 + y * (3 + channel) + x * y / 16) % 256) as u8
    };
    (0..width * height * 3).map(value).collect()
}

fn write(path: &Path, values: &[f32]) -> io::Result<()> {
    fs::write(path, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

/// Memory of this process, in bytes.
fn resident() -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
    Ok(kilobytes.parse::<u64>()? * 1024)
}
