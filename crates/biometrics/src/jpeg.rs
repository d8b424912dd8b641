//! Reads the outline of a JPEG (ITU-T T.81, annex B) without decoding it: decoders forgive a missing end, we do not.

/// What the markers of a JPEG say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Outline {
    /// Coefficients of the whole picture are kept while decoding.
    pub progressive: bool,
    /// Ends with an end-of-image marker.
    pub complete: bool,
}

const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;

/// Walks the segments of `bytes`; `None` where they are no JPEG.
pub(crate) fn outline(bytes: &[u8]) -> Option<Outline> {
    let mut rest = bytes.strip_prefix(&[0xFF, 0xD8])?;
    let mut outline = Outline { progressive: false, complete: false };
    while let Some((marker, after)) = next_marker(rest) {
        match marker {
            END_OF_IMAGE => return Some(Outline { complete: true, ..outline }),
            0xC2 | 0xC6 | 0xCA | 0xCE => outline.progressive = true,
            _ => {}
        }
        let Some(length) = after.first_chunk().map(|b| usize::from(u16::from_be_bytes(*b))) else {
            break;
        };
        let Some(body) = after.get(length.max(2)..) else { break };
        rest = if marker == START_OF_SCAN { skip_entropy_coded(body) } else { body };
    }
    Some(outline)
}

/// The next marker and what follows it; fill bytes (`FF FF`) are skipped.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let start = bytes.iter().position(|&b| b == 0xFF)?;
    let code = bytes[start..].iter().position(|&b| b != 0xFF)? + start;
    Some((bytes[code], &bytes[code + 1..]))
}

/// Skips data in which `FF 00` is a stuffed byte and `FF D0`–`FF D7` are restarts.
fn skip_entropy_coded(bytes: &[u8]) -> &[u8] {
    let ends = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xD0..=0xD7 | 0xFF);
    let end = bytes.windows(2).position(ends).unwrap_or(bytes.len());
    &bytes[end..]
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [u8; 11] = [0xFF, 0xD8, 0xFF, 0xC0, 0, 4, 8, 0, 0xFF, 0xDA, 0];

    #[test]
    fn a_jpeg_is_complete_only_with_its_end_marker() {
        let mut bytes = HEADER.to_vec();
        bytes.extend([2, 1, 2, 0xFF, 0x00, 3, 0xFF, 0xD0, 4]);
        assert_eq!(outline(&bytes), Some(Outline { progressive: false, complete: false }));
        bytes.extend([0xFF, 0xD9]);
        assert_eq!(outline(&bytes), Some(Outline { progressive: false, complete: true }));
    }

    #[test]
    fn an_end_marker_inside_a_thumbnail_does_not_count() {
        let bytes = [0xFF, 0xD8, 0xFF, 0xE1, 0, 6, 0xFF, 0xD8, 0xFF, 0xD9, 0xFF, 0xC2, 0, 2];
        assert_eq!(outline(&bytes), Some(Outline { progressive: true, complete: false }));
    }

    #[test]
    fn other_bytes_are_no_jpeg() {
        assert_eq!(outline(b"\x89PNG"), None);
        assert_eq!(outline(&[]), None);
    }
}
