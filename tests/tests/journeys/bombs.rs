//! Parser bombs: bounded, answered, and nobody else suffers.
use std::time::{Duration, Instant};

use imp_identity::Clock as _;
use imp_tests::world::caller;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Ward;

/// Deterministic rubbish.
fn rubbish(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_on_the_air_hurt_nobody() {
    let ward = Ward::open().await;
    let clock = ward.world.clock.clone();
    let standing = ward.workstation.agent.standing();
    let roster = caller::roster(&standing, clock.clone()).await;
    let key = roster.entries[0].identifier_key;
    let central = ward.world.air.central();
    let address = caller::locate(central.as_ref(), &key, clock.as_ref()).await.expect("the phone");
    for round in 0..12_u32 {
        let Ok(mut connection) = central.connect(&address).await else { continue };
        let largest = connection.mtu() - 3;
        for frame in 0..64 {
            let bytes = match round % 4 {
                0 => rubbish(largest, round * 1000 + frame),
                1 => vec![0xff; largest],
                2 => vec![],
                _ => knocking(&key, &clock, largest, frame),
            };
            if connection.send(&bytes).await.is_err() {
                break;
            }
        }
        drop(connection);
    }
    ward.workstation.admits("ada").await;
}

/// A right knock, then lengths that promise the world.
fn knocking(
    key: &[u8; 32],
    clock: &imp_tests::world::clock::VirtualClock,
    largest: usize,
    frame: u32,
) -> Vec<u8> {
    let mut rng = rand_core::UnwrapErr(rand::rngs::SysRng);
    let mut bytes = vec![u8::from(frame > 0), 0, 0, 0xff, 0xff];
    bytes.extend(imp_authenticator::knock::knock(key, clock.now(), &mut rng));
    bytes.resize(largest, 0x5b);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_on_http_hurt_nobody() {
    let ward = Ward::open().await;
    let client = ward.world.administrator.clone();
    let before = Instant::now();

    // Too large, too deep, not what it says: each is a problem, none an outage.
    let large = serde_json::json!({ "username": "x".repeat(8 << 20) });
    let deep: serde_json::Value =
        (0..100).fold(serde_json::json!(1), |v, _| serde_json::json!([v]));
    for (path, body) in [
        ("v1/users", &large),
        ("v1/users", &deep),
        ("v1/sign-in", &large),
        ("v1/phones/binding", &large),
        ("v1/workstations/enrolment", &deep),
        ("v1/taps", &deep),
    ] {
        let answer = client.post::<serde_json::Value>(path, body).await;
        let error = answer.expect_err("a bomb is refused");
        if let Some(problem) = error.problem() {
            assert!((400..500).contains(&problem.status), "{path}: {problem:?}");
        }
    }

    // Bytes that are not TLS, and connections that say nothing.
    let address = ward.world.server.address();
    let mut silent = Vec::new();
    for seed in 0..32 {
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
        if seed % 2 == 0 {
            // The server may have hung up already.
            let _sent = stream.write_all(&rubbish(16 * 1024, seed)).await;
            let mut answer = [0; 64];
            let _answer =
                tokio::time::timeout(Duration::from_secs(5), stream.read(&mut answer)).await;
        } else {
            silent.push(stream);
        }
    }
    ward.workstation.admits("ada").await;
    assert!(before.elapsed() < Duration::from_mins(1));
}
