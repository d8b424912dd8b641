use super::*;
use std::fs;
use std::path::PathBuf;

fn photograph(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/faces");
    fs::read(folder.join(name)).unwrap()
}

/// A PNG header that promises `width × height` pixels, with a valid checksum and nothing behind it.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let small = Image::from_rgb(32, 32, vec![0; 32 * 32 * 3]).unwrap().to_png().unwrap();
    let mut bytes = small[..33].to_vec();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes.extend_from_slice(&small[33..]);
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, b| (0..8).fold(crc ^ u32::from(*b), step))
}

/// A baseline JPEG whose frame header promises `width × height` pixels.
fn jpeg_header(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = photograph("obama2.jpg");
    // The last one: the first belongs to the thumbnail.
    let start = bytes.windows(2).rposition(|w| w == [0xFF, 0xC0]).unwrap();
    bytes[start + 5..start + 7].copy_from_slice(&height.to_be_bytes());
    bytes[start + 7..start + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

#[test]
fn photographs_are_decoded() {
    for name in ["obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg", "astronaut.png"] {
        let image = Image::decode(&photograph(name)).unwrap();
        assert_eq!(image.rgb().len() as u32, image.width() * image.height() * 3, "{name}");
        assert!(image.width().max(image.height()) <= LONGEST_SIDE);
    }
}

#[test]
fn a_picture_survives_png() {
    let rgb: Vec<u8> = (0..40 * 50 * 3).map(|i| (i % 256) as u8).collect();
    let image = Image::from_rgb(40, 50, rgb).unwrap();
    assert_eq!(Image::decode(&image.to_png().unwrap()).unwrap().rgb(), image.rgb());
}

#[test]
fn every_truncation_is_refused() {
    for name in ["obama.jpg", "astronaut.png"] {
        let bytes = photograph(name);
        // Trailing bytes after the end marker are not missed; these photographs have few.
        let lengths = (0..40).chain((40..bytes.len() - 40).step_by(bytes.len() / 25));
        for length in lengths {
            let error = Image::decode(&bytes[..length]).unwrap_err();
            let expected = matches!(error, ImageError::Corrupt | ImageError::NotAnImage);
            assert!(expected, "{name} {length}: {error}");
        }
    }
}

#[test]
fn other_files_are_no_images() {
    let noise: Vec<u8> =
        (0..4096u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let gif = b"GIF89a\x01\x00\x01\x00";
    for bytes in [&b""[..], b"hello", b"%PDF-1.4", gif, &noise] {
        assert!(matches!(Image::decode(bytes), Err(ImageError::NotAnImage)));
    }
}

#[test]
fn noise_behind_a_valid_signature_is_refused() {
    for seed in 0..50u32 {
        let noise = (0..2000u32)
            .map(|i| (i.wrapping_add(seed * 7919).wrapping_mul(2_654_435_761) >> 23) as u8);
        for signature in [&[0xFF, 0xD8, 0xFF, 0xE0][..], b"\x89PNG\r\n\x1a\n"] {
            let bytes: Vec<u8> = signature.iter().copied().chain(noise.clone()).collect();
            Image::decode(&bytes).unwrap_err();
        }
    }
}

#[test]
fn altered_bytes_never_panic() {
    let bytes = photograph("obama2.jpg");
    for at in (2..bytes.len()).step_by(bytes.len() / 40) {
        let mut altered = bytes.clone();
        altered[at] ^= 0x5A;
        if let Ok(image) = Image::decode(&altered) {
            assert!(image.width() <= LONGEST_SIDE);
        }
    }
}

#[test]
fn a_hundred_megapixels_are_refused_by_their_header() {
    for bytes in
        [png_header(10_000, 10_000), png_header(65_000, 65_000), jpeg_header(10_000, 10_000)]
    {
        assert!(matches!(Image::decode(&bytes), Err(ImageError::TooLarge)));
    }
}

#[test]
fn one_pixel_and_slivers_are_refused() {
    for (width, height) in [(1, 1), (31, 400), (40_000, 40)] {
        let error = Image::decode(&png_header(width, height)).unwrap_err();
        assert!(matches!(error, ImageError::TooSmall { .. }), "{error}");
    }
    assert!(matches!(Image::from_rgb(1, 1, vec![0; 3]), Err(ImageError::TooSmall { .. })));
}

#[test]
fn pixels_must_fill_the_picture() {
    let error = Image::from_rgb(40, 40, vec![0; 40 * 40 * 3 - 1]).unwrap_err();
    assert!(matches!(error, ImageError::WrongLength { found: 4799, .. }));
}

#[test]
fn a_missing_file_is_unreadable() {
    let error = Image::open(&PathBuf::from("/nonexistent/face.jpg")).unwrap_err();
    assert!(matches!(error, ImageError::Unreadable { .. }));
}

#[test]
fn large_pictures_are_reduced() {
    let image = Image::from_rgb(3000, 1000, vec![7; 9_000_000]).unwrap();
    assert_eq!((image.width(), image.height()), (2048, 682));
}

#[test]
fn a_picture_taken_sideways_is_turned_upright() {
    // An EXIF segment whose one entry says orientation 6: turn clockwise by 90°.
    let exif = [
        0xFF, 0xE1, 0, 34, b'E', b'x', b'i', b'f', 0, 0, b'M', b'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01,
        0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0,
    ];
    let mut bytes = Vec::new();
    // 60×40, the left half white.
    let rgb: Vec<u8> = (0..60 * 40).flat_map(|i| [if i % 60 < 30 { 255 } else { 0 }; 3]).collect();
    let encoder = ::image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 95);
    ::image::ImageEncoder::write_image(encoder, &rgb, 60, 40, ::image::ExtendedColorType::Rgb8)
        .unwrap();
    assert_eq!(Image::decode(&bytes).unwrap().width(), 60);
    let turned: Vec<u8> = bytes[..2].iter().chain(&exif).chain(&bytes[2..]).copied().collect();
    let turned = Image::decode(&turned).unwrap();
    assert_eq!((turned.width(), turned.height()), (40, 60));
    let (top, bottom) = (turned.rgb()[10 * 40 * 3], turned.rgb()[50 * 40 * 3]);
    assert!(top > 200 && bottom < 50);
}

#[test]
fn debug_shows_no_pixels() {
    let image = Image::from_rgb(40, 40, vec![9; 4800]).unwrap();
    assert_eq!(format!("{image:?}"), "Image(40×40)");
}
