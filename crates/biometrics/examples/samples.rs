//! Measures the faces of many photographs for training and evaluation: reads lines `path [style seed]` and writes, for
//! each, one row of little-endian f32: found (0 or 1), embedding, embedding of the mirror image, mask features, mask
//! score, attack score, eye distance, sharpness, brightness, contrast, unevenness, yaw, roll.
//!
//! `samples MODELS OUT < LIST`
use std::io::{self, BufRead as _, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use imp_biometrics::{Engine, Image, MaskStyle, Sample};
use imp_models::ModelStore;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const THREADS: usize = 2;
/// Numbers in a row.
const ROW: usize = 1 + 128 + 128 + 512 + 9;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(models), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("samples MODELS OUT < LIST".into());
    };
    let engine = Engine::load(&ModelStore::open(models)?, NonZeroUsize::MIN)?;
    let lines: Vec<String> = io::stdin().lock().lines().collect::<Result<_, _>>()?;
    let rows: Vec<Mutex<Vec<f32>>> = lines.iter().map(|_| Mutex::new(vec![0.0; ROW])).collect();
    let next = AtomicUsize::new(0);
    let work = || -> Result<(), Failure> {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let (Some(line), Some(row)) = (lines.get(index), rows.get(index)) else {
                return Ok(());
            };
            if let Some(sample) = sample(&engine, line)? {
                *row.lock().map_err(|_| "a thread failed")? = numbers(&sample);
            }
        }
    };
    std::thread::scope(|scope| -> Result<(), Failure> {
        let others: Vec<_> = (1..THREADS).map(|_| scope.spawn(work)).collect();
        work()?;
        others.into_iter().try_for_each(|t| t.join().map_err(|_| "a thread failed")?)
    })?;
    let mut file = io::BufWriter::new(std::fs::File::create(out)?);
    for row in rows {
        for value in row.into_inner()? {
            file.write_all(&value.to_le_bytes())?;
        }
    }
    Ok(file.flush()?)
}

fn sample(engine: &Engine, line: &str) -> Result<Option<Sample>, Failure> {
    let mut parts = line.split('\t');
    let path = parts.next().ok_or("an empty line")?;
    let drawn = match (parts.next(), parts.next()) {
        (Some(style), Some(seed)) => Some((style.parse::<MaskStyle>()?, seed.parse()?)),
        _ => None,
    };
    match Image::open(Path::new(path)) {
        Ok(image) => Ok(engine.sample(&image, drawn)?),
        Err(_) => Ok(None),
    }
}

fn numbers(sample: &Sample) -> Vec<f32> {
    let q = &sample.quality;
    let mut row = vec![1.0];
    row.extend(sample.straight.values());
    row.extend(sample.mirrored.values());
    row.extend(&sample.mask_features);
    row.extend([sample.mask_score, sample.attack_score, q.eye_distance, q.sharpness, q.brightness]);
    row.extend([q.contrast, q.unevenness, q.yaw, q.roll]);
    row
}
