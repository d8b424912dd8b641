//! Ten thousand devices whose certificates are due in the same hour.
use std::collections::BTreeSet;
use std::time::Instant;

use imp_identity::Event;
use imp_identity::device::{Device, DeviceClass};
use imp_tests::estate;
use jiff::SignedDuration;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::task::JoinSet;

use super::Estate;

const DEVICES: usize = 10_000;

/// That ask at the same time.
const AT_ONCE: usize = 64;

/// The whole inventory in one transaction: this is not what is measured.
async fn inventory(estate: &mut Estate) -> Vec<Device> {
    use imp_identity::{Actor, DeviceId};
    use imp_server::store::Tables as _;
    let mut transaction = estate.app.storage.begin().await.unwrap();
    let mut devices = Vec::with_capacity(DEVICES);
    for number in 0..DEVICES {
        let description =
            estate::description(&format!("a{number}"), DeviceClass::Analyser).unwrap();
        let id = DeviceId::generate(estate.app.now(), &mut estate.rng);
        let registered = Device::register(id, description, Actor::Server, estate.app.now());
        let (device, _) = registered.unwrap();
        transaction.devices().add(&device).await.unwrap();
        devices.push(device);
    }
    transaction.commit().await.unwrap();
    devices
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_devices_renew_in_the_same_hour() {
    let mut estate = Estate::open().await;
    let devices = inventory(&mut estate).await;
    let before = estate.size().await;
    let began = Instant::now();
    let mut asking = JoinSet::new();
    let mut issued = Vec::with_capacity(DEVICES);
    let step = SignedDuration::from_mins(60) / i32::try_from(DEVICES).unwrap();
    for (number, device) in devices.into_iter().enumerate() {
        estate.clock.advance(step);
        let app = estate.app.clone();
        let seed = u64::try_from(number).unwrap();
        asking.spawn(async move {
            let mut rng = StdRng::seed_from_u64(seed);
            let asked = estate::enrol(&app, &mut rng, &device).await;
            asked.unwrap_or_else(|error| panic!("{}: {error:?}", device.name)).certificate
        });
        if asking.len() == AT_ONCE {
            issued.push(asking.join_next().await.unwrap().unwrap());
        }
    }
    issued.extend(asking.join_all().await);
    let took = began.elapsed();
    println!("{DEVICES} certificates in {took:?}");
    assert!(took.as_secs() < 3600, "an hour's renewals take {took:?}");

    let serials: BTreeSet<&str> = issued.iter().map(imp_pki::Certificate::serial).collect();
    assert_eq!(serials.len(), DEVICES);
    let events = estate.events(before).await;
    let logged: BTreeSet<&str> = events
        .iter()
        .filter_map(|event| {
            if let Event::CertificateIssued { serial, .. } = event {
                Some(serial.as_str())
            } else {
                None
            }
        })
        .collect();
    assert_eq!(logged, serials, "every certificate has its entry, and every entry its certificate");
    // They are due again over an hour, not at one instant: each has a whole lifetime of its own.
    let due: BTreeSet<_> = issued.iter().map(imp_pki::Certificate::renew_after).collect();
    let spread = due.last().unwrap().duration_since(*due.first().unwrap());
    assert!(due.len() > 1000, "{} instants", due.len());
    assert!(spread > SignedDuration::from_mins(55), "{spread:?}");
}
