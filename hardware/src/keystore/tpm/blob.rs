//! How an object of the TPM is stored: what it says in public, and what only it can read.
use tss_esapi::structures::{Private, Public};
use tss_esapi::traits::{Marshall as _, UnMarshall as _};

const MAGIC: &[u8; 8] = b"IMP-TPM1";

/// A key or a sealed value, encrypted by its parent in the TPM.
#[derive(Clone)]
pub(super) struct Blob {
    pub(super) public: Public,
    pub(super) private: Private,
}

impl Blob {
    /// Magic, then `TPMT_PUBLIC` and the content of `TPM2B_PRIVATE`, each after its length (2 bytes, big-endian).
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        let public = self.public.marshall().ok()?;
        let private = self.private.value();
        let mut bytes = MAGIC.to_vec();
        for part in [&public, private] {
            bytes.extend(u16::try_from(part.len()).ok()?.to_be_bytes());
            bytes.extend(part);
        }
        Some(bytes)
    }

    /// Reads [`Self::to_bytes`]; `None` for anything else.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (public, rest) = part(bytes.strip_prefix(MAGIC)?)?;
        let (private, rest) = part(rest)?;
        let public = Public::unmarshall(public).ok()?;
        if !matches!(public, Public::Ecc { .. } | Public::KeyedHash { .. }) {
            return None;
        }
        let private = Private::try_from(private).ok()?;
        rest.is_empty().then_some(Self { public, private })
    }
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}
