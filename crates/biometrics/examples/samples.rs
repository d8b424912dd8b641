//! Writes what the mask detector weighs in many photographs, to train it (`models/training/mask.py`): reads lines
//! `path [style seed]`, where a style draws a mask first, and writes for each one row of little-endian f32: found (0 or 1),
//! then the mask features of the largest face.
//!
//! `samples MODELS OUT < LIST`
use std::io::{self, BufRead as _, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;

use imp_biometrics::{DrawMaskError, Engine, Image, MaskStyle};
use imp_models::ModelStore;

type Failure = Box<dyn std::error::Error>;

/// Numbers in a row.
const ROW: usize = 1 + 512;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(models), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("samples MODELS OUT < LIST".into());
    };
    let engine = Engine::load_uncalibrated(&ModelStore::open(models)?, NonZeroUsize::MIN)?;
    let mut file = io::BufWriter::new(std::fs::File::create(out)?);
    for line in io::stdin().lock().lines() {
        let mut row = vec![0.0; ROW];
        if let Some(features) = features(&engine, &line?)? {
            row[0] = 1.0;
            row[1..].copy_from_slice(&features);
        }
        for value in row {
            file.write_all(&f32::to_le_bytes(value))?;
        }
    }
    Ok(file.flush()?)
}

fn features(engine: &Engine, line: &str) -> Result<Option<Vec<f32>>, Failure> {
    let mut parts = line.split('\t');
    let path = parts.next().ok_or("an empty line")?;
    let Ok(image) = Image::open(Path::new(path)) else { return Ok(None) };
    let image = match (parts.next(), parts.next()) {
        (Some(style), Some(seed)) => {
            match engine.draw_mask(&image, style.parse::<MaskStyle>()?, seed.parse()?) {
                Ok(masked) => masked,
                Err(DrawMaskError::Face(_)) => return Ok(None),
                Err(error @ DrawMaskError::Inference(_)) => return Err(error.into()),
            }
        }
        _ => image,
    };
    Ok(engine.mask_features(&image)?)
}
