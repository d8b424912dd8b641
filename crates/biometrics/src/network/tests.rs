//! The networks of the set, against what onnxruntime makes of the same pictures; `make bench-faces` compares every number.
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

/// One output as onnxruntime 1.32 gives it: which, its length (ℓ2), and the numbers at some places.
struct Expected<'a> {
    output: usize,
    norm: f32,
    numbers: &'a [(usize, f32)],
}

fn compare(name: &str, size: Option<(usize, usize)>, expected: &[Expected<'_>]) {
    let network = network(name, size);
    let outputs = network.run(&picture(network.size())).unwrap();
    for Expected { output, norm, numbers } in expected {
        let values = &outputs[*output];
        let found = values.iter().map(|v| v * v).sum::<f32>().sqrt();
        assert!((found / norm - 1.0).abs() < 1e-4, "{name}, output {output}: {found}, {norm}");
        let largest = values.iter().fold(1f32, |largest, v| largest.max(v.abs()));
        for (index, number) in *numbers {
            let difference = (values[*index] - number).abs() / largest;
            assert!(difference < 1e-4, "{name}, output {output}: {} {number}", values[*index]);
        }
    }
}

#[test]
fn the_detector_is_the_one_that_onnxruntime_runs() {
    let scores = [(0, 0.579_885_6), (99, 0.507_205_4), (199, 0.488_622), (399, 0.482_806_83)];
    let boxes = [(0, 1.164_636_3), (99, 1.946_875_5), (299, 1.981_886_9), (399, 1.280_898_8)];
    let points = [(0, -0.150_262_13), (249, 2.661_197_7), (749, 3.627_262_4), (999, 1.361_929)];
    compare(
        "yunet",
        Some((320, 320)),
        &[
            Expected { output: 1, norm: 10.188_87, numbers: &scores },
            Expected { output: 8, norm: 30.492_03, numbers: &boxes },
            Expected { output: 11, norm: 59.768_79, numbers: &points },
        ],
    );
}

#[test]
fn the_recogniser_is_the_one_that_onnxruntime_runs() {
    let numbers = [
        (0, 0.302_040_96),
        (31, 0.012_717_873),
        (63, -0.051_756_22),
        (95, -0.123_971_06),
        (127, -0.207_161_78),
    ];
    compare("sface", None, &[Expected { output: 0, norm: 3.441_94, numbers: &numbers }]);
}

#[test]
fn the_attack_detectors_are_those_that_onnxruntime_runs() {
    let numbers = [(0, 1.242_099_6), (1, 2.264_999_6), (2, -3.509_161_2)];
    compare("minifasnet-v2", None, &[Expected { output: 0, norm: 4.357_435_9, numbers: &numbers }]);
    let numbers = [(0, 1.465_748_3), (1, 1.305_544_5), (2, -2.772_772_8)];
    compare(
        "minifasnet-v1se",
        None,
        &[Expected { output: 0, norm: 3.397_224_4, numbers: &numbers }],
    );
}
