//! How templates, embeddings and pixels could be written.
use imp_authenticator::ReleasedReference;
use imp_biometrics::{DIMENSIONS, Image, ProtectedTemplate, TemplateKey};

use super::Form;

/// The step of a template's 16-bit fixed-point components.
const FIXED_POINT: f32 = 32767.0;
/// Bytes by which a template names its key.
const COMMITMENT: usize = 32;

/// Bytes as they are, and as arrays of numbers in CBOR and JSON.
pub fn bytes_forms(name: &str, bytes: &[u8]) -> Vec<Form> {
    let numbers: Vec<i64> = bytes.iter().map(|b| i64::from(*b)).collect();
    let mut forms = integer_arrays(&format!("{name} as bytes"), &numbers);
    forms.push(form(name, bytes.to_vec(), 12, 1));
    forms
}

/// What a phone released, in every form: salt, key, template, the embeddings as they are stored, and as the key opens them.
///
/// # Panics
/// Where the template is none, or has no key.
#[expect(clippy::expect_used, reason = "a test that looks for nothing must fail")]
pub fn reference_forms(released: &ReleasedReference) -> Vec<Form> {
    let template = released.template.expose();
    let key = released.key.as_ref().expect("a key").expose();
    let mut forms = bytes_forms("salt", released.salt.expose());
    forms.extend(bytes_forms("template key", key));
    // Name of the model set and number of the pipeline are at the beginning of a template, and no secret.
    let body = &template[9 + usize::from(template[4])..];
    forms.extend(bytes_forms("template", body));
    for (number, embedding) in stored_embeddings(&body[COMMITMENT..]).iter().enumerate() {
        forms.extend(embedding_forms(&format!("stored mean {number}"), embedding));
    }
    let opened = ProtectedTemplate::from_bytes(template).expect("a template");
    let opened = opened.open(&TemplateKey::from(key));
    for (name, mean) in [("bare mean", opened.bare()), ("masked mean", opened.masked())] {
        let mean = mean.map(|mean| embedding_forms(name, mean.values()));
        forms.extend(mean.into_iter().flatten());
    }
    forms
}

/// The rotated embeddings that a serialised template holds, by its documented format: of bare and of masked faces.
fn stored_embeddings(parts: &[u8]) -> Vec<Vec<f32>> {
    let mut rest = parts;
    let mut embeddings = Vec::new();
    while let Some((present, after)) = rest.split_first() {
        rest = after;
        if *present == 1 {
            let (part, after) = rest[4..].split_at(2 * DIMENSIONS);
            let fixed = part.chunks_exact(2).map(|c| i16::from_be_bytes([c[0], c[1]]));
            embeddings.push(normalised(fixed.map(|v| f32::from(v) / FIXED_POINT).collect()));
            rest = after;
        }
    }
    embeddings
}

fn normalised(mut values: Vec<f32>) -> Vec<f32> {
    let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
    for value in &mut values {
        *value /= length;
    }
    values
}

/// A vector of floats in every width and order, quantised, and in CBOR and JSON.
pub fn embedding_forms(name: &str, values: &[f32]) -> Vec<Form> {
    let mut forms = Vec::new();
    let mut add = |what: &str, bytes: Vec<u8>, window, step| {
        forms.push(form(&format!("{name} as {what}"), bytes, window, step));
    };
    let each = |f: &dyn Fn(f32) -> Vec<u8>| values.iter().flat_map(|v| f(*v)).collect::<Vec<u8>>();
    add("f32 LE", each(&|v| v.to_le_bytes().to_vec()), 12, 4);
    add("f32 BE", each(&|v| v.to_be_bytes().to_vec()), 12, 4);
    add("f64 LE", each(&|v| f64::from(v).to_le_bytes().to_vec()), 24, 8);
    add("f64 BE", each(&|v| f64::from(v).to_be_bytes().to_vec()), 24, 8);
    add("f16 LE", each(&|v| half(v).to_le_bytes().to_vec()), 12, 2);
    add("f16 BE", each(&|v| half(v).to_be_bytes().to_vec()), 12, 2);
    add("bf16 LE", each(&|v| bfloat(v).to_le_bytes().to_vec()), 12, 2);
    add("bf16 BE", each(&|v| bfloat(v).to_be_bytes().to_vec()), 12, 2);
    add("CBOR f16 array", each(&|v| [&[0xf9][..], &half(v).to_be_bytes()].concat()), 12, 3);
    add("CBOR f32 array", each(&|v| [&[0xfa][..], &v.to_be_bytes()].concat()), 15, 5);
    add("CBOR f64 array", each(&|v| [&[0xfb][..], &f64::from(v).to_be_bytes()].concat()), 27, 9);
    add("JSON f32 array", each(&|v| format!("{v},").into_bytes()), 24, 1);
    add("JSON f64 array", each(&|v| format!("{},", f64::from(v)).into_bytes()), 40, 1);
    let largest = values.iter().fold(f32::MIN_POSITIVE, |most, v| most.max(v.abs()));
    for (scale_name, scale) in [
        ("i8 of the largest", 127.0 / largest),
        ("i8 of one", 127.0),
        ("i8 of 128", 128.0),
        ("i8 of 256", 256.0),
    ] {
        forms.extend(quantised(&format!("{name} as {scale_name}"), values, scale));
    }
    let fixed: Vec<i64> =
        values.iter().map(|v| rounded(*v, FIXED_POINT, f32::from(i16::MAX))).collect();
    for (order, bytes) in [
        ("LE", fixed.iter().flat_map(|v| v.to_le_bytes()[..2].to_vec()).collect::<Vec<u8>>()),
        ("BE", fixed.iter().flat_map(|v| v.to_be_bytes()[6..].to_vec()).collect()),
    ] {
        forms.push(form(&format!("{name} as i16 {order}"), bytes, 12, 2));
    }
    forms.extend(integer_arrays(&format!("{name} as i16"), &fixed));
    forms
}

fn quantised(name: &str, values: &[f32], scale: f32) -> Vec<Form> {
    let numbers: Vec<i64> = values.iter().map(|v| rounded(*v, scale, 127.0)).collect();
    let signed = numbers.iter().map(|v| v.to_le_bytes()[0]).collect();
    let shifted = numbers.iter().map(|v| (v + 128).to_le_bytes()[0]).collect();
    let mut forms = integer_arrays(name, &numbers);
    forms.push(form(name, signed, 12, 1));
    forms.push(form(&format!("{name}, shifted to u8"), shifted, 12, 1));
    forms
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to a few bits before")]
fn rounded(value: f32, scale: f32, most: f32) -> i64 {
    (value * scale).round().clamp(-most - 1.0, most) as i64
}

/// The pixels of a picture as RGB, BGR and grey, and grey as arrays of numbers.
pub fn picture_forms(name: &str, image: &Image) -> Vec<Form> {
    let pixels = image.rgb().chunks_exact(3);
    let swapped = pixels.clone().flat_map(|p| [p[2], p[1], p[0]]).collect();
    let grey: Vec<u8> = pixels.map(|p| luma(p[0], p[1], p[2])).collect();
    let mut forms = vec![
        form(&format!("{name} as RGB"), image.rgb().to_vec(), 24, 3),
        form(&format!("{name} as BGR"), swapped, 24, 3),
    ];
    let floats: Vec<u8> =
        grey.iter().step_by(7).flat_map(|g| (f32::from(*g) / 255.0).to_le_bytes()).collect();
    forms.push(form(&format!("{name} as grey f32, one in seven"), floats, 24, 4));
    forms.push(form(&format!("{name} as grey"), grey, 16, 1));
    forms
}

/// ITU-R BT.601.
fn luma(red: u8, green: u8, blue: u8) -> u8 {
    let sum = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
    u8::try_from(sum / 1000).unwrap_or(u8::MAX)
}

fn integer_arrays(name: &str, numbers: &[i64]) -> Vec<Form> {
    let cbor = numbers.iter().flat_map(|v| cbor_integer(*v)).collect();
    let digits: Vec<String> = numbers.iter().map(i64::to_string).collect();
    let (json, spaced) = (digits.join(","), digits.join(", "));
    vec![
        form(&format!("{name} in a CBOR array"), cbor, 14, 1),
        form(&format!("{name} in a JSON array"), json.into_bytes(), 24, 1),
        form(&format!("{name} in a spaced JSON array"), spaced.into_bytes(), 32, 1),
    ]
}

/// RFC 8949 §3.1, major types 0 and 1, up to 16 bits.
fn cbor_integer(value: i64) -> Vec<u8> {
    let (major, magnitude) = if value < 0 { (0x20, -1 - value) } else { (0, value) };
    let [.., high, low] = magnitude.to_be_bytes();
    match magnitude {
        0..=23 => vec![major | low],
        24..=255 => vec![major | 0x18, low],
        _ => vec![major | 0x19, high, low],
    }
}

/// IEEE 754 binary16, rounded toward zero; what is too small becomes zero.
fn half(value: f32) -> u16 {
    let [b3, b2, b1, b0] = value.to_be_bytes();
    let bits = u32::from_be_bytes([b3, b2, b1, b0]);
    let sign = u16::from_be_bytes([b3 & 0x80, 0]);
    let exponent = ((bits >> 23) & 0xff).saturating_sub(112);
    if exponent == 0 {
        return sign;
    }
    let fraction = (bits & 0x007f_ffff) >> 13;
    sign | u16::try_from((exponent.min(30) << 10) | fraction).unwrap_or(0x7bff)
}

/// The upper half of a binary32.
fn bfloat(value: f32) -> u16 {
    let [high, low, ..] = value.to_be_bytes();
    u16::from_be_bytes([high, low])
}

fn form(name: &str, bytes: Vec<u8>, window: usize, step: usize) -> Form {
    Form { name: name.to_owned(), bytes, window, step }
}
