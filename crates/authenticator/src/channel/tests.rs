use std::time::Duration;

use jiff::ToSpan as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::message::ReceiptDelivery;
use crate::testing::air::{Air, End, Faults};
use crate::testing::{Authority, Profile, SoftwareKey, clock, now, sample};
use crate::tls::{phone_to_workstation, workstation_to_phone};

const MTUS: [usize; 4] = [23, 185, 247, 517];

fn initiate(config: Arc<ClientConfig>, mtu: usize, seed: u64) -> Channel {
    let mut rng = StdRng::seed_from_u64(seed);
    Channel::initiate(config, &sample::IDENTIFIER_KEY, now(), mtu, &mut rng).unwrap()
}

fn gate() -> KnockGate {
    KnockGate::new(sample::IDENTIFIER_KEY)
}

/// What came of a whole tap.
#[derive(Default)]
struct Tap {
    exporters: Vec<[u8; 32]>,
    completed: bool,
    workstation: Option<ChannelError>,
    phone: Option<ChannelError>,
}

/// Request, response, receipt, acknowledgement, goodbye.
fn tap(air: &mut Air, workstation: &mut Channel, phone: &mut Channel) -> Tap {
    let (device, server) = (SoftwareKey::generate(), SoftwareKey::generate());
    let said = sample::messages(&*device, &*server);
    let receipt = ReceiptDelivery { receipt: sample::receipt().sign(&*server).unwrap() };
    let mut tap = Tap::default();
    air.run(workstation, phone, Duration::from_mins(5), |end, event, channel| match (end, event) {
        (_, ChannelEvent::Established { exporter, .. }) => {
            tap.exporters.push(exporter);
            if end == End::Workstation {
                channel.send(&said[0]).unwrap();
            }
        }
        (End::Phone, ChannelEvent::Message(Message::TapRequest(request))) => {
            assert_eq!(request, sample::request());
            channel.send(&said[1]).unwrap();
        }
        (End::Workstation, ChannelEvent::Message(Message::TapResponse(response))) => {
            assert_eq!(response.reference.template.expose(), &sample::template());
            channel.send(&Message::Receipt(receipt.clone())).unwrap();
        }
        (End::Phone, ChannelEvent::Message(Message::Receipt(delivered))) => {
            assert_eq!(delivered, receipt);
            channel.send(&Message::Acknowledged).unwrap();
        }
        (End::Workstation, ChannelEvent::Message(Message::Acknowledged)) => {
            tap.completed = true;
            channel.close();
        }
        (End::Workstation, ChannelEvent::Closed(reason)) => tap.workstation = Some(reason),
        (End::Phone, ChannelEvent::Closed(reason)) => tap.phone = Some(reason),
        (end, ChannelEvent::Message(message)) => panic!("{end:?} was told {message:?}"),
    });
    tap
}

#[test]
fn a_clean_tap_is_fast_and_small() {
    let (client, server) = Authority::new("hospital.example").configurations();
    for (mtu, most_millis) in [(23, 2500), (185, 700), (247, 650), (517, 600)] {
        let mut air = Air::new(1, Faults::default());
        let mut workstation = initiate(client.clone(), mtu, 1);
        let mut phone = Channel::respond(server.clone(), gate(), mtu);
        let began = air.elapsed;
        let tap = tap(&mut air, &mut workstation, &mut phone);
        assert!(tap.completed);
        assert_eq!((tap.workstation, tap.phone), (None, Some(ChannelError::Closed)));
        assert_eq!((tap.exporters.len(), tap.exporters[0]), (2, tap.exporters[1]));
        let statistics = [workstation.statistics(), phone.statistics()];
        let took = air.elapsed.checked_sub(began).unwrap().as_millis();
        println!("mtu {mtu}: {took} ms, workstation {statistics:?}");
        assert!(took < most_millis, "mtu {mtu}: {took} ms");
        for end in statistics {
            assert_eq!((end.retransmissions, end.malformed, end.duplicates), (0, 0, 0));
        }
        let bytes = statistics[0].bytes_sent + statistics[1].bytes_sent;
        assert!(bytes <= if mtu == 23 { 24_000 } else { 11_000 }, "mtu {mtu}: {bytes} bytes");
        assert!(workstation.is_finished() && phone.is_finished());
    }
}

/// What `docs/radio.md` says of a tap's bytes. The air carries 30 kB/s each way, and a frame arrives 10 ms after it was sent.
#[test]
fn a_taps_bytes_fit_its_budget_at_30_kilobytes_a_second() {
    // §4 of the design: connecting 150 ms, TLS and messages 400 ms in nineteen of twenty, and all of it within 800 ms.
    let (connecting, messages, whole) = (150, 400, 800);
    let (client, server) = Authority::new("hospital.example").configurations();
    let (device, issuer) = (SoftwareKey::generate(), SoftwareKey::generate());
    let said = sample::messages(&*device, &*issuer);
    for mtu in [185, 247, 503, 517] {
        let mut air = Air::new(1, Faults::default());
        let mut workstation = initiate(client.clone(), mtu, 1);
        let mut phone = Channel::respond(server.clone(), gate(), mtu);
        let (began, watch) = (air.elapsed, air.watch.clone());
        let (mut stands, mut answered) = (None, None);
        air.run(&mut workstation, &mut phone, Duration::from_mins(1), |end, event, channel| {
            let since = watch.get().checked_sub(began).unwrap().as_millis();
            match (end, event) {
                (End::Workstation, ChannelEvent::Established { .. }) => {
                    stands = Some((since, channel.statistics()));
                    channel.send(&said[0]).unwrap();
                }
                (End::Phone, ChannelEvent::Message(_)) => channel.send(&said[1]).unwrap(),
                (End::Workstation, ChannelEvent::Message(_)) => {
                    answered = Some((since, channel.statistics()));
                    channel.close();
                }
                _ => {}
            }
        });
        let ((stands, shaken), (answered, done)) = (stands.unwrap(), answered.unwrap());
        println!(
            "mtu {mtu}: TLS stands after {stands} ms ({} bytes to the phone, {} back), the phone has answered after \
             {answered} ms ({} and {})",
            shaken.bytes_sent, shaken.bytes_received, done.bytes_sent, done.bytes_received,
        );
        assert!(answered <= messages, "mtu {mtu}: {answered} ms");
        assert!(connecting + answered <= whole, "mtu {mtu}: {answered} ms");
    }
}

#[test]
fn a_tap_survives_a_bad_air() {
    let (client, server) = Authority::new("hospital.example").configurations();
    let faults = Faults {
        drop: 0.08,
        duplicate: 0.05,
        truncate: 0.03,
        corrupt: 0.03,
        jitter: Duration::from_millis(40),
        dead_from: None,
    };
    for mtu in MTUS {
        for seed in 0..5 {
            let mut air = Air::new(seed, faults);
            let mut workstation = initiate(client.clone(), mtu, seed);
            let mut phone = Channel::respond(server.clone(), gate(), mtu);
            let began = air.elapsed;
            let tap = tap(&mut air, &mut workstation, &mut phone);
            assert!(
                tap.completed,
                "mtu {mtu}, seed {seed}: {:?}, {:?}",
                tap.workstation, tap.phone
            );
            assert!(air.elapsed.checked_sub(began).unwrap() < Duration::from_mins(1));
            let seen = workstation.statistics();
            assert!(seen.malformed + phone.statistics().malformed > 0);
        }
    }
}

#[test]
fn a_hopeless_air_ends_with_a_clear_error_in_bounded_time() {
    let (client, server) = Authority::new("hospital.example").configurations();
    let mut completed = 0;
    for seed in 0..12_u32 {
        let faults =
            Faults { drop: 0.35 + 0.05 * f64::from(seed), corrupt: 0.1, ..Faults::default() };
        let mut air = Air::new(seed.into(), faults);
        let mut workstation = initiate(client.clone(), 185, seed.into());
        let mut phone = Channel::respond(server.clone(), gate(), 185);
        let began = air.elapsed;
        let tap = tap(&mut air, &mut workstation, &mut phone);
        assert!(air.elapsed.checked_sub(began).unwrap() < Duration::from_mins(2), "seed {seed}");
        assert!(workstation.is_finished() && phone.is_finished(), "seed {seed}");
        assert!(tap.completed || tap.workstation.is_some(), "seed {seed}");
        let gone = [ChannelError::Silent, ChannelError::Stalled, ChannelError::HandshakeTimeout];
        if let Some(reason) = tap.workstation {
            let clear = gone.contains(&reason)
                || matches!(reason, ChannelError::Closed | ChannelError::Abandoned);
            assert!(clear, "{reason:?}");
        }
        completed += u32::from(tap.completed);
    }
    assert!(completed < 12, "some of these airs let nothing through");
}

#[test]
fn a_phone_that_goes_away_is_noticed_by_its_silence() {
    let (client, server) = Authority::new("hospital.example").configurations();
    let mut air = Air::new(1, Faults::default());
    let mut workstation = initiate(client, 247, 1);
    let mut phone = Channel::respond(server, gate(), 247);
    let began = air.elapsed;
    let mut events = vec![];
    air.run(&mut workstation, &mut phone, Duration::from_mins(1), |_, event, _| {
        events.push(event);
    });
    assert_eq!(events.len(), 2, "heartbeats keep an idle link up: {events:?}");
    assert!(air.elapsed.checked_sub(began).unwrap() > Duration::from_secs(58));
    air.faults.dead_from = Some(air.elapsed);
    let died = air.elapsed;
    air.run(&mut workstation, &mut phone, Duration::from_mins(1), |_, event, _| {
        events.push(event);
    });
    assert!(matches!(
        events[2..],
        [ChannelEvent::Closed(ChannelError::Silent), ChannelEvent::Closed(ChannelError::Silent)]
    ));
    assert!(air.elapsed.checked_sub(died).unwrap() <= Duration::from_secs(7));
    assert!(workstation.deadline().is_none() && phone.deadline().is_none());
}

/// Lets a workstation and a phone meet; why each ended.
fn meet(
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
) -> (Option<ChannelError>, Option<ChannelError>) {
    let mut air = Air::new(3, Faults::default());
    let mut workstation = initiate(client, 247, 3);
    let mut phone = Channel::respond(server, gate(), 247);
    let tap = tap(&mut air, &mut workstation, &mut phone);
    assert!(!tap.completed);
    (tap.workstation, tap.phone)
}

#[test]
fn a_rogue_workstation_gets_nothing() {
    let (ours, foreign) = (Authority::new("hospital.example"), Authority::new("hospital.example"));
    let other_domain = {
        let name = "spiffe://elsewhere.example/workstation/0193512e-4b00-7000-8000-000000000003";
        ours.machine(&name.parse().unwrap(), &Profile::workstation())
    };
    let (_, server) = ours.configurations();
    let expired = Profile { until: (2026, 11, 20), ..Profile::workstation() };
    let no_usage = Profile { usages: vec![], ..Profile::workstation() };
    for (identity, problem) in [
        (
            foreign.machine(&sample::workstation_name(), &Profile::workstation()),
            CertificateProblem::UntrustedIssuer,
        ),
        (ours.machine(&sample::phone_name(), &Profile::phone()), CertificateProblem::WrongKind),
        (ours.machine(&sample::workstation_name(), &no_usage), CertificateProblem::WrongKind),
        (ours.machine(&sample::workstation_name(), &expired), CertificateProblem::Expired),
        (other_domain, CertificateProblem::WrongTrustDomain),
    ] {
        let client = workstation_to_phone(&identity, &ours.anchors, clock()).unwrap();
        let (workstation, phone) = meet(client, server.clone());
        assert_eq!(phone, Some(ChannelError::Certificate(problem)));
        assert!(matches!(workstation, Some(ChannelError::Refused(_))), "{workstation:?}");
    }
}

#[test]
fn a_rogue_phone_is_told_nothing() {
    let (ours, foreign) = (Authority::new("hospital.example"), Authority::new("hospital.example"));
    let (client, _) = ours.configurations();
    let expired = Profile { until: (2026, 11, 20), ..Profile::phone() };
    let no_server = Profile::workstation();
    for (identity, problem) in [
        (
            foreign.machine(&sample::phone_name(), &Profile::phone()),
            CertificateProblem::UntrustedIssuer,
        ),
        (
            ours.machine(&sample::workstation_name(), &Profile::phone()),
            CertificateProblem::WrongKind,
        ),
        (ours.machine(&sample::phone_name(), &no_server), CertificateProblem::WrongKind),
        (ours.machine(&sample::phone_name(), &expired), CertificateProblem::Expired),
    ] {
        let server = phone_to_workstation(&identity, &ours.anchors, clock()).unwrap();
        let (workstation, phone) = meet(client.clone(), server);
        assert_eq!(workstation, Some(ChannelError::Certificate(problem)));
        assert!(phone.is_some());
    }
}

/// Gives `phone` all the frames of `frames`, and counts what it sends in the next 30 seconds.
fn answers(phone: &mut Channel, frames: &[Vec<u8>]) -> usize {
    let mut sent = 0;
    for elapsed in (0..30_000).step_by(50).map(Duration::from_millis) {
        if elapsed == Duration::from_millis(100) {
            for frame in frames {
                phone.receive(frame, elapsed, now());
            }
        }
        while phone.transmit(elapsed).is_some() {
            sent += 1;
        }
    }
    sent
}

fn first_frames(channel: &mut Channel) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| channel.transmit(Duration::ZERO)).collect()
}

#[test]
fn a_phone_answers_only_a_good_knock_and_each_only_once() {
    let (client, server) = Authority::new("hospital.example").configurations();
    let gate = gate();
    let good = first_frames(&mut initiate(client.clone(), 247, 1));
    assert!(answers(&mut Channel::respond(server.clone(), gate.clone(), 247), &good) > 0);
    let mut rng = StdRng::seed_from_u64(2);
    let with = |key: [u8; 32], at, rng: &mut StdRng| {
        first_frames(&mut Channel::initiate(client.clone(), &key, at, 247, rng).unwrap())
    };
    let nothing: Vec<Vec<u8>> = vec![];
    let mut no_knock = Link::new(247, true);
    no_knock.write(&[0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]);
    let unfinished = vec![no_knock.transmit(Duration::ZERO).unwrap()];
    for (frames, case, reason) in [
        (good, "replayed", ChannelError::Knock),
        (with([9; 32], now(), &mut rng), "wrong key", ChannelError::Knock),
        (with(sample::IDENTIFIER_KEY, now() - 1.hour(), &mut rng), "old", ChannelError::Knock),
        (with(sample::IDENTIFIER_KEY, now() + 1.hour(), &mut rng), "early", ChannelError::Knock),
        (nothing, "nothing", ChannelError::Silent),
        (unfinished, "unfinished", ChannelError::Silent),
    ] {
        let mut phone = Channel::respond(server.clone(), gate.clone(), 247);
        assert_eq!(answers(&mut phone, &frames), 0, "{case}");
        assert!(
            matches!(phone.next_event(), Some(ChannelEvent::Closed(r)) if r == reason),
            "{case}"
        );
        assert!(phone.is_finished() && phone.next_event().is_none(), "{case}");
    }
    let quarter = with(sample::IDENTIFIER_KEY, now() - 15.minutes(), &mut rng);
    assert!(
        answers(&mut Channel::respond(server, gate, 247), &quarter) > 0,
        "one slot off is fine"
    );
}

#[test]
fn who_sits_between_cannot_read_or_change_anything() {
    let (client, server) = Authority::new("hospital.example").configurations();
    for (name, meddle) in [
        ("workstation", change as fn(End, Vec<u8>) -> Vec<u8>),
        ("phone", |end, frame| if end == End::Phone { change(end, frame) } else { frame }),
    ] {
        let mut air = Air::new(5, Faults::default());
        air.meddle = meddle;
        let mut workstation = initiate(client.clone(), 247, 5);
        let mut phone = Channel::respond(server.clone(), gate(), 247);
        let tap = tap(&mut air, &mut workstation, &mut phone);
        assert!(!tap.completed, "{name}");
        assert!(tap.workstation.is_some() && tap.phone.is_some(), "{name}");
        assert!(workstation.is_finished() && phone.is_finished(), "{name}");
    }
}

/// Changes a byte of a piece of the stream behind the knock, and makes the checksum good.
fn change(_: End, mut frame: Vec<u8>) -> Vec<u8> {
    if frame[0] == 0x11 && frame[2] > 2 {
        let last = frame.len() - 1;
        frame[last] ^= 0x40;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&frame[..7]);
        hasher.update(&frame[11..]);
        frame[7..11].copy_from_slice(&hasher.finalize().to_be_bytes());
    }
    frame
}

#[test]
fn an_oversized_message_is_refused_before_anything_is_allocated() {
    let mut reassembly = Reassembly::default();
    let refused = reassembly.push(&[0, 1, 0, 1], drop);
    assert_eq!(refused, Err(MessageError::TooLong));
    assert_eq!(Reassembly::default().push(&[0xff; 4], drop), Err(MessageError::TooLong));
    assert_eq!(Reassembly::default().push(&[0; 4], drop), Err(MessageError::Malformed));
}

#[test]
fn messages_are_cut_from_the_stream_wherever_it_is_torn() {
    let (device, server) = (SoftwareKey::generate(), SoftwareKey::generate());
    let mut stream = vec![];
    let messages = sample::messages(&*device, &*server);
    for message in &messages {
        let body = message.encode().unwrap();
        stream.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        stream.extend_from_slice(&body);
    }
    for size in [1, 2, 3, 7, 100, 5000] {
        let mut seen = 0;
        let mut reassembly = Reassembly::default();
        for piece in stream.chunks(size) {
            reassembly.push(piece, |_| seen += 1).unwrap();
        }
        assert_eq!(seen, messages.len(), "in pieces of {size}");
    }
}

#[test]
fn nothing_can_be_sent_before_or_after() {
    let (client, _) = Authority::new("hospital.example").configurations();
    let mut workstation = initiate(client, 247, 1);
    let refused = workstation.send(&Message::Acknowledged);
    assert_eq!(refused, Err(ChannelError::NotEstablished));
    workstation.close();
    assert_eq!(workstation.send(&Message::Acknowledged), Err(ChannelError::Closed));
}

#[test]
fn a_slow_reader_does_not_make_the_sender_grow() {
    let (client, server) = Authority::new("hospital.example").configurations();
    let mut air = Air::new(1, Faults::default());
    let mut workstation = initiate(client, 247, 1);
    let mut phone = Channel::respond(server, gate(), 247);
    let mut sent = 0;
    air.run(&mut workstation, &mut phone, Duration::from_secs(1), |end, event, channel| {
        if let (End::Workstation, ChannelEvent::Established { .. }) = (end, event) {
            let receipt = Message::Receipt(ReceiptDelivery { receipt: vec![7; 8192] });
            while channel.send(&receipt).is_ok() {
                sent += 1;
            }
            assert_eq!(channel.send(&receipt), Err(ChannelError::Congested));
        }
    });
    assert!((20..=32).contains(&sent), "{sent}");
}
