//! Holds the pages of the protocol's reference to the code: schema, test vectors, sizes; and replays the fuzz
//! targets over what is really said, damaged.
use std::collections::HashMap;

use minicbor::Decoder;
use minicbor::data::Type;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::identifier::{identifier, slot};
use crate::knock::knock;
use crate::testing::air::{Air, End, Faults};
use crate::testing::{Authority, SoftwareKey, hex, now, sample, unhex};
use crate::{
    Channel, ChannelEvent, Claims, KnockGate, MatchEvidence, Message, ReceiptDelivery, Signer,
    UnverifiedTapStatement, fuzz,
};

const SCHEMA: &str = include_str!("../../../docs/reference/tap.cddl");
const PAGE: &str = include_str!("../../../docs/reference/protocol.md");

/// The rules of the schema: name, and what stands after the equals sign.
fn rules() -> HashMap<String, String> {
    let mut rules: Vec<(String, String)> = vec![];
    for line in SCHEMA.lines() {
        let line = line.split(';').next().unwrap_or_default().trim_end();
        match line.split_once(" = ").filter(|_| !line.starts_with(' ')) {
            Some((name, rule)) => rules.push((name.trim().to_owned(), rule.trim().to_owned())),
            None if line.is_empty() => {}
            None => rules.last_mut().unwrap().1.push_str(line),
        }
    }
    let count = rules.len();
    let rules: HashMap<_, _> = rules.into_iter().collect();
    assert_eq!(rules.len(), count, "every rule has its own name");
    rules
}

/// Whether the next item follows `rule`: as much of CDDL as the schema uses.
fn follows(rules: &HashMap<String, String>, rule: &str, decoder: &mut Decoder<'_>) -> bool {
    let rule = rule.trim();
    if let Some(rule) = rules.get(rule) {
        return follows(rules, rule, decoder);
    }
    if let Some(body) = rule.strip_prefix('{') {
        let entries: Vec<_> = body.trim_end_matches('}').split(',').collect();
        let entries = entries.iter().filter_map(|entry| entry.split_once(':'));
        return follows_map(rules, entries, decoder);
    }
    if let Some(items) = rule.strip_prefix('[').and_then(|rule| rule.strip_suffix(']')) {
        let Ok(Some(count)) = decoder.array() else { return false };
        if let Some((most, rule)) = items.split_once('*') {
            let (most, rule) =
                rule.split_once(' ').map_or((most, rule), |(most, rule)| (most, rule));
            let bounded = most.is_empty() || count <= most.parse().unwrap();
            return bounded && (0..count).all(|_| follows(rules, rule, decoder));
        }
        let items: Vec<_> = items.split(',').collect();
        return count == items.len() as u64
            && items.iter().all(|rule| follows(rules, rule, decoder));
    }
    if rule.contains('/') {
        return rule.split('/').any(|rule| {
            let mut probe = decoder.clone();
            let good = follows(rules, rule, &mut probe);
            if good {
                decoder.set_position(probe.position());
            }
            good
        });
    }
    primitive(rule, decoder)
}

/// Whether the next item is a map of these entries in this order; a key after a question mark may be missing.
fn follows_map<'a>(
    rules: &HashMap<String, String>,
    entries: impl Iterator<Item = (&'a str, &'a str)>,
    decoder: &mut Decoder<'_>,
) -> bool {
    let Ok(Some(mut left)) = decoder.map() else { return false };
    for (key, rule) in entries {
        let (key, optional) = match key.trim().strip_prefix("? ") {
            Some(key) => (key, true),
            None => (key.trim(), false),
        };
        let found = left > 0 && decoder.probe().u64().ok() == key.parse().ok();
        if found {
            left -= 1;
            if decoder.u64().is_err() || !follows(rules, rule, decoder) {
                return false;
            }
        } else if !optional {
            return false;
        }
    }
    left == 0
}

fn primitive(rule: &str, decoder: &mut Decoder<'_>) -> bool {
    let fits = |length: usize, rule: &str| {
        let Some((_, size)) = rule.split_once(" .size ") else { return true };
        match size.trim_matches(['(', ')']).split_once("..") {
            Some((least, most)) => {
                (least.parse().unwrap()..=most.parse().unwrap()).contains(&length)
            }
            None => size.parse() == Ok(length),
        }
    };
    if rule.starts_with("bstr") {
        return decoder.bytes().is_ok_and(|bytes| fits(bytes.len(), rule));
    }
    if rule.starts_with("tstr") {
        return decoder.str().is_ok_and(|text| fits(text.len(), rule));
    }
    if let Some(text) = rule.strip_prefix('"') {
        return decoder.str().is_ok_and(|found| found == text.trim_end_matches('"'));
    }
    if let Some((least, most)) = rule.split_once("..") {
        let range = least.parse().unwrap()..=most.parse().unwrap();
        return decoder.u64().is_ok_and(|number| range.contains(&number));
    }
    match rule {
        "int" => decoder.i64().is_ok(),
        "uint" => decoder.u64().is_ok(),
        "bool" => decoder.bool().is_ok(),
        "null" => decoder.null().is_ok(),
        "float32" => decoder.datatype().is_ok_and(|t| t == Type::F32) && decoder.f32().is_ok(),
        number => {
            let number: u64 = number.parse().unwrap_or_else(|_| panic!("what is `{rule}`?"));
            decoder.u64().is_ok_and(|found| found == number)
        }
    }
}

fn obeys(rule: &str, bytes: &[u8]) -> bool {
    let mut decoder = Decoder::new(bytes);
    follows(&rules(), rule, &mut decoder) && decoder.position() == bytes.len()
}

/// A body of each kind, under the name of its rule.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let mut nobody = sample::receipt();
    (nobody.user, nobody.workstation) = (None, None);
    (nobody.purpose, nobody.session) = (None, None);
    vec![
        ("tap-statement", minicbor::to_vec(sample::statement()).unwrap()),
        ("presence-statement", minicbor::to_vec(sample::presence()).unwrap()),
        ("match-evidence", minicbor::to_vec(sample::evidence()).unwrap()),
        ("reference-credential", minicbor::to_vec(sample::credential()).unwrap()),
        ("storage-statement", minicbor::to_vec(sample::storage()).unwrap()),
        ("receipt", minicbor::to_vec(sample::receipt()).unwrap()),
        ("receipt", minicbor::to_vec(&nobody).unwrap()),
        ("roster", minicbor::to_vec(sample::roster(3)).unwrap()),
    ]
}

#[test]
fn everything_that_is_said_follows_the_schema() {
    let (device, server) = (SoftwareKey::generate(), SoftwareKey::generate());
    let names = [
        "tap-request",
        "tap-response",
        "store-reference",
        "reference-stored",
        "receipt",
        "acknowledged",
        "declined",
        "presence-request",
        "presence-response",
        "store-reference",
    ];
    for (message, name) in sample::messages(&*device, &*server).iter().zip(names) {
        let bytes = message.encode().unwrap();
        assert!(obeys(&format!("{name}-message"), &bytes) && obeys("message", &bytes), "{name}");
        assert!(!obeys("message", &bytes[..bytes.len() - 1]), "{name}");
    }
    let bodies = bodies();
    for (i, (name, bytes)) in bodies.iter().enumerate() {
        assert!(obeys(name, bytes), "{name}: {}", hex(bytes));
        assert!(!obeys(bodies[(i + 3) % bodies.len()].0, bytes), "{name} is taken for another");
    }
}

/// Vectors whose bytes depend on nothing but the samples.
fn vectors() -> Vec<(&'static str, Vec<u8>)> {
    let key = sample::IDENTIFIER_KEY;
    let knock = {
        // The nonce is drawn first; any generator will do for a vector that shows it.
        knock(&key, now(), &mut StdRng::seed_from_u64(1))
    };
    let mut link = crate::link::Link::new(247, true);
    link.write(b"hello");
    let data = link.transmit(std::time::Duration::ZERO).unwrap();
    let device = SoftwareKey::published();
    vec![
        ("Slot", slot(now()).to_be_bytes().to_vec()),
        ("Identifier", identifier(&key, slot(now())).to_vec()),
        ("Knock; its first 16 bytes are the nonce", knock.to_vec()),
        ("Frame: the first data frame of a stream that begins with \"hello\"", data),
        (
            "Message: `TapRequest`",
            Message::TapRequest(sample::request()).encode().unwrap().to_vec(),
        ),
        ("Message: `Acknowledged`", Message::Acknowledged.encode().unwrap().to_vec()),
        (
            "Reference digest: SHA-256 of 32 bytes `5a` and 640 bytes, byte *i* being 37 *i* mod 251",
            sample::digest().as_bytes().to_vec(),
        ),
        ("Body of a tap statement", minicbor::to_vec(sample::statement()).unwrap()),
        (
            "`SubjectPublicKeyInfo` of the signing key of RFC 6979, appendix A.2.5",
            device.public_key().to_vec(),
        ),
    ]
}

/// The hexadecimal block that follows a title on the page.
fn on_the_page(title: &str) -> Option<Vec<u8>> {
    let (_, rest) = PAGE.split_once(&format!("\n{title}:\n\n```text\n"))?;
    Some(unhex(rest.split_once("```")?.0))
}

const SIGNED: &str =
    "The tap statement, signed with that key as the phone 0193512e-4b00-7000-8000-000000000002";

#[test]
fn the_page_shows_what_the_code_does() {
    let missing = |title: &str, bytes: &[u8]| {
        let lines: Vec<_> = bytes.chunks(48).map(hex).collect();
        format!("{title}:\n\n```text\n{}\n```\n", lines.join("\n"))
    };
    let mut wrong = String::new();
    for (title, bytes) in vectors() {
        if on_the_page(title).as_deref() != Some(&bytes[..]) {
            wrong.push_str(&missing(title, &bytes));
            wrong.push('\n');
        }
    }
    // Signatures are randomised: the one on the page must verify.
    let device = SoftwareKey::published();
    let verified = on_the_page(SIGNED).and_then(|bytes| {
        UnverifiedTapStatement::parse(&bytes).ok()?.verify(device.public_key()).ok()
    });
    if verified != Some(sample::statement()) {
        let bytes = sample::statement().sign(sample::phone(), &*device).unwrap();
        wrong.push_str(&missing(SIGNED, &bytes));
    }
    assert!(wrong.is_empty(), "put this on the page:\n\n{wrong}");
}

#[test]
fn a_whole_tap_stays_small() {
    let (device, machine, server) =
        (SoftwareKey::generate(), SoftwareKey::generate(), SoftwareKey::generate());
    let statement = sample::statement().sign(sample::phone(), &*device).unwrap();
    let evidence = sample::evidence().sign(sample::workstation(), &*machine).unwrap();
    let credential = sample::credential().sign(&*server).unwrap();
    let receipt = sample::receipt().sign(&*server).unwrap();
    for (what, bytes, most) in [
        ("statement", &statement, 512),
        ("evidence", &evidence, 768),
        ("credential", &credential, 384),
        ("receipt", &receipt, 3072),
    ] {
        println!("{what}: {} bytes", bytes.len());
        assert!(bytes.len() <= most, "{what}: {} bytes", bytes.len());
    }
    assert!(Claims::parse(&statement, &evidence).is_ok());
    let (client, config) = Authority::new("hospital.example").configurations();
    for (mtu, most) in [(23, 24_000), (185, 11_000), (247, 11_000), (517, 11_000)] {
        let mut rng = StdRng::seed_from_u64(1);
        let key = sample::IDENTIFIER_KEY;
        let mut workstation =
            Channel::initiate(client.clone(), &key, now(), mtu, &mut rng).unwrap();
        let mut phone = Channel::respond(config.clone(), KnockGate::new(key), mtu);
        let said = sample::messages(&*device, &*server);
        let receipt = Message::Receipt(ReceiptDelivery { receipt: receipt.clone() });
        let mut air = Air::new(1, Faults::default());
        air.run(
            &mut workstation,
            &mut phone,
            std::time::Duration::from_secs(30),
            |end, event, channel| {
                let answer = match (end, event) {
                    (End::Workstation, ChannelEvent::Established { .. }) => &said[0],
                    (End::Phone, ChannelEvent::Message(Message::TapRequest(_))) => &said[1],
                    (End::Workstation, ChannelEvent::Message(Message::TapResponse(_))) => &receipt,
                    (End::Phone, ChannelEvent::Message(Message::Receipt(_))) => &said[5],
                    (End::Workstation, ChannelEvent::Message(Message::Acknowledged)) => {
                        return channel.close();
                    }
                    _ => return,
                };
                channel.send(answer).unwrap();
            },
        );
        let [there, back] = [workstation.statistics(), phone.statistics()];
        let whole = there.bytes_sent + back.bytes_sent;
        println!(
            "mtu {mtu}: {whole} bytes in {} frames; workstation sent {}, phone {}",
            there.frames_sent + back.frames_sent,
            there.bytes_sent,
            back.bytes_sent
        );
        assert!(workstation.is_finished() && phone.is_finished());
        assert!(whole <= most, "mtu {mtu}: {whole} bytes");
    }
}

#[test]
fn a_message_cannot_be_longer_than_its_limit() {
    let long = ReceiptDelivery { receipt: vec![0; crate::receipt::LIMIT + 1] };
    assert!(Message::Receipt(long).encode().is_err());
    let zeros = vec![0; crate::message::LIMIT + 1];
    assert_eq!(Message::decode(&zeros).err(), Some(crate::message::MessageError::TooLong));
}

/// Everything that is really said, as seeds for the fuzz targets.
fn corpus() -> Vec<Vec<u8>> {
    let (device, server) = (SoftwareKey::generate(), SoftwareKey::generate());
    let messages = sample::messages(&*device, &*server);
    let mut corpus: Vec<_> = messages.iter().map(|m| m.encode().unwrap().to_vec()).collect();
    corpus.push(sample::statement().sign(sample::phone(), &*device).unwrap());
    corpus.push(sample::evidence().sign(sample::workstation(), &*device).unwrap());
    corpus.push(sample::roster(3).sign(&*server).unwrap());
    corpus.push(sample::receipt().sign(&*server).unwrap());
    corpus.extend(bodies().into_iter().map(|(_, bytes)| bytes));
    corpus.push(b"imp:bind?server=https%3A%2F%2Fx&ca=00&code=7XK2M-00000-ABCDE-ZZZZZ".to_vec());
    let mut framed = vec![];
    for message in corpus.iter().take(7) {
        framed.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        framed.extend_from_slice(message);
    }
    corpus.push(framed);
    let mut flight = vec![];
    let mut link = crate::link::Link::new(60, true);
    link.write(&[9; 3000]);
    while let Some(frame) = link.transmit(std::time::Duration::ZERO) {
        flight.push(u8::try_from(frame.len()).unwrap());
        flight.extend(frame);
    }
    corpus.push(flight);
    corpus
}

fn damaged(bytes: &[u8], rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.random_range(1..6) {
        if bytes.is_empty() {
            break;
        }
        let place = rng.random_range(0..bytes.len());
        match rng.random_range(0..6) {
            0 => bytes[place] ^= 1 << rng.random_range(0..8),
            1 => bytes[place] = rng.random(),
            2 => bytes.truncate(place),
            3 => bytes.insert(place, rng.random()),
            // Heads of CBOR items that promise much.
            4 => bytes
                .splice(place..=place, [0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
                .for_each(drop),
            _ => bytes.rotate_left(place),
        }
    }
    bytes
}

#[test]
fn the_fuzz_targets_survive_damaged_truth() {
    let mut rng = StdRng::seed_from_u64(7);
    for seed in corpus() {
        let tries = if seed.len() > 2000 { 60 } else { 300 };
        for bytes in
            std::iter::once(seed.clone()).chain((0..tries).map(|_| damaged(&seed, &mut rng)))
        {
            fuzz::frames(&bytes);
            fuzz::messages(&bytes);
            fuzz::statements(&bytes);
            fuzz::channel(&bytes);
        }
    }
}

#[test]
fn secrets_do_not_print() {
    let (device, server) = (SoftwareKey::generate(), SoftwareKey::generate());
    let message = &sample::messages(&*device, &*server)[1];
    let printed = format!("{message:?}");
    assert!(printed.contains("template: [redacted], salt: [redacted]"), "{printed}");
    let evidence: MatchEvidence = sample::evidence();
    assert!(!format!("{evidence:?}").is_empty());
}
