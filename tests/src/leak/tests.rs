use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

use super::*;

/// 128 numbers that look like an embedding.
fn embedding() -> Vec<f32> {
    let mut state = 12345_u32;
    (0..128)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f32::from(u16::try_from(state >> 16).unwrap()) / 65536.0 - 0.5) / 4.0
        })
        .collect()
}

fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|i| u8::try_from(i * i % 251).unwrap()).collect()
}

#[test]
fn every_form_is_found_in_every_wrapping_and_nothing_in_noise() {
    let forms = embedding_forms("e", &embedding());
    assert_eq!(found(&forms, &noise(5000)), BTreeSet::new());
    for form in &forms {
        // A third of it, in the middle of something else.
        let third = form.bytes.len() / 3 / form.step * form.step;
        let part = &form.bytes[third..2 * third];
        for wrapped in [
            part.to_vec(),
            BASE64.encode(part).into_bytes(),
            BASE64URL_NOPAD.encode(&[b"xy", part].concat()).into_bytes(),
            HEXLOWER.encode(part).into_bytes(),
            HEXUPPER.encode(part).into_bytes(),
            BASE64URL_NOPAD.encode(BASE64.encode(part).as_bytes()).into_bytes(),
        ] {
            let message = [b"{\"x\":\"", wrapped.as_slice(), b"\"}", &noise(500)].concat();
            assert_eq!(found(std::slice::from_ref(form), &message).len(), 1, "{}", form.name);
        }
    }
}

#[test]
fn half_precision_is_that_of_ieee_754() {
    let forms = embedding_forms("e", &[1.0, -2.0, 0.5, 0.099_975_586, 65504.0, 1e-9]);
    let half = forms.iter().find(|form| form.name == "e as f16 BE").unwrap();
    assert_eq!(half.bytes, [0x3c, 0, 0xc0, 0, 0x38, 0, 0x2e, 0x66, 0x7b, 0xff, 0, 0]);
}

#[test]
fn a_planted_value_is_found_in_this_process() {
    let planted: Vec<u8> = noise(64).iter().map(|b| b ^ 0x5a).collect();
    let forms = bytes_forms("planted", &planted);
    let (seen, looked_at) = process_memory_holds(std::process::id(), &forms).unwrap();
    assert!(seen.iter().any(|(name, _)| name == "planted"), "{seen:?}");
    assert!(looked_at > 100_000);
}
