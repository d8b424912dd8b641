//! Photographs made worse on purpose, each in one way.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic goes from integers to floats and back, bounded by the size of a photograph"
)]
use imp_biometrics::{Face, Image, Point};

/// One way of making a photograph worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Blurred,
    Darkened,
    Overexposed,
    Backlit,
    HalfDark,
    Small,
    CutOff,
    Tilted,
    DarkGlasses,
    EyesShut,
}

impl Fault {
    pub(crate) const ALL: [Self; 10] = [
        Self::Blurred,
        Self::Darkened,
        Self::Overexposed,
        Self::Backlit,
        Self::HalfDark,
        Self::Small,
        Self::CutOff,
        Self::Tilted,
        Self::DarkGlasses,
        Self::EyesShut,
    ];

    /// `image` with this fault; its face is `face`.
    pub(crate) fn of(self, image: &Image, face: &Face) -> Image {
        let eye = face.landmarks.eye_distance();
        let middle = face.landmarks.right_eye.midpoint(face.landmarks.left_eye);
        let b = face.bounding_box;
        let (centre_x, centre_y) = (b.left + b.width / 2.0, b.top + b.height / 2.0);
        match self {
            Self::Blurred => blurred(image, (eye * 0.12) as i64 + 1),
            Self::Darkened => mapped(image, |_, _, v| v * 0.15),
            Self::Overexposed => mapped(image, |_, _, v| v * 1.6 + 90.0),
            Self::Backlit => mapped(image, |x, y, v| {
                let (dx, dy) = ((x - centre_x) / b.width, (y - centre_y) / b.height);
                let face = dx.hypot(dy) < 0.62 || (dx.abs() < 1.2 && dy > 0.5);
                if face { v * 0.3 } else { v * 0.2 + 210.0 }
            }),
            Self::HalfDark => mapped(image, |x, _, v| if x < middle.x { v * 0.2 } else { v }),
            Self::Small => sampled(image, 4.0, |p| p),
            Self::CutOff => {
                let cut = (b.left + b.width * 0.35).max(0.0);
                cropped(image, cut as u32)
            }
            Self::Tilted => sampled(image, 1.0, |p| turned(p, middle, 35.0)),
            Self::DarkGlasses => {
                let eyes = [face.landmarks.right_eye, face.landmarks.left_eye];
                mapped(image, |x, y, v| {
                    let lens = |e: &Point| {
                        let (dx, dy) =
                            ((x - e.x) / (0.40 * eye), (y - e.y - 0.06 * eye) / (0.27 * eye));
                        dx.powi(4) + dy.powi(4) < 1.0
                    };
                    if eyes.iter().any(lens) { v * 0.08 + 8.0 } else { v }
                })
            }
            Self::EyesShut => shut(image, face),
        }
    }
}

fn mapped(image: &Image, to: impl Fn(f32, f32, f32) -> f32) -> Image {
    let width = image.width() as usize;
    let rgb = image.rgb().iter().enumerate().map(|(i, v)| {
        let (x, y) = (i / 3 % width, i / 3 / width);
        to(x as f32, y as f32, f32::from(*v)).clamp(0.0, 255.0) as u8
    });
    Image::from_rgb(image.width(), image.height(), rgb.collect()).unwrap()
}

/// Mean over a square of `2 × radius + 1` pixels, twice.
fn blurred(image: &Image, radius: i64) -> Image {
    let once = |image: &Image, across: bool| {
        let (width, height) = (i64::from(image.width()), i64::from(image.height()));
        let mut rgb = Vec::with_capacity(image.rgb().len());
        for i in 0..width * height {
            for c in 0..3 {
                let sum: u32 = (-radius..=radius)
                    .map(|d| {
                        let (dx, dy) = if across { (d, 0) } else { (0, d) };
                        let x = (i % width + dx).clamp(0, width - 1);
                        let y = (i / width + dy).clamp(0, height - 1);
                        u32::from(image.rgb()[((y * width + x) * 3 + c) as usize])
                    })
                    .sum();
                rgb.push((sum / (2 * radius as u32 + 1)) as u8);
            }
        }
        Image::from_rgb(image.width(), image.height(), rgb).unwrap()
    };
    [true, false, true, false].into_iter().fold(image.clone(), |image, across| once(&image, across))
}

/// Every pixel taken from where `from` says; the picture `smaller` times smaller, inside a black one of the same size.
fn sampled(image: &Image, smaller: f32, from: impl Fn(Point) -> Point) -> Image {
    let (width, height) = (image.width(), image.height());
    let mut rgb = Vec::with_capacity(image.rgb().len());
    for i in 0..width * height {
        let (x, y) = ((i % width) as f32 * smaller, (i / width) as f32 * smaller);
        let p = from(Point { x, y });
        let inside = p.x >= 0.0 && p.y >= 0.0 && p.x < width as f32 && p.y < height as f32;
        let start = (p.y as usize * width as usize + p.x as usize) * 3;
        rgb.extend_from_slice(if inside { &image.rgb()[start..start + 3] } else { &[0, 0, 0] });
    }
    Image::from_rgb(width, height, rgb).unwrap()
}

fn turned(p: Point, about: Point, degrees: f32) -> Point {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let (x, y) = (p.x - about.x, p.y - about.y);
    Point { x: about.x + cosine * x + sine * y, y: about.y - sine * x + cosine * y }
}

/// Without the first `columns`.
fn cropped(image: &Image, columns: u32) -> Image {
    let width = image.width() - columns.min(image.width() - 64);
    let skip = (image.width() - width) as usize * 3;
    let rows = image.rgb().chunks_exact(image.width() as usize * 3);
    let rgb = rows.flat_map(|row| row[skip..].iter().copied()).collect();
    Image::from_rgb(width, image.height(), rgb).unwrap()
}

/// Lids painted over the eyes: the skin above goes over into the skin below, with a line of lashes.
fn shut(image: &Image, face: &Face) -> Image {
    let eye = face.landmarks.eye_distance();
    let (width, height) = (image.width() as usize, image.height() as usize);
    let mut rgb = image.rgb().to_vec();
    for e in [face.landmarks.right_eye, face.landmarks.left_eye] {
        let half = (0.3 * eye) as i64;
        let (up, down) = ((0.17 * eye) as i64 + 1, (0.12 * eye) as i64 + 1);
        for dx in -half..=half {
            let x = (e.x as i64 + dx).clamp(0, width as i64 - 1) as usize;
            let row = |dy: i64| (e.y as i64 + dy).clamp(0, height as i64 - 1) as usize;
            for dy in -up..=down {
                let share = (dy + up) as f32 / (up + down) as f32;
                let curve = 0.06 * eye * (1.0 - (dx as f32 / half.max(1) as f32).powi(2));
                let lash = (dy as f32 - curve).abs() < 0.02 * eye;
                for c in 0..3 {
                    let at = |dy: i64| f32::from(image.rgb()[(row(dy) * width + x) * 3 + c]);
                    let skin = at(-up) * (1.0 - share) + at(down) * share;
                    rgb[(row(dy) * width + x) * 3 + c] =
                        (if lash { skin * 0.6 } else { skin }) as u8;
                }
            }
        }
    }
    Image::from_rgb(image.width(), image.height(), rgb).unwrap()
}
