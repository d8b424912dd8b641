//! A security key in software: what a real one answers, report by report.
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

use super::hid::{self, Channel, REPORT, Reports};
use super::pin::{Protocol, Shared};
use super::{Assertion, AssertionRequest, SecurityKey, SecurityKeyError, ctap};

/// Wrong PINs in a row until the key must be taken out.
const TRIES: u8 = 3;

/// A key with one credential and a PIN.
pub struct EmulatedKey(Mutex<Device>);

struct Device {
    pair: EcdsaKeyPair,
    credential: Vec<u8>,
    user: Vec<u8>,
    rp_id: String,
    pin: String,
    protocol: Protocol,
    plugged_in: bool,
    wrong: u8,
    counter: u32,
}

type Answer = Result<Vec<u8>, u8>;
/// Somebody touched it (WebAuthn L3 §6.1, flag UP).
const PRESENT: u8 = 0x01;
/// It was verified who holds it (flag UV).
const VERIFIED: u8 = 0x04;
const MALFORMED: u8 = 0x12;

impl EmulatedKey {
    /// A key that was registered for `user` of the relying party `rp_id`. It speaks the newer PIN protocol, or the older.
    ///
    /// # Panics
    /// When there is no randomness.
    #[expect(clippy::expect_used, reason = "for tests")]
    pub fn registered(rp_id: &str, user: &[u8], pin: &str, newer: bool) -> Self {
        let mut credential = vec![0; 32];
        SystemRandom::new().fill(&mut credential).expect("randomness");
        Self(Mutex::new(Device {
            pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key"),
            credential,
            user: user.to_vec(),
            rp_id: rp_id.to_owned(),
            pin: pin.to_owned(),
            protocol: if newer { Protocol::Two } else { Protocol::One },
            plugged_in: true,
            wrong: 0,
            counter: 0,
        }))
    }

    /// Whose its credential is; for whom it was registered later than it was made.
    pub fn belongs_to(&self, user: &[u8]) {
        self.device().user = user.to_vec();
    }

    /// The credential's name and its public key, an uncompressed point: what a registration tells the relying party.
    pub fn credential(&self) -> (Vec<u8>, Vec<u8>) {
        let device = self.device();
        (device.credential.clone(), device.pair.public_key().as_ref().to_vec())
    }

    /// What it would answer to its registration (WebAuthn L3 §6.5), without an attestation.
    ///
    /// # Panics
    /// Never: memory takes whatever is written.
    #[expect(clippy::expect_used, reason = "for tests")]
    pub fn attestation_object(&self) -> Vec<u8> {
        let device = self.device();
        let mut data = digest(&SHA256, device.rp_id.as_bytes()).as_ref().to_vec();
        // Present, verified, with a credential; no counter, no model.
        data.push(0x45);
        data.extend_from_slice(&[0; 20]);
        data.extend_from_slice(&[0, 32]);
        data.extend_from_slice(&device.credential);
        let point = device.pair.public_key().as_ref();
        let encode = || -> Result<_, minicbor::encode::Error<std::convert::Infallible>> {
            let mut key = Encoder::new(data);
            key.map(5)?.u8(1)?.u8(2)?.u8(3)?.i8(-7)?.i8(-1)?.u8(1)?;
            key.i8(-2)?.bytes(&point[1..33])?.i8(-3)?.bytes(&point[33..])?;
            let mut object = Encoder::new(vec![]);
            object.map(3)?.str("fmt")?.str("none")?.str("attStmt")?.map(0)?;
            object.str("authData")?.bytes(&key.into_writer())?;
            Ok(object.into_writer())
        };
        encode().expect("memory takes it")
    }

    /// Is put in, or taken out: then wrong PINs are forgotten.
    pub fn plug(&self, plugged_in: bool) {
        let mut device = self.device();
        (device.plugged_in, device.wrong) = (plugged_in, 0);
    }

    fn device(&self) -> std::sync::MutexGuard<'_, Device> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SecurityKey for EmulatedKey {
    fn assert(&self, request: &AssertionRequest<'_>) -> Result<Assertion, SecurityKeyError> {
        let mut device = self.device();
        if !device.plugged_in {
            return Err(SecurityKeyError::NoKey);
        }
        let wire = Wire { device: &mut device, sent: vec![], answers: vec![], agreed: None };
        ctap::assert(&mut Channel::open(wire, Duration::from_secs(5))?, request)
    }
}

/// The cable: reports go in, and the device's come out.
struct Wire<'a> {
    device: &'a mut Device,
    /// Reports of a message that is not whole yet.
    sent: Vec<[u8; REPORT]>,
    answers: Vec<[u8; REPORT]>,
    /// The device's half of the key agreement, and what it handed out.
    agreed: Option<Agreed>,
}

struct Agreed {
    own: PrivateKey,
    token: Vec<u8>,
}

impl Reports for Wire<'_> {
    fn send(&mut self, report: &[u8; REPORT]) -> std::io::Result<()> {
        self.sent.push(*report);
        let first = self.sent[0];
        let length = usize::from(u16::from_be_bytes([first[5], first[6]]));
        let mut message = first[7..].to_vec();
        for next in &self.sent[1..] {
            message.extend_from_slice(&next[5..]);
        }
        if message.len() < length {
            return Ok(());
        }
        self.sent.clear();
        message.truncate(length);
        let channel = u32::from_be_bytes([first[0], first[1], first[2], first[3]]);
        self.answer(channel, first[4] & 0x7F, &message).map_err(std::io::Error::other)
    }

    fn receive(&mut self, report: &mut [u8; REPORT]) -> std::io::Result<()> {
        match self.answers.pop() {
            Some(answer) => {
                *report = answer;
                Ok(())
            }
            None => Err(std::io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Wire<'_> {
    fn answer(
        &mut self,
        channel: u32,
        command: u8,
        message: &[u8],
    ) -> Result<(), SecurityKeyError> {
        let mut all = match command {
            hid::INIT => {
                let said = [message, &7_u32.to_be_bytes(), &[2, 1, 0, 0, 4]].concat();
                // Another program's channel is opened at the same time.
                let mut all = hid::reports(hid::BROADCAST, hid::INIT, &[9; 17])?;
                all.extend(hid::reports(channel, hid::INIT, &said)?);
                all
            }
            hid::CBOR => {
                let answer = match self.cbor(message) {
                    Ok(answer) => [&[0], answer.as_slice()].concat(),
                    Err(status) => vec![status],
                };
                // She thinks for a while before she touches it.
                let mut all = hid::reports(channel, hid::KEEPALIVE, &[2])?;
                all.extend(hid::reports(9, hid::CBOR, b"another program's")?);
                all.extend(hid::reports(channel, hid::CBOR, &answer)?);
                all
            }
            _ => hid::reports(channel, hid::ERROR, &[1])?,
        };
        all.reverse();
        self.answers.splice(0..0, all);
        Ok(())
    }

    fn cbor(&mut self, message: &[u8]) -> Answer {
        let (command, map) = message.split_first().ok_or(MALFORMED)?;
        match command {
            0x04 => self.about().map_err(|_| MALFORMED),
            0x06 => self.client_pin(map),
            0x02 => self.sign(map),
            _ => Err(0x01),
        }
    }

    fn about(&self) -> Result<Vec<u8>, minicbor::encode::Error<std::convert::Infallible>> {
        let newer = self.device.protocol == Protocol::Two;
        let mut answer = Encoder::new(vec![]);
        answer.map(4)?.u8(1)?.array(1)?.str("FIDO_2_1")?.u8(3)?.bytes(&[0; 16])?;
        answer.u8(4)?.map(3)?.str("rk")?.bool(true)?.str("clientPin")?.bool(true)?;
        answer.str("pinUvAuthToken")?.bool(newer)?;
        answer.u8(6)?.array(1)?.u8(self.device.protocol.number())?;
        Ok(answer.into_writer())
    }

    fn client_pin(&mut self, map: &[u8]) -> Answer {
        let asked = members(map).ok_or(MALFORMED)?;
        if asked.number(1) != Some(self.device.protocol.number().into()) {
            return Err(0x02);
        }
        match asked.number(2) {
            Some(2) => self.agreement(),
            Some(5) if self.device.protocol == Protocol::One => self.token(&asked),
            Some(9) if self.device.protocol == Protocol::Two => {
                let permitted = asked.text(10) == Some(&self.device.rp_id);
                if permitted { self.token(&asked) } else { Err(0x02) }
            }
            _ => Err(0x3E),
        }
    }

    fn agreement(&mut self) -> Answer {
        let own = PrivateKey::generate(&ECDH_P256).map_err(|_| MALFORMED)?;
        let point = own.compute_public_key().map_err(|_| MALFORMED)?;
        let point = point.as_ref();
        let encode = || -> Result<_, minicbor::encode::Error<std::convert::Infallible>> {
            let mut answer = Encoder::new(vec![]);
            answer.map(1)?.u8(1)?.map(5)?.u8(1)?.u8(2)?.u8(3)?.i8(-25)?.i8(-1)?.u8(1)?;
            answer.i8(-2)?.bytes(&point[1..33])?.i8(-3)?.bytes(&point[33..])?;
            Ok(answer.into_writer())
        };
        let answer = encode().map_err(|_| MALFORMED)?;
        self.agreed = Some(Agreed { own, token: vec![] });
        Ok(answer)
    }

    fn token(&mut self, asked: &Members) -> Answer {
        if self.device.wrong >= TRIES {
            return Err(0x34);
        }
        let agreed = self.agreed.as_mut().ok_or(0x33_u8)?;
        let (peer, sent) = (asked.point.ok_or(MALFORMED)?, asked.bytes(6).ok_or(0x14_u8)?);
        let shared = Shared::with(self.device.protocol, &agreed.own, &peer).map_err(|_| 0x33_u8)?;
        let hash = shared.decrypt(sent).map_err(|_| 0x33_u8)?;
        if hash.as_slice() != &digest(&SHA256, self.device.pin.as_bytes()).as_ref()[..16] {
            self.device.wrong += 1;
            return Err(if self.device.wrong >= TRIES { 0x34 } else { 0x31 });
        }
        self.device.wrong = 0;
        let mut token = vec![0; 32];
        SystemRandom::new().fill(&mut token).map_err(|_| MALFORMED)?;
        let sealed = shared.encrypt(&token).map_err(|_| MALFORMED)?;
        agreed.token = token;
        let mut answer = Encoder::new(vec![]);
        let encoded = answer.map(1).and_then(|map| map.u8(2)).and_then(|map| map.bytes(&sealed));
        encoded.map_err(|_| MALFORMED)?;
        Ok(answer.into_writer())
    }

    fn sign(&mut self, map: &[u8]) -> Answer {
        let asked = members(map).ok_or(MALFORMED)?;
        if asked.text(1) != Some(&self.device.rp_id) {
            return Err(0x2E);
        }
        let hash = asked.bytes(2).ok_or(0x14_u8)?;
        if let Some(named) = &asked.named {
            // Its credential may be used by a touch, when it is named.
            let known = named.contains(&self.device.credential);
            return if known { self.signed(PRESENT, hash) } else { Err(0x2E) };
        }
        let token = self.agreed.as_ref().map(|agreed| agreed.token.as_slice());
        let token = token.filter(|token| !token.is_empty()).ok_or(0x36_u8)?;
        if asked.bytes(6) != Some(&self.device.protocol.authenticate(token, hash)) {
            return Err(0x33);
        }
        self.signed(PRESENT | VERIFIED, hash)
    }

    /// Signs for somebody of whom this is known.
    fn signed(&mut self, flags: u8, hash: &[u8]) -> Answer {
        self.device.counter += 1;
        let mut data = digest(&SHA256, self.device.rp_id.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend_from_slice(&self.device.counter.to_be_bytes());
        let signed = [data.as_slice(), hash].concat();
        let signature = self.device.pair.sign(&SystemRandom::new(), &signed);
        let signature = signature.map_err(|_| MALFORMED)?;
        let encode = || -> Result<_, minicbor::encode::Error<std::convert::Infallible>> {
            let mut answer = Encoder::new(vec![]);
            answer.map(4)?.u8(1)?.map(2)?.str("id")?.bytes(&self.device.credential)?;
            answer.str("type")?.str("public-key")?.u8(2)?.bytes(&data)?;
            answer.u8(3)?.bytes(signature.as_ref())?;
            answer.u8(4)?.map(1)?.str("id")?.bytes(&self.device.user)?;
            Ok(answer.into_writer())
        };
        encode().map_err(|_| MALFORMED)
    }
}

/// The members of a request that are numbers, bytes, texts, or a point.
#[derive(Default)]
struct Members {
    numbers: Vec<(u8, u64)>,
    bytes: Vec<(u8, Vec<u8>)>,
    texts: Vec<(u8, String)>,
    point: Option<[u8; 65]>,
    /// The credentials of an allow list.
    named: Option<Vec<Vec<u8>>>,
}

impl Members {
    fn number(&self, key: u8) -> Option<u64> {
        self.numbers.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    fn bytes(&self, key: u8) -> Option<&Vec<u8>> {
        self.bytes.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    fn text(&self, key: u8) -> Option<&String> {
        self.texts.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is has to be a number")]
fn members(map: &[u8]) -> Option<Members> {
    let mut found = Members::default();
    let mut map = Decoder::new(map);
    for _ in 0..map.map().ok()?? {
        let key = map.u8().ok()?;
        match map.datatype().ok()? {
            Type::Bytes => found.bytes.push((key, map.bytes().ok()?.to_vec())),
            Type::String => found.texts.push((key, map.str().ok()?.to_owned())),
            Type::Map => found.point = Some(coordinates(&mut map)?),
            Type::Array => found.named = Some(credentials(&mut map)?),
            _ => found.numbers.push((key, map.u64().ok()?)),
        }
    }
    Some(found)
}

/// The identifiers of an allow list.
fn credentials(list: &mut Decoder<'_>) -> Option<Vec<Vec<u8>>> {
    let mut found = vec![];
    for _ in 0..list.array().ok()?? {
        for _ in 0..list.map().ok()?? {
            match list.str().ok()? {
                "id" => found.push(list.bytes().ok()?.to_vec()),
                _ => list.skip().ok()?,
            }
        }
    }
    Some(found)
}

fn coordinates(key: &mut Decoder<'_>) -> Option<[u8; 65]> {
    let mut point = [4; 65];
    for _ in 0..key.map().ok()?? {
        match key.i8().ok()? {
            -2 => point[1..33].copy_from_slice(key.bytes().ok()?.get(..32)?),
            -3 => point[33..].copy_from_slice(key.bytes().ok()?.get(..32)?),
            _ => key.skip().ok()?,
        }
    }
    Some(point)
}
