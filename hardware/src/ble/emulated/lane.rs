//! One direction of a link: what the air does to frames on their way.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::FRAME_QUEUE;
use super::recording::{Passed, Recorder};
use super::script::{AirScript, SharedScript};

/// How long a frame is held back that others are to overtake.
const HELD_BACK: Duration = Duration::from_millis(30);
/// How often a lane looks whether the phone went away.
const WATCH_INTERVAL: Duration = Duration::from_millis(50);

/// What both directions of one link share.
pub(super) struct Wire {
    script: SharedScript,
    recorder: Recorder,
    frames: AtomicU64,
    cut: watch::Sender<bool>,
}

impl Wire {
    pub(super) fn new(script: SharedScript, recorder: Recorder) -> Arc<Self> {
        Arc::new(Self {
            script,
            recorder,
            frames: AtomicU64::new(0),
            cut: watch::Sender::new(false),
        })
    }
}

/// Which way frames go.
#[derive(Clone, Copy)]
pub(super) enum Direction {
    ToPhone,
    ToWorkstation,
}

/// Carries frames one way until either end closes or the link breaks.
pub(super) struct Lane {
    wire: Arc<Wire>,
    direction: Direction,
    rng: StdRng,
    queue: BTreeMap<(Instant, u64), Vec<u8>>,
    admitted: u64,
    last_due: Instant,
}

impl Lane {
    pub(super) fn new(wire: Arc<Wire>, direction: Direction) -> Self {
        let seed = wire.script.now().seed.wrapping_mul(2).wrapping_add(direction as u64);
        let rng = StdRng::seed_from_u64(seed);
        Self { wire, direction, rng, queue: BTreeMap::new(), admitted: 0, last_due: Instant::now() }
    }

    /// Runs until either end closes or the link breaks.
    pub(super) async fn run(mut self, from: mpsc::Receiver<Vec<u8>>, to: mpsc::Sender<Vec<u8>>) {
        let mut cut = self.wire.cut.subscribe();
        tokio::select! {
            _ = cut.wait_for(|cut| *cut) => {}
            // The receiver is gone: what it has sent before goes out in the other direction, which then ends the link.
            () = to.closed() => {}
            () = self.carry(from, &to) => { self.wire.cut.send_replace(true); }
        }
    }

    /// Ends when the sender has closed and all has been delivered, or when the link breaks.
    async fn carry(&mut self, mut from: mpsc::Receiver<Vec<u8>>, to: &mpsc::Sender<Vec<u8>>) {
        let mut open = true;
        while open || !self.queue.is_empty() {
            let due = self.queue.keys().next().map(|(due, _)| *due);
            let watch = Instant::now() + WATCH_INTERVAL;
            tokio::select! {
                biased;
                () = sleep_until(due.unwrap_or(watch)), if due.is_some() => {
                    if let Some((_, frame)) = self.queue.pop_first() {
                        // A receiver that is gone ends this lane in `run`.
                        let _ = to.send(frame).await;
                    }
                }
                frame = from.recv(), if open && self.queue.len() < FRAME_QUEUE => match frame {
                    Some(frame) => if !self.admit(frame) { return },
                    None => open = false,
                },
                () = sleep_until(watch) => if self.wire.script.now().absent { return },
            }
        }
    }

    /// Decides a frame's fate; `false` if the link broke.
    fn admit(&mut self, frame: Vec<u8>) -> bool {
        let script = self.wire.script.now();
        let frames = self.wire.frames.fetch_add(1, Ordering::Relaxed) + 1;
        if script.absent || script.disconnect_after_frames.is_some_and(|most| frames > most) {
            return false;
        }
        self.wire.recorder.record(match self.direction {
            Direction::ToPhone => Passed::ToPhone(frame.clone()),
            Direction::ToWorkstation => Passed::ToWorkstation(frame.clone()),
        });
        // Always the same draws a frame, so that one setting does not change the others' fate.
        let [lost, doubled, held, jitter]: [f64; 4] = self.rng.random();
        if script.silent || lost < script.loss {
            return true;
        }
        if doubled < script.duplication {
            self.enqueue(&script, frame.clone(), jitter, false);
        }
        self.enqueue(&script, frame, jitter, held < script.reordering);
        true
    }

    fn enqueue(&mut self, script: &AirScript, frame: Vec<u8>, jitter: f64, held: bool) {
        let latency = Duration::from_millis(script.latency_ms);
        let jitter = Duration::from_millis(script.jitter_ms).mul_f64(jitter);
        let mut due = (Instant::now() + latency + jitter).max(self.last_due);
        if held {
            due += HELD_BACK;
        } else {
            self.last_due = due;
        }
        self.admitted += 1;
        self.queue.insert((due, self.admitted), frame);
    }
}
