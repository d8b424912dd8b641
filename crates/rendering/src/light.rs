//! Pictures as linear light: what cameras and surfaces add up, unlike the bytes of a file.
use imp_biometrics::{Image, Point};

/// Linear red, green and blue; 1 is the white of an sRGB picture (IEC 61966-2-1).
pub(crate) type Light = [f32; 3];

/// A picture in linear light.
#[derive(Clone)]
pub(crate) struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<Light>,
}

impl Picture {
    /// The part of `image` between `left`, `top` and `width`, `height` pixels on; outside it, its edge goes on.
    pub(crate) fn new(image: &Image) -> Self {
        let table: Vec<f32> = (0..=255u8).map(linear).collect();
        let light = |pixel: &[u8]| [0, 1, 2].map(|c| table[usize::from(pixel[c])]);
        Self {
            width: image.width() as usize,
            height: image.height() as usize,
            pixels: image.rgb().chunks_exact(3).map(light).collect(),
        }
    }

    /// Pixels across and down.
    pub(crate) fn size(&self) -> (f32, f32) {
        (self.width as f32, self.height as f32)
    }

    /// The light at a point between pixels, bilinear; pixel centres are at halves, the edge goes on outside.
    pub(crate) fn at(&self, point: Point) -> Light {
        let x = (point.x - 0.5).clamp(0.0, self.width as f32 - 1.0);
        let y = (point.y - 0.5).clamp(0.0, self.height as f32 - 1.0);
        let (left, top) = (x as usize, y as usize);
        let (right, low) = ((left + 1).min(self.width - 1), (top + 1).min(self.height - 1));
        let (dx, dy) = (x - left as f32, y - top as f32);
        let pixel = |x: usize, y: usize| self.pixels[y * self.width + x];
        let above = [pixel(left, top), pixel(right, top)];
        let below = [pixel(left, low), pixel(right, low)];
        [0, 1, 2].map(|channel| {
            let across = |row: &[Light; 2]| row[0][channel] * (1.0 - dx) + row[1][channel] * dx;
            across(&above) * (1.0 - dy) + across(&below) * dy
        })
    }

    /// Half as large in both directions, each pixel the mean of four.
    pub(crate) fn halved(&self) -> Self {
        let (width, height) = ((self.width / 2).max(1), (self.height / 2).max(1));
        let pixel = |x: usize, y: usize| {
            self.pixels[y.min(self.height - 1) * self.width + x.min(self.width - 1)]
        };
        let mean = |index: usize| {
            let (x, y) = (index % width * 2, index / width * 2);
            let four = [pixel(x, y), pixel(x + 1, y), pixel(x, y + 1), pixel(x + 1, y + 1)];
            [0, 1, 2].map(|c| four.iter().map(|p| p[c]).sum::<f32>() / 4.0)
        };
        Self { width, height, pixels: (0..width * height).map(mean).collect() }
    }
}

/// sRGB byte to linear light.
pub(crate) fn linear(byte: u8) -> f32 {
    let value = f32::from(byte) / 255.0;
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// Linear light to an sRGB value, 0–1.
pub(crate) fn encoded(light: f32) -> f32 {
    let light = light.clamp(0.0, 1.0);
    if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// Luminance (ITU-R BT.709).
pub(crate) fn luminance(light: Light) -> f32 {
    0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]
}

/// `share` of `to`, the rest of `from`.
pub(crate) fn mix(from: Light, to: Light, share: f32) -> Light {
    let share = share.clamp(0.0, 1.0);
    [0, 1, 2].map(|c| from[c] * (1.0 - share) + to[c] * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_undoes_linearisation() {
        for byte in 0..=255u8 {
            assert_eq!((encoded(linear(byte)) * 255.0).round() as u8, byte);
        }
    }

    #[test]
    fn a_picture_gives_its_pixels_at_their_centres() {
        let rgb: Vec<u8> = (0..40 * 40 * 3).map(|i| (i % 251) as u8).collect();
        let picture = Picture::new(&Image::from_rgb(40, 40, rgb.clone()).unwrap());
        let light = picture.at(Point { x: 7.5, y: 9.5 });
        for c in 0..3 {
            assert!((light[c] - linear(rgb[(9 * 40 + 7) * 3 + c])).abs() < 1e-6);
        }
    }
}
