//! Reduction of pictures without aliasing.

/// The share of source pixels in one target pixel.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// Reduces packed RGB pixels; each target pixel is the triangle-weighted mean of the source pixels around it.
pub(crate) fn shrink(rgb: &[u8], from: (u32, u32), to: (u32, u32)) -> Vec<u8> {
    let (width, height) = (from.0 as usize, from.1 as usize);
    let (across, down) = (taps(from.0, to.0), taps(from.1, to.1));
    let row_length = across.len() * 3;
    let mut target = Vec::with_capacity(row_length * down.len());
    // Rows are reduced when first needed and kept while the window covers them.
    let window = down.iter().map(|t| t.weights.len()).max().unwrap_or(1);
    let mut rows = vec![vec![0f32; row_length]; window.min(height)];
    let mut next = 0;
    let mut sum = vec![0f32; row_length];
    for tap in &down {
        let end = tap.first + tap.weights.len();
        for y in next.max(tap.first)..end {
            let slot = y % rows.len();
            reduce_row(&rgb[y * width * 3..(y + 1) * width * 3], &across, &mut rows[slot]);
        }
        next = next.max(end);
        sum.fill(0.5);
        for (y, weight) in (tap.first..end).zip(&tap.weights) {
            for (s, v) in sum.iter_mut().zip(&rows[y % rows.len()]) {
                *s += weight * v;
            }
        }
        target.extend(sum.iter().map(|s| *s as u8));
    }
    target
}

fn reduce_row(row: &[u8], across: &[Taps], target: &mut [f32]) {
    for (tap, pixel) in across.iter().zip(target.chunks_exact_mut(3)) {
        let mut sum = [0f32; 3];
        let source = row[tap.first * 3..].chunks_exact(3);
        for (weight, source) in tap.weights.iter().zip(source) {
            for c in 0..3 {
                sum[c] += weight * f32::from(source[c]);
            }
        }
        pixel.copy_from_slice(&sum);
    }
}

fn taps(from: u32, to: u32) -> Vec<Taps> {
    let scale = from as f32 / to as f32;
    let support = scale.max(1.0);
    let tap = |i: u32| {
        let centre = (i as f32 + 0.5) * scale;
        let first = (centre - support).floor().max(0.0) as usize;
        let end = ((centre + support).ceil() as usize).min(from as usize).max(first + 1);
        let weight = |s: usize| (1.0 - ((s as f32 + 0.5 - centre) / support).abs()).max(0.0);
        let mut weights: Vec<f32> = (first..end).map(weight).collect();
        let total: f32 = weights.iter().sum();
        for weight in &mut weights {
            *weight /= total.max(f32::MIN_POSITIVE);
        }
        Taps { first, weights }
    };
    (0..to).map(tap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_picture_stays_flat() {
        let picture = [10u8, 200, 77].repeat(97 * 53);
        let small = shrink(&picture, (97, 53), (31, 20));
        assert_eq!(small, [10u8, 200, 77].repeat(31 * 20));
    }

    #[test]
    fn a_fine_chequerboard_becomes_grey_instead_of_aliasing() {
        let board: Vec<u8> = (0..64 * 64)
            .flat_map(|i| [if (i % 64 + i / 64) % 2 == 0 { 0u8 } else { 255 }; 3])
            .collect();
        let small = shrink(&board, (64, 64), (16, 16));
        let inner = |i: usize| (1..15).contains(&(i % 16)) && (1..15).contains(&(i / 16));
        assert!((0..256).filter(|&i| inner(i)).all(|i| (120..=135).contains(&small[i * 3])));
    }

    #[test]
    fn a_picture_is_reproduced_at_its_own_size() {
        let picture: Vec<u8> = (0..40 * 33 * 3).map(|i| (i % 251) as u8).collect();
        assert_eq!(shrink(&picture, (40, 33), (40, 33)), picture);
    }
}
