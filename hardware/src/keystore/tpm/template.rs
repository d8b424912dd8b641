//! What kinds of objects are made in the TPM.
use tss_esapi::Error;
use tss_esapi::attributes::ObjectAttributesBuilder;
use tss_esapi::interface_types::algorithm::{HashingAlgorithm, PublicAlgorithm};
use tss_esapi::interface_types::ecc::EccCurve;
use tss_esapi::structures::{
    EccParameter, EccPoint, EccScheme, HashScheme, KeyedHashScheme, Public, PublicBuilder,
    PublicEccParametersBuilder, PublicKeyedHashParameters, SymmetricDefinitionObject,
};

/// DER of a P-256 `SubjectPublicKeyInfo` up to its point (RFC 5480, §2): algorithm, curve, a bit string of 66 bytes,
/// and the sign of an uncompressed point.
const SPKI_PREFIX: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// The storage primary: the same key whenever it is made from the same owner seed (TCG EK profile, template H-2 as
/// used for storage: ECC P-256, AES-128-CFB).
pub(super) fn storage() -> Result<Public, Error> {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_sensitive_data_origin(true)
        .with_user_with_auth(true)
        .with_no_da(true)
        .with_restricted(true)
        .with_decrypt(true)
        .build()?;
    let parameters = PublicEccParametersBuilder::new_restricted_decryption_key(
        SymmetricDefinitionObject::AES_128_CFB,
        EccCurve::NistP256,
    );
    ecc(attributes, parameters)
}

/// A P-256 key for ECDSA with SHA-256, made in the TPM, tied to it and to its parent.
pub(super) fn signing() -> Result<Public, Error> {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_sensitive_data_origin(true)
        .with_user_with_auth(true)
        .with_no_da(true)
        .with_sign_encrypt(true)
        .build()?;
    let scheme = EccScheme::EcDsa(HashScheme::new(HashingAlgorithm::Sha256));
    let parameters =
        PublicEccParametersBuilder::new_unrestricted_signing_key(scheme, EccCurve::NistP256);
    ecc(attributes, parameters)
}

fn ecc(
    attributes: tss_esapi::attributes::ObjectAttributes,
    parameters: PublicEccParametersBuilder,
) -> Result<Public, Error> {
    PublicBuilder::new()
        .with_public_algorithm(PublicAlgorithm::Ecc)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_ecc_parameters(parameters.build()?)
        .with_ecc_unique_identifier(EccPoint::default())
        .build()
}

/// A sealed value.
pub(super) fn sealed() -> Result<Public, Error> {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_user_with_auth(true)
        .with_no_da(true)
        .build()?;
    PublicBuilder::new()
        .with_public_algorithm(PublicAlgorithm::KeyedHash)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_keyed_hash_parameters(PublicKeyedHashParameters::new(KeyedHashScheme::Null))
        .with_keyed_hash_unique_identifier(tss_esapi::structures::Digest::default())
        .build()
}

/// The `SubjectPublicKeyInfo` of a P-256 key; `None` for any other object.
pub(super) fn public_key(public: &Public) -> Option<Vec<u8>> {
    let Public::Ecc { unique, .. } = public else { return None };
    let mut der = SPKI_PREFIX.to_vec();
    der.extend(coordinate(unique.x())?);
    der.extend(coordinate(unique.y())?);
    Some(der)
}

/// 32 bytes, big-endian: TPMs may leave leading zeros out.
pub(super) fn coordinate(value: &EccParameter) -> Option<[u8; 32]> {
    let bytes = value.value();
    let mut padded = [0; 32];
    padded[32_usize.checked_sub(bytes.len())?..].copy_from_slice(bytes);
    Some(padded)
}
