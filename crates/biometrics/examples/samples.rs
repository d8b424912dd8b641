//! Writes what is learned from many photographs: reads lines `path [style seed]`, where a style draws a mask first, and writes
//! one row for each.
//!
//! `samples MODELS OUT < LIST`: little-endian f32: found (0 or 1), the mask features of the largest face, and the embedding
//! of the only face (zero if there is none that could be compared), for `models/training/mask.py` and `population.py`.
//!
//! `samples MODELS OUT crops < LIST`: bytes: found (0 or 1), and the largest face as the recogniser sees it, for
//! `models/training/recogniser.py`.
use std::io::{self, BufRead as _, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;

use imp_biometrics::{CROP_SIDE, DIMENSIONS, DrawMaskError, Engine, Image, MaskStyle};
use imp_models::ModelStore;

type Failure = Box<dyn std::error::Error>;

/// Numbers in a row.
const ROW: usize = 1 + 512 + DIMENSIONS;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(models), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("samples MODELS OUT < LIST".into());
    };
    let engine = Engine::load_uncalibrated(&ModelStore::open(models)?, NonZeroUsize::MIN)?;
    let mut file = io::BufWriter::new(std::fs::File::create(out)?);
    let crops = arguments.next().is_some_and(|kind| kind == "crops");
    for line in io::stdin().lock().lines() {
        let image = picture(&engine, &line?)?;
        let row =
            if crops { crop(&engine, image.as_ref())? } else { numbers(&engine, image.as_ref())? };
        file.write_all(&row)?;
    }
    Ok(file.flush()?)
}

fn crop(engine: &Engine, image: Option<&Image>) -> Result<Vec<u8>, Failure> {
    let mut row = vec![0; 1 + CROP_SIDE * CROP_SIDE * 3];
    if let Some(crop) = image.map(|image| engine.upright(image)).transpose()?.flatten() {
        row[0] = 1;
        row[1..].copy_from_slice(crop.rgb());
    }
    Ok(row)
}

fn numbers(engine: &Engine, image: Option<&Image>) -> Result<Vec<u8>, Failure> {
    let mut row = vec![0.0; ROW];
    let features = image.map(|image| engine.mask_features(image)).transpose()?.flatten();
    if let (Some(image), Some(features)) = (image, features) {
        row[0] = 1.0;
        row[1..=features.len()].copy_from_slice(&features);
        if let Ok(measured) = engine.measure(image)? {
            row[ROW - DIMENSIONS..].copy_from_slice(measured.embedding().values());
        }
    }
    Ok(row.into_iter().flat_map(f32::to_le_bytes).collect())
}

fn picture(engine: &Engine, line: &str) -> Result<Option<Image>, Failure> {
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
    Ok(Some(image))
}
