//! What devices are called on the network.
use std::collections::BTreeMap;

use imp_connection::Endpoint;
use imp_identity::spiffe::{Machine, SpiffeId, TrustDomain};
use imp_storage::{Storage, StorageError};

use crate::store::Tables as _;

/// The devices of the inventory that have names on the network, by name.
pub async fn connection_hosts(
    storage: &Storage,
    domain: &TrustDomain,
) -> Result<BTreeMap<String, Endpoint>, StorageError> {
    let hosts = storage.read().await?.connections().hosts().await?;
    let named = hosts.into_iter().map(|(host, device)| {
        let machine = Machine::Device(device);
        (host, Endpoint::Machine(SpiffeId { trust_domain: domain.clone(), machine }))
    });
    Ok(named.collect())
}
