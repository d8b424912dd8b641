//! Thousands of malformed, huge, tiny and odd pictures: a typed error or a picture, in bounded memory, never a panic.
#![expect(
    clippy::cast_possible_truncation,
    reason = "random numbers, bits and checksums are cut on purpose, and sizes are small"
)]
use std::fmt::Write as _;
use std::process::Command;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};
use imp_biometrics::{CaptureError, FaceError, Image, ImageError};

use crate::engine::{beside, engine, photograph};

/// Most memory of a whole process that decodes, networks included, in KiB.
const MOST_KIB: u64 = 300_000_000 / 1024;
/// Inputs made of each seed picture.
const ALTERED: u64 = 600;

/// xorshift64*: the same inputs each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound.max(1) as u64) as usize
    }
}

fn png(width: u32, height: u32, pixels: &[u8], colour: ExtendedColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Sub)
        .write_image(pixels, width, height, colour)
        .unwrap();
    bytes
}

fn jpeg(width: u32, height: u32, pixels: &[u8], colour: ExtendedColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 80)
        .write_image(pixels, width, height, colour)
        .unwrap();
    bytes
}

/// Whole pictures of every colour type that the encoders know, and of odd shapes.
fn seeds() -> Vec<Vec<u8>> {
    use ExtendedColorType::{L8, L16, La8, La16, Rgb8, Rgb16, Rgba8, Rgba16};
    let mut dice = Dice(7);
    let mut noise = |length: usize| (0..length).map(|_| dice.roll() as u8).collect::<Vec<u8>>();
    let mut seeds = Vec::new();
    for (colour, bytes) in
        [(L8, 1), (La8, 2), (Rgb8, 3), (Rgba8, 4), (L16, 2), (La16, 4), (Rgb16, 6), (Rgba16, 8)]
    {
        seeds.push(png(48, 40, &noise(48 * 40 * bytes), colour));
    }
    seeds.push(jpeg(48, 40, &noise(48 * 40 * 3), Rgb8));
    seeds.push(jpeg(48, 40, &noise(48 * 40), L8));
    for (width, height) in [(1, 1), (1, 65_535), (65_535, 1), (32, 2048), (64, 64)] {
        seeds.push(png(width, height, &vec![0; (width * height) as usize], L8));
        seeds.push(jpeg(width, height, &vec![255; (width * height) as usize], L8));
    }
    seeds
}

/// `bytes` with something wrong: cut off, changed, repeated, or another length in some header.
fn altered(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match dice.below(5) {
        0 => bytes.truncate(dice.below(bytes.len())),
        1 => {
            for _ in 0..=dice.below(8) {
                let at = dice.below(bytes.len());
                bytes[at] = dice.roll() as u8;
            }
        }
        2 => {
            let (start, length) = (dice.below(bytes.len()), dice.below(64));
            let part = bytes[start..(start + length).min(bytes.len())].to_vec();
            bytes.splice(start..start, part.repeat(1 + dice.below(40)));
        }
        3 => {
            let at = dice.below(bytes.len().min(64));
            bytes[at] = [0, 1, 0x7F, 0x80, 0xFF][dice.below(5)];
        }
        _ => {
            let (start, length) = (dice.below(bytes.len()), dice.below(32));
            bytes.drain(start..(start + length).min(bytes.len()));
        }
    }
    bytes
}

#[test]
fn thousands_of_malformed_pictures_are_refused_or_decoded() {
    let mut dice = Dice(0x1D_0CE5);
    let (mut decoded, mut refused) = (0, 0);
    for seed in seeds() {
        for _ in 0..ALTERED {
            match Image::decode(&altered(&seed, &mut dice)) {
                Ok(image) => {
                    decoded += 1;
                    assert_eq!(image.rgb().len() as u32, 3 * image.width() * image.height());
                }
                Err(
                    ImageError::NotAnImage
                    | ImageError::Corrupt
                    | ImageError::TooLarge
                    | ImageError::TooSmall { .. },
                ) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
    }
    println!("{decoded} decoded, {refused} refused");
    assert!(decoded > 500 && refused > 3000, "{decoded} {refused}");
}

fn picture(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Image {
    let rgb = (0..width * height).flat_map(|i| pixel(i % width, i / width)).collect();
    Image::from_rgb(width, height, rgb).unwrap()
}

#[test]
fn pictures_without_a_face_are_answered_as_such() {
    let mut dice = Dice(3);
    let noise: Vec<u8> = (0..640 * 480 * 3).map(|_| dice.roll() as u8).collect();
    let odd = [
        picture(640, 480, |_, _| [0; 3]),
        picture(640, 480, |_, _| [255; 3]),
        picture(640, 480, |x, y| [if (x + y) % 2 == 0 { 255 } else { 0 }; 3]),
        picture(2048, 32, |x, _| [(x / 8) as u8; 3]),
        picture(32, 2048, |_, y| [(y / 8) as u8; 3]),
        Image::from_rgb(640, 480, noise).unwrap(),
    ];
    for image in odd {
        let error = engine().capture(std::slice::from_ref(&image)).unwrap_err();
        assert!(matches!(error, CaptureError::Unusable(FaceError::NoFace)), "{error}: {image:?}");
    }
}

#[test]
fn many_faces_are_refused_and_said_so() {
    let one = photograph("obama.jpg");
    let two = beside(&one, &photograph("biden.jpg"), 300);
    let four = beside(&two, &two, 600);
    let error = engine().capture(&[four]).unwrap_err();
    assert!(
        matches!(error, CaptureError::Unusable(FaceError::SeveralFaces { count }) if count > 2),
        "{error:?}"
    );
}

#[test]
fn frames_that_change_their_size_are_one_capture() {
    let one = photograph("obama.jpg");
    let half = picture(one.width() / 2, one.height() / 2, |x, y| {
        let start = ((2 * y * one.width() + 2 * x) * 3) as usize;
        [one.rgb()[start], one.rgb()[start + 1], one.rgb()[start + 2]]
    });
    let black = picture(640, 480, |_, _| [0; 3]);
    let capture = engine().capture(&[one, black, half]).unwrap();
    assert_eq!(capture.frames_used(), 2);
}

/// What the child does: large pictures, one after the other, with the networks loaded.
#[test]
#[ignore = "a child of the test below: its memory is measured"]
fn decodes_large_pictures() {
    let engine = engine();
    let mut text = String::new();
    for (width, height, bytes, colour) in [
        (7000, 7000, 3, ExtendedColorType::Rgb8),
        (6300, 6300, 3, ExtendedColorType::Rgb8),
        (5000, 5000, 4, ExtendedColorType::Rgba8),
        (4000, 4000, 6, ExtendedColorType::Rgb16),
        (30_000, 1000, 1, ExtendedColorType::L8),
    ] {
        // A bomb: tiny as a file.
        let file = large_png(width, height, bytes, colour);
        match Image::decode(&file) {
            Ok(image) => {
                let _no_face = engine.look(&image).unwrap();
                writeln!(text, "{width}×{height} {colour:?}: decoded").unwrap();
            }
            Err(error) => writeln!(text, "{width}×{height} {colour:?}: {error}").unwrap(),
        }
        drop(file);
    }
    println!("{text}");
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("peak {}", peak.trim().trim_end_matches(" kB"));
}

/// Written row by row, so that making it takes no memory that would be counted.
fn large_png(width: u32, height: u32, bytes: usize, colour: ExtendedColorType) -> Vec<u8> {
    use ExtendedColorType::{L8, Rgb8, Rgb16, Rgba8};
    #[expect(clippy::wildcard_enum_match_arm, reason = "the encoder knows many more")]
    let (kind, depth) = match colour {
        L8 => (0u8, 8u8),
        Rgb8 => (2, 8),
        Rgba8 => (6, 8),
        Rgb16 => (2, 16),
        other => panic!("{other:?}"),
    };
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let header: Vec<u8> = [width.to_be_bytes(), height.to_be_bytes()]
        .concat()
        .into_iter()
        .chain([depth, kind, 0, 0, 0])
        .collect();
    chunk(&mut file, *b"IHDR", &header);
    // Stored deflate blocks (RFC 1951 §3.2.4) would be as large as the picture: one fixed block that repeats zeros instead.
    chunk(&mut file, *b"IDAT", &zeros((width as usize * bytes + 1) * height as usize));
    chunk(&mut file, *b"IEND", &[]);
    file
}

/// A zlib stream (RFC 1950) of `count` zeros: one literal, then matches of 258 at distance 1 (RFC 1951 §3.2.6).
fn zeros(count: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(0b1, 1);
    bits.put(0b01, 2);
    bits.put_code(0b0011_0000, 8);
    for _ in 0..(count - 1) / 258 {
        bits.put_code(0b1100_0101, 8);
        bits.put_code(0, 5);
    }
    for _ in 0..(count - 1) % 258 {
        bits.put_code(0b0011_0000, 8);
    }
    bits.put_code(0, 7);
    let mut stream = vec![0x78, 0x01];
    stream.extend(bits.bytes());
    // Adler-32 of zeros: the low half is 1, the high half counts the bytes.
    stream.extend((((count % 65_521) as u32) << 16 | 1).to_be_bytes());
    stream
}

#[derive(Default)]
struct Bits {
    done: Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u32, width: u32) {
        self.held |= value << self.count;
        self.count += width;
        while self.count >= 8 {
            self.done.push(self.held as u8);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    /// Huffman codes go in from their most significant bit.
    fn put_code(&mut self, code: u32, width: u32) {
        self.put(code.reverse_bits() >> (32 - width), width);
    }

    fn bytes(mut self) -> Vec<u8> {
        self.put(0, 7);
        self.done
    }
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], body: &[u8]) {
    file.extend((body.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(kind);
    file.extend(body);
    let step = |crc: u32, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1));
    let crc = !file[start..].iter().fold(!0u32, |crc, b| (0..8).fold(crc ^ u32::from(*b), step));
    file.extend(crc.to_be_bytes());
}

#[test]
fn memory_stays_below_300_mb_whatever_is_decoded() {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .args(["--exact", "odd::decodes_large_pictures", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let peak = said.lines().find_map(|line| line.strip_prefix("peak ")).unwrap();
    let peak: u64 = peak.trim().parse().unwrap();
    println!("{said}");
    assert!(peak < MOST_KIB, "{} MiB", peak / 1024);
}
