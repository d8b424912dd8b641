//! The active challenge: the person is asked to move, in an order that nobody could know, and the camera sees whether
//! what moved is a head or a picture of one. It works with a mask on. A pure state machine: frames are measured outside,
//! time is an argument.
//!
//! What it answers: a still picture, printed or on a screen, however it is turned, bent or moved; a recording that does
//! not happen to show what is asked. What it does not: a person wearing another's face in three dimensions, a program that
//! animates a face in time, pictures injected behind the camera.
mod measure;

use std::time::Duration;

use rand_core::CryptoRng;

pub use measure::Observation;

/// What the person is asked to do; left and right are the person's.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Prompt {
    /// To look straight into the camera: before, between and after the others.
    LookStraight,
    /// To turn the head left.
    TurnLeft,
    /// To turn the head right.
    TurnRight,
    /// To come closer to the camera.
    ComeCloser,
    /// To move away from the camera.
    MoveBack,
    /// To close the eyes and open them.
    Blink,
}

/// Where a challenge stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// The person is asked for this.
    Asking(Prompt),
    /// Everything was done.
    Passed,
    /// It was not; a new challenge has a new order.
    Failed(ChallengeFailure),
}

/// A challenge was not met.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChallengeFailure {
    /// What was asked was not done in time.
    #[error("what was asked was not done in time")]
    TimedOut,
    /// Something else was done than was asked: what a recording does.
    #[error("something else was done than was asked")]
    OtherMovement,
    /// The face was away for longer than a moment, so that it may be another one now.
    #[error("the face was lost from sight")]
    LostFace,
}

/// How much has to move, and how long it may take; set by judgement and not measured on people yet (`docs/faces/attacks.md`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Movement of the nose against eyes and mouth that is a turn, in eye distances.
    pub turn: f32,
    /// Largest movement of it that still is looking straight.
    pub straight: f32,
    /// Change of the face's size that is coming closer; its inverse is moving back.
    pub closer: f32,
    /// Share of the eyes' openness that is a closed eye.
    pub closed: f32,
    /// For each prompt.
    pub prompt: Duration,
    /// For everything.
    pub whole: Duration,
    /// The longest that the face may be out of sight.
    pub lost: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            turn: 0.14,
            straight: 0.07,
            closer: 1.15,
            closed: 0.55,
            prompt: Duration::from_secs(4),
            whole: Duration::from_secs(14),
            lost: Duration::from_millis(700),
        }
    }
}

/// Frames looking straight that make the baseline, and that end a challenge.
const STEADY: usize = 3;

/// A challenge under way.
#[derive(Clone, Debug)]
pub struct Challenge {
    limits: Limits,
    /// What is still to be asked, the next one last.
    asked: Vec<Prompt>,
    state: State,
    /// When the present prompt was first shown.
    since: Option<Duration>,
    began: Option<Duration>,
    seen: Option<Duration>,
    straight: Baseline,
}

#[derive(Clone, Debug)]
enum State {
    /// Frames looking straight, from which movements are counted.
    Settling(Vec<Observation>),
    /// Waiting for a movement.
    Moving(Prompt),
    /// Eyes were closed and have to open.
    Opening,
    /// Back to straight; so many frames were.
    Returning(usize),
    Over(Progress),
}

/// How the person looks straight ahead.
#[derive(Clone, Copy, Debug, Default)]
struct Baseline {
    turn: f32,
    size: f32,
    openness: f32,
}

impl Challenge {
    /// Draws one turn of the head, which no flat picture can do, and one other movement, in random order: 16 different
    /// challenges.
    pub fn draw(limits: Limits, rng: &mut impl CryptoRng) -> Self {
        let [turn, other, order] = [2, 4, 2].map(|bound| below(bound, rng));
        let (turn, opposite) = match turn {
            0 => (Prompt::TurnLeft, Prompt::TurnRight),
            _ => (Prompt::TurnRight, Prompt::TurnLeft),
        };
        let other = [Prompt::ComeCloser, Prompt::MoveBack, Prompt::Blink, opposite][other];
        let asked = if order == 0 { vec![turn, other] } else { vec![other, turn] };
        Self::of(limits, asked)
    }

    fn of(limits: Limits, asked: Vec<Prompt>) -> Self {
        Self {
            limits,
            asked,
            state: State::Settling(Vec::new()),
            since: None,
            began: None,
            seen: None,
            straight: Baseline::default(),
        }
    }

    /// Takes what a frame shows (`None`: no one usable face) at `now`, counted from any beginning that stays the same.
    pub fn observe(&mut self, frame: Option<&Observation>, now: Duration) -> Progress {
        if let State::Over(progress) = &self.state {
            return *progress;
        }
        let began = *self.began.get_or_insert(now);
        let since = *self.since.get_or_insert(now);
        if let Some(failure) = self.late(frame, now, (began, since)) {
            return self.end(Progress::Failed(failure));
        }
        // A value that is no number is no measurement.
        let Some(frame) = frame.filter(|f| f.is_finite()) else { return self.asking() };
        self.seen = Some(now);
        let state = std::mem::replace(&mut self.state, State::Returning(0));
        match self.next(state, frame) {
            Ok((state, moved_on)) => {
                if moved_on {
                    self.since = None;
                }
                let over = match &state {
                    State::Over(progress) => Some(*progress),
                    State::Settling(_)
                    | State::Moving(_)
                    | State::Opening
                    | State::Returning(_) => None,
                };
                self.state = state;
                over.unwrap_or_else(|| self.asking())
            }
            Err(failure) => self.end(Progress::Failed(failure)),
        }
    }

    fn late(
        &self,
        frame: Option<&Observation>,
        now: Duration,
        (began, since): (Duration, Duration),
    ) -> Option<ChallengeFailure> {
        let limits = self.limits;
        let after = |start: Duration| now.saturating_sub(start);
        if after(began) > limits.whole || after(since) > limits.prompt {
            return Some(ChallengeFailure::TimedOut);
        }
        // Before anybody was seen, nobody can be lost.
        let lost = self.seen.is_some_and(|seen| after(seen) > limits.lost);
        (frame.is_none() && lost).then_some(ChallengeFailure::LostFace)
    }

    fn end(&mut self, progress: Progress) -> Progress {
        self.state = State::Over(progress);
        progress
    }

    fn asking(&self) -> Progress {
        match &self.state {
            State::Settling(_) | State::Returning(_) => Progress::Asking(Prompt::LookStraight),
            State::Moving(prompt) => Progress::Asking(*prompt),
            State::Opening => Progress::Asking(Prompt::Blink),
            State::Over(progress) => *progress,
        }
    }

    /// The state after `frame`, and whether something new is asked.
    fn next(
        &mut self,
        state: State,
        frame: &Observation,
    ) -> Result<(State, bool), ChallengeFailure> {
        Ok(match state {
            State::Settling(mut frames) => {
                frames.push(*frame);
                let steady =
                    frames.iter().all(|f| (f.turn - frame.turn).abs() < self.limits.straight);
                // Who faces sideways from the start could turn no further.
                if !steady || frame.turn.abs() > 2.0 * self.limits.straight {
                    (State::Settling(Vec::new()), false)
                } else if frames.len() < STEADY {
                    (State::Settling(frames), false)
                } else {
                    self.straight = Baseline::of(&frames);
                    (self.ask(), true)
                }
            }
            State::Moving(prompt) => match self.moved(prompt, frame)? {
                true if prompt == Prompt::Blink => (State::Opening, false),
                true => (State::Returning(0), true),
                false => (State::Moving(prompt), false),
            },
            State::Opening if self.open(frame) => (State::Returning(0), true),
            State::Opening => (State::Opening, false),
            State::Returning(count) if !self.is_straight(frame) => (State::Returning(count), false),
            State::Returning(count) if count + 1 < STEADY => (State::Returning(count + 1), false),
            State::Returning(_) => (self.ask(), true),
            State::Over(progress) => (State::Over(progress), false),
        })
    }

    fn ask(&mut self) -> State {
        self.asked.pop().map_or(State::Over(Progress::Passed), State::Moving)
    }

    /// Whether the movement asked for was made; an error where another one was.
    fn moved(&self, prompt: Prompt, frame: &Observation) -> Result<bool, ChallengeFailure> {
        let (limits, straight) = (self.limits, self.straight);
        // In the picture, the person's left is on the right.
        let left = frame.turn - straight.turn;
        let nearer = frame.size / straight.size.max(f32::MIN_POSITIVE);
        let closed = frame.openness < limits.closed * straight.openness;
        let turned = left.abs() > limits.turn;
        let resized = nearer > limits.closer || nearer < 1.0 / limits.closer;
        let (done, other) = match prompt {
            Prompt::TurnLeft => (left > limits.turn, -left > limits.turn),
            Prompt::TurnRight => (-left > limits.turn, left > limits.turn),
            Prompt::ComeCloser => (nearer > limits.closer, turned || nearer < 1.0 / limits.closer),
            Prompt::MoveBack => (nearer < 1.0 / limits.closer, turned || nearer > limits.closer),
            Prompt::Blink => (closed && !turned, turned || resized),
            Prompt::LookStraight => (self.is_straight(frame), false),
        };
        if other { Err(ChallengeFailure::OtherMovement) } else { Ok(done) }
    }

    fn open(&self, frame: &Observation) -> bool {
        frame.openness > f32::midpoint(1.0, self.limits.closed) * self.straight.openness
    }

    /// Straight ahead; how near is not asked, since who came closer may stay there.
    fn is_straight(&self, frame: &Observation) -> bool {
        (frame.turn - self.straight.turn).abs() < self.limits.straight && self.open(frame)
    }
}

impl Baseline {
    fn of(frames: &[Observation]) -> Self {
        let mean = |value: fn(&Observation) -> f32| {
            frames.iter().map(value).sum::<f32>() / frames.len().max(1) as f32
        };
        Self { turn: mean(|f| f.turn), size: mean(|f| f.size), openness: mean(|f| f.openness) }
    }
}

/// A number below `bound`, which is at most 256, each equally likely.
fn below(bound: usize, rng: &mut impl CryptoRng) -> usize {
    let most = 256 / bound * bound;
    loop {
        let mut byte = [0u8];
        rng.fill_bytes(&mut byte);
        if usize::from(byte[0]) < most {
            return usize::from(byte[0]) % bound;
        }
    }
}

#[cfg(test)]
mod tests;
