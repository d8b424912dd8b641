//! Whether a face mask is worn: a logistic regression on what the aligned face looks like, cell by cell, and on its
//! embedding. `models/training/mask.py` makes the weights.
use imp_models::{ModelStore, ReadError};

use crate::align::{Crop, SIDE};
use crate::embed::{DIMENSIONS, Embedding};
use crate::network::NetworkError;

/// Cells across and down.
const GRID: usize = 8;
/// Pixels across a cell.
const CELL: usize = SIDE / GRID;
/// Numbers measured in each cell: brightness, two of colour, two of texture.
const MEASURED: usize = 5;
/// Numbers weighed for each cell: those, and how far its colour is from that of the skin, in whatever direction.
const PER_CELL: usize = MEASURED + 1;
/// Numbers that the regression weighs.
pub(crate) const FEATURES: usize = GRID * GRID * PER_CELL + DIMENSIONS;
/// Rows of cells from the brows to the eyes: skin that a mask leaves free.
const UPPER: std::ops::Range<usize> = 2..4;

/// Tells masked faces from bare ones.
pub(crate) struct MaskDetector {
    weights: Vec<f32>,
    bias: f32,
    threshold: f32,
}

impl MaskDetector {
    /// Takes a probability of at least `threshold`, 0–1, for a worn mask.
    pub(crate) fn load(store: &ModelStore, threshold: f32) -> Result<Self, NetworkError> {
        let set = store.active_set();
        let read = |source: ReadError| NetworkError::Read { name: set.mask.clone(), source };
        let bytes = store.read(&set.mask).map_err(read)?;
        let mut weights: Vec<f32> =
            bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let bias = weights.pop().unwrap_or_default();
        if weights.len() != FEATURES || !weights.iter().chain([&bias]).all(|w| w.is_finite()) {
            return Err(NetworkError::Convention(set.mask.clone()));
        }
        Ok(Self { weights, bias, threshold })
    }

    /// Probability that the face wears a mask, 0–1.
    pub(crate) fn score(&self, crop: &Crop, embedding: &Embedding) -> f32 {
        let features = features(crop, embedding);
        let sum: f32 = features.iter().zip(&self.weights).map(|(f, w)| f * w).sum();
        1.0 / (1.0 + (-(sum + self.bias)).exp())
    }

    /// Whether a score counts as a worn mask.
    pub(crate) fn worn(&self, score: f32) -> bool {
        score >= self.threshold
    }
}

/// What the regression looks at, in the order of its weights.
pub(crate) fn features(crop: &Crop, embedding: &Embedding) -> Vec<f32> {
    let luma = crop.luma();
    let cells: Vec<[f32; MEASURED]> =
        (0..GRID * GRID).map(|i| cell(crop, &luma, i % GRID * CELL, i / GRID * CELL)).collect();
    let upper = || UPPER.flat_map(|row| (2..GRID - 2).map(move |column| row * GRID + column));
    let count = upper().count() as f32;
    let skin = |channel: usize| upper().map(|i| cells[i][channel]).sum::<f32>() / count;
    let reference = [skin(0), skin(1), skin(2)];
    let mut features = Vec::with_capacity(FEATURES);
    for cell in &cells {
        let relative = [0, 1, 2].map(|c| (cell[c] - reference[c]) / 64.0);
        features.extend(relative);
        features.push(2.0 * relative[1].hypot(relative[2]));
        features.extend(cell[3..].iter().map(|energy| energy.ln_1p() / 4.0));
    }
    // Unit vectors have components of about 1/√128; the factor brings them to the size of the others.
    features.extend(embedding.values().iter().map(|v| v * 4.0));
    features
}

/// Mean brightness and colour differences (ITU-R BT.601), and mean change along rows and columns.
fn cell(crop: &Crop, luma: &[f32], left: usize, top: usize) -> [f32; MEASURED] {
    let mut sums = [0f32; MEASURED];
    for y in top..top + CELL {
        for x in left..left + CELL {
            let at = y * SIDE + x;
            let (red, blue) = (f32::from(crop.rgb()[at * 3]), f32::from(crop.rgb()[at * 3 + 2]));
            let right = luma[if x + 1 < SIDE { at + 1 } else { at }];
            let below = luma[if y + 1 < SIDE { at + SIDE } else { at }];
            let values = [
                luma[at],
                red - luma[at],
                blue - luma[at],
                (right - luma[at]).abs(),
                (below - luma[at]).abs(),
            ];
            sums.iter_mut().zip(values).for_each(|(s, v)| *s += v);
        }
    }
    sums.map(|s| s / (CELL * CELL) as f32)
}
