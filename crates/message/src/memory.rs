//! What a receiver remembers of each sender's streams, so that no message is accepted twice or out of turn.
//!
//! A place is the highest sequence accepted, and which of the [`WINDOW`] below it were. The caller keeps the memory in a file.
//! It need not write for each message: what is written promises a *horizon*, [`AHEAD`] sequences further than what was
//! accepted, and [`Admitted::store_first`] says when a message reaches it. After a crash everything up to the horizon counts as
//! seen, and the sender is told where to go on ([`NotAdmitted::Resume`]): nothing is accepted twice, and nothing is lost.
use std::collections::{BTreeMap, HashMap};

use imp_identity::connection::MessageRefusal;
use imp_identity::spiffe::SpiffeId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::stream::Stream;
use crate::verify::Authentic;

/// How many sequences below the highest are told apart.
pub const WINDOW: u64 = 128;
/// How many messages are accepted between two writes of the file.
pub const AHEAD: u64 = 256;
const VERSION: u32 = 1;

/// Whether a message may come after a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Never: it is refused as reordered.
    Strict,
    /// Within [`WINDOW`] sequences, once: for files, which are read when somebody reads them.
    Any,
}

/// How much is remembered at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Senders.
    pub senders: usize,
    /// Streams of one sender.
    pub streams: usize,
    /// Streams that were silent for longer may be forgotten to make room: at least what [`crate::Expected`] allows as age and as lead
    /// together, so that whatever is replayed of them is late. Never, if absent.
    pub silence: Option<SignedDuration>,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self { senders: 1024, streams: 256, silence: None }
    }
}

/// What a receiver remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    limits: MemoryLimits,
    senders: HashMap<SpiffeId, BTreeMap<Stream, Place>>,
}

/// A message has its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Sequences between this message and the highest before: lost, held back, or still to come.
    pub missed: u64,
    /// The memory has to be stored before the message is passed on.
    pub store_first: bool,
}

/// A message has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// It is refused.
    #[error("the message is refused: {}", .0.code())]
    Refused(MessageRefusal),
    /// We do not know whether it was accepted before a crash: the sender has to sign it again, with a sequence after this one.
    #[error("the sender has to go on after sequence {after}")]
    Resume {
        /// The last sequence that may have been accepted.
        after: u64,
    },
    /// There are as many senders or streams as are remembered.
    #[error("there is no room to remember another stream")]
    Full,
}

/// The text is not what [`Memory::to_json`] wrote.
#[derive(Debug, thiserror::Error)]
pub enum InvalidMemory {
    /// Not its JSON.
    #[error("what is remembered of messages cannot be read")]
    Json(#[from] serde_json::Error),
    /// A sequence below another where it cannot be, or a version that we do not know.
    #[error("what is remembered of messages makes no sense")]
    Content,
}

/// What was remembered of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered(Option<Place>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    highest: u64,
    /// Bit n: the sequence n below the highest was accepted.
    seen: u128,
    /// What the file promises at least.
    horizon: u64,
    /// Up to here nobody knows what was accepted.
    unsure: u64,
    last: Timestamp,
}

impl Memory {
    /// Remembers nothing yet.
    pub fn new(limits: MemoryLimits) -> Self {
        Self { limits, senders: HashMap::new() }
    }

    /// Whether `message` has its place; if so, it is taken from now on.
    pub fn admit(
        &mut self,
        message: &Authentic,
        order: Order,
        now: Timestamp,
    ) -> Result<Admitted, NotAdmitted> {
        let (sender, stream) = (message.sender(), message.stream());
        let sequence = message.message().sequence;
        let known = self.senders.get_mut(sender).and_then(|streams| streams.get_mut(stream));
        if let Some(place) = known {
            return place.admit(sequence, message.timely(), order, now);
        }
        message.timely().map_err(NotAdmitted::Refused)?;
        self.make_room(sender, now)?;
        let place = Place::first(sequence, now);
        self.senders.entry(sender.clone()).or_default().insert(stream.clone(), place);
        Ok(Admitted { missed: 0, store_first: true })
    }

    /// What is remembered of the stream of `message`, to be put back if it cannot be stored.
    pub fn place(&self, message: &Authentic) -> Remembered {
        let streams = self.senders.get(message.sender());
        Remembered(streams.and_then(|streams| streams.get(message.stream())).copied())
    }

    /// Remembers of the stream of `message` what [`Memory::place`] said before: it was not accepted.
    pub fn put_back(&mut self, message: &Authentic, before: Remembered) {
        let streams = self.senders.entry(message.sender().clone()).or_default();
        match before.0 {
            Some(place) => drop(streams.insert(message.stream().clone(), place)),
            None => drop(streams.remove(message.stream())),
        }
        if streams.is_empty() {
            self.senders.remove(message.sender());
        }
    }

    /// How many streams are remembered.
    pub fn streams(&self) -> usize {
        self.senders.values().map(BTreeMap::len).sum()
    }

    fn make_room(&mut self, sender: &SpiffeId, now: Timestamp) -> Result<(), NotAdmitted> {
        if self.has_room(sender) {
            return Ok(());
        }
        if let Some(silence) = self.limits.silence {
            for streams in self.senders.values_mut() {
                streams.retain(|_, place| now.duration_since(place.last) <= silence);
            }
            self.senders.retain(|_, streams| !streams.is_empty());
        }
        if self.has_room(sender) { Ok(()) } else { Err(NotAdmitted::Full) }
    }

    fn has_room(&self, sender: &SpiffeId) -> bool {
        match self.senders.get(sender) {
            Some(streams) => streams.len() < self.limits.streams,
            None => self.senders.len() < self.limits.senders,
        }
    }
}

impl Place {
    const fn first(sequence: u64, now: Timestamp) -> Self {
        Self { highest: sequence, seen: 1, horizon: sequence + AHEAD, unsure: 0, last: now }
    }

    fn admit(
        &mut self,
        sequence: u64,
        timely: Result<(), MessageRefusal>,
        order: Order,
        now: Timestamp,
    ) -> Result<Admitted, NotAdmitted> {
        let refused = |reason| Err(NotAdmitted::Refused(reason));
        let Some(beyond) = sequence.checked_sub(self.highest).filter(|beyond| *beyond > 0) else {
            let below = self.highest - sequence;
            if sequence > self.unsure && (below >= WINDOW || self.seen >> below & 1 == 1) {
                return refused(MessageRefusal::Replayed);
            }
            timely.map_err(NotAdmitted::Refused)?;
            if sequence <= self.unsure {
                return Err(NotAdmitted::Resume { after: self.highest });
            }
            if order == Order::Strict {
                return refused(MessageRefusal::Reordered);
            }
            self.seen |= 1 << below;
            return Ok(Admitted { missed: 0, store_first: false });
        };
        timely.map_err(NotAdmitted::Refused)?;
        self.seen = if beyond >= WINDOW { 1 } else { self.seen << beyond | 1 };
        (self.highest, self.last) = (sequence, now);
        let store_first = sequence > self.horizon;
        if store_first {
            self.horizon = sequence + AHEAD;
        }
        Ok(Admitted { missed: beyond - 1, store_first })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    /// It says exactly what was accepted; else only the horizons hold.
    settled: bool,
    streams: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    sender: SpiffeId,
    stream: Stream,
    highest: u64,
    /// 32 hexadecimal digits.
    seen: String,
    horizon: u64,
    unsure: u64,
    last: Timestamp,
}

impl Memory {
    /// The memory as a file. `settled`: nothing is accepted after this is written, so that it says exactly what was; else only the horizons
    /// count when it is read again.
    pub fn to_json(&self, settled: bool) -> Result<Vec<u8>, serde_json::Error> {
        let of = |sender: &SpiffeId, (stream, place): (&Stream, &Place)| Line {
            sender: sender.clone(),
            stream: stream.clone(),
            highest: place.highest,
            seen: format!("{:032x}", place.seen),
            horizon: place.horizon,
            unsure: place.unsure,
            last: place.last,
        };
        let lines = self
            .senders
            .iter()
            .flat_map(|(sender, streams)| streams.iter().map(move |line| of(sender, line)));
        let mut streams: Vec<_> = lines.collect();
        streams.sort_by_cached_key(|line| (line.sender.to_string(), line.stream.clone()));
        serde_json::to_vec_pretty(&File { version: VERSION, settled, streams })
    }

    /// Reads [`Self::to_json`].
    pub fn from_json(json: &[u8], limits: MemoryLimits) -> Result<Self, InvalidMemory> {
        let file: File = serde_json::from_slice(json)?;
        if file.version != VERSION {
            return Err(InvalidMemory::Content);
        }
        let mut memory = Self::new(limits);
        for line in file.streams {
            let place = line.place(file.settled).ok_or(InvalidMemory::Content)?;
            memory.senders.entry(line.sender).or_default().insert(line.stream, place);
        }
        Ok(memory)
    }
}

impl Line {
    fn place(&self, settled: bool) -> Option<Place> {
        let seen = u128::from_str_radix(&self.seen, 16).ok()?;
        let in_range = self.horizon <= crate::signature::LARGEST_SEQUENCE + AHEAD;
        if self.highest > self.horizon || self.unsure > self.highest || !in_range {
            return None;
        }
        let place = Place {
            highest: self.highest,
            seen,
            horizon: self.horizon,
            unsure: self.unsure,
            last: self.last,
        };
        let (highest, seen, unsure) = (self.horizon, u128::MAX, self.horizon);
        Some(if settled { place } else { Place { highest, seen, unsure, ..place } })
    }
}

#[cfg(test)]
mod tests;
