use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};

use super::*;
use crate::ble::{
    Address, CentralConfig, Connection, MTU_MIN, Peripheral, PeripheralConfig, RadioError,
};

/// A phone and a workstation in one process, connected.
async fn linked(script: AirScript) -> (Arc<Air>, SharedScript, [Box<dyn Connection>; 2]) {
    let air = Air::new();
    let script = SharedScript::new(script).unwrap();
    let phone = air.peripheral("alice", script.clone());
    phone.advertise([1; 8]).await.unwrap();
    let workstation = air.central().connect(&Address::new("alice")).await.unwrap();
    let phone = phone.accept().await.unwrap();
    (air, script, [workstation, phone])
}

/// Sends numbered frames one way, and says which arrived, in order.
async fn arrivals(script: AirScript, count: u8) -> Vec<u8> {
    let (_air, _script, [mut from, mut to]) = linked(script).await;
    for number in 0..count {
        from.send(&[number]).await.unwrap();
    }
    from.close().await;
    let mut arrived = Vec::new();
    while let Ok(frame) = to.receive().await {
        arrived.extend(frame);
    }
    arrived
}

#[tokio::test(start_paused = true)]
async fn a_phone_is_heard_as_its_script_says() {
    let air = Air::new();
    let steps = vec![AirStep { after_ms: 1000, rssi: Some(-85), ..AirStep::default() }];
    let script = SharedScript::new(AirScript { steps, ..AirScript::default() }).unwrap();
    let phone = air.peripheral("alice", script.clone());
    let mut heard = air.central().scan().await.unwrap();
    assert!(timeout(Duration::from_millis(500), heard.recv()).await.is_err(), "it is silent yet");

    phone.advertise([3; 8]).await.unwrap();
    let near = heard.recv().await.unwrap();
    assert_eq!((near.address.as_str(), near.identifier, near.rssi), ("alice", [3; 8], Some(-50)));

    let far = loop {
        let advertisement = heard.recv().await.unwrap();
        if advertisement.rssi != Some(-50) {
            break advertisement;
        }
    };
    assert_eq!(far.rssi, Some(-85));

    phone.advertise([4; 8]).await.unwrap();
    while heard.recv().await.unwrap().identifier != [4; 8] {}
    drop(phone);
    while timeout(Duration::from_secs(1), heard.recv()).await.is_ok() {}
    let gone = air.central().connect(&Address::new("alice")).await;
    assert!(matches!(gone, Err(RadioError::NotInReach(_))));
}

#[tokio::test(start_paused = true)]
async fn a_perfect_link_carries_frames_both_ways_in_order() {
    let (_air, _script, [mut workstation, mut phone]) = linked(AirScript::default()).await;
    for number in 0..100 {
        workstation.send(&[number]).await.unwrap();
        phone.send(&[number, number]).await.unwrap();
    }
    for number in 0..100 {
        assert_eq!(phone.receive().await.unwrap(), [number]);
        assert_eq!(workstation.receive().await.unwrap(), [number, number]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_larger_than_the_mtu_is_refused() {
    let (_air, _script, [mut workstation, _phone]) =
        linked(AirScript { mtu: MTU_MIN, ..AirScript::default() }).await;
    workstation.send(&[0; MTU_MIN - 3]).await.unwrap();
    let error = workstation.send(&[0; MTU_MIN - 2]).await.unwrap_err();
    assert!(matches!(error, RadioError::FrameTooLarge { length: 21, mtu: 23 }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_makes_the_same_weather() {
    let script = AirScript {
        seed: 3,
        loss: 0.3,
        duplication: 0.2,
        reordering: 0.2,
        latency_ms: 5,
        ..AirScript::default()
    };
    let first = arrivals(script.clone(), 200).await;
    assert_eq!(first, arrivals(script.clone(), 200).await);
    assert_ne!(first, arrivals(AirScript { seed: 4, ..script }, 200).await);
    let distinct: std::collections::BTreeSet<_> = first.iter().collect();
    assert!((100..180).contains(&distinct.len()), "about 0.3 are lost: {}", distinct.len());
    assert!(first.len() > distinct.len(), "some are doubled");
    assert!(!first.is_sorted(), "some are overtaken");
}

#[tokio::test(start_paused = true)]
async fn frames_take_as_long_as_the_script_says() {
    let (_air, _script, [mut workstation, mut phone]) =
        linked(AirScript { latency_ms: 250, ..AirScript::default() }).await;
    let sent = Instant::now();
    workstation.send(&[1]).await.unwrap();
    phone.receive().await.unwrap();
    assert_eq!(sent.elapsed().as_millis() / 10, 25);
}

#[tokio::test(start_paused = true)]
async fn a_link_breaks_after_so_many_frames() {
    let script = AirScript { disconnect_after_frames: Some(2), ..AirScript::default() };
    let (_air, _script, [mut workstation, mut phone]) = linked(script).await;
    for number in 0..3 {
        workstation.send(&[number]).await.unwrap();
    }
    for number in 0..2 {
        assert_eq!(phone.receive().await.unwrap(), [number]);
    }
    assert!(matches!(phone.receive().await, Err(RadioError::Disconnected)));
    assert!(matches!(workstation.receive().await, Err(RadioError::Disconnected)));
}

#[tokio::test(start_paused = true)]
async fn the_recording_also_holds_what_was_lost() {
    let script = AirScript { loss: 1.0, ..AirScript::default() };
    let (air, _script, [mut workstation, mut phone]) = linked(script.clone()).await;
    workstation.send(b"up").await.unwrap();
    workstation.close().await;
    assert!(matches!(phone.receive().await, Err(RadioError::Disconnected)));
    let up = Passed::ToPhone(b"up".to_vec());
    assert_eq!(air.recording(), [Passed::Advertisement([1; 8]), up]);

    let (air, _script, [mut workstation, mut phone]) = linked(script).await;
    phone.send(b"down").await.unwrap();
    phone.close().await;
    assert!(matches!(workstation.receive().await, Err(RadioError::Disconnected)));
    let down = Passed::ToWorkstation(b"down".to_vec());
    assert_eq!(air.recording(), [Passed::Advertisement([1; 8]), down]);
}

#[test]
fn a_script_out_of_range_is_refused() {
    let refused = [
        AirScript { loss: 1.5, ..AirScript::default() },
        AirScript { reordering: f64::NAN, ..AirScript::default() },
        AirScript { mtu: 600, ..AirScript::default() },
        AirScript { latency_ms: u64::MAX, ..AirScript::default() },
    ];
    for script in refused {
        assert!(matches!(SharedScript::new(script), Err(RadioError::Configuration(_))));
    }
}

// Between processes: real sockets, so real time; every wait is for an event.

async fn phone_in(air: &Path, name: &str, record: bool) -> Arc<dyn Peripheral> {
    let config =
        PeripheralConfig::Emulated { air: air.to_owned(), name: Some(name.to_owned()), record };
    config.open().await.unwrap()
}

async fn workstation_in(air: &Path) -> Arc<dyn crate::ble::Central> {
    CentralConfig::Emulated { air: air.to_owned() }.open().await.unwrap()
}

#[tokio::test]
async fn two_processes_meet_in_a_folder() {
    let air = tempfile::tempdir().unwrap();
    let phone = phone_in(air.path(), "alice", true).await;
    phone.advertise([9; 8]).await.unwrap();
    let central = workstation_in(air.path()).await;
    let mut heard = central.scan().await.unwrap();
    let advertisement = heard.recv().await.unwrap();
    assert_eq!((advertisement.identifier, advertisement.rssi), ([9; 8], Some(-50)));

    let mut workstation = central.connect(&advertisement.address).await.unwrap();
    let mut accepted = phone.accept().await.unwrap();
    assert_eq!((workstation.mtu(), accepted.mtu()), (247, 247));
    workstation.send(b"question").await.unwrap();
    assert_eq!(accepted.receive().await.unwrap(), b"question");
    accepted.send(&[7; 244]).await.unwrap();
    accepted.close().await;
    assert_eq!(workstation.receive().await.unwrap(), [7; 244]);
    assert!(matches!(workstation.receive().await, Err(RadioError::Disconnected)));

    let recording = read_recording(&air.path().join("alice.frames")).unwrap();
    let expected = [
        Passed::Advertisement([9; 8]),
        Passed::ToPhone(b"question".to_vec()),
        Passed::ToWorkstation(vec![7; 244]),
    ];
    assert_eq!(recording, expected);
}

#[tokio::test]
async fn a_script_beside_the_socket_is_read_again_when_it_changes() {
    let air = tempfile::tempdir().unwrap();
    let script = air.path().join("alice.toml");
    std::fs::write(&script, "rssi = -61\nmtu = 100").unwrap();
    let phone = phone_in(air.path(), "alice", false).await;
    phone.advertise([9; 8]).await.unwrap();
    let central = workstation_in(air.path()).await;
    let mut heard = central.scan().await.unwrap();
    assert_eq!(heard.recv().await.unwrap().rssi, Some(-61));
    let mut workstation = central.connect(&Address::new("alice")).await.unwrap();
    assert_eq!(workstation.mtu(), 100);
    let _accepted = phone.accept().await.unwrap();

    std::fs::write(&script, "rssi = -90").unwrap();
    while heard.recv().await.unwrap().rssi != Some(-90) {}
    // A slip of the pen changes nothing.
    std::fs::write(&script, "rssi = 'loud'").unwrap();
    assert_eq!(heard.recv().await.unwrap().rssi, Some(-90));
    std::fs::write(&script, "absent = true").unwrap();
    assert!(matches!(workstation.receive().await, Err(RadioError::Disconnected)));
    let gone = central.connect(&Address::new("alice")).await;
    assert!(matches!(gone, Err(RadioError::NotInReach(_))));
}

#[tokio::test]
async fn the_socket_of_a_killed_phone_is_removed() {
    let air = tempfile::tempdir().unwrap();
    let stale = air.path().join("bob.sock");
    drop(UnixListener::bind(&stale).unwrap());
    assert!(stale.exists());
    let phone = phone_in(air.path(), "alice", false).await;
    phone.advertise([9; 8]).await.unwrap();
    let central = workstation_in(air.path()).await;
    let mut heard = central.scan().await.unwrap();
    assert_eq!(heard.recv().await.unwrap().address.as_str(), "alice");
    assert!(!stale.exists());

    drop(UnixListener::bind(&stale).unwrap());
    let bob = phone_in(air.path(), "bob", false).await;
    bob.advertise([8; 8]).await.unwrap();
    while heard.recv().await.unwrap().address.as_str() != "bob" {}
}

#[tokio::test]
async fn a_name_is_given_once_and_stays_in_the_folder() {
    let air = tempfile::tempdir().unwrap();
    let open = |name: &str| FolderPeripheral::open(air.path(), name, false);
    let _alice = open("alice").unwrap();
    for name in ["alice", "../alice", "", "a b"] {
        assert!(matches!(open(name), Err(RadioError::Configuration(_))), "{name:?}");
    }
}

#[tokio::test]
async fn a_socket_that_talks_nonsense_harms_nobody() {
    let air = tempfile::tempdir().unwrap();
    let phone = phone_in(air.path(), "alice", false).await;
    phone.advertise([9; 8]).await.unwrap();
    let socket = air.path().join("alice.sock");

    let mut stranger = tokio::net::UnixStream::connect(&socket).await.unwrap();
    stranger.write_all(b"Zzzz").await.unwrap();
    assert!(stranger.read_u8().await.is_err(), "an unknown question is not answered");

    let mut flood = tokio::net::UnixStream::connect(&socket).await.unwrap();
    flood.write_all(b"C\xff\xff").await.unwrap();
    let mut accepted = phone.accept().await.unwrap();
    assert!(matches!(accepted.receive().await, Err(RadioError::Disconnected)));

    let central = workstation_in(air.path()).await;
    central.connect(&Address::new("alice")).await.unwrap();
}
