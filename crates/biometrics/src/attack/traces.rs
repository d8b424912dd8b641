//! Traces that reproduction leaves in a picture of a face, whoever is shown: a screen's pixels beat with the camera's in
//! colours that skin does not have, and neither ink nor a lit panel is as black as a shadow.
use serde::{Deserialize, Serialize};

use crate::detect::BoundingBox;
use crate::image::Image;

/// Side of the square that is analysed, in pixels of the picture as it came: resizing would remove what is looked for.
const SIDE: usize = 128;
/// Cycles a pixel between which stripes are looked for.
const BAND: std::ops::Range<f32> = 0.1..0.5;
/// What pictures have that are too small to be analysed: the median of bona fide photographs.
const ORDINARY: f32 = 4.0;
/// How much of the face's surroundings the darkness is looked for in.
const AROUND: f32 = 1.3;
/// Share of the pixels that are darker than what is called black.
const DARKEST: usize = 100;

/// What was found in one frame.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Traces {
    /// How far the strongest stripe of colour rises over others as fine, in natural logarithms of power. Bona fide
    /// photographs have 3–5.
    pub stripes: f32,
    /// Luma of the darkest hundredth around the face, 0–1.
    pub black: f32,
}

impl Traces {
    pub(crate) fn of(image: &Image, bounds: &BoundingBox) -> Self {
        Self { stripes: stripes(image, bounds), black: black(image, bounds) }
    }
}

/// The fourth strongest rise of the spectra of red and blue against green: a stripe shows twice, and one value may be noise.
fn stripes(image: &Image, bounds: &BoundingBox) -> f32 {
    let Some((left, top)) = corner(image, bounds) else { return ORDINARY };
    [0, 2]
        .map(|channel| rise(&power(&difference(image, (left, top), channel))))
        .into_iter()
        .fold(0.0, f32::max)
}

/// The corner of the square around the face, inside the picture.
fn corner(image: &Image, bounds: &BoundingBox) -> Option<(usize, usize)> {
    let place = |start: f32, length: f32, end: u32| {
        let most = (end as usize).checked_sub(SIDE)?;
        Some(((start + length / 2.0 - SIDE as f32 / 2.0).max(0.0) as usize).min(most))
    };
    Some((
        place(bounds.left, bounds.width, image.width())?,
        place(bounds.top, bounds.height, image.height())?,
    ))
}

/// A channel less green, less its mean, under a window that falls to nothing at the edges (von Hann).
fn difference(image: &Image, (left, top): (usize, usize), channel: usize) -> Vec<f32> {
    let width = image.width() as usize;
    let value = |index: usize| {
        let (x, y) = (left + index % SIDE, top + index / SIDE);
        let pixel = &image.rgb()[(y * width + x) * 3..];
        f32::from(pixel[channel]) - f32::from(pixel[1])
    };
    let values: Vec<f32> = (0..SIDE * SIDE).map(value).collect();
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    let window =
        |i: usize| 0.5 - 0.5 * (std::f32::consts::TAU * i as f32 / (SIDE as f32 - 1.0)).cos();
    let window: Vec<f32> = (0..SIDE).map(window).collect();
    let weighed = |(index, value): (usize, &f32)| {
        (value - mean) * window[index % SIDE] * window[index / SIDE]
    };
    values.iter().enumerate().map(weighed).collect()
}

/// Power at each frequency.
fn power(values: &[f32]) -> Vec<f32> {
    let mut plane: Vec<[f32; 2]> = values.iter().map(|v| [*v, 0.0]).collect();
    for row in plane.chunks_exact_mut(SIDE) {
        transform(row);
    }
    let mut column = [[0.0f32; 2]; SIDE];
    for x in 0..SIDE {
        for (y, value) in column.iter_mut().enumerate() {
            *value = plane[y * SIDE + x];
        }
        transform(&mut column);
        for (y, value) in column.iter().enumerate() {
            plane[y * SIDE + x] = *value;
        }
    }
    plane.iter().map(|[re, im]| re * re + im * im).collect()
}

/// The discrete Fourier transform, in place (Cooley and Tukey 1965); the length is a power of two.
fn transform(values: &mut [[f32; 2]]) {
    let length = values.len();
    let bits = length.trailing_zeros();
    for index in 0..length {
        let other = index.reverse_bits() >> (usize::BITS - bits);
        if index < other {
            values.swap(index, other);
        }
    }
    let mut half = 1;
    while half < length {
        for start in (0..length).step_by(2 * half) {
            for k in 0..half {
                let (sin, cos) = (-std::f32::consts::PI * k as f32 / half as f32).sin_cos();
                let (a, b) = (values[start + k], values[start + k + half]);
                let turned = [b[0] * cos - b[1] * sin, b[0] * sin + b[1] * cos];
                values[start + k] = [a[0] + turned[0], a[1] + turned[1]];
                values[start + k + half] = [a[0] - turned[0], a[1] - turned[1]];
            }
        }
        half *= 2;
    }
}

/// How far the fourth highest of the band's logarithms is above the median of its own ring of frequencies.
fn rise(power: &[f32]) -> f32 {
    let signed = |i: usize| if i < SIDE / 2 { i as f32 } else { i as f32 - SIDE as f32 };
    let mut rings: Vec<Vec<f32>> = vec![Vec::new(); SIDE];
    let mut looked_at = Vec::new();
    for (index, power) in power.iter().enumerate() {
        let (x, y) = (signed(index % SIDE), signed(index / SIDE));
        let (distance, level) = (x.hypot(y), (power + 1e-3).ln());
        let Some(ring) = rings.get_mut(distance as usize) else { continue };
        ring.push(level);
        if BAND.contains(&(distance / SIDE as f32)) {
            looked_at.push((distance as usize, level));
        }
    }
    let medians: Vec<f32> = rings.into_iter().map(median).collect();
    let mut rises: Vec<f32> =
        looked_at.iter().map(|(ring, level)| level - medians[*ring]).collect();
    rises.sort_by(|a, b| b.total_cmp(a));
    rises.get(3).copied().unwrap_or(ORDINARY)
}

fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Luma of the darkest hundredth around the face, 0–1.
fn black(image: &Image, bounds: &BoundingBox) -> f32 {
    let region = super::surroundings(image, bounds, AROUND);
    let (left, top) = (region.left as usize, region.top as usize);
    let (right, bottom) = (left + region.width as usize, top + region.height as usize);
    let mut counts = [0usize; 256];
    for y in top..bottom.min(image.height() as usize) {
        let row = &image.rgb()[y * image.width() as usize * 3..][..image.width() as usize * 3];
        let pixels = row.chunks_exact(3).skip(left).take(right.saturating_sub(left));
        for pixel in pixels {
            let [r, g, b] = [0, 1, 2].map(|c| f32::from(pixel[c]));
            counts[(0.299 * r + 0.587 * g + 0.114 * b) as usize & 255] += 1;
        }
    }
    let least = counts.iter().sum::<usize>() / DARKEST;
    let mut seen = 0;
    let darkest = counts.iter().position(|count| {
        seen += count;
        seen > least
    });
    darkest.unwrap_or(0) as f32 / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACE: BoundingBox = BoundingBox { left: 90.0, top: 60.0, width: 100.0, height: 120.0 };

    /// Smooth shades with a grain, and red stripes of this depth, three pixels apart.
    fn picture(depth: f32, floor: u8) -> Image {
        let mut grain = 12345u32;
        let rgb = (0..320 * 240)
            .flat_map(|i| {
                let (x, y) = ((i % 320) as f32, (i / 320) as f32);
                let shade = 90.0 + 60.0 * (x / 60.0).sin() * (y / 50.0).cos();
                let stripe = depth * (std::f32::consts::TAU * (x + 0.3 * y) / 3.1).cos();
                [stripe, 0.0, 0.0].map(|extra| {
                    grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (shade + extra + (grain >> 28) as f32 - 8.0).clamp(f32::from(floor), 255.0)
                        as u8
                })
            })
            .collect();
        Image::from_rgb(320, 240, rgb).unwrap()
    }

    #[test]
    fn stripes_of_colour_rise_over_grain() {
        let plain = Traces::of(&picture(0.0, 0), &FACE).stripes;
        let striped = Traces::of(&picture(6.0, 0), &FACE).stripes;
        assert!(plain < 4.0 && striped > plain + 2.0, "{plain} {striped}");
    }

    #[test]
    fn the_transform_of_a_wave_is_one_frequency() {
        let mut wave: Vec<[f32; 2]> = (0..SIDE)
            .map(|i| [(std::f32::consts::TAU * 5.0 * i as f32 / SIDE as f32).cos(), 0.0])
            .collect();
        transform(&mut wave);
        for (index, [re, im]) in wave.iter().enumerate() {
            let expected = if index == 5 || index == SIDE - 5 { SIDE as f32 / 2.0 } else { 0.0 };
            assert!((re - expected).abs() < 1e-2 && im.abs() < 1e-2, "{index}: {re} {im}");
        }
    }

    #[test]
    fn black_is_the_darkest_hundredth() {
        let deep = Traces::of(&picture(0.0, 0), &FACE).black;
        let raised = Traces::of(&picture(0.0, 80), &FACE).black;
        assert!(deep < 0.25 && (raised - 80.0 / 255.0).abs() < 0.01, "{deep} {raised}");
    }

    #[test]
    fn faces_at_the_edge_and_in_small_pictures_are_measured() {
        let small = Image::from_rgb(100, 90, vec![30; 100 * 90 * 3]).unwrap();
        for face in [FACE, BoundingBox { left: -40.0, top: -9.0, width: 500.0, height: 3.0 }] {
            for image in [&small, &picture(1.0, 0)] {
                let traces = Traces::of(image, &face);
                assert!(traces.stripes.is_finite() && (0.0..=1.0).contains(&traces.black));
            }
        }
    }
}
