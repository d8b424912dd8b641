//! Phones that only advertise, on an emulated air.
use std::path::Path;
use std::sync::Arc;

use imp_hardware::ble::{Peripheral, PeripheralConfig};
use rand::RngExt as _;

use crate::{Failure, say};

/// Puts so many phones into `air`, with identifiers that no roster knows, until the process ends.
pub(crate) async fn crowd(air: &Path, count: usize) -> Result<(), Failure> {
    let mut phones: Vec<Arc<dyn Peripheral>> = Vec::new();
    for number in 0..count {
        let name = Some(format!("neighbour-{number}"));
        let config = PeripheralConfig::Emulated { air: air.to_owned(), name, record: false };
        let phone = config.open().await?;
        phone.advertise(rand::rng().random()).await?;
        phones.push(phone);
    }
    say("ready")?;
    std::future::pending::<()>().await;
    drop(phones);
    Ok(())
}
