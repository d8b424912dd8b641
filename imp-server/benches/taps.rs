//! How long the server takes for a tap: both signatures checked, the session opened, the receipt signed, and everything
//! on the disk (SQLite in a file, `synchronous=FULL`), against the same in memory, where only the work is left.
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use imp_identity::tap::Purpose;
use imp_identity::user::Role;
use imp_server::{command, store};
use imp_storage::{Options, Storage};

#[expect(clippy::unwrap_used, dead_code, reason = "a part of the tests")]
#[path = "../src/command/tests/hospital.rs"]
mod hospital;

use hospital::{Desk, Hospital, Nurse};

struct Ward {
    hospital: Hospital,
    desk: Desk,
    nurse: Nurse,
}

#[expect(clippy::expect_used, reason = "a bench without its database must fail loudly")]
async fn ward(url: &str) -> Ward {
    let storage = Storage::open(url, &store::MIGRATIONS, &Options::default()).await;
    let mut hospital = Hospital::new(storage.expect("the database opens"));
    let officer = hospital.user("grace", Role::Officer).await.id;
    let desk = hospital.desk("Ward 3").await;
    let nurse = hospital.nurse("ada", officer, &desk).await;
    Ward { hospital, desk, nurse }
}

/// The time of `count` submissions; the statements are signed before.
#[expect(clippy::expect_used, reason = "a tap that is refused is not what is measured")]
async fn submit(ward: &mut Ward, count: u64) -> Duration {
    let Ward { hospital, desk, nurse } = ward;
    let mut signed = vec![];
    for _ in 0..count {
        signed.push(hospital.signed(nurse, desk, Purpose::TapIn).await);
    }
    let start = Instant::now();
    for tap in &signed {
        hospital.submit(desk, tap).await.expect("the tap is accepted");
    }
    start.elapsed()
}

#[expect(clippy::expect_used, reason = "a bench without its runtime must fail loudly")]
fn taps(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let directory = tempfile::tempdir().expect("a directory is made");
    let file = format!("sqlite:{}", directory.path().join("bench.db").display());
    for (name, url) in [("file", file.as_str()), ("memory", "sqlite::memory:")] {
        let mut ward = runtime.block_on(ward(url));
        criterion.bench_function(&format!("submit_tap/{name}"), |bencher| {
            bencher.iter_custom(|count| runtime.block_on(submit(&mut ward, count)));
        });
    }
}

criterion_group!(benches, taps);
criterion_main!(benches);
