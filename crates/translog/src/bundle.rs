//! Entry bundles: up to 256 entries, each after its length in two bytes, big-endian (C2SP tlog-tiles).
use crate::tile::TILE_WIDTH;

/// Why entries and their bundle do not go together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// An entry is longer than its length can say.
    #[error("an entry of {length} bytes is too long for a bundle: 65,535 at most")]
    EntryTooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The bytes end within an entry.
    #[error("the bundle ends within an entry")]
    Truncated,
    /// A bundle holds no more than 256 entries.
    #[error("the bundle has more than 256 entries")]
    TooMany,
}

/// The bundle of the entries, in their order; 256 at most.
pub fn encode_bundle<'a>(
    entries: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, BundleError> {
    let mut bundle = Vec::new();
    for (position, entry) in entries.into_iter().enumerate() {
        if position >= usize::from(TILE_WIDTH) {
            return Err(BundleError::TooMany);
        }
        let length = entry.len();
        let length = u16::try_from(length).map_err(|_| BundleError::EntryTooLong { length })?;
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Ok(bundle)
}

/// The entries of a bundle.
pub fn decode_bundle(bundle: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        if entries.len() >= usize::from(TILE_WIDTH) {
            return Err(BundleError::TooMany);
        }
        let (length, after) = rest.split_first_chunk::<2>().ok_or(BundleError::Truncated)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, after) = after.split_at_checked(length).ok_or(BundleError::Truncated)?;
        entries.push(entry);
        rest = after;
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_out_as_they_went_in() {
        let entries: [&[u8]; 3] = [b"one", b"", b"three"];
        let bundle = encode_bundle(entries).unwrap();
        assert_eq!(bundle, b"\0\x03one\0\0\0\x05three");
        assert_eq!(decode_bundle(&bundle).unwrap(), entries);
    }

    #[test]
    fn what_no_bundle_can_be_is_refused() {
        let long = vec![0; 65_536];
        let too_long = BundleError::EntryTooLong { length: 65_536 };
        assert_eq!(encode_bundle([long.as_slice()]), Err(too_long));
        assert_eq!(encode_bundle([[].as_slice(); 257]), Err(BundleError::TooMany));
        assert_eq!(decode_bundle(&[0; 514]), Err(BundleError::TooMany));
        for cut in [&b"\0"[..], b"\0\x02a", b"\0\x01a\0"] {
            assert_eq!(decode_bundle(cut), Err(BundleError::Truncated));
        }
    }
}
