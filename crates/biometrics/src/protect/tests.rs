use super::*;

fn key(seed: u8) -> TemplateKey {
    TemplateKey::from(&[seed; 32])
}

fn embedding(seed: u32) -> Embedding {
    let value = |i: u32| {
        f32::from((i.wrapping_mul(2_654_435_761).wrapping_add(seed * 977) >> 20) as u16) - 2048.0
    };
    Embedding::normalised((0..DIMENSIONS as u32).map(value).collect())
}

fn template() -> Template {
    let part = |seed| Part { mean: embedding(seed), photographs: 3, spread: 0.25 };
    Template::new("imp-face@1".to_owned(), Some(part(1)), Some(part(2)))
}

fn means(template: &Template) -> [&Embedding; 2] {
    [template.bare().unwrap(), template.masked().unwrap()]
}

/// The parts as they are stored, as if they were embeddings.
fn as_stored(template: &ProtectedTemplate) -> [Embedding; 2] {
    [&template.bare, &template.masked].map(|part| {
        let components = part.as_ref().unwrap().components.iter();
        Embedding::normalised(components.map(|c| f32::from(*c)).collect())
    })
}

#[test]
fn its_key_gives_the_template_back_after_it_was_stored() {
    let bytes = template().protect(&key(1)).to_bytes();
    let again = ProtectedTemplate::from_bytes(&bytes).unwrap();
    assert_eq!((again.model_set(), again.pipeline()), ("imp-face@1", PIPELINE));
    assert_eq!(*again.to_bytes(), *bytes);
    let opened = again.open(&key(1));
    assert_eq!((opened.photographs(), opened.kind()), (6, template().kind()));
    for (a, b) in means(&template()).into_iter().zip(means(&opened)) {
        assert!(1.0 - a.similarity(b) < 1e-6, "{}", a.similarity(b));
    }
}

#[test]
fn the_spread_is_hidden_too() {
    let spreads = |template: &ProtectedTemplate| {
        [&template.bare, &template.masked].map(|part| part.as_ref().unwrap().spread)
    };
    let [first, second] = [1, 2].map(|seed| template().protect(&key(seed)));
    assert_ne!(spreads(&first), spreads(&second));
    assert_ne!(spreads(&first)[0], spreads(&first)[1]);
    for masked in [false, true] {
        let spread = first.open(&key(1)).spread(masked).unwrap();
        assert!((spread - 0.25).abs() < 1e-4, "{spread}");
        let foreign = first.open(&key(2)).spread(masked).unwrap();
        assert!((0.0..=2.001).contains(&foreign), "{foreign}");
    }
}

#[test]
fn another_key_gives_nobody() {
    let protected = template().protect(&key(1));
    assert!(protected.is_of(&key(1)));
    assert!(!protected.is_of(&key(2)));
    let opened = protected.open(&key(2));
    assert_eq!(opened.kind(), template().kind());
    for (a, b) in means(&template()).into_iter().zip(means(&opened)) {
        assert!(a.similarity(b).abs() < 0.42, "{}", a.similarity(b));
    }
}

#[test]
fn what_is_stored_resembles_neither_the_person_nor_another_enrolment_nor_its_other_part() {
    let [first, second] = [1, 2].map(|seed| as_stored(&template().protect(&key(seed))));
    let plain = template();
    let pairs = [
        (&first[0], means(&plain)[0]),
        (&first[1], means(&plain)[1]),
        (&first[0], &second[0]),
        (&first[1], &second[1]),
        (&first[0], &first[1]),
    ];
    for (a, b) in pairs {
        assert!(a.similarity(b).abs() < 0.42, "{}", a.similarity(b));
    }
    // The two parts of one template resemble each other before.
    let same = Template::new(
        "x@1".to_owned(),
        template().part(false).cloned(),
        template().part(false).cloned(),
    );
    let [bare, masked] = as_stored(&same.protect(&key(3)));
    assert!(bare.similarity(&masked).abs() < 0.42);
}

#[test]
fn a_template_is_small() {
    let protected = template().protect(&key(1));
    assert_eq!(protected.to_bytes().len(), 4 + 1 + 10 + 4 + 32 + 2 * (1 + 2 + 2 + 256));
    let long = Template::new(
        "n".repeat(200),
        template().part(false).cloned(),
        template().part(true).cloned(),
    );
    let bytes = long.protect(&key(1)).to_bytes();
    assert!(bytes.len() <= LONGEST, "{}", bytes.len());
    ProtectedTemplate::from_bytes(&bytes).unwrap();
}

#[test]
fn every_truncation_and_every_extension_is_refused() {
    let bytes = template().protect(&key(1)).to_bytes();
    for length in 0..bytes.len() {
        ProtectedTemplate::from_bytes(&bytes[..length]).unwrap_err();
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    let refused = |bytes: &[u8]| ProtectedTemplate::from_bytes(bytes).unwrap_err();
    assert_eq!(refused(&longer), TemplateError::Damaged);
    assert_eq!(refused(&[0; 5000]), TemplateError::TooLong);
}

#[test]
fn a_template_of_the_time_before_says_to_enrol_again() {
    let error = ProtectedTemplate::from_bytes(b"IMT\x01\x0aimp-face@1").unwrap_err();
    assert_eq!(error, TemplateError::Unprotected);
    assert!(error.to_string().contains("enrol again"));
}

#[test]
fn altered_bytes_never_panic_and_never_give_a_vector_of_another_length() {
    let bytes = template().protect(&key(1)).to_bytes();
    for index in 0..bytes.len() {
        for change in [1u8, 0x80, 0xFF] {
            let mut altered = bytes.to_vec();
            altered[index] ^= change;
            if let Ok(protected) = ProtectedTemplate::from_bytes(&altered) {
                let template = protected.open(&key(1));
                let part = template.bare().or(template.masked()).unwrap();
                assert!((part.similarity(part) - 1.0).abs() < 1e-3);
            }
        }
    }
}

#[test]
fn debug_shows_nothing() {
    assert_eq!(format!("{:?}", template().protect(&key(1))), "ProtectedTemplate([redacted])");
}
