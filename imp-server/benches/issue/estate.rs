//! An installation with devices, each of which has asked already: its request stands, verified, in the bench.
use std::path::Path;
use std::sync::Arc;

use imp_identity::clock::SystemClock;
use imp_identity::device::{Description, DeviceClass};
use imp_identity::{Actor, DeviceId};
use imp_pki::CertificateRequest;
use imp_server::command::{self, Authority, Context};
use imp_server::{App, Config, StorageConfig};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use super::Failure;

/// Opens the installation in `folder`; its database is at `url`, or in the folder.
pub(super) async fn open(folder: &Path, url: Option<String>) -> Result<App, Failure> {
    let at = Config::at(folder);
    let storage = StorageConfig { url, wait_seconds: 60, ..at.storage.clone() };
    Ok(App::open(Config { storage, ..at }, Arc::new(SystemClock), 0).await?)
}

/// Randomness for one task.
pub(super) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// For commands, as a server makes it.
pub(super) fn context<'a>(app: &'a App, rng: &'a mut StdRng) -> Context<'a> {
    Context {
        storage: &app.storage,
        now: app.now(),
        rng,
        trust_domain: app.keys.trust_domain(),
        signer: app.keys.statement_key(),
        log_key: app.keys.log_key(),
        authority: Some(Authority { keys: &app.keys, rules: &app.config.devices }),
    }
}

/// A server of the inventory with its request for a P-256 key: made, signed and verified before the clock runs.
pub(super) async fn device(
    app: &App,
    rng: &mut StdRng,
    number: u64,
) -> Result<(DeviceId, CertificateRequest), Failure> {
    let host = format!("server-{number}.hospital.example");
    let description = Description {
        name: format!("Server {number}").parse()?,
        class: DeviceClass::Server,
        manufacturer: None,
        model: None,
        serial_number: None,
        udi: None,
        unit: None,
        location: None,
        zone: None,
        mds2: None,
        names: vec![host.parse()?],
    };
    let context = &mut context(app, rng);
    let device = command::register_device(context, Actor::Server, description).await?;
    Ok((device.id, CertificateRequest::verify_device(&request(&host)?)?))
}

/// A request (PKCS#10, DER) for a new P-256 key.
pub(super) fn request(host: &str) -> Result<Vec<u8>, Failure> {
    let mut params = CertificateParams::new(vec![host.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    Ok(params.serialize_request(&KeyPair::generate()?)?.der().to_vec())
}
