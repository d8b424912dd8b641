//! The transparency log, for everybody: checkpoint, tiles (C2SP tlog-tiles), and proofs in JSON. None of it holds
//! personal data.
pub(crate) mod checkpoint;
pub(crate) mod consistency;
pub(crate) mod cosigned;
pub(crate) mod erasure;
pub(crate) mod inclusion;
pub(crate) mod key;
pub(crate) mod tile;

use super::{ProblemResponse, problem};
use crate::log::ProofRequestError;

impl From<ProofRequestError> for ProblemResponse {
    fn from(error: ProofRequestError) -> Self {
        match &error {
            ProofRequestError::OutOfTree(source) => {
                problem::NOT_IN_LOG.because(&error).with_detail(source.to_string())
            }
            ProofRequestError::Tile(_) => problem::internal(&error),
            ProofRequestError::Storage(source) => problem::storage(&error, source),
        }
    }
}
