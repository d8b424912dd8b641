//! The camera: lens, exposure and white balance, colour mosaic, noise, tone, sharpening and compression.
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use imp_biometrics::{Image, ImageError};

use crate::geometry::Vector;
use crate::light::{Light, encoded, luminance};
use crate::noise::Noise;
use crate::scene::{Scene, View};

/// Quantiles of a normal distribution of variance one. Light is gathered at nine places of a pixel's blurred area, arranged
/// so that all nine differ across and down (Kensler 2013): fine stripes would beat with a plain grid.
const SAMPLES: [f32; 9] = [-1.711, -1.039, -0.633, -0.303, 0.0, 0.303, 0.633, 1.039, 1.711];
/// Variance of a pixel's own square.
const PIXEL_VARIANCE: f32 = 1.0 / 12.0;
/// The luminance that automatic exposure aims at: 18 % grey.
const GREY: f32 = 0.18;

/// A webcam; [`Camera::seeded`] draws one from the range that desks have.
#[derive(Clone, Debug)]
pub struct Camera {
    /// Pixels across; four thirds of the pixels down.
    pub width: u32,
    /// Standard deviation of the lens's blur, in pixels.
    pub blur: f32,
    /// Barrel distortion: how much further out a corner is seen, as a share of its distance.
    pub distortion: f32,
    /// Light lost in the corners, as a share.
    pub vignette: f32,
    /// How far automatic exposure is off, in stops.
    pub exposure_error: f32,
    /// How far automatic white balance is off, red and blue against green.
    pub white_error: [f32; 2],
    /// Variance of noise at full light (photons), and standard deviation of the darkness.
    pub noise: [f32; 2],
    /// Strength of sharpening.
    pub sharpening: f32,
    /// JPEG quality of the stream, 1–100.
    pub quality: u8,
    /// Frames a second.
    pub rate: f32,
}

/// One frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// As the camera compressed it.
    pub jpeg: Vec<u8>,
    /// As a program decodes it.
    pub image: Image,
}

/// No frame could be made.
#[derive(Debug, thiserror::Error)]
pub enum CameraError {
    /// The frame could not be compressed.
    #[error("the frame could not be compressed")]
    Compression(#[source] image::ImageError),
    /// The compressed frame could not be read back.
    #[error("the compressed frame could not be read")]
    Decompression(#[source] ImageError),
}

impl Camera {
    /// A camera of 480×360 pixels; the same seed gives the same camera.
    pub fn seeded(seed: u64) -> Self {
        let mut noise = Noise::new(seed).part("camera");
        Self {
            width: 480,
            blur: noise.between(0.35, 0.8),
            distortion: noise.between(0.0, 0.04),
            vignette: noise.between(0.05, 0.3),
            exposure_error: noise.between(-0.35, 0.35),
            white_error: [noise.between(0.94, 1.06), noise.between(0.94, 1.06)],
            noise: [noise.between(2e-5, 4e-4), noise.between(5e-4, 4e-3)],
            sharpening: noise.between(0.2, 0.8),
            quality: noise.between(78.0, 96.0) as u8,
            rate: 15.0,
        }
    }

    fn height(&self) -> u32 {
        self.width * 3 / 4
    }

    /// `count` frames of `scene`.
    pub(crate) fn record(
        &self,
        scene: &dyn Scene,
        count: usize,
        noise: &mut Noise,
    ) -> Result<Vec<Frame>, CameraError> {
        (0..count).map(|n| self.expose(&scene.view(n as f32 / self.rate), noise)).collect()
    }

    fn expose(&self, view: &View<'_>, noise: &mut Noise) -> Result<Frame, CameraError> {
        let mosaic = self.mosaic(view, noise);
        let rgb = self.developed(&demosaiced(&mosaic, self.width as usize), noise);
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, self.quality)
            .encode(&rgb, self.width, self.height(), ExtendedColorType::Rgb8)
            .map_err(CameraError::Compression)?;
        let image = Image::decode(&bytes).map_err(CameraError::Decompression)?;
        Ok(Frame { jpeg: bytes, image })
    }

    /// The ray through a point of the sensor, in pixels from its top left corner.
    fn ray(&self, x: f32, y: f32) -> Vector {
        let width = self.width as f32;
        let (x, y) = ((x - width / 2.0) / width, (y - self.height() as f32 / 2.0) / width);
        // 0.39 is the square of a corner's distance from the middle.
        let out = 1.0 + self.distortion * (x * x + y * y) / 0.39;
        [x * out, y * out, 1.0]
    }

    /// What the sensor's pixels count, each behind its filter (Bayer 1976: red and green over green and blue).
    fn mosaic(&self, view: &View<'_>, noise: &mut Noise) -> Vec<f32> {
        let (width, height) = (self.width as usize, self.height() as usize);
        let spread = (PIXEL_VARIANCE + self.blur * self.blur).sqrt();
        let gain = self.metered(view);
        let mut mosaic = Vec::with_capacity(width * height);
        for index in 0..width * height {
            let (column, row) = (index % width, index / width);
            let (x, y) = (column as f32 + 0.5, row as f32 + 0.5);
            let channel = filter(column, row);
            let mut light = 0.0;
            for sample in 0..9 {
                let (dx, dy) = (SAMPLES[sample], SAMPLES[sample % 3 * 3 + sample / 3]);
                light += view(self.ray(x + spread * dx, y + spread * dy))[channel];
            }
            let [rx, ry, _] = self.ray(x, y);
            let falloff = 1.0 - self.vignette * (rx * rx + ry * ry) / 0.39;
            let light = (light / 9.0).max(0.0) * gain[channel] * falloff;
            let deviation = (self.noise[0] * light + self.noise[1] * self.noise[1]).sqrt();
            mosaic.push((light + deviation * noise.normal()).clamp(0.0, 1.0));
        }
        mosaic
    }

    /// Gains of the channels: automatic exposure and grey-world white balance, both of which go half the way.
    fn metered(&self, view: &View<'_>) -> Light {
        let (width, height) = (self.width as f32, self.height() as f32);
        let mut sum = [0.0f32; 3];
        for index in 0..32 * 24 {
            let (x, y) = ((index % 32) as f32 + 0.5, (index / 32) as f32 + 0.5);
            let light = view(self.ray(x * width / 32.0, y * height / 24.0));
            sum.iter_mut().zip(light).for_each(|(s, l)| *s += l.clamp(0.0, 1.5) / (32.0 * 24.0));
        }
        let mean = luminance(sum).max(1e-3);
        let exposure = (GREY / mean).powf(0.5).clamp(0.4, 2.5) * self.exposure_error.exp2();
        let balance = |c: usize| (sum[1].max(1e-3) / sum[c].max(1e-3)).powf(0.25).clamp(0.8, 1.25);
        [
            exposure * balance(0) * self.white_error[0],
            exposure,
            exposure * balance(2) * self.white_error[1],
        ]
    }

    /// Tone and sharpening, to bytes.
    fn developed(&self, light: &[Light], noise: &mut Noise) -> Vec<u8> {
        let (width, height) = (self.width as usize, self.height() as usize);
        let toned: Vec<Light> = light.iter().map(|l| l.map(encoded)).collect();
        let mut rgb = Vec::with_capacity(width * height * 3);
        for index in 0..width * height {
            let (x, y) = (index % width, index / width);
            let around = [
                (x.saturating_sub(1), y),
                ((x + 1).min(width - 1), y),
                (x, y.saturating_sub(1)),
                (x, (y + 1).min(height - 1)),
            ];
            for (channel, &value) in toned[index].iter().enumerate() {
                let beside = around.iter().map(|&(x, y)| toned[y * width + x][channel]);
                let mean = beside.sum::<f32>() / 4.0;
                let value = 255.0 * (value + self.sharpening * (value - mean));
                rgb.push((value + noise.share()).clamp(0.0, 255.0) as u8);
            }
        }
        rgb
    }
}

/// The colour of the filter over a pixel.
const fn filter(column: usize, row: usize) -> usize {
    match (column % 2, row % 2) {
        (0, 0) => 0,
        (1, 1) => 2,
        (_, _) => 1,
    }
}

/// Colours between the filters: each channel is the mean of its pixels among the nine around.
fn demosaiced(mosaic: &[f32], width: usize) -> Vec<Light> {
    let height = mosaic.len() / width.max(1);
    let pixel = |index: usize| {
        let (x, y) = (index % width, index / width);
        let (mut sum, mut count) = ([0.0f32; 3], [0.0f32; 3]);
        for row in y.saturating_sub(1)..(y + 2).min(height) {
            for column in x.saturating_sub(1)..(x + 2).min(width) {
                // Bilinear: pixels at a corner count half as much as those at a side.
                let weight = 1.0 / (1.0 + (row.abs_diff(y) + column.abs_diff(x)) as f32).powi(2);
                let channel = filter(column, row);
                sum[channel] += weight * mosaic[row * width + column];
                count[channel] += weight;
            }
        }
        let own = filter(x, y);
        let mut light = [0, 1, 2].map(|c| sum[c] / count[c].max(f32::MIN_POSITIVE));
        light[own] = mosaic[index];
        light
    };
    (0..mosaic.len()).map(pixel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Wall(Light);

    impl Scene for Wall {
        fn view(&self, _seconds: f32) -> View<'_> {
            Box::new(|_| self.0)
        }
    }

    fn quiet() -> Camera {
        Camera {
            width: 64,
            blur: 0.4,
            distortion: 0.0,
            vignette: 0.0,
            exposure_error: 0.0,
            white_error: [1.0; 2],
            noise: [0.0; 2],
            sharpening: 0.5,
            quality: 100,
            rate: 15.0,
        }
    }

    #[test]
    fn a_grey_wall_of_eighteen_percent_stays_as_it_is() {
        let frame = &quiet().record(&Wall([GREY; 3]), 1, &mut Noise::new(1)).unwrap()[0];
        let expected = (encoded(GREY) * 255.0).round() as u8;
        assert!(frame.image.rgb().iter().all(|v| v.abs_diff(expected) <= 2));
    }

    #[test]
    fn a_dark_wall_is_exposed_longer_but_stays_darker() {
        let mean = |wall| {
            let frame = &quiet().record(&Wall(wall), 1, &mut Noise::new(1)).unwrap()[0];
            frame.image.rgb().iter().map(|v| f32::from(*v)).sum::<f32>()
                / frame.image.rgb().len() as f32
        };
        let (dark, grey) = (mean([0.05; 3]), mean([GREY; 3]));
        assert!(dark < grey && dark > 255.0 * encoded(0.05) + 5.0, "{dark} {grey}");
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
        let frame = |seed| {
            let camera = Camera { width: 64, ..Camera::seeded(seed) };
            camera.record(&Wall([0.3, 0.2, 0.1]), 1, &mut Noise::new(seed)).unwrap().remove(0)
        };
        assert_eq!(frame(5).jpeg, frame(5).jpeg);
        assert_ne!(frame(5).jpeg, frame(6).jpeg);
    }
}
