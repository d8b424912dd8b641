//! The structures of a TPM (TCG, Trusted Platform Module Library 2.0, part 2), as far as an attestation has them.
use imp_identity::Digest;

use super::AttestationError;

/// `TPM_GENERATED_VALUE`: only a TPM signs what begins with it (§6.2).
const GENERATED: u32 = 0xff54_4347;
/// `TPM_ST_ATTEST_CERTIFY` (§6.9).
const CERTIFY: u16 = 0x8017;
const ECC: u16 = 0x0023;
const SHA256: u16 = 0x000b;
const NULL: u16 = 0x0010;
const P256: u16 = 0x0003;
const ECDSA: u16 = 0x0018;
const RSASSA: u16 = 0x0014;
/// fixedTPM, fixedParent, sensitiveDataOrigin (§8.3.2): made in this TPM, and never outside it.
const RESIDENT: u32 = 1 << 1 | 1 << 4 | 1 << 5;
/// restricted (§8.3.2): such a key signs only what the TPM made, and so nothing that a certificate is for.
const RESTRICTED: u32 = 1 << 16;

/// What a TPM says of a key (`TPMS_ATTEST` with `TPMS_CERTIFY_INFO`, §10.12).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statement<'a> {
    /// What whoever asked wanted to be signed along.
    pub(super) challenge: &'a [u8],
    /// The name of the key.
    pub(super) name: &'a [u8],
}

/// A signature (`TPMT_SIGNATURE`, §11.3.4), with SHA-256.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Signature<'a> {
    /// r and s, of 32 bytes each.
    Ecdsa([u8; 64]),
    Rsassa(&'a [u8]),
}

/// Reads big-endian numbers and sized buffers.
struct Reader<'a> {
    bytes: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], AttestationError> {
        let wrong = AttestationError::Structure(self.what);
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(wrong)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, AttestationError> {
        let bytes = self.take(2)?;
        bytes.try_into().map(u16::from_be_bytes).map_err(|_| AttestationError::Structure(self.what))
    }

    fn u32(&mut self) -> Result<u32, AttestationError> {
        let bytes = self.take(4)?;
        bytes.try_into().map(u32::from_be_bytes).map_err(|_| AttestationError::Structure(self.what))
    }

    fn sized(&mut self) -> Result<&'a [u8], AttestationError> {
        let length = self.u16()?;
        self.take(length.into())
    }

    fn end(&self) -> Result<(), AttestationError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(AttestationError::Structure(self.what)) }
    }
}

impl<'a> Statement<'a> {
    /// Reads what a TPM says of a key.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, AttestationError> {
        let what = "certInfo is not a statement of a TPM about a key";
        let mut reader = Reader { bytes, what };
        if reader.u32()? != GENERATED || reader.u16()? != CERTIFY {
            return Err(AttestationError::Structure(what));
        }
        // qualifiedSigner
        reader.sized()?;
        let challenge = reader.sized()?;
        // clockInfo, firmwareVersion
        reader.take(17 + 8)?;
        let name = reader.sized()?;
        // qualifiedName
        reader.sized()?;
        reader.end()?;
        Ok(Self { challenge, name })
    }
}

/// The name of a public area: its digest's algorithm, and its digest (part 1 §16).
pub(super) fn name(public_area: &[u8]) -> Vec<u8> {
    [SHA256.to_be_bytes().as_slice(), Digest::of(&[public_area]).as_bytes()].concat()
}

/// The key of a public area (`TPMT_PUBLIC`, §12.2.4) as a `SubjectPublicKeyInfo` in DER: P-256, made in the TPM.
pub(super) fn public_key(public_area: &[u8]) -> Result<Vec<u8>, AttestationError> {
    let mut reader = Reader { bytes: public_area, what: "pubArea is not the public area of a key" };
    let (kind, name_algorithm, attributes) = (reader.u16()?, reader.u16()?, reader.u32()?);
    if kind != ECC || name_algorithm != SHA256 {
        return Err(AttestationError::KeyKind);
    }
    if attributes & RESIDENT != RESIDENT || attributes & RESTRICTED != 0 {
        return Err(AttestationError::Exportable);
    }
    // authPolicy
    reader.sized()?;
    if reader.u16()? != NULL {
        // A symmetric algorithm stands in storage keys only, which do not sign.
        return Err(AttestationError::KeyKind);
    }
    match reader.u16()? {
        NULL => {}
        ECDSA => {
            reader.u16()?;
        }
        _ => return Err(AttestationError::KeyKind),
    }
    if reader.u16()? != P256 {
        return Err(AttestationError::KeyKind);
    }
    if reader.u16()? != NULL {
        reader.u16()?;
    }
    let (x, y) = (padded(reader.sized()?)?, padded(reader.sized()?)?);
    reader.end()?;
    let point = [&[4], x.as_slice(), &y].concat();
    Ok(spki(&point))
}

/// `AlgorithmIdentifier` and point of a P-256 key (RFC 5480 §2).
fn spki(point: &[u8]) -> Vec<u8> {
    const PREFIX: [u8; 26] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    [PREFIX.as_slice(), point].concat()
}

/// A number of 32 bytes; a TPM may leave leading zeros out.
fn padded(number: &[u8]) -> Result<[u8; 32], AttestationError> {
    let mut padded = [0; 32];
    let at = 32_usize.checked_sub(number.len());
    let place = at.and_then(|at| padded.get_mut(at..)).ok_or(AttestationError::KeyKind)?;
    place.copy_from_slice(number);
    Ok(padded)
}

impl<'a> Signature<'a> {
    /// Reads a signature.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, AttestationError> {
        let what = "sig is not a signature with SHA-256";
        let mut reader = Reader { bytes, what };
        let (kind, hash) = (reader.u16()?, reader.u16()?);
        if hash != SHA256 {
            return Err(AttestationError::Structure(what));
        }
        let signature = match kind {
            ECDSA => {
                let (r, s) = (padded(reader.sized()?)?, padded(reader.sized()?)?);
                let mut both = [0; 64];
                both[..32].copy_from_slice(&r);
                both[32..].copy_from_slice(&s);
                Self::Ecdsa(both)
            }
            RSASSA => Self::Rsassa(reader.sized()?),
            _ => return Err(AttestationError::Structure(what)),
        };
        reader.end()?;
        Ok(signature)
    }
}
