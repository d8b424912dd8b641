//! The transparency log: entries appended in the transaction of the change that they record, the tree over them, and what
//! is served of it. The maths is `imp-translog`'s.
mod append;
mod cosigned;
mod erase;
mod establish;
mod head;
mod proof;
mod tile;

#[cfg(test)]
mod tests;

pub(crate) use append::{Appended, append};
pub(crate) use cosigned::{checkpoint_with_cosignatures, cosigned_checkpoint};
pub(crate) use erase::erase;
pub use establish::EstablishError;
pub(crate) use establish::establish;
pub use proof::{Inclusion, ProofRequestError, checkpoint, inclusion};
pub(crate) use proof::{consistency, inclusions, size_within};
pub(crate) use tile::resource;
