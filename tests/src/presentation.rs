//! Renders a photograph of a photograph: what the camera sees when somebody holds up a print or a screen.
//!
//! Made for tests, from public-domain pictures: perspective, edges of the paper or device, lowered contrast, the halftone of
//! a printer or the pixel grid of a display with its moiré and glare, then the blur and noise of the camera. It is a
//! rendering, not a set of attacks as ISO/IEC 30107-3 asks for.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic within pictures of some thousand pixels a side"
)]
use imp_biometrics::Image;

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 960;

/// What is held up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instrument {
    /// A print on paper with a white margin.
    Print,
    /// A tablet with a dark bezel.
    Screen,
}

/// How it is held.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    /// Height of the instrument as a share of the picture.
    pub size: f32,
    /// Rotation in the plane, in radians.
    pub roll: f32,
    /// How much smaller the far side is, 0 for none.
    pub perspective: f32,
}

impl Default for Pose {
    fn default() -> Self {
        Self { size: 0.92, roll: 0.05, perspective: 0.08 }
    }
}

/// What the camera sees.
#[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "as many pixels as promised")]
pub fn rephotographed(photograph: &Image, instrument: Instrument, pose: Pose) -> Image {
    let mut picture = Vec::with_capacity((WIDTH * HEIGHT * 3) as usize);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let (u, v) = pose.on_instrument(photograph, x as f32, y as f32);
            let colour = match instrument {
                Instrument::Print => print(photograph, u, v, x as f32, y as f32),
                Instrument::Screen => screen(photograph, u, v, x as f32, y as f32),
            };
            picture.push(colour);
        }
    }
    let blurred = blurred(&picture);
    let mut noise = Noise(0x2545_f491);
    let rgb = blurred
        .into_iter()
        .flat_map(|colour| colour.map(|c| (c + noise.next() * 5.0).clamp(0.0, 255.0) as u8))
        .collect();
    Image::from_rgb(WIDTH, HEIGHT, rgb).expect("the sizes agree")
}

type Colour = [f32; 3];

impl Pose {
    /// From a pixel of the camera to a place on the instrument: (0, 0) to (1, 1) inside.
    fn on_instrument(&self, photograph: &Image, x: f32, y: f32) -> (f32, f32) {
        let height = HEIGHT as f32 * self.size;
        let width = height * photograph.width() as f32 / photograph.height() as f32;
        let (dx, dy) = (x - WIDTH as f32 / 2.0, y - HEIGHT as f32 / 2.0);
        let (sin, cos) = self.roll.sin_cos();
        let (rx, ry) = (cos * dx + sin * dy, cos * dy - sin * dx);
        let depth = 1.0 + self.perspective * rx / width;
        (rx * depth / width + 0.5, ry * depth / height + 0.5)
    }
}

fn screen(photograph: &Image, u: f32, v: f32, x: f32, y: f32) -> Colour {
    const BEZEL: f32 = 0.035;
    let Some((pu, pv)) = within(u, v, BEZEL) else {
        return if within(u, v, 0.0).is_some() { [16.0, 16.0, 18.0] } else { wall(x, y) };
    };
    // The display's own pixels: 900 rows, three stripes each, seen by a camera whose pixels fit them badly.
    let (rows, columns) = (900.0, 900.0 * photograph.width() as f32 / photograph.height() as f32);
    let (row, column) = ((pv * rows).floor() / rows, (pu * columns).floor() / columns);
    let shown = sample(photograph, column, row);
    let grid = 1.0 - 0.22 * (0.5 - 0.5 * (pv * rows * std::f32::consts::TAU).cos());
    let glare = 60.0 * (-((u - 0.25).powi(2) + (v - 0.2).powi(2)) * 9.0).exp();
    let tint = [0.94, 1.0, 1.1];
    std::array::from_fn(|channel| {
        let phase = (pu * columns + channel as f32 / 3.0) * std::f32::consts::TAU;
        let stripe = 1.0 - 0.3 * (0.5 - 0.5 * phase.cos());
        let lit = 255.0 * (shown[channel] / 255.0).powf(0.85);
        24.0 + lit * 0.85 * tint[channel] * stripe * grid + glare
    })
}

fn print(photograph: &Image, u: f32, v: f32, x: f32, y: f32) -> Colour {
    const MARGIN: f32 = 0.05;
    let bend = 0.88 + 0.12 * (u * 2.6).sin();
    let Some((pu, pv)) = within(u, v, MARGIN) else {
        let paper = [226.0, 224.0, 218.0].map(|c: f32| c * bend);
        return if within(u, v, 0.0).is_some() { paper } else { wall(x, y) };
    };
    let shown = sample(photograph, pu, pv);
    let mean = (shown[0] + shown[1] + shown[2]) / 3.0;
    // A rosette of dots, 300 lines over the height.
    let dots = (pu * 1500.0).sin() * (pv * 1885.0).sin();
    shown.map(|c| {
        let faded = mean + (c - mean) * 0.72;
        (48.0 + faded * 0.66 + dots * 9.0) * bend
    })
}

/// The place within a frame whose border is `border` wide.
fn within(u: f32, v: f32, border: f32) -> Option<(f32, f32)> {
    let inner = |t: f32| (t - border) / (1.0 - 2.0 * border);
    let (u, v) = (inner(u), inner(v));
    let inside = |t: f32| (0.0..1.0).contains(&t);
    (inside(u) && inside(v)).then_some((u, v))
}

/// The room behind.
fn wall(x: f32, y: f32) -> Colour {
    let light = 150.0 + 40.0 * (x / WIDTH as f32) - 30.0 * (y / HEIGHT as f32);
    [light, light * 0.98, light * 0.94]
}

/// The mean of the pixels around a place of the photograph.
fn sample(photograph: &Image, u: f32, v: f32) -> Colour {
    let (width, height) = (photograph.width(), photograph.height());
    let radius = (height as f32 / HEIGHT as f32 / 2.0).ceil() as u32;
    let (cx, cy) = ((u * width as f32) as u32, (v * height as f32) as u32);
    let mut sum = [0.0; 3];
    let mut count = 0.0;
    for y in cy.saturating_sub(radius)..=(cy + radius).min(height - 1) {
        for x in cx.saturating_sub(radius)..=(cx + radius).min(width - 1) {
            let at = ((y * width + x) * 3) as usize;
            for (sum, byte) in sum.iter_mut().zip(&photograph.rgb()[at..at + 3]) {
                *sum += f32::from(*byte);
            }
            count += 1.0;
        }
    }
    sum.map(|s| s / count)
}

/// A binomial blur, 3 × 3: the camera's optics.
fn blurred(picture: &[Colour]) -> Vec<Colour> {
    let (width, height) = (WIDTH as usize, HEIGHT as usize);
    let mut result = picture.to_vec();
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            let mut sum = [0.0; 3];
            for (dy, wy) in [(0, 1.0), (1, 2.0), (2, 1.0)] {
                for (dx, wx) in [(0, 1.0), (1, 2.0), (2, 1.0)] {
                    let colour = picture[(y + dy - 1) * width + x + dx - 1];
                    for (sum, c) in sum.iter_mut().zip(colour) {
                        *sum += wx * wy * c / 16.0;
                    }
                }
            }
            result[y * width + x] = sum;
        }
    }
    result
}

/// A linear congruential generator: about normal noise, the same every time.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> f32 {
        let mut sum = 0.0;
        for _ in 0..3 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            sum += f32::from((self.0 >> 16) as u16) / 65536.0 - 0.5;
        }
        sum
    }
}
