//! How the words of `imp-identity` are written in CBOR. Each module is one `#[cbor(with = …)]`.
//!
//! Everything is written in one way only (RFC 8949 §4.2.1; floating-point numbers always as binary32):
//! [`decode`] encodes again and refuses what differs, so unknown keys, indefinite lengths, duplicate keys
//! and trailing bytes are refused in one place.
use std::fmt::Display;
use std::str::FromStr;

use imp_identity::clock::{from_micros, to_micros};
use imp_identity::id::Id;
use imp_identity::tap::Step;
use imp_identity::{Digest, ReferenceId, Secret};
use jiff::Timestamp;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};
use zeroize::Zeroizing;

use crate::receipt::{CHECKPOINT_LIMIT, LIMIT as RECEIPT, PROOF_LIMIT, RECORD_LIMIT};
use crate::{Salt, TemplateKey};

/// Longest text, in bytes.
const TEXT: usize = 512;
/// Longest byte string other than a template, in bytes.
const BLOB: usize = 8 * 1024;
/// Longest template, in bytes.
const TEMPLATE: usize = 32 * 1024;
/// Most steps in a match evidence.
const STEPS: u64 = 64;

/// Reads one `T` that fills `bytes` and is written canonically.
pub(crate) fn decode<T>(bytes: &[u8]) -> Option<T>
where
    T: for<'b> Decode<'b, ()> + Encode<()>,
{
    let value: T = minicbor::decode(bytes).ok()?;
    let mut again = Zeroizing::new(Vec::with_capacity(bytes.len()));
    minicbor::encode(&value, &mut *again).ok()?;
    (again.as_slice() == bytes).then_some(value)
}

/// Declares a module with `encode` and `decode` for one type, or for all types that fit a bound.
macro_rules! codec {
    ($(#[$doc:meta])* $name:ident [$($generic:tt)*] $type:ty, $encode:expr, $decode:expr) => {
        $(#[$doc])*
        pub(crate) mod $name {
            use super::*;

            pub(crate) fn encode<Ctx, W: Write, $($generic)*>(
                value: &$type,
                encoder: &mut Encoder<W>,
                _: &mut Ctx,
            ) -> Result<(), EncodeError<W::Error>> {
                let write: fn(&$type, &mut Encoder<W>) -> Result<(), EncodeError<W::Error>> = $encode;
                write(value, encoder)
            }

            pub(crate) fn decode<'b, Ctx, $($generic)*>(
                decoder: &mut Decoder<'b>,
                _: &mut Ctx,
            ) -> Result<$type, DecodeError> {
                let read: fn(&mut Decoder<'b>) -> Result<$type, DecodeError> = $decode;
                read(decoder)
            }
        }
    };
}

fn fixed<const N: usize>(decoder: &mut Decoder<'_>) -> Result<[u8; N], DecodeError> {
    decoder
        .bytes()?
        .try_into()
        .map_err(|_| DecodeError::message("a byte string has the wrong length"))
}

fn parsed<T: FromStr>(decoder: &mut Decoder<'_>) -> Result<T, DecodeError> {
    let text = decoder.str()?;
    if text.len() > TEXT {
        return Err(DecodeError::message("a text is too long"));
    }
    text.parse().map_err(|_| DecodeError::message("a text is not one of its kind"))
}

fn fits_text(text: &str) -> bool {
    text.len() <= TEXT && !text.chars().any(char::is_control)
}

codec!(
    /// 32 bytes.
    bytes32 [] [u8; 32], |v, e| e.bytes(v)?.ok(), |d| fixed(d)
);
codec!(
    /// A salt: 32 bytes, copied from the message to where they stay.
    salt [] Salt,
    |v, e| e.bytes(v.expose())?.ok(),
    |d| match <&[u8; 32]>::try_from(d.bytes()?) {
        Ok(bytes) => Ok(Salt::from(bytes)),
        Err(_) => Err(DecodeError::message("a byte string has the wrong length")),
    }
);
codec!(
    /// The key of a template: 32 bytes, handled as a salt; without one its key in the map is left out.
    optional_template_key [] Option<TemplateKey>,
    |v, e| match v {
        Some(key) => e.bytes(key.expose())?.ok(),
        None => e.null()?.ok(),
    },
    |d| match <&[u8; 32]>::try_from(d.bytes()?) {
        Ok(bytes) => Ok(Some(TemplateKey::from(bytes))),
        Err(_) => Err(DecodeError::message("a byte string has the wrong length")),
    }
);
codec!(
    /// A digest: 32 bytes.
    digest [] Digest, |v, e| e.bytes(v.as_bytes())?.ok(), |d| Ok(Digest::from_bytes(fixed(d)?))
);
codec!(
    /// An identifier: 16 bytes.
    id [T] Id<T>, |v, e| e.bytes(&v.into_bytes())?.ok(), |d| Ok(Id::from_bytes(fixed(d)?))
);
codec!(
    /// An identifier; without one its key is left out.
    optional_id [T] Option<Id<T>>,
    |v, e| match v {
        Some(id) => e.bytes(&id.into_bytes())?.ok(),
        None => e.null()?.ok(),
    },
    |d| Ok(Some(Id::from_bytes(fixed(d)?)))
);
codec!(
    /// An instant: microseconds since 1970-01-01T00:00:00Z.
    time [] Timestamp,
    |v, e| e.i64(to_micros(*v))?.ok(),
    |d| from_micros(d.i64()?).ok_or_else(|| DecodeError::message("an instant is out of range"))
);
codec!(
    /// A value that has one text form, such as a code or a SPIFFE ID.
    text [T: Display + FromStr] T, |v, e| e.str(&v.to_string())?.ok(), |d| parsed(d)
);
codec!(
    /// The same; without one its key is left out.
    optional_text [T: Display + FromStr] Option<T>,
    |v, e| match v {
        Some(value) => e.str(&value.to_string())?.ok(),
        None => e.null()?.ok(),
    },
    |d| parsed(d).map(Some)
);
codec!(
    /// A text to show to people: at most 512 bytes, no control characters.
    label [] String,
    |v, e| if fits_text(v) { e.str(v)?.ok() } else { Err(EncodeError::message("a text does not fit")) },
    |d| {
        let text = d.str()?;
        if fits_text(text) { Ok(text.to_owned()) } else { Err(DecodeError::message("a text does not fit")) }
    }
);
codec!(
    /// A finite binary32 number.
    float [] f32,
    |v, e| if v.is_finite() { e.f32(*v)?.ok() } else { Err(EncodeError::message("a number is not finite")) },
    |d| {
        let number = d.f32()?;
        if number.is_finite() { Ok(number) } else { Err(DecodeError::message("a number is not finite")) }
    }
);
codec!(
    /// A byte string of at most 8 KiB.
    blob [] Vec<u8>,
    |v, e| if v.len() <= BLOB { e.bytes(v)?.ok() } else { Err(EncodeError::message("a byte string is too long")) },
    |d| {
        let bytes = d.bytes()?;
        if bytes.len() <= BLOB { Ok(bytes.to_vec()) } else { Err(DecodeError::message("a byte string is too long")) }
    }
);
codec!(
    /// A signed receipt.
    receipt [] Vec<u8>,
    |v, e| if v.len() <= RECEIPT { e.bytes(v)?.ok() } else { Err(EncodeError::message("a receipt is too long")) },
    |d| {
        let bytes = d.bytes()?;
        if bytes.len() <= RECEIPT { Ok(bytes.to_vec()) } else { Err(DecodeError::message("a receipt is too long")) }
    }
);
codec!(
    /// The text of a record.
    record [] String,
    |v, e| if v.len() <= RECORD_LIMIT { e.str(v)?.ok() } else { Err(EncodeError::message("a record is too long")) },
    |d| {
        let text = d.str()?;
        if text.len() <= RECORD_LIMIT { Ok(text.to_owned()) } else { Err(DecodeError::message("a record is too long")) }
    }
);
codec!(
    /// The text of a checkpoint.
    checkpoint [] String,
    |v, e| if v.len() <= CHECKPOINT_LIMIT { e.str(v)?.ok() } else { Err(EncodeError::message("a checkpoint is too long")) },
    |d| {
        let text = d.str()?;
        if text.len() <= CHECKPOINT_LIMIT { Ok(text.to_owned()) } else { Err(DecodeError::message("a checkpoint is too long")) }
    }
);
codec!(
    /// An inclusion proof.
    hashes [] Vec<[u8; 32]>,
    |v, e| {
        if v.len() > PROOF_LIMIT {
            return Err(EncodeError::message("a proof is too long"));
        }
        e.array(v.len() as u64)?;
        for hash in v {
            e.bytes(hash)?;
        }
        Ok(())
    },
    |d| {
        let count = d.array()?.filter(|&count| count <= PROOF_LIMIT as u64);
        let count = count.ok_or_else(|| DecodeError::message("a proof is too long"))?;
        (0..count).map(|_| fixed(d)).collect()
    }
);
codec!(
    /// A template of at most 32 KiB.
    template [] Secret<Vec<u8>>,
    |v, e| if v.expose().len() <= TEMPLATE { e.bytes(v.expose())?.ok() } else { Err(EncodeError::message("a template is too long")) },
    |d| {
        let bytes = d.bytes()?;
        if bytes.len() <= TEMPLATE { Ok(Secret::new(bytes.to_vec())) } else { Err(DecodeError::message("a template is too long")) }
    }
);
codec!(
    /// A reference and its digest; without one its key is left out.
    optional_reference [] Option<(ReferenceId, Digest)>,
    |v, e| match v {
        Some((id, digest)) => e.array(2)?.bytes(&id.into_bytes())?.bytes(digest.as_bytes())?.ok(),
        None => e.null()?.ok(),
    },
    |d| {
        if d.array()? != Some(2) {
            return Err(DecodeError::message("a reference is a pair"));
        }
        Ok(Some((Id::from_bytes(fixed(d)?), Digest::from_bytes(fixed(d)?))))
    }
);
codec!(
    /// At most 64 steps, each `[name, microseconds]`.
    steps [] Vec<Step>,
    |v, e| {
        if v.len() as u64 > STEPS || v.iter().any(|step| !fits_text(&step.name)) {
            return Err(EncodeError::message("the steps do not fit"));
        }
        e.array(v.len() as u64)?;
        for step in v {
            e.array(2)?.str(&step.name)?.u64(step.micros)?;
        }
        Ok(())
    },
    |d| {
        let count = d.array()?.filter(|&count| count <= STEPS);
        let count = count.ok_or_else(|| DecodeError::message("the steps do not fit"))?;
        (0..count).map(|_| {
            let pair = d.array()?;
            let name = d.str()?;
            if pair != Some(2) || !fits_text(name) {
                return Err(DecodeError::message("a step is a short name and a number"));
            }
            Ok(Step { name: name.to_owned(), micros: d.u64()? })
        }).collect()
    }
);
