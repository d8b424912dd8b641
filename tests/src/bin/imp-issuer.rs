//! Gives certificates to devices as fast as it can, with many at a time, until it is killed: what the crash tests of issuance kill.
//! Prints a line for each certificate that it would hand out, and only then.
//!
//! `imp-issuer FOLDER URL SEED`
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use imp_identity::clock::SystemClock;
use imp_identity::device::DeviceClass;
use imp_server::App;
use imp_tests::estate::{self, Failure};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::task::JoinSet;

/// Devices at a time.
const DEVICES: u64 = 12;

/// Certificates of one device before the next one is registered: its first is also its activation.
const EACH: u32 = 3;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, url, seed] = words.as_slice() else { return Err("FOLDER URL SEED".into()) };
    let app = estate::open(Path::new(folder), Some(url), Arc::new(SystemClock), |_| ()).await?;
    let seed: u64 = seed.parse()?;
    let mut devices = JoinSet::new();
    for device in 0..DEVICES {
        devices.spawn(enrol(app.clone(), seed * DEVICES + device));
    }
    devices.join_all().await;
    Ok(())
}

/// One device after the other.
async fn enrol(app: App, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    for count in 0_u64.. {
        let name = format!("d{seed}-{count}");
        if let Err(error) = enrol_one(&app, &mut rng, &name).await {
            // The database may be starting; or something is wrong, and whoever reads sees it.
            say(&format!("failed {error:?}"));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn enrol_one(app: &App, rng: &mut StdRng, name: &str) -> Result<(), Failure> {
    let device = estate::register(app, rng, name, DeviceClass::Server).await?;
    for _ in 0..EACH {
        let issued = estate::enrol(app, rng, &device).await?;
        say(&format!("issued {}", issued.certificate.serial()));
    }
    Ok(())
}

/// One write of one line: whoever reads gets it whole or not at all.
fn say(line: &str) {
    // Who reads is about to kill this process.
    let _unheard = std::io::stdout().lock().write_all(format!("{line}\n").as_bytes());
}
