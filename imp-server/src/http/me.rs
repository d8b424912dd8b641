//! What a person is told of herself, through her own phone.
pub(crate) mod proofs;
pub(crate) mod uses;
