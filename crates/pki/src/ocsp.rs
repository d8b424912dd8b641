//! The Online Certificate Status Protocol (OCSP, RFC 6960): requests, and answers that a delegated signer signs. Which
//! certificate stands how is somebody else's knowledge.
mod request;
mod response;

pub use request::{
    CertificateId, IssuerId, LARGEST, MOST_CERTIFICATES, OcspRequest, RequestProblem,
};
pub use response::{OcspError, OcspRefusal, ResponseSigner, Standing, Validity};

#[cfg(test)]
mod tests;
