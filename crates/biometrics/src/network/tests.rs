//! The networks of the set, against what onnxruntime makes of the same pictures.
mod profile;

use std::path::Path;

use super::*;

fn network(name: &str, size: Option<(usize, usize)>) -> Network {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    Network::load(&ModelStore::open(models).unwrap(), name, size).unwrap()
}

/// A picture that anybody can make again: smooth, coloured, with edges.
fn picture((width, height): (usize, usize)) -> Vec<u8> {
    let value = |index: usize| {
        let (x, y, channel) = (index / 3 % width, index / 3 / width, index % 3);
        ((x * x / 7 + y * (3 + channel) + x * y / 16) % 256) as u8
    };
    (0..width * height * 3).map(value).collect()
}

#[test]
fn timing() {
    for (name, size) in [
        ("yunet", Some((128, 128))),
        ("yunet", Some((320, 320))),
        ("yunet", Some((640, 640))),
        ("sface", None),
        ("minifasnet-v2", None),
        ("minifasnet-v1se", None),
    ] {
        let network = network(name, size);
        let picture = picture(network.size());
        let mut best = f64::MAX;
        for _ in 0..12 {
            let start = std::time::Instant::now();
            network.run(&picture).unwrap();
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!("{name} {size:?}: {:.2} ms", best * 1e3);
    }
}
