use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;

fn drain(link: &mut Link, elapsed: Duration) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| link.transmit(elapsed)).collect()
}

/// Sends `stream` over an air that loses, doubles, cuts and reorders; what arrived, and when.
fn carry(stream: &[u8], mtu: usize, seed: u64, loss: f64) -> (Vec<u8>, Duration) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut from, mut to) = (Link::new(mtu, true), Link::new(mtu, true));
    from.write(stream);
    from.close();
    let mut arrived = vec![];
    let mut elapsed = Duration::ZERO;
    while elapsed < Duration::from_mins(2) {
        for forth in [true, false] {
            let (one, other) = if forth { (&mut from, &mut to) } else { (&mut to, &mut from) };
            let mut frames = drain(one, elapsed);
            if frames.len() > 1 && rng.random_bool(loss) {
                let last = frames.len() - 1;
                frames.swap(rng.random_range(0..last), last);
            }
            for mut frame in frames {
                assert!(frame.len() <= mtu - 3);
                let copies = 1 + usize::from(rng.random_bool(loss / 2.0));
                if rng.random_bool(loss / 2.0) {
                    frame.truncate(rng.random_range(0..frame.len()));
                }
                for _ in 0..copies {
                    if !rng.random_bool(loss) {
                        other.receive(&frame, elapsed);
                    }
                }
            }
        }
        arrived.extend(to.read());
        if from.is_finished() && to.end().is_some() {
            return (arrived, elapsed);
        }
        elapsed += Duration::from_millis(10);
    }
    (arrived, elapsed)
}

/// Two ends that both have something to say, over an air that loses some of it.
struct Exchange {
    ends: [Link; 2],
    arrived: [Vec<u8>; 2],
    /// The longest frame that was seen.
    longest: usize,
    /// The most frames that one end sent at once.
    most: usize,
}

impl Exchange {
    fn begin(mtu: usize, streams: [&[u8]; 2]) -> Self {
        let ends = streams.map(|stream| {
            let mut link = Link::new(mtu, true);
            link.write(stream);
            link
        });
        Self { ends, arrived: [vec![], vec![]], longest: 0, most: 0 }
    }

    /// Lets both talk until each knows that all of its stream has arrived; how long that took.
    fn finish(&mut self, rng: &mut StdRng, loss: f64) -> Duration {
        let mut elapsed = Duration::ZERO;
        while elapsed < Duration::from_mins(2) {
            for from in [0, 1] {
                let frames = drain(&mut self.ends[from], elapsed);
                self.most = self.most.max(frames.len());
                for frame in frames {
                    self.longest = self.longest.max(frame.len());
                    if !rng.random_bool(loss) {
                        self.ends[1 - from].receive(&frame, elapsed);
                    }
                }
                let read = self.ends[1 - from].read();
                self.arrived[1 - from].extend(read);
            }
            if self.ends.iter().all(|end| end.backlog() == 0) {
                return elapsed;
            }
            elapsed += Duration::from_millis(10);
        }
        elapsed
    }
}

#[test]
fn both_ends_hear_everything_at_every_mtu_there_is() {
    let (mut rng, mut mended) = (StdRng::seed_from_u64(4), 0);
    for mtu in SMALLEST_MTU..=LARGEST_MTU {
        // More frames than the window holds, so that each end has to wait for the other; the last one is not full.
        let capacity = mtu - 3 - frame::HEADER;
        let length = capacity * (usize::from(WINDOW) + 9) + 1 + mtu % capacity;
        let there: Vec<u8> = (0..=250).cycle().take(length).collect();
        let back: Vec<u8> = (0..=240).rev().cycle().take(length / 2).collect();
        for loss in [0.0, 0.05] {
            let mut exchange = Exchange::begin(mtu, [&there, &back]);
            let took = exchange.finish(&mut rng, loss);
            assert!(exchange.arrived[1] == there, "mtu {mtu}, loss {loss}: to the phone");
            assert!(exchange.arrived[0] == back, "mtu {mtu}, loss {loss}: to the workstation");
            assert_eq!(exchange.longest, mtu - 3, "mtu {mtu}: frames are as full as they can be");
            assert!(exchange.most <= usize::from(WINDOW) + 1, "{} at once", exchange.most);
            assert!(took < Duration::from_secs(30), "mtu {mtu}, loss {loss}: {took:?}");
            let again: u64 = exchange.ends.iter().map(|e| e.statistics().retransmissions).sum();
            assert!(loss > 0.0 || again == 0, "mtu {mtu}: {again} sent again for nothing");
            mended += again;
        }
    }
    assert!(mended > 495, "the air was better than it was meant to be: {mended}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_stream_arrives_whole_and_in_order(
        length in 0_usize..6000, mtu in 23_usize..=517, seed: u64, loss in 0.0..0.15,
    ) {
        let stream: Vec<u8> = (0..=250).cycle().take(length).collect();
        let (arrived, took) = carry(&stream, mtu, seed, loss);
        prop_assert!(arrived == stream, "{} of {length} bytes", arrived.len());
        prop_assert!(took < Duration::from_mins(1));
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        crate::fuzz::frames(&bytes);
    }
}

#[test]
fn sequence_numbers_may_wrap() {
    let stream: Vec<u8> = (0..=250).cycle().take(9 * 70_000).collect();
    let (arrived, _) = carry(&stream, 23, 1, 0.0);
    assert_eq!(arrived.len(), stream.len());
    assert!(arrived == stream);
}

#[test]
fn a_lost_frame_is_sent_again_as_soon_as_a_later_one_arrived() {
    let (mut from, mut to) = (Link::new(23, true), Link::new(23, true));
    from.write(&[1; 45]);
    let frames = drain(&mut from, Duration::ZERO);
    assert_eq!(frames.len(), 5);
    let soon = Duration::from_millis(20);
    for (i, frame) in frames.iter().enumerate().filter(|(i, _)| *i != 1) {
        to.receive(frame, soon);
        assert_eq!(to.read().len(), if i == 0 { 9 } else { 0 });
    }
    for status in drain(&mut to, soon) {
        from.receive(&status, soon);
    }
    let again = drain(&mut from, soon);
    assert_eq!(again, [frames[1].clone()]);
    to.receive(&again[0], soon);
    assert_eq!(to.read().len(), 36);
    assert_eq!(from.statistics().retransmissions, 1);
}

#[test]
fn the_window_bounds_what_is_in_flight_and_what_is_kept() {
    let mut from = Link::new(23, true);
    from.write(&[1; 5000]);
    let frames = drain(&mut from, Duration::ZERO);
    assert_eq!(frames.len(), usize::from(WINDOW));
    let mut to = Link::new(23, true);
    for frame in frames.iter().skip(1) {
        to.receive(frame, Duration::ZERO);
    }
    let beyond = Frame { kind: Kind::Data, sequence: WINDOW, acknowledgement: 0, payload: &[1] };
    to.receive(&beyond.encode(), Duration::ZERO);
    assert_eq!(to.statistics().malformed, 1);
    assert_eq!(to.read(), Vec::<u8>::new());
}

#[test]
fn lies_about_what_arrived_are_ignored() {
    let mut link = Link::new(23, true);
    link.write(&[1; 90]);
    drain(&mut link, Duration::ZERO);
    for acknowledgement in [11, 1000, u16::MAX] {
        let lie = Frame { kind: Kind::Acknowledge, sequence: 0, acknowledgement, payload: &[] };
        link.receive(&lie.encode(), Duration::ZERO);
        assert_eq!(link.backlog(), 90);
    }
}

#[test]
fn an_unheard_knocker_repeats_its_knock_and_gives_up() {
    let mut link = Link::new(247, true);
    link.write(&[1; 32]);
    let mut sent = vec![];
    for elapsed in (0..20_000).map(Duration::from_millis) {
        sent.extend(
            drain(&mut link, elapsed).into_iter().filter(|f| f[0] == 0x11).map(|_| elapsed),
        );
    }
    assert_eq!(
        sent.iter().map(Duration::as_secs).collect::<Vec<_>>(),
        [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    );
    assert_eq!(link.end(), Some(LinkEnd::Silent));
    assert!(link.is_finished() && link.deadline().is_none());
}

#[test]
fn a_peer_that_lives_but_takes_nothing_is_not_waited_for_forever() {
    let mut link = Link::new(247, true);
    link.write(&[1; 32]);
    let beat =
        Frame { kind: Kind::Heartbeat, sequence: 0, acknowledgement: 0, payload: &[] }.encode();
    let mut elapsed = Duration::ZERO;
    while link.end().is_none() {
        drain(&mut link, elapsed);
        link.receive(&beat, elapsed);
        elapsed += Duration::from_millis(500);
        assert!(elapsed < Duration::from_secs(20));
    }
    assert_eq!(link.end(), Some(LinkEnd::Stalled));
}
