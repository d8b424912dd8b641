//! RSA keys of clients.
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RsaParameters,
};

use super::Algorithm;

/// Whether the signature is good. Keys below 2048 bits are never.
pub(super) fn verify(
    algorithm: Algorithm,
    n: &[u8],
    e: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    let parameters: &'static RsaParameters = match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::Es256 | Algorithm::EdDsa | Algorithm::Es384 => return false,
    };
    PublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
}
