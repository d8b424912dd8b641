//! Bytes as they are, and what they decode to.
use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, Encoding, HEXLOWER_PERMISSIVE};

/// Runs shorter than this hold no window of any form.
const SHORTEST_RUN: usize = 16;
/// Base64 within base64 is looked into; deeper is not.
const DEPTH: usize = 2;

/// `bytes`, and everything that can be decoded from parts of them.
pub(super) fn of(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut views = vec![bytes.to_vec()];
    let mut newest = 0;
    for _ in 0..DEPTH {
        let until = views.len();
        for index in newest..until {
            let mut decoded = decodings(&views[index]);
            views.append(&mut decoded);
        }
        newest = until;
    }
    views
}

fn decodings(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut decoded = Vec::new();
    for (encoding, digits, extra) in [
        (&BASE64_NOPAD, 4, b"+/".as_slice()),
        (&BASE64URL_NOPAD, 4, b"-_".as_slice()),
        (&HEXLOWER_PERMISSIVE, 2, b"".as_slice()),
    ] {
        let fits = |b: &u8| match digits {
            2 => b.is_ascii_hexdigit(),
            _ => b.is_ascii_alphanumeric() || extra.contains(b),
        };
        for run in bytes.split(|b| !fits(b)).filter(|run| run.len() >= SHORTEST_RUN) {
            // Where the secret begins within the run is not known: every alignment is tried.
            decoded.extend((0..digits).filter_map(|skip| decode(encoding, &run[skip..], digits)));
        }
    }
    decoded
}

fn decode(encoding: &Encoding, run: &[u8], digits: usize) -> Option<Vec<u8>> {
    encoding.decode(&run[..run.len() / digits * digits]).ok()
}
