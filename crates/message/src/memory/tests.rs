use super::*;
use crate::testing::{Sender, believing, expected, machine, now};
use crate::verify::verify;
use imp_identity::connection::MessageRefusal as R;
use proptest::prelude::*;
use std::collections::HashSet;

/// The message with this sequence, signed `seconds` ago.
fn signed(sender: &Sender, sequence: u64, stream: &str, seconds: i64) -> Authentic {
    let mut message = sender.message(sequence);
    message.stream = stream.parse().unwrap();
    message.at = now() - SignedDuration::from_secs(seconds);
    let (payload, me) = (b"MSH", machine(2));
    verify(&sender.sign(&message, payload), payload, &expected(&me), &believing(), now()).unwrap()
}

fn refused(reason: R) -> Result<Admitted, NotAdmitted> {
    Err(NotAdmitted::Refused(reason))
}

#[expect(clippy::unnecessary_wraps, reason = "what a memory answers")]
fn accepted(missed: u64) -> Result<Admitted, NotAdmitted> {
    Ok(Admitted { missed, store_first: false })
}

#[test]
fn a_stream_goes_forward_only() {
    let sender = Sender::new(1);
    let mut memory = Memory::default();
    let mut take =
        |sequence| memory.admit(&signed(&sender, sequence, "a", 0), Order::Strict, now());
    assert_eq!(take(5), Ok(Admitted { missed: 0, store_first: true }));
    assert_eq!(take(6), accepted(0));
    assert_eq!(take(9), accepted(2));
    assert_eq!(take(9), refused(R::Replayed));
    assert_eq!(take(6), refused(R::Replayed));
    assert_eq!(take(8), refused(R::Reordered));
    assert_eq!(take(8), refused(R::Reordered), "it was not accepted, so it cannot be replayed");
    assert_eq!(take(9 + WINDOW), accepted(WINDOW - 1));
    assert_eq!(take(8), refused(R::Replayed), "too far below to tell");
    assert_eq!(take(5 + AHEAD), accepted(AHEAD - WINDOW - 5));
    assert_eq!(take(6 + AHEAD), Ok(Admitted { missed: 0, store_first: true }));
}

#[test]
fn an_old_message_is_late_unless_it_is_an_old_acquaintance() {
    let sender = Sender::new(1);
    let mut memory = Memory::default();
    let mut take =
        |sequence, age| memory.admit(&signed(&sender, sequence, "a", age), Order::Strict, now());
    assert_eq!(take(4, 301), refused(R::Late));
    assert!(take(5, 0).is_ok());
    assert_eq!(take(5, 301), refused(R::Replayed));
    assert_eq!(take(6, 301), refused(R::Late));
    assert_eq!(take(7, -31), refused(R::Early));
    assert_eq!(take(6, 0), accepted(0), "what was refused has not used its place");
}

#[test]
fn files_may_be_read_in_any_order_but_once() {
    let sender = Sender::new(1);
    let mut memory = Memory::default();
    let mut take = |sequence| memory.admit(&signed(&sender, sequence, "a", 0), Order::Any, now());
    for sequence in [200, 198, 73, 199] {
        assert!(take(sequence).is_ok(), "{sequence}");
    }
    for sequence in [200, 198, 73, 199, 72] {
        assert_eq!(take(sequence), refused(R::Replayed), "{sequence}");
    }
}

#[test]
fn senders_and_streams_do_not_disturb_each_other() {
    let (one, two) = (Sender::new(1), Sender::new(3));
    let mut memory = Memory::default();
    for (sender, stream) in [(&one, "a"), (&one, "b"), (&two, "a")] {
        assert!(memory.admit(&signed(sender, 5, stream, 0), Order::Strict, now()).is_ok());
    }
    assert_eq!(memory.streams(), 3);
    let again = memory.admit(&signed(&two, 5, "a", 0), Order::Strict, now());
    assert_eq!(again, refused(R::Replayed));
}

#[test]
fn there_is_room_for_so_many_and_only_what_cannot_be_replayed_is_forgotten() {
    let sender = Sender::new(1);
    let silence = SignedDuration::from_mins(6);
    let limits = MemoryLimits { senders: 1, streams: 2, silence: Some(silence) };
    let mut memory = Memory::new(limits);
    for stream in ["a", "b"] {
        memory.admit(&signed(&sender, 5, stream, 0), Order::Strict, now()).unwrap();
    }
    let third = signed(&sender, 5, "c", 0);
    assert_eq!(memory.admit(&third, Order::Strict, now()), Err(NotAdmitted::Full));
    let other = signed(&Sender::new(3), 5, "a", 0);
    assert_eq!(memory.admit(&other, Order::Strict, now()), Err(NotAdmitted::Full));
    let later = now() + silence + SignedDuration::from_secs(1);
    assert!(memory.admit(&third, Order::Strict, later).is_ok());
    assert_eq!(memory.streams(), 1);
}

#[test]
fn after_a_crash_the_sender_goes_on_beyond_what_is_not_known() {
    let sender = Sender::new(1);
    let limits = MemoryLimits::default();
    let mut memory = Memory::new(limits);
    let mut file = vec![];
    for sequence in 10..20 {
        let message = signed(&sender, sequence, "a", 0);
        if memory.admit(&message, Order::Strict, now()).unwrap().store_first {
            file = memory.to_json(false).unwrap();
        }
    }
    let mut restarted = Memory::from_json(&file, limits).unwrap();
    let mut take =
        |sequence| restarted.admit(&signed(&sender, sequence, "a", 0), Order::Strict, now());
    let after = 10 + AHEAD;
    for sequence in [10, 19, 20, after] {
        assert_eq!(take(sequence), Err(NotAdmitted::Resume { after }), "{sequence}");
    }
    assert_eq!(take(after + 1), Ok(Admitted { missed: 0, store_first: true }));
    assert_eq!(take(after + 1), refused(R::Replayed));
    // A settled memory knows everything.
    let settled = memory.to_json(true).unwrap();
    let mut settled = Memory::from_json(&settled, limits).unwrap();
    let again = settled.admit(&signed(&sender, 19, "a", 0), Order::Strict, now());
    assert_eq!(again, refused(R::Replayed));
    assert_eq!(settled.admit(&signed(&sender, 20, "a", 0), Order::Strict, now()), accepted(0));
}

#[test]
fn a_damaged_memory_is_not_taken_for_an_empty_one() {
    let sender = Sender::new(1);
    let mut memory = Memory::default();
    memory.admit(&signed(&sender, 5, "a", 0), Order::Strict, now()).unwrap();
    let good = String::from_utf8(memory.to_json(true).unwrap()).unwrap();
    let limits = MemoryLimits::default();
    assert_eq!(Memory::from_json(good.as_bytes(), limits).unwrap(), memory);
    for (from, to) in [
        ("\"version\": 1", "\"version\": 2"),
        ("\"highest\": 5", "\"highest\": 5000"),
        ("\"unsure\": 0", "\"unsure\": 6"),
        ("00000001", "0000000x"),
        ("\"horizon\": 261", "\"horizon\": 9007199254741248"),
    ] {
        assert!(good.contains(from), "{good}");
        let damaged = good.replace(from, to);
        assert!(Memory::from_json(damaged.as_bytes(), limits).is_err(), "{to}");
    }
    assert!(Memory::from_json(b"", limits).is_err());
}

#[test]
fn what_could_not_be_stored_was_not_accepted() {
    let sender = Sender::new(1);
    let mut memory = Memory::new(MemoryLimits::default());
    let first = signed(&sender, 1, "a", 0);
    let before = memory.place(&first);
    assert!(memory.admit(&first, Order::Strict, now()).unwrap().store_first);
    memory.put_back(&first, before);
    assert_eq!(memory, Memory::new(MemoryLimits::default()), "of a stream that was not known");
    memory.admit(&first, Order::Strict, now()).unwrap();
    let later = signed(&sender, 1 + AHEAD + 1, "a", 0);
    let before = (memory.place(&later), memory.clone());
    assert!(memory.admit(&later, Order::Strict, now()).unwrap().store_first);
    memory.put_back(&later, before.0);
    assert_eq!(memory, before.1, "the horizon is that of the file");
    memory.admit(&later, Order::Strict, now()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever comes, in whatever order, with crashes between: nothing is accepted twice, and in a strict stream nothing after a later
    /// one.
    #[test]
    fn nothing_is_accepted_twice(
        steps in prop::collection::vec((1..400_u64, prop::bool::weighted(0.1)), 1..60),
        strict in any::<bool>(),
    ) {
        let sender = Sender::new(1);
        let order = if strict { Order::Strict } else { Order::Any };
        let limits = MemoryLimits::default();
        let mut memory = Memory::new(limits);
        let mut file = None;
        let (mut accepted, mut highest) = (HashSet::new(), 0);
        for (sequence, crash) in steps {
            if crash {
                memory = file.as_ref().map_or_else(
                    || Memory::new(limits),
                    |file: &Vec<u8>| Memory::from_json(file, limits).unwrap(),
                );
            }
            let message = signed(&sender, sequence, "a", 0);
            let Ok(admitted) = memory.admit(&message, order, now()) else { continue };
            if admitted.store_first {
                file = Some(memory.to_json(false).unwrap());
            }
            prop_assert!(accepted.insert(sequence));
            prop_assert!(!strict || sequence > highest);
            highest = highest.max(sequence);
        }
    }
}
