//! Pictures, decoded within bounds: at most 300 MB of memory whatever the bytes say.
use std::fs::File;
use std::io::{self, Cursor, Read as _};
use std::path::{Path, PathBuf};

use ::image::error::LimitErrorKind;
use ::image::metadata::Orientation;
use ::image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use zeroize::Zeroizing;

use crate::{jpeg, resize};

/// Longest file that is read, in bytes.
const FILE_LIMIT: u64 = 64 << 20;
/// Most pixels that a header may promise.
const PIXEL_LIMIT: u64 = 50_000_000;
/// Most bytes that file, decoder and pixels may take together: with the networks, a process stays below 300 MB.
const MEMORY_LIMIT: u64 = 120_000_000;
/// Longest side that is kept, in pixels: a face in a larger picture gains nothing.
const LONGEST_SIDE: u32 = 2048;
/// Shortest side in which a face could be compared, in pixels.
const SHORTEST_SIDE: u32 = 32;

/// An RGB picture, 8 bits a channel, wiped on drop.
#[derive(Clone)]
pub struct Image {
    width: u32,
    height: u32,
    rgb: Zeroizing<Vec<u8>>,
}

/// The bytes are no picture that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file cannot be read.
    #[error("could not read {}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Neither JPEG nor PNG.
    #[error("not a JPEG or PNG picture")]
    NotAnImage,
    /// Truncated or damaged.
    #[error("the picture is truncated or damaged")]
    Corrupt,
    /// More than 64 MiB of file, 50 megapixels, or 120 MB of memory to decode.
    #[error(
        "the picture is too large: at most 64 MiB, 50 megapixels and 120 MB while it is decoded are accepted"
    )]
    TooLarge,
    /// A side is shorter than 32 pixels.
    #[error("the picture is too small: {width}×{height} pixels, at least 32×32 are needed")]
    TooSmall {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// As many bytes were expected as `3 × width × height`.
    #[error("{found} bytes are not the pixels of a {width}×{height} RGB picture")]
    WrongLength {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Bytes given.
        found: usize,
    },
    /// The picture could not be written as PNG.
    #[error("could not encode the picture")]
    Encoding(#[source] ::image::ImageError),
}

impl Image {
    /// Reads and decodes the file at `path`.
    pub fn open(path: &Path) -> Result<Self, ImageError> {
        let unreadable = |source| ImageError::Unreadable { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        if size > FILE_LIMIT {
            return Err(ImageError::TooLarge);
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(size as usize + 1));
        file.take(FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        Self::decode(&bytes)
    }

    /// Decodes a JPEG or PNG, turns it upright as its EXIF data says, and reduces its longest side to 2048 pixels.
    pub fn decode(bytes: &[u8]) -> Result<Self, ImageError> {
        if bytes.len() as u64 > FILE_LIMIT {
            return Err(ImageError::TooLarge);
        }
        let format = ::image::guess_format(bytes).map_err(|_| ImageError::NotAnImage)?;
        let coefficients = if format == ImageFormat::Jpeg {
            let outline = jpeg::outline(bytes).ok_or(ImageError::NotAnImage)?;
            if !outline.complete {
                return Err(ImageError::Corrupt);
            }
            if outline.progressive { 6 } else { 0 }
        } else if format == ImageFormat::Png {
            0
        } else {
            return Err(ImageError::NotAnImage);
        };
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::default();
        limits.max_alloc = Some(MEMORY_LIMIT);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(refusal)?;
        let (width, height) = decoder.dimensions();
        check_size(width, height)?;
        let pixels = u64::from(width) * u64::from(height);
        let own = decoder.total_bytes();
        let converted =
            if decoder.color_type() == ::image::ColorType::Rgb8 { 0 } else { 3 * pixels };
        if bytes.len() as u64 + own + converted + coefficients * pixels > MEMORY_LIMIT {
            return Err(ImageError::TooLarge);
        }
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let picture = DynamicImage::from_decoder(decoder).map_err(refusal)?;
        Ok(Self::upright(picture.into_rgb8(), orientation))
    }

    /// Takes packed RGB pixels, row by row from the top, as a camera gives them.
    pub fn from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Result<Self, ImageError> {
        let rgb = Zeroizing::new(rgb);
        check_size(width, height)?;
        if rgb.len() as u64 != 3 * u64::from(width) * u64::from(height) {
            return Err(ImageError::WrongLength { width, height, found: rgb.len() });
        }
        Ok(Self { width, height, rgb }.reduced())
    }

    /// Pixels across.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels down.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Packed pixels, row by row from the top.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The picture as a PNG file.
    pub fn to_png(&self) -> Result<Vec<u8>, ImageError> {
        let mut bytes = Cursor::new(Vec::new());
        let format = ImageFormat::Png;
        let (width, height) = (self.width, self.height);
        ::image::write_buffer_with_format(
            &mut bytes,
            &self.rgb,
            width,
            height,
            ::image::ExtendedColorType::Rgb8,
            format,
        )
        .map_err(ImageError::Encoding)?;
        Ok(bytes.into_inner())
    }

    /// A copy whose pixels `change` may alter.
    pub(crate) fn altered(&self, change: impl FnOnce(&mut [u8])) -> Self {
        let mut copy = self.clone();
        change(&mut copy.rgb);
        copy
    }

    fn upright(picture: RgbImage, orientation: Orientation) -> Self {
        let (width, height) = picture.dimensions();
        let reduced = Self { width, height, rgb: Zeroizing::new(picture.into_raw()) }.reduced();
        if orientation == Orientation::NoTransforms {
            return reduced;
        }
        let Self { width, height, mut rgb } = reduced;
        let Some(picture) = RgbImage::from_raw(width, height, std::mem::take(&mut *rgb)) else {
            return Self { width: 0, height: 0, rgb };
        };
        let mut picture = DynamicImage::from(picture);
        picture.apply_orientation(orientation);
        let picture = picture.into_rgb8();
        let (width, height) = picture.dimensions();
        Self { width, height, rgb: Zeroizing::new(picture.into_raw()) }
    }

    fn reduced(self) -> Self {
        let longest = self.width.max(self.height);
        if longest <= LONGEST_SIDE {
            return self;
        }
        let side = |s: u32| {
            let scaled = u64::from(s) * u64::from(LONGEST_SIDE) / u64::from(longest);
            (scaled as u32).max(1)
        };
        let (width, height) = (side(self.width), side(self.height));
        let rgb = resize::shrink(&self.rgb, (self.width, self.height), (width, height));
        Self { width, height, rgb: Zeroizing::new(rgb) }
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({}×{})", self.width, self.height)
    }
}

fn check_size(width: u32, height: u32) -> Result<(), ImageError> {
    if u64::from(width) * u64::from(height) > PIXEL_LIMIT {
        return Err(ImageError::TooLarge);
    }
    // A sliver would vanish when its long side is reduced.
    let sliver = width.max(height) > 64 * width.min(height);
    if width.min(height) < SHORTEST_SIDE || sliver {
        return Err(ImageError::TooSmall { width, height });
    }
    Ok(())
}

fn refusal(error: ::image::ImageError) -> ImageError {
    let ::image::ImageError::Limits(limit) = error else { return ImageError::Corrupt };
    if matches!(limit.kind(), LimitErrorKind::Unsupported { .. }) {
        ImageError::Corrupt
    } else {
        ImageError::TooLarge
    }
}

#[cfg(test)]
mod tests;
