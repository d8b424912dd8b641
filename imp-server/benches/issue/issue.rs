//! Certificates a second: each is answered after the commit of its row and its entry in the log.
use std::path::Path;
use std::time::{Duration, Instant};

use imp_identity::Actor;
use imp_identity::DeviceId;
use imp_identity::device::EnrolmentMeans;
use imp_pki::CertificateRequest;
use imp_server::App;
use imp_server::command::{self, Order};
use tokio::task::JoinSet;

use super::estate::{context, device, open, rng};
use super::{ASKING, Failure, SPAN, say};

/// Measures one database.
pub(super) async fn run(database: &str, folder: &Path, url: Option<String>) -> Result<(), Failure> {
    let app = open(folder, url).await?;
    let (mut number, mut seed) = (0, 1_000_000);
    for asking in ASKING {
        let mut devices = vec![];
        for _ in 0..asking {
            number += 1;
            devices.push(device(&app, &mut rng(number), number).await?);
        }
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for (id, request) in devices {
            // No two tasks may draw the same serial numbers.
            seed += 1;
            let app = app.clone();
            tasks.spawn(async move { renew(&app, seed, id, &request).await });
        }
        let mut waits = vec![];
        while let Some(task) = tasks.join_next().await {
            waits.extend(task??);
        }
        let seconds = start.elapsed().as_secs_f64();
        let count = u32::try_from(waits.len()).map_or(f64::NAN, f64::from);
        say(database, asking, count / seconds, &mut waits);
    }
    app.storage.close().await;
    Ok(())
}

/// A device renews again and again.
async fn renew(
    app: &App,
    seed: u64,
    device: DeviceId,
    request: &CertificateRequest,
) -> Result<Vec<Duration>, Failure> {
    let (mut rng, mut waits) = (rng(seed), vec![]);
    let start = Instant::now();
    while start.elapsed() < SPAN {
        let names = request.asked().names.clone();
        let order = Order { device, request, means: EnrolmentMeans::Est, names, profile: None };
        let asked = Instant::now();
        let context = &mut context(app, &mut rng);
        command::issue_certificate(context, Actor::Server, order).await?;
        waits.push(asked.elapsed());
    }
    Ok(waits)
}
