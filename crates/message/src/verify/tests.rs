use super::*;
use crate::testing::{Believing, Disbelief, Sender, believing, expected, machine, now};
use imp_identity::connection::MessageRefusal as R;
use proptest::prelude::*;

const PAYLOAD: &[u8] = b"MSH|^~\\&|LAB|HOSP";

fn judge(
    signature: &Signature,
    payload: &[u8],
    expected: &Expected<'_>,
) -> Result<Authentic, NotAuthentic<Disbelief>> {
    verify(signature, payload, expected, &believing(), now())
}

fn reason(outcome: Result<Authentic, NotAuthentic<Disbelief>>) -> R {
    match outcome {
        Ok(authentic) => authentic.timely().unwrap_err(),
        Err(error) => error.reason(),
    }
}

#[test]
fn a_message_of_a_known_machine_for_us_is_authentic() {
    let sender = Sender::new(1);
    let message = sender.message(7);
    let authentic =
        judge(&sender.sign(&message, PAYLOAD), PAYLOAD, &expected(&machine(2))).unwrap();
    assert_eq!(authentic.message(), &message);
    assert_eq!(authentic.sender(), &machine(1));
    assert_eq!(authentic.digest(), Digest::of(&[PAYLOAD]));
    assert_eq!(authentic.timely(), Ok(()));
}

#[test]
fn each_thing_that_is_wrong_has_its_own_reason() {
    let sender = Sender::new(1);
    let me = machine(2);
    let want = expected(&me);
    let good = sender.sign(&sender.message(7), PAYLOAD);
    assert_eq!(reason(judge(&good, b"MSH|^~\\&|LAB|HOSQ", &want)), R::Altered);

    let other = Signature { value: [1; 64], ..good.clone() };
    assert_eq!(reason(judge(&other, PAYLOAD, &want)), R::Altered);

    let mut posing = sender.message(7);
    posing.sender = machine(3);
    let posing = sender.sign(&posing, PAYLOAD);
    assert_eq!(reason(judge(&posing, PAYLOAD, &want)), R::UnknownSender);

    let only = [machine(3)];
    let want_other = Expected { senders: Some(&only), ..want };
    assert_eq!(reason(judge(&good, PAYLOAD, &want_other)), R::UnknownSender);

    let us = machine(9);
    assert_eq!(reason(judge(&good, PAYLOAD, &expected(&us))), R::Misdirected);

    let about = Expected { subject: Some("POST /"), ..want };
    assert_eq!(reason(judge(&good, PAYLOAD, &about)), R::Altered);

    for (seconds, expected_reason) in [(-301, R::Late), (31, R::Early)] {
        let mut message = sender.message(7);
        message.at = now() + SignedDuration::from_secs(seconds);
        assert_eq!(reason(judge(&sender.sign(&message, PAYLOAD), PAYLOAD, &want)), expected_reason);
    }
    for seconds in [-300, 30] {
        let mut message = sender.message(7);
        message.at = now() + SignedDuration::from_secs(seconds);
        let outcome = judge(&sender.sign(&message, PAYLOAD), PAYLOAD, &want);
        assert_eq!(outcome.unwrap().timely(), Ok(()));
    }
}

#[test]
fn a_certificate_must_have_been_good_when_it_was_signed() {
    let sender = Sender::new(1);
    let me = machine(2);
    let trust = Believing { until: now() };
    let later = now() + SignedDuration::from_mins(2);
    let mut before = sender.message(7);
    before.at = now() - SignedDuration::from_secs(1);
    let signature = sender.sign(&before, PAYLOAD);
    assert!(verify(&signature, PAYLOAD, &expected(&me), &trust, later).is_ok());
    let after = sender.sign(&sender.message(8), PAYLOAD);
    let outcome = verify(&after, PAYLOAD, &expected(&me), &trust, later);
    assert_eq!(reason(outcome), R::UnknownSender);
    // A sender whose clock is ahead is judged by ours.
    let mut ahead = sender.message(9);
    ahead.at = later + SignedDuration::from_secs(20);
    let trust = Believing { until: later + SignedDuration::from_secs(10) };
    assert!(verify(&sender.sign(&ahead, PAYLOAD), PAYLOAD, &expected(&me), &trust, later).is_ok());
}

proptest! {
    #[test]
    fn nothing_that_was_changed_is_authentic(byte in any::<prop::sample::Index>(), flip in 1..=255_u8, where_ in 0..3_u8) {
        let sender = Sender::new(1);
        let mut payload = PAYLOAD.to_vec();
        let mut text = sender.sign_text(&sender.message(7), PAYLOAD).into_bytes();
        match where_ {
            0 => {
                let at = byte.index(payload.len());
                payload[at] ^= flip;
            }
            1 => {
                let at = byte.index(text.len());
                text[at] ^= flip;
            }
            _ => {
                payload.truncate(byte.index(payload.len()));
            }
        }
        let me = machine(2);
        let read = String::from_utf8(text).ok().and_then(|text| Signature::read(&text).ok());
        if let Some(signature) = read {
            prop_assert!(judge(&signature, &payload, &expected(&me)).is_err());
        }
    }
}
