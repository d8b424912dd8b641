//! Whether the eyes can be seen (ISO/IEC 29794-5: eyes visible, eyes open), from the aligned crop, where the eyes always lie in
//! the same place.
use std::ops::RangeInclusive;

use crate::align::SIDE;

/// Columns of the eye on the crop's left; the other is its mirror image.
const EYE_COLUMNS: RangeInclusive<usize> = 31..=45;
/// Rows of the eye itself.
const EYE_ROWS: RangeInclusive<usize> = 49..=55;
/// Rows of the skin under it, which lenses cover too and shadows of the brow do not.
const UNDER_ROWS: RangeInclusive<usize> = 56..=60;
/// The nose, above every mask.
const NOSE_COLUMNS: RangeInclusive<usize> = 52..=60;
const NOSE_ROWS: RangeInclusive<usize> = 60..=66;
/// No skin in usable light is darker: keeps the quotient finite.
const DARKEST_SKIN: f32 = 8.0;
/// Rows with the whole opening of the eye.
const OPENING_ROWS: RangeInclusive<usize> = 46..=57;

/// The brightest of both eyes and the skin under them, beside the nose: skin gives about 0.9, dark lenses less than 0.3.
pub(super) fn visible(luma: &[f32]) -> f32 {
    let nose = mean(luma, NOSE_COLUMNS, NOSE_ROWS).max(DARKEST_SKIN);
    let brightest = [EYE_ROWS, UNDER_ROWS]
        .into_iter()
        .flat_map(|rows| {
            [mean(luma, EYE_COLUMNS, rows.clone()), mean(luma, mirrored(EYE_COLUMNS), rows)]
        })
        .fold(0.0, f32::max);
    brightest / nose
}

/// How much darker the second-darkest tenth around an eye is than the brightest half, 0–1, mean of both eyes: lids are as bright
/// as skin, and the darkest tenth may be their lashes. Compares pictures of one person; people differ too much for a limit that holds for all.
pub(super) fn open(luma: &[f32]) -> f32 {
    f32::midpoint(contrast(luma, EYE_COLUMNS), contrast(luma, mirrored(EYE_COLUMNS)))
}

fn contrast(luma: &[f32], columns: RangeInclusive<usize>) -> f32 {
    let mut values: Vec<f32> = pixels(columns, OPENING_ROWS).map(|at| luma[at]).collect();
    values.sort_unstable_by(f32::total_cmp);
    let mean = |part: &[f32]| part.iter().sum::<f32>() / part.len().max(1) as f32;
    let dark = mean(&values[values.len() / 10..values.len() / 5]);
    let bright = mean(&values[values.len() / 2..]);
    (1.0 - dark / bright.max(1.0)).max(0.0)
}

fn mean(luma: &[f32], columns: RangeInclusive<usize>, rows: RangeInclusive<usize>) -> f32 {
    let count = (columns.clone().count() * rows.clone().count()) as f32;
    pixels(columns, rows).map(|at| luma[at]).sum::<f32>() / count
}

fn pixels(
    columns: RangeInclusive<usize>,
    rows: RangeInclusive<usize>,
) -> impl Iterator<Item = usize> {
    rows.flat_map(move |y| columns.clone().map(move |x| y * SIDE + x))
}

fn mirrored(columns: RangeInclusive<usize>) -> RangeInclusive<usize> {
    SIDE - 1 - columns.end()..=SIDE - 1 - columns.start()
}
