//! `acme_keys`, `acme_accounts`, `acme_orders`, `acme_authorizations`
use imp_storage::Transaction;

mod accounts;
mod authorizations;
mod keys;
mod orders;

pub use accounts::AcmeAccount;
pub use authorizations::DueChallenge;
pub use keys::AcmeKey;

/// What ACME keeps.
#[derive(Debug)]
pub struct Acme<'a>(pub(super) &'a mut Transaction);

#[cfg(test)]
mod tests;
