//! What a sender counts with: every message of a stream gets a sequence that none before had, also after a crash.
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::signature::LARGEST_SEQUENCE;
use crate::stream::Stream;

/// How many sequences are reserved by one write of the file.
pub const RESERVED: u64 = 256;
/// The furthest that a receiver may send a sender forward: further is not a crash that is mended, but somebody who wants to use the numbers up.
pub const FURTHEST: u64 = 1_000_000;

/// The counters of a sender's streams. The file says up to where sequences are reserved; what a crash left unused is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    streams: BTreeMap<Stream, Numbers>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbers {
    last: u64,
    reserved: u64,
}

/// A sequence for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// The sequence.
    pub sequence: u64,
    /// The counters have to be stored before the message is sent.
    pub store_first: bool,
}

/// There are no sequences left, or the clock is wrong by centuries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream has no sequences left")]
pub struct Exhausted;

/// The receiver would have us leave out more than [`FURTHEST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the receiver asks to go on after sequence {0}, which is further than a crash explains")]
pub struct TooFar(pub u64);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    reserved: BTreeMap<Stream, u64>,
}

impl Counter {
    /// The next sequence of a stream. A stream that is not known begins at the microseconds since 1970, so that a sender that lost its file
    /// goes on beyond what it used before.
    pub fn next(&mut self, stream: &Stream, now: Timestamp) -> Result<Next, Exhausted> {
        let begin = u64::try_from(now.as_microsecond()).unwrap_or_default();
        let numbers = self.streams.entry(stream.clone());
        let numbers = numbers.or_insert(Numbers { last: begin, reserved: begin });
        if numbers.last >= LARGEST_SEQUENCE {
            return Err(Exhausted);
        }
        numbers.last += 1;
        let store_first = numbers.last > numbers.reserved;
        if store_first {
            numbers.reserved = numbers.last.saturating_add(RESERVED).min(LARGEST_SEQUENCE);
        }
        Ok(Next { sequence: numbers.last, store_first })
    }

    /// Goes on after `after`, because the receiver does not know whether it has seen what comes before.
    pub fn resume(&mut self, stream: &Stream, after: u64) -> Result<(), TooFar> {
        let Some(numbers) = self.streams.get_mut(stream) else { return Ok(()) };
        if after > numbers.last.saturating_add(FURTHEST) {
            return Err(TooFar(after));
        }
        numbers.last = numbers.last.max(after);
        Ok(())
    }

    /// The counters as a file. `settled`: nothing is sent after this is written.
    pub fn to_json(&self, settled: bool) -> Result<Vec<u8>, serde_json::Error> {
        let reserved = |numbers: &Numbers| {
            if settled { numbers.last } else { numbers.reserved.max(numbers.last) }
        };
        let lines = self.streams.iter().map(|(stream, n)| (stream.clone(), reserved(n)));
        serde_json::to_vec_pretty(&File { reserved: lines.collect() })
    }

    /// Reads [`Self::to_json`].
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        let file: File = serde_json::from_slice(json)?;
        let numbers = |reserved| Numbers { last: reserved, reserved };
        let lines = file.reserved.into_iter();
        Ok(Self { streams: lines.map(|(stream, end)| (stream, numbers(end))).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T08:00:00Z".parse().unwrap()
    }

    fn stream() -> Stream {
        "results/0".parse().unwrap()
    }

    #[test]
    fn sequences_only_grow_also_when_the_file_is_older_or_lost() {
        let mut counter = Counter::default();
        let mut stored = vec![];
        let mut last = 0;
        for n in 0..1000 {
            let next = counter.next(&stream(), now()).unwrap();
            assert!(next.sequence > last);
            last = next.sequence;
            if next.store_first {
                stored = counter.to_json(false).unwrap();
            }
            // A crash now, at any message.
            let mut restarted = Counter::from_json(&stored).unwrap();
            assert!(restarted.next(&stream(), now()).unwrap().sequence > last, "{n}");
        }
        let settled = counter.to_json(true).unwrap();
        let mut again = Counter::from_json(&settled).unwrap();
        assert_eq!(again.next(&stream(), now()).unwrap().sequence, last + 1, "nothing is left out");
        let second = jiff::SignedDuration::from_secs(1);
        let mut empty = Counter::default();
        assert!(empty.next(&stream(), now() + second).unwrap().sequence > last);
    }

    #[test]
    fn a_receiver_sends_a_sender_forward_but_not_to_the_end_of_its_numbers() {
        let mut counter = Counter::default();
        let first = counter.next(&stream(), now()).unwrap().sequence;
        counter.resume(&stream(), first + 300).unwrap();
        let next = counter.next(&stream(), now()).unwrap();
        assert_eq!((next.sequence, next.store_first), (first + 301, true));
        counter.resume(&stream(), first).unwrap();
        assert_eq!(counter.next(&stream(), now()).unwrap().sequence, first + 302, "never back");
        let far = LARGEST_SEQUENCE - 1;
        assert_eq!(counter.resume(&stream(), far), Err(TooFar(far)));
        let end = format!("{{\"reserved\":{{\"results/0\":{LARGEST_SEQUENCE}}}}}");
        let mut end = Counter::from_json(end.as_bytes()).unwrap();
        assert_eq!(end.next(&stream(), now()), Err(Exhausted));
    }
}
