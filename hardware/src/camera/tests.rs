use std::fs;
use std::path::Path;

use image::{ImageFormat, Rgb, RgbImage};
use tempfile::TempDir;

use super::*;

const ORANGE: Rgb<u8> = Rgb([200, 100, 50]);

fn picture(folder: &Path, name: &str, width: u32, colour: Rgb<u8>) -> PathBuf {
    let path = folder.join(name);
    RgbImage::from_pixel(width, 8, colour).save(&path).unwrap();
    path
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open_error(config: &CameraConfig) -> CameraError {
    config.open().err().unwrap()
}

#[test]
fn a_picture_is_read_once_and_shown_again_and_again() {
    let folder = folder();
    let path = picture(folder.path(), "face.png", 12, ORANGE);
    let mut camera = CameraConfig::Picture { path: path.clone() }.open().unwrap();
    fs::remove_file(&path).unwrap();
    for _ in 0..2 {
        let frame = camera.capture().unwrap();
        assert_eq!((frame.width, frame.height), (12, 8));
        assert_eq!(frame.rgb.len(), 3 * 12 * 8);
        assert_eq!(frame.into_rgb()[..3], ORANGE.0);
    }
    assert_eq!(camera.describe(), format!("picture {}", path.display()));
}

#[test]
fn a_folder_shows_its_pictures_in_turn_and_skips_other_files() {
    let folder = folder();
    picture(folder.path(), "b.JPG", 10, ORANGE);
    picture(folder.path(), "a.png", 9, ORANGE);
    fs::write(folder.path().join("notes.txt"), "no picture").unwrap();
    let mut camera = CameraConfig::Folder { path: folder.path().to_owned() }.open().unwrap();
    let widths: Vec<_> = (0..3).map(|_| camera.capture().unwrap().width).collect();
    assert_eq!(widths, [9, 10, 9]);
}

#[test]
fn an_empty_folder_gives_no_frame() {
    let folder = folder();
    let error = open_error(&CameraConfig::Folder { path: folder.path().to_owned() });
    assert!(matches!(error, CameraError::NoFrame(_)), "{error:?}");
}

#[test]
fn what_is_not_there_is_missing() {
    let path = PathBuf::from("/nowhere/at/all");
    let script = CameraConfig::Picture { path: path.clone() };
    for config in [script, CameraConfig::Folder { path }] {
        let error = open_error(&config);
        assert!(matches!(error, CameraError::Missing(..)), "{error:?}");
    }
}

#[test]
fn a_truncated_picture_is_undecodable() {
    let folder = folder();
    for name in ["face.png", "face.jpg"] {
        let path = picture(folder.path(), name, 200, ORANGE);
        let bytes = fs::read(&path).unwrap();
        for length in [0, 2, 20, bytes.len() / 2] {
            fs::write(&path, &bytes[..length]).unwrap();
            // Browsers, too, show the upper half of a JPEG: only its beginning must be whole.
            if name == "face.jpg" && length > 20 {
                continue;
            }
            let error = open_error(&CameraConfig::Picture { path: path.clone() });
            assert!(matches!(error, CameraError::Undecodable(..)), "{name} {length}: {error:?}");
        }
    }
}

/// The start of a PNG that promises so many pixels.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    RgbImage::new(1, 1).write_to(&mut bytes, ImageFormat::Png).unwrap();
    let mut bytes = bytes.into_inner();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// CRC-32 (ISO 3309), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

#[test]
fn a_huge_header_is_refused_before_memory_is_taken() {
    let folder = folder();
    let path = folder.path().join("bomb.png");
    for (width, height) in [(60_000, 60_000), (20_000, 2_600), (1, 2_000_000_000)] {
        fs::write(&path, png_header(width, height)).unwrap();
        let error = open_error(&CameraConfig::Picture { path: path.clone() });
        assert!(matches!(error, CameraError::TooLarge(_)), "{width} × {height}: {error:?}");
    }
}

#[test]
fn a_huge_file_is_refused() {
    let folder = folder();
    let path = folder.path().join("huge.png");
    fs::File::create(&path).unwrap().set_len(FILE_MAX + 1).unwrap();
    let error = open_error(&CameraConfig::Picture { path });
    assert!(matches!(error, CameraError::TooLarge(_)), "{error:?}");
}

#[test]
fn a_frame_does_not_print_its_pixels() {
    let frame = Frame { width: 1, height: 1, rgb: vec![201, 202, 203] };
    assert_eq!(format!("{frame:?}"), "Frame(1 × 1)");
}

#[test]
fn cameras_are_configured_in_toml() {
    let parse = |text| toml::from_str::<CameraConfig>(text);
    assert_eq!(parse("kind = 'device'\nindex = 0").unwrap(), CameraConfig::default());
    let url = StreamUrl::new("http://127.0.0.1/");
    assert_eq!(
        parse("kind = 'stream'\nurl = 'http://127.0.0.1/'").unwrap(),
        CameraConfig::Stream { url }
    );
    assert!(parse("kind = 'picture'\npath = 'a'\nurl = 'b'").is_err(), "unknown keys are refused");
}

#[cfg(feature = "emulator")]
#[test]
fn a_scripted_camera_plays_its_script() {
    let folder = folder();
    picture(folder.path(), "a.png", 9, ORANGE);
    let script = folder.path().join("script.toml");
    let steps = "
        repeat = true
        [[steps]]
        kind = 'picture'
        path = 'a.png'
        frames = 2
        [[steps]]
        kind = 'no_frame'
        [[steps]]
        kind = 'missing'
    ";
    fs::write(&script, steps).unwrap();
    let mut camera = CameraConfig::Scripted { script }.open().unwrap();
    for _ in 0..2 {
        assert_eq!(camera.capture().unwrap().width, 9);
        assert_eq!(camera.capture().unwrap().width, 9);
        assert!(matches!(camera.capture(), Err(CameraError::NoFrame(_))));
        assert!(matches!(camera.capture(), Err(CameraError::Missing(..))));
    }
}

#[cfg(feature = "opencv")]
mod opencv {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::process::Command;
    use std::thread;

    use super::*;

    /// Whether every pixel is about the colour: codecs do not keep it exactly.
    fn is_about(frame: &Frame, colour: Rgb<u8>) -> bool {
        let near = |(value, wanted): (&u8, &u8)| value.abs_diff(*wanted) < 30;
        frame.rgb.chunks_exact(3).all(|pixel| pixel.iter().zip(&colour.0).all(near))
    }

    #[test]
    fn a_device_that_is_not_there_is_missing() {
        let device = CameraConfig::Device { index: Some(97), path: None, width: 640, height: 480 };
        let error = open_error(&device);
        assert!(matches!(error, CameraError::Missing(..)), "{error:?}");
        assert!(error.to_string().contains("/dev/video97"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_device_is_unusable() {
        let folder = folder();
        let path = Some(picture(folder.path(), "face.png", 9, ORANGE));
        let error =
            open_error(&CameraConfig::Device { index: None, path, width: 640, height: 480 });
        assert!(matches!(error, CameraError::Unusable(..)), "{error:?}");
    }

    #[test]
    fn a_device_has_an_index_or_a_path() {
        let path = Some(PathBuf::from("/dev/video0"));
        for (index, path) in [(None, None), (Some(0), path)] {
            let config = CameraConfig::Device { index, path, width: 640, height: 480 };
            assert!(matches!(open_error(&config), CameraError::Configuration(_)));
        }
    }

    #[test]
    fn a_video_is_played_once() {
        let folder = folder();
        let path = folder.path().join("clip.avi");
        let source = "color=c=0xC86432:size=64x48:rate=5:duration=1";
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i", source, "-c:v", "mjpeg", "-q:v", "2"])
            .arg(&path)
            .status();
        let Ok(status) = made else {
            println!("skipped: ffmpeg is not installed");
            return;
        };
        assert!(status.success());
        let mut camera = CameraConfig::Video { path: path.clone() }.open().unwrap();
        for _ in 0..5 {
            let frame = camera.capture().unwrap();
            assert_eq!((frame.width, frame.height, frame.rgb.len()), (64, 48, 64 * 48 * 3));
            assert!(is_about(&frame, ORANGE), "{:?}", &frame.rgb[..3]);
        }
        assert!(matches!(camera.capture(), Err(CameraError::NoFrame(_))));
        assert_eq!(camera.describe(), format!("video {}", path.display()));
    }

    #[test]
    fn a_file_that_is_no_video_is_unusable() {
        let folder = folder();
        let path = folder.path().join("clip.avi");
        fs::write(&path, b"not a video").unwrap();
        let error = open_error(&CameraConfig::Video { path });
        assert!(matches!(error, CameraError::Unusable(..)), "{error:?}");
    }

    /// Serves one client `frames` pictures as motion JPEG, then keeps the connection open and silent.
    fn serve_stream(frames: u32) -> StreamUrl {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut jpeg = std::io::Cursor::new(Vec::new());
        let image = RgbImage::from_pixel(64, 48, ORANGE);
        image.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
        thread::spawn(move || {
            let (client, _) = listener.accept().unwrap();
            // FFmpeg hangs up when it has seen enough.
            let _ = stream_to(client, &jpeg.into_inner(), frames);
        });
        StreamUrl::new(format!("http://nurse:secret@{address}/live?token=secret"))
    }

    fn stream_to(mut client: TcpStream, jpeg: &[u8], frames: u32) -> std::io::Result<()> {
        let mut request = [0; 1024];
        let _ = client.read(&mut request)?;
        client.write_all(
            b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\n\r\n",
        )?;
        for _ in 0..frames {
            let length = jpeg.len();
            write!(
                client,
                "--next\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n"
            )?;
            client.write_all(jpeg)?;
            client.write_all(b"\r\n")?;
        }
        client.read_to_end(&mut Vec::new()).map(drop)
    }

    #[test]
    fn a_stream_is_captured_and_its_password_is_not_told() {
        let mut camera = CameraConfig::Stream { url: serve_stream(200) }.open().unwrap();
        let frame = camera.capture().unwrap();
        assert_eq!((frame.width, frame.height), (64, 48));
        assert!(is_about(&frame, ORANGE));
        let name = camera.describe();
        assert!(name.starts_with("stream http://127.0.0.1:") && name.ends_with("/live"), "{name}");
    }

    #[test]
    fn a_stream_that_stops_gives_no_frame() {
        let mut camera = CameraConfig::Stream { url: serve_stream(60) }.open().unwrap();
        let mut frames = 0;
        let error = loop {
            match camera.capture() {
                Ok(_) => frames += 1,
                Err(error) => break error,
            }
        };
        assert!(frames > 0 && matches!(error, CameraError::NoFrame(_)), "{frames} {error:?}");
    }

    #[test]
    fn a_stream_nobody_serves_is_unusable() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://nurse:secret@{}/", listener.local_addr().unwrap());
        drop(listener);
        let config = CameraConfig::Stream { url: StreamUrl::new(url) };
        assert!(!format!("{config:?}").contains("secret"));
        let error = open_error(&config);
        assert!(matches!(error, CameraError::Unusable(..)), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("secret"));
    }

    #[test]
    fn a_stream_cannot_be_a_file() {
        for url in ["file:///etc/passwd", "/etc/passwd", "concat:a|b", "HTTP"] {
            let error = open_error(&CameraConfig::Stream { url: StreamUrl::new(url) });
            assert!(matches!(error, CameraError::Configuration(_)), "{url}: {error:?}");
        }
    }
}
