//! What the tests share: machines with keys in memory, and somebody who knows whose they are.
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use imp_identity::id::Id;
use imp_identity::spiffe::{Machine, SpiffeId};
use jiff::Timestamp;

use crate::signature::{Assurance, Message, Signature, sign};
use crate::verify::{Expected, Signatory, Trust};

pub(crate) fn now() -> Timestamp {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

pub(crate) fn machine(number: u8) -> SpiffeId {
    let mut bytes = *b"\x01\x93\x51\x2e\x4b\x00\x70\x00\x80\x00\x00\x00\x00\x00\x00\x00";
    bytes[15] = number;
    let trust_domain = "hospital.example".parse().unwrap();
    SpiffeId { trust_domain, machine: Machine::Device(Id::from_bytes(bytes)) }
}

/// A machine with a key. Its certificate is its name and its key: who signed it is not asked here.
pub(crate) struct Sender {
    pub(crate) spiffe_id: SpiffeId,
    pair: EcdsaKeyPair,
}

impl Sender {
    pub(crate) fn new(number: u8) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { spiffe_id: machine(number), pair }
    }

    pub(crate) fn public_key(&self) -> Vec<u8> {
        let prefix = data_encoding::HEXLOWER
            .decode(b"3059301306072a8648ce3d020106082a8648ce3d030107034200")
            .unwrap();
        [&prefix, self.pair.public_key().as_ref()].concat()
    }

    pub(crate) fn chain(&self) -> Vec<Vec<u8>> {
        vec![[self.spiffe_id.to_string().as_bytes(), b"\n", &self.public_key()].concat()]
    }

    pub(crate) fn message(&self, sequence: u64) -> Message {
        Message {
            sender: self.spiffe_id.clone(),
            receiver: machine(2),
            stream: "results/0".parse().unwrap(),
            sequence,
            at: now(),
            content_type: crate::hl7::CONTENT_TYPE.to_owned(),
            subject: None,
            assurance: Assurance::LegacyGateway,
        }
    }

    pub(crate) fn sign(&self, message: &Message, payload: &[u8]) -> Signature {
        Signature::read(&self.sign_text(message, payload)).unwrap()
    }

    pub(crate) fn sign_text(&self, message: &Message, payload: &[u8]) -> String {
        sign(message, payload, &self.chain(), |input| {
            let signature = self.pair.sign(&SystemRandom::new(), input).unwrap();
            Ok::<_, std::fmt::Error>(signature.as_ref().try_into().unwrap())
        })
        .unwrap()
    }
}

/// Believes what the certificates of [`Sender`]s say, until it is told that they expired.
pub(crate) struct Believing {
    pub(crate) until: Timestamp,
}

#[derive(Debug, thiserror::Error)]
#[error("expired or unreadable")]
pub(crate) struct Disbelief;

impl Trust for Believing {
    type Error = Disbelief;

    fn signatory(&self, chain: &[Vec<u8>], at: Timestamp) -> Result<Signatory, Disbelief> {
        let first = chain.first().filter(|_| at < self.until).ok_or(Disbelief)?;
        let end = first.iter().position(|&b| b == b'\n').ok_or(Disbelief)?;
        let name = std::str::from_utf8(&first[..end]).map_err(|_| Disbelief)?;
        let spiffe_id = name.parse().map_err(|_| Disbelief)?;
        Ok(Signatory { spiffe_id, public_key: first[end + 1..].to_vec() })
    }
}

pub(crate) fn believing() -> Believing {
    Believing { until: now() + jiff::SignedDuration::from_hours(1) }
}

pub(crate) fn expected(receiver: &SpiffeId) -> Expected<'_> {
    Expected {
        receiver,
        senders: None,
        subject: None,
        oldest: Some(jiff::SignedDuration::from_mins(5)),
        ahead: jiff::SignedDuration::from_secs(30),
    }
}
