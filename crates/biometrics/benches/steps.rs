//! Prints how long each step of recognising a face takes on one thread, and the whole on one and two threads.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "times are printed, and pixels are small numbers"
)]
use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use imp_biometrics::{Engine, Image};
use imp_models::ModelStore;

const ROUNDS: usize = 15;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let store = ModelStore::open(root.join("models"))?;
    let mut out = io::stdout().lock();
    let photograph = Image::open(&root.join("tests/data/faces/obama.jpg"))?;
    let frames = frames(&photograph)?;
    for threads in [1, 2] {
        let threads = NonZeroUsize::new(threads).ok_or("no threads")?;
        let start = Instant::now();
        let engine = Engine::load(&store, threads)?;
        writeln!(
            out,
            "load: {:.0} ms, {threads} thread(s) for a capture",
            millis(start.elapsed())
        )?;
        let template = engine.enrol(&[Image::open(&root.join("tests/data/faces/obama2.jpg"))?])?;
        let one = engine.verify(&frames[..1], &template)?;
        for step in &one.steps {
            writeln!(out, "  one frame, {}: {:.1} ms", step.name, step.micros as f64 / 1000.0)?;
        }
        for count in [1, 3] {
            let mut times = Vec::new();
            for _ in 0..ROUNDS {
                let start = Instant::now();
                engine.verify(&frames[..count], &template)?;
                times.push(start.elapsed());
            }
            times.sort();
            let (middle, late) = (times[ROUNDS / 2], times[ROUNDS * 95 / 100]);
            writeln!(
                out,
                "verify {count} frame(s): p50 {:.0} ms, p95 {:.0} ms",
                millis(middle),
                millis(late)
            )?;
        }
    }
    Ok(())
}

/// Three frames as a 640×480 camera gives them: the photograph, a little noisier each time.
fn frames(photograph: &Image) -> Result<Vec<Image>, Box<dyn std::error::Error>> {
    let (width, height) = (640u32, 480u32);
    let scale = f64::from(photograph.width()) / f64::from(width);
    let frame = |noise: u8| {
        let mut rgb = Vec::with_capacity((width * height * 3) as usize);
        for y in 0..height {
            for x in 0..width {
                let from = |v: u32, end: u32| ((f64::from(v) * scale) as u32).min(end - 1);
                let at =
                    from(y, photograph.height()) * photograph.width() + from(x, photograph.width());
                let pixel = &photograph.rgb()[at as usize * 3..][..3];
                rgb.extend(pixel.iter().map(|v| v.saturating_add(noise * ((x + y) % 2) as u8)));
            }
        }
        Image::from_rgb(width, height, rgb)
    };
    Ok((0..3).map(frame).collect::<Result<_, _>>()?)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
