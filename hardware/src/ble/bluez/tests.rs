use std::collections::HashMap;

use super::listener::{identifier_in, measured};
use super::peripheral::advertisement;
use super::{BluezCentral, BluezPeripheral};
use crate::ble::{RadioError, SERVICE};

/// The tests run in containers and build machines: where there is a bus with an adapter, they have nothing to say.
fn has_bluetooth() -> bool {
    std::fs::read_dir("/sys/class/bluetooth").is_ok_and(|mut adapters| adapters.next().is_some())
}

#[tokio::test]
async fn a_workstation_without_bluetooth_says_so() {
    if has_bluetooth() {
        println!("skipped: this machine has Bluetooth");
        return;
    }
    let error = BluezCentral::open(None).await.err().unwrap();
    assert!(matches!(error, RadioError::Unavailable(..)), "{error:?}");
    assert!(error.to_string().starts_with("there is no Bluetooth here"), "{error}");
}

#[tokio::test]
async fn a_phone_without_bluetooth_says_so() {
    if has_bluetooth() {
        println!("skipped: this machine has Bluetooth");
        return;
    }
    for adapter in [None, Some("hci7")] {
        let error = BluezPeripheral::open(adapter).await.err().unwrap();
        assert!(matches!(error, RadioError::Unavailable(..)), "{error:?}");
    }
}

#[test]
fn an_identifier_is_read_from_our_service_data_only() {
    let other = uuid::Uuid::from_u128(7);
    assert_eq!(identifier_in(&HashMap::from([(SERVICE, vec![9; 8])])), Some([9; 8]));
    assert_eq!(identifier_in(&HashMap::from([(SERVICE, vec![9; 7])])), None);
    assert_eq!(identifier_in(&HashMap::from([(other, vec![9; 8])])), None);
}

#[test]
fn an_advertisement_fits_31_bytes_and_says_nothing_else() {
    let sent = advertisement([5; 8]);
    let flags = 3;
    let service_data: usize = sent.service_data.values().map(|data| 2 + 16 + data.len()).sum();
    assert_eq!(sent.service_data.len(), 1);
    assert!(flags + service_data <= 31);
    assert!(sent.service_uuids.is_empty() && sent.local_name.is_none());
    assert!(sent.manufacturer_data.is_empty() && sent.advertising_data.is_empty());
}

#[test]
fn an_unknown_signal_strength_is_not_a_strong_one() {
    assert_eq!(measured(127), None);
    assert_eq!([-127, -1, 20].map(measured), [Some(-127), Some(-1), Some(20)]);
}
