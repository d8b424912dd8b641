//! The salt of a reference's digest.
use rand_core::CryptoRng;
use zeroize::Zeroize as _;

/// 32 bytes that print as `[redacted]`, lie on the heap only and are wiped on drop: a value that is moved leaves no copy of
/// them on a stack.
pub struct Salt(Box<[u8; 32]>);

impl Salt {
    /// A fresh one.
    pub fn draw(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Box::new([0; 32]);
        rng.fill_bytes(bytes.as_mut_slice());
        Self(bytes)
    }

    /// The bytes. Search for this name when auditing.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<&[u8; 32]> for Salt {
    fn from(bytes: &[u8; 32]) -> Self {
        let mut kept = Box::new([0; 32]);
        kept.copy_from_slice(bytes);
        Self(kept)
    }
}

impl From<[u8; 32]> for Salt {
    /// For bytes that are no secret: the caller's copy stays where it is.
    fn from(bytes: [u8; 32]) -> Self {
        Self::from(&bytes)
    }
}

impl Clone for Salt {
    fn clone(&self) -> Self {
        Self::from(self.expose())
    }
}

impl Drop for Salt {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}
