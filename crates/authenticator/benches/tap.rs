//! What a tap costs the server's processor, and how many bytes it takes on the air.
#![expect(clippy::unwrap_used, reason = "a bench may panic")]
#![expect(clippy::print_stdout, reason = "sizes are part of the result")]
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use imp_authenticator::identifier::{Resolver, identifier, slot};
use imp_authenticator::{
    Channel, ChannelEvent, Claims, KnockGate, Knowledge, Message, ReceiptDelivery, Signer as _,
};
use imp_identity::attempts::Attempts;
use imp_identity::challenge::Challenge;
use imp_identity::phone::{self, Binding, Phone};
use imp_identity::policy::Policy;
use imp_identity::reference::{self, Reference};
use imp_identity::tap::Purpose;
use imp_identity::user::{self, Role, User};
use imp_identity::workstation::{self, Workstation};
use imp_identity::{Digest, Secret};
use jiff::ToSpan as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

#[path = "../src/testing/mod.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod testing;

use testing::air::{Air, End, Faults};
use testing::{Authority, SoftwareKey, now, sample};

/// What the server knows about the samples.
struct World {
    device: std::sync::Arc<SoftwareKey>,
    machine: std::sync::Arc<SoftwareKey>,
    workstation: Workstation,
    phone: Phone,
    user: User,
    reference: Reference,
    challenge: Challenge,
}

impl World {
    fn new() -> Self {
        let (device, machine) = (SoftwareKey::generate(), SoftwareKey::generate());
        let binding = Binding {
            public_key: device.public_key().to_vec(),
            identifier_key: sample::IDENTIFIER_KEY,
            at: now(),
        };
        let public_key = machine.public_key().to_vec();
        Self {
            workstation: Workstation {
                id: sample::workstation(),
                name: "Desk 2".parse().unwrap(),
                unit: None,
                site: None,
                state: workstation::State::Enrolled { public_key, at: now() },
            },
            phone: Phone {
                id: sample::phone(),
                user: sample::user(),
                state: phone::State::Bound(binding),
            },
            user: User {
                id: sample::user(),
                username: "ada".parse().unwrap(),
                display_name: "Ada".parse().unwrap(),
                role: Role::Staff,
                unit: None,
                email: None,
                state: user::State::Active,
            },
            reference: Reference {
                id: sample::id(4),
                user: sample::user(),
                phone: sample::phone(),
                digest: sample::digest(),
                model_set: "imp-face@1".to_owned(),
                enrolment: sample::id(10),
                officer: sample::id(5),
                enrolled_at: now(),
                expires_at: now() + 1000.hours(),
                state: reference::State::Active,
            },
            challenge: Challenge {
                id: sample::id(8),
                tap: sample::id(9),
                nonce: Digest::of(&[&sample::CHALLENGE]),
                workstation: sample::workstation(),
                phone: sample::phone(),
                purpose: Purpose::TapIn,
                expires_at: now() + 1.minute(),
                used_at: None,
            },
            device,
            machine,
        }
    }
}

fn server(criterion: &mut Criterion) {
    let world = World::new();
    let statement = sample::statement().sign(sample::phone(), &*world.device).unwrap();
    let evidence = sample::evidence().sign(sample::workstation(), &*world.machine).unwrap();
    let (attempts, policy) = (Attempts::none(sample::user()), Policy::default());
    let trust_domain = sample::trust_domain();
    let knowledge = Knowledge {
        trust_domain: &trust_domain,
        workstation: &world.workstation,
        phone: &world.phone,
        user: &world.user,
        reference: Some(&world.reference),
        challenge: &world.challenge,
        statement_challenge: Some(&world.challenge),
        attempts: &attempts,
        policy: &policy,
    };
    criterion.bench_function("server: parse and verify a tap", |bencher| {
        bencher.iter(|| {
            let claims = Claims::parse(black_box(&statement), black_box(&evidence)).unwrap();
            claims.verify(&knowledge, now()).unwrap()
        });
    });
    let key = SoftwareKey::generate();
    criterion.bench_function("server: sign a receipt", |bencher| {
        bencher.iter(|| sample::receipt().sign(&*key).unwrap());
    });
}

/// A whole tap over a clean air; bytes and frames each way, and what the handshake took of them.
fn whole_tap(mtu: usize, authority: &Authority, print: bool) {
    let (client, config) = authority.configurations();
    let (device, server) = (SoftwareKey::generate(), SoftwareKey::generate());
    let said = sample::messages(&*device, &*server);
    let receipt =
        Message::Receipt(ReceiptDelivery { receipt: sample::receipt().sign(&*server).unwrap() });
    let key = sample::IDENTIFIER_KEY;
    let mut rng = StdRng::seed_from_u64(1);
    let mut workstation = Channel::initiate(client, &key, now(), mtu, &mut rng).unwrap();
    let mut phone = Channel::respond(config, KnockGate::new(key), mtu);
    let mut handshake = [0; 2];
    let mut air = Air::new(1, Faults::default());
    let began = air.elapsed;
    air.run(&mut workstation, &mut phone, Duration::from_mins(1), |end, event, channel| {
        let answer = match (end, event) {
            (_, ChannelEvent::Established { .. }) => {
                handshake[usize::from(end == End::Phone)] = channel.statistics().bytes_sent;
                if end == End::Phone {
                    return;
                }
                &said[0]
            }
            (End::Phone, ChannelEvent::Message(Message::TapRequest(_))) => &said[1],
            (End::Workstation, ChannelEvent::Message(Message::TapResponse(_))) => &receipt,
            (End::Phone, ChannelEvent::Message(Message::Receipt(_))) => &said[5],
            (End::Workstation, ChannelEvent::Message(Message::Acknowledged)) => {
                return channel.close();
            }
            _ => return,
        };
        channel.send(answer).unwrap();
    });
    let (there, back) = (workstation.statistics(), phone.statistics());
    assert!(workstation.is_finished());
    if print {
        println!(
            "mtu {mtu}: whole tap {} bytes in {} frames, {} ms at 30 kB/s and 20 ms round trips; \
             until established the workstation had sent {} bytes, the phone {}",
            there.bytes_sent + back.bytes_sent,
            there.frames_sent + back.frames_sent,
            air.elapsed.checked_sub(began).unwrap().as_millis(),
            handshake[0],
            handshake[1],
        );
    }
}

fn sizes() {
    let key = SoftwareKey::generate();
    for (what, bytes) in [
        ("tap statement", sample::statement().sign(sample::phone(), &*key)),
        ("match evidence", sample::evidence().sign(sample::workstation(), &*key)),
        ("reference credential", sample::credential().sign(&*key)),
        ("receipt", sample::receipt().sign(&*key)),
        ("roster of 10,000", sample::roster(10_000).sign(&*key)),
    ] {
        println!("{what}: {} bytes", bytes.unwrap().len());
    }
    let template: Secret<Vec<u8>> = sample::template().into();
    println!("template in these samples: {} bytes", template.expose().len());
}

fn conversation(criterion: &mut Criterion) {
    sizes();
    let authority = Authority::new("hospital.example");
    for mtu in [23, 185, 247, 517] {
        whole_tap(mtu, &authority, true);
    }
    criterion.bench_function("both ends: a whole tap, with two certificates issued", |bencher| {
        bencher.iter(|| whole_tap(247, &authority, false));
    });
}

/// Twenty of the 2,000 phones that a workstation knows advertise beside it, and one that it does not know.
fn corridor(criterion: &mut Criterion) {
    let roster = sample::roster(2_000);
    let resolver = Resolver::new(&roster, now());
    let known = roster.entries.iter().step_by(105).map(|entry| entry.identifier_key);
    let mut heard: Vec<_> = known.map(|key| identifier(&key, slot(now()))).collect();
    heard.push([0; 8]);
    assert_eq!(heard.len(), 21);
    criterion.bench_function("workstation: resolve an advertisement among 2,000", |bencher| {
        let mut next = heard.iter().cycle();
        bencher.iter(|| resolver.resolve(*next.next().unwrap(), black_box(now())));
    });
    criterion.bench_function("workstation: prepare 2,000 phones for a new slot", |bencher| {
        bencher.iter(|| Resolver::new(black_box(&roster), now()));
    });
}

criterion_group!(benches, server, conversation, corridor);
criterion_main!(benches);
