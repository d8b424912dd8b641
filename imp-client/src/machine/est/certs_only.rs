//! Certificates in a PKCS#7 message that nobody signed ("certs-only": RFC 5652 §5.1, RFC 8551 §3.8), in DER.

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
/// `[0]`, constructed.
const CONTEXT_0: u8 = 0xa0;
/// 1.2.840.113549.1.7.2, with tag and length.
const SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
/// As many certificates as are read.
const MOST: usize = 32;

/// One element (X.690 §8.1).
struct Element<'a> {
    tag: u8,
    /// With tag and length.
    whole: &'a [u8],
    contents: &'a [u8],
}

/// The certificates in `der`, as they stand there; `None` if it is something else, or holds more than are read.
pub(super) fn certificates(der: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut rest = der;
    let content = next(&mut rest, SEQUENCE).filter(|_| rest.is_empty())?;
    let mut rest = content.contents.strip_prefix(SIGNED_DATA)?;
    let explicit = next(&mut rest, CONTEXT_0)?;
    let mut rest = explicit.contents;
    let signed = next(&mut rest, SEQUENCE)?;
    let mut rest = signed.contents;
    for tag in [INTEGER, SET, SEQUENCE] {
        next(&mut rest, tag)?;
    }
    let mut rest = next(&mut rest, CONTEXT_0)?.contents;
    let mut found = Vec::new();
    while !rest.is_empty() {
        if found.len() == MOST {
            return None;
        }
        found.push(next(&mut rest, SEQUENCE)?.whole.to_vec());
    }
    Some(found)
}

/// Takes the next element, which must have this tag.
fn next<'a>(rest: &mut &'a [u8], tag: u8) -> Option<Element<'a>> {
    let all = *rest;
    let (&found, after) = all.split_first()?;
    let (&first, after) = after.split_first()?;
    let (length, after) = if first < 0x80 {
        (usize::from(first), after)
    } else {
        // At most three bytes of length: what is longer is not read anyway.
        let bytes = usize::from(first & 0x7f);
        let (length, after) = after.split_at_checked(bytes).filter(|_| (1..=3).contains(&bytes))?;
        (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), after)
    };
    let (contents, after) = after.split_at_checked(length)?;
    let whole = all.get(..all.len() - after.len())?;
    *rest = after;
    let element = Element { tag: found, whole, contents };
    Some(element).filter(|element| element.tag == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
        let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], &length[..], contents].concat()
    }

    fn message(certificates: &[u8]) -> Vec<u8> {
        let signed = [
            element(INTEGER, &[1]),
            element(SET, &[]),
            element(SEQUENCE, b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"),
            element(CONTEXT_0, certificates),
            element(SET, &[]),
        ];
        let explicit = element(CONTEXT_0, &element(SEQUENCE, &signed.concat()));
        element(SEQUENCE, &[SIGNED_DATA, &explicit].concat())
    }

    #[test]
    fn every_certificate_comes_out_as_it_went_in() {
        let (one, other) = (element(SEQUENCE, &[7; 300]), vec![SEQUENCE, 1, 9]);
        let read = certificates(&message(&[one.clone(), other.clone()].concat()));
        assert_eq!(read, Some(vec![one, other]));
        assert_eq!(certificates(&message(&[])), Some(vec![]));
    }

    #[test]
    fn what_is_cut_off_longer_or_something_else_is_refused() {
        let whole = message(&element(SEQUENCE, &[7; 300]));
        for end in 0..whole.len() {
            assert_eq!(certificates(&whole[..end]), None, "{end}");
        }
        assert_eq!(certificates(&[whole.as_slice(), &[0]].concat()), None);
        assert_eq!(certificates(&message(&element(SET, &[7]))), None);
        assert_eq!(certificates(&message(&[SEQUENCE, 0].repeat(MOST + 1))), None);
        assert_eq!(certificates(&[SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(certificates(&[SEQUENCE, 0x80, 0, 0]), None, "without an end");
    }
}
