use super::*;

/// Bytes that come in turn, as a generator.
struct Script(Vec<u8>);

impl rand_core::TryRng for Script {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
        dst.fill(self.0.remove(0));
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Script {}

const STRAIGHT: Observation = Observation { turn: 0.01, size: 0.2, openness: 0.6 };
const LEFT: Observation = Observation { turn: 0.25, ..STRAIGHT };
const RIGHT: Observation = Observation { turn: -0.2, ..STRAIGHT };
const NEAR: Observation = Observation { size: 0.25, ..STRAIGHT };
const FAR: Observation = Observation { size: 0.16, ..STRAIGHT };
const SHUT: Observation = Observation { openness: 0.2, ..STRAIGHT };

/// Plays frames, a tenth of a second apart; the last answer.
fn play(challenge: &mut Challenge, at: &mut u64, frames: &[Option<Observation>]) -> Progress {
    let mut progress = Progress::Passed;
    for frame in frames {
        progress = challenge.observe(frame.as_ref(), Duration::from_millis(*at));
        *at += 100;
    }
    progress
}

fn answered(prompt: Prompt) -> Observation {
    match prompt {
        Prompt::LookStraight => STRAIGHT,
        Prompt::TurnLeft => LEFT,
        Prompt::TurnRight => RIGHT,
        Prompt::ComeCloser => NEAR,
        Prompt::MoveBack => FAR,
        Prompt::Blink => SHUT,
    }
}

#[test]
fn who_does_what_is_asked_passes_every_challenge() {
    for script in (0..16u8).map(|i| vec![i % 2, i / 2 % 4, i / 8]) {
        let mut challenge = Challenge::draw(Limits::default(), &mut Script(script));
        let mut frame = STRAIGHT;
        let mut passed = false;
        for at in 0..60 {
            match challenge.observe(Some(&frame), Duration::from_millis(100 * at)) {
                // Who blinks opens the eyes again although the prompt stands.
                Progress::Asking(Prompt::Blink) if frame == SHUT => frame = STRAIGHT,
                Progress::Asking(prompt) => frame = answered(prompt),
                Progress::Passed => {
                    passed = true;
                    break;
                }
                Progress::Failed(failure) => panic!("{failure}"),
            }
        }
        assert!(passed);
    }
}

#[test]
fn every_challenge_has_a_turn_and_fourteen_different_ones_are_drawn() {
    let mut drawn: Vec<Vec<Prompt>> = (0..16u8)
        .map(|i| {
            Challenge::draw(Limits::default(), &mut Script(vec![i % 2, i / 2 % 4, i / 8])).asked
        })
        .collect();
    let turns = |p: &Prompt| matches!(p, Prompt::TurnLeft | Prompt::TurnRight);
    assert!(drawn.iter().all(|asked| asked.len() == 2 && asked.iter().any(turns)));
    drawn.sort_by_key(|asked| format!("{asked:?}"));
    drawn.dedup();
    // A turn and its opposite come up twice in each order.
    assert_eq!(drawn.len(), 14);
}

#[test]
fn a_still_picture_times_out() {
    let mut challenge = Challenge::of(Limits::default(), vec![Prompt::TurnLeft]);
    let progress = play(&mut challenge, &mut 0, &[Some(STRAIGHT); 60]);
    assert_eq!(progress, Progress::Failed(ChallengeFailure::TimedOut));
}

#[test]
fn turning_the_other_way_fails_at_once_and_for_good() {
    let mut challenge = Challenge::of(Limits::default(), vec![Prompt::TurnLeft]);
    let mut at = 0;
    assert_eq!(
        play(&mut challenge, &mut at, &[Some(STRAIGHT); 3]),
        Progress::Asking(Prompt::TurnLeft)
    );
    let failed = Progress::Failed(ChallengeFailure::OtherMovement);
    assert_eq!(play(&mut challenge, &mut at, &[Some(RIGHT)]), failed);
    assert_eq!(play(&mut challenge, &mut at, &[Some(LEFT); 9]), failed);
}

#[test]
fn a_face_that_goes_away_may_come_back_as_another_one() {
    let mut challenge = Challenge::of(Limits::default(), vec![Prompt::TurnLeft]);
    let mut at = 0;
    play(&mut challenge, &mut at, &[Some(STRAIGHT); 3]);
    // A blurred frame or two while turning is no loss.
    assert_eq!(play(&mut challenge, &mut at, &[None; 4]), Progress::Asking(Prompt::TurnLeft));
    assert_eq!(
        play(&mut challenge, &mut at, &[Some(LEFT)]),
        Progress::Asking(Prompt::LookStraight)
    );
    let lost = play(&mut challenge, &mut at, &[None; 10]);
    assert_eq!(lost, Progress::Failed(ChallengeFailure::LostFace));
}

#[test]
fn a_turn_counts_only_from_a_head_that_looked_straight() {
    let mut challenge = Challenge::of(Limits::default(), vec![Prompt::TurnLeft]);
    let progress = play(&mut challenge, &mut 0, &[Some(LEFT); 20]);
    assert_eq!(progress, Progress::Asking(Prompt::LookStraight));
}

#[test]
fn eyes_have_to_open_again() {
    let mut challenge = Challenge::of(Limits::default(), vec![Prompt::Blink]);
    let mut at = 0;
    play(&mut challenge, &mut at, &[Some(STRAIGHT); 3]);
    assert_eq!(play(&mut challenge, &mut at, &[Some(SHUT); 5]), Progress::Asking(Prompt::Blink));
    assert_eq!(play(&mut challenge, &mut at, &[Some(STRAIGHT); 4]), Progress::Passed);
}

#[test]
fn what_is_no_number_is_no_movement() {
    let mut challenge = Challenge::of(Limits::default(), vec![Prompt::TurnLeft]);
    let mut at = 0;
    play(&mut challenge, &mut at, &[Some(STRAIGHT); 3]);
    let nothing = Observation { turn: f32::NAN, ..STRAIGHT };
    let progress = play(&mut challenge, &mut at, &[Some(nothing); 3]);
    assert_eq!(progress, Progress::Asking(Prompt::TurnLeft));
}
