//! The library with an app of the tests: keys and records in memory.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use imp_hardware::keystore::Keystore as _;
use imp_phone::Storage as _;

use crate::chunks::RecordKey;
use crate::keystore::{Keys, fixed_signature};
use crate::storage::{KEY, Sealed};
use crate::{BindError, ImpPhone, Keystore, KeystoreError, Storage, StorageError};

/// Keys as an app keeps them, with the sealing done by the library's own cipher.
#[derive(Default)]
struct Memory {
    signing: Mutex<BTreeMap<String, EcdsaKeyPair>>,
    sealing: Mutex<BTreeMap<String, [u8; 32]>>,
    /// Signs with another key than it says.
    is_broken: bool,
}

impl Memory {
    fn sealing(&self) -> MutexGuard<'_, BTreeMap<String, [u8; 32]>> {
        self.sealing.lock().unwrap()
    }
}

fn public_key(pair: &EcdsaKeyPair) -> Vec<u8> {
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    der.as_ref().to_vec()
}

impl Keystore for Memory {
    fn create(&self, label: String) -> Result<Vec<u8>, KeystoreError> {
        let mut keys = self.signing.lock().unwrap();
        if keys.contains_key(&label) {
            return Err(KeystoreError::Exists);
        }
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        Ok(public_key(keys.entry(label).or_insert(pair)))
    }

    fn public_key(&self, label: String) -> Result<Option<Vec<u8>>, KeystoreError> {
        Ok(self.signing.lock().unwrap().get(&label).map(public_key))
    }

    fn sign(&self, label: String, message: Vec<u8>) -> Result<Vec<u8>, KeystoreError> {
        let keys = self.signing.lock().unwrap();
        let other = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let pair = keys.get(&label).ok_or(KeystoreError::Missing)?;
        let pair = if self.is_broken { &other } else { pair };
        Ok(pair.sign(&SystemRandom::new(), &message).unwrap().as_ref().to_vec())
    }

    fn seal(
        &self,
        label: String,
        associated_data: Vec<u8>,
        plaintext: Vec<u8>,
    ) -> Result<Vec<u8>, KeystoreError> {
        let new = *RecordKey::generate().unwrap();
        let key = *self.sealing().entry(label).or_insert(new);
        let key = RecordKey::from_bytes(&key).unwrap();
        Ok(key.seal(&format!("{associated_data:?}"), 0, &plaintext).unwrap())
    }

    fn unseal(
        &self,
        label: String,
        associated_data: Vec<u8>,
        sealed: Vec<u8>,
    ) -> Result<Vec<u8>, KeystoreError> {
        let key = *self.sealing().get(&label).ok_or(KeystoreError::Missing)?;
        let key = RecordKey::from_bytes(&key).unwrap();
        let opened = key.open(&format!("{associated_data:?}"), &sealed);
        opened.map(|chunks| chunks.plaintext.to_vec()).map_err(|_| KeystoreError::Unsealing)
    }

    fn delete(&self, label: String) -> Result<(), KeystoreError> {
        self.signing.lock().unwrap().remove(&label);
        self.sealing().remove(&label);
        Ok(())
    }

    fn attestation(&self, _label: String) -> Result<Vec<Vec<u8>>, KeystoreError> {
        Ok(Vec::new())
    }
}

/// Records as an app keeps them.
#[derive(Default)]
struct Shelf(Mutex<BTreeMap<String, Vec<u8>>>);

impl Shelf {
    fn records(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.lock().unwrap()
    }
}

impl Storage for Shelf {
    fn read(&self, name: String) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.records().get(&name).cloned())
    }

    fn write(&self, name: String, bytes: Vec<u8>) -> Result<(), StorageError> {
        self.records().insert(name, bytes);
        Ok(())
    }

    fn append(&self, name: String, bytes: Vec<u8>) -> Result<(), StorageError> {
        self.records().entry(name).or_default().extend(bytes);
        Ok(())
    }

    fn remove(&self, name: String) -> Result<(), StorageError> {
        self.records().remove(&name);
        Ok(())
    }
}

fn sealed() -> (Arc<Shelf>, Arc<Memory>, Sealed) {
    let (shelf, memory) = (Arc::<Shelf>::default(), Arc::<Memory>::default());
    let sealed = Sealed::new(Arc::clone(&shelf) as _, Arc::clone(&memory) as _);
    (shelf, memory, sealed)
}

#[test]
fn an_app_sees_ciphertext_only() {
    let (shelf, _, sealed) = sealed();
    sealed.write("binding", b"the identifier key").unwrap();
    sealed.append("receipts", 0, b"first ").unwrap();
    sealed.append("receipts", 6, b"second").unwrap();
    assert_eq!(sealed.read("receipts", 12).unwrap().unwrap(), b"first second");
    assert!(sealed.read("receipts", 11).is_err());
    assert_eq!(sealed.read("absent", 1).unwrap(), None);
    for (name, bytes) in shelf.records().iter() {
        for word in [b"identifier".as_slice(), b"first", b"second"] {
            assert!(!bytes.windows(word.len()).any(|part| part == word), "{name}");
        }
    }
}

#[test]
fn a_record_opens_only_whole_and_in_its_place() {
    let (shelf, memory, sealed) = sealed();
    sealed.write("binding", b"hers").unwrap();
    sealed.write("reference", b"face").unwrap();
    let stolen = shelf.records()["reference"].clone();
    shelf.records().insert("binding".to_owned(), stolen);
    sealed.read("binding", 99).unwrap_err();
    let mut flipped = shelf.records()["reference"].clone();
    *flipped.last_mut().unwrap() ^= 1;
    shelf.records().insert("reference".to_owned(), flipped);
    sealed.read("reference", 99).unwrap_err();
    // Records without their key are nothing, and a new key must not hide that.
    let again = Sealed::new(Arc::clone(&shelf) as _, Arc::<Memory>::default());
    again.read("reference", 99).unwrap_err();
    let again = Sealed::new(Arc::clone(&shelf) as _, Arc::clone(&memory) as _);
    assert_eq!(again.read("absent", 1).unwrap(), None);
}

#[test]
fn a_crash_while_appending_loses_what_was_appended() {
    let (shelf, _, sealed) = sealed();
    sealed.append("receipts", 0, b"first").unwrap();
    let first = shelf.records()["receipts"].len();
    sealed.append("receipts", 5, b"second").unwrap();
    let whole = shelf.records()["receipts"].clone();
    for cut in first..whole.len() {
        for zeros in [0, whole.len() - cut] {
            let torn = [&whole[..cut], &vec![0; zeros]].concat();
            shelf.records().insert("receipts".to_owned(), torn);
            assert_eq!(sealed.read("receipts", 99).unwrap().unwrap(), b"first", "{cut}+{zeros}");
            sealed.append("receipts", 5, b"third").unwrap();
            assert_eq!(sealed.read("receipts", 99).unwrap().unwrap(), b"firstthird");
        }
    }
}

#[test]
fn forgotten_records_cannot_be_read_with_an_old_copy() {
    let (shelf, _, sealed) = sealed();
    sealed.write("reference", b"face").unwrap();
    let backup = shelf.records().clone();
    sealed.forget().unwrap();
    assert!(!shelf.records().contains_key(KEY));
    *shelf.records() = backup;
    sealed.read("reference", 99).unwrap_err();
}

#[test]
fn one_serves_at_a_time() {
    let (_, _, sealed) = sealed();
    let serving = sealed.lock("serving", false).unwrap();
    assert!(serving.is_some() && sealed.lock("serving", false).unwrap().is_none());
    assert!(sealed.lock("lock", true).unwrap().is_some(), "another lock");
    drop(serving);
    assert!(sealed.lock("serving", true).unwrap().is_some());
}

#[test]
fn a_hardware_key_signs_and_a_keystore_that_signs_with_another_is_noticed() {
    let keys = Keys(Arc::<Memory>::default());
    let signer = keys.create("phone-device-a").unwrap();
    signer.sign(b"message").unwrap();
    assert_eq!(keys.load("phone-device-a").unwrap().unwrap().public_key(), signer.public_key());
    assert!(keys.create("phone-device-a").is_err() && keys.load("absent").unwrap().is_none());
    let broken = Keys(Arc::new(Memory { is_broken: true, ..Memory::default() }));
    broken.create("phone-device-a").unwrap().sign(b"message").unwrap_err();
}

#[test]
fn signatures_are_read_strictly() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    for round in 0..200_u8 {
        let der = pair.sign(&SystemRandom::new(), &[round]).unwrap().as_ref().to_vec();
        assert!(fixed_signature(&der).is_some());
        for cut in 0..der.len() {
            assert_eq!(fixed_signature(&der[..cut]), None);
        }
    }
    let small = [0x30, 6, 2, 1, 1, 2, 1, 2];
    let fixed = fixed_signature(&small).unwrap();
    assert_eq!((fixed[31], fixed[63]), (1, 2));
    let negative = [0x30, 6, 2, 1, 0x80, 2, 1, 2];
    let padded = [0x30, 7, 2, 2, 0, 1, 2, 1, 2];
    let zero = [0x30, 6, 2, 1, 0, 2, 1, 2];
    let more = [0x30, 7, 2, 1, 1, 2, 1, 2, 0];
    for der in [negative.as_slice(), &padded, &zero, &more, &[]] {
        assert_eq!(fixed_signature(der), None, "{der:02x?}");
    }
}

#[test]
fn a_new_phone_is_nobodys() {
    let (shelf, memory) = (Arc::<Shelf>::default(), Arc::<Memory>::default());
    let phone = ImpPhone::open(memory, Arc::clone(&shelf) as _).unwrap();
    let status = phone.status().unwrap();
    assert!(status.bound.is_none() && !status.serving && status.receipts == 0);
    assert!(matches!(phone.bind("hello".to_owned(), false), Err(BindError::Invitation(_))));
    assert!(phone.uses().unwrap().uses.is_empty() && phone.receipt(0).unwrap().is_none());
    assert!(matches!(phone.renew(), Err(crate::RenewError::NotBound(_))));
    assert!(matches!(phone.verify_uses(), Err(crate::VerifyError::NotBound(_))));
    assert!(matches!(phone.attestation(), Err(KeystoreError::Missing)));
    assert!(!phone.erase(false, false).unwrap().face);
}
