//! Secrets of 32 bytes that travel beside a template: the salt of its digest, and its key.
use rand_core::CryptoRng;
use zeroize::Zeroize as _;

/// Declares a secret of 32 bytes that prints as `[redacted]`, lies on the heap only and is wiped on drop: a value that is
/// moved leaves no copy of it on a stack.
macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name(Box<[u8; 32]>);

        impl $name {
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

        impl From<&[u8; 32]> for $name {
            fn from(bytes: &[u8; 32]) -> Self {
                let mut kept = Box::new([0; 32]);
                kept.copy_from_slice(bytes);
                Self(kept)
            }
        }

        impl From<[u8; 32]> for $name {
            /// For bytes that are no secret: the caller's copy stays where it is.
            fn from(bytes: [u8; 32]) -> Self {
                Self::from(&bytes)
            }
        }

        impl Clone for $name {
            fn clone(&self) -> Self {
                Self::from(self.expose())
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                self.0.zeroize();
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("[redacted]")
            }
        }
    };
}

secret!(
    /// The salt of a reference's digest.
    Salt
);
secret!(
    /// The key of a protected template (ISO/IEC 24745), without which it cannot be compared.
    TemplateKey
);
