//! The texts are complete, differ, have the same places to fill, and can be drawn.
use std::collections::BTreeSet;

use imp_identity::Refusal;
use imp_identity::refusal::Abandonment;

use super::*;

/// What is called the same in two of the languages.
const SAME: &[&str] = &[];

/// Everything that is said, in each language.
fn everything() -> Vec<[&'static str; 3]> {
    let texts = Text::ALL.iter().map(|text| Language::ALL.map(|l| text.say(l)));
    let refusals = Refusal::ALL.iter().map(|r| Language::ALL.map(|l| refused(*r, l)));
    let abandonments = Abandonment::ALL.iter().map(|a| Language::ALL.map(|l| abandoned(*a, l)));
    texts.chain(refusals).chain(abandonments).collect()
}

/// The `{places}` of a text.
fn places(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
}

fn is_greek(text: &str) -> bool {
    text.chars().any(|c| ('\u{370}'..='\u{3ff}').contains(&c))
}

#[test]
fn every_text_is_translated_and_has_the_same_places_to_fill() {
    let everything = everything();
    assert!(everything.len() > 90, "{}", everything.len());
    for texts @ [english, italian, greek] in everything {
        assert!(texts.iter().all(|text| !text.trim().is_empty()), "{texts:?}");
        assert!(SAME.contains(&english) || english != italian, "not Italian: {english}");
        assert!(is_greek(greek) && !is_greek(english) && !is_greek(italian), "{texts:?}");
        assert!(texts.iter().all(|text| places(text) == places(english)), "{texts:?}");
    }
}

#[test]
fn no_two_texts_of_a_language_are_the_same() {
    for column in 0..3 {
        let texts: Vec<_> = everything().into_iter().map(|texts| texts[column]).collect();
        let different: BTreeSet<_> = texts.iter().collect();
        assert_eq!(different.len(), texts.len());
    }
}

#[test]
fn a_locale_chooses_the_language_and_each_follows_the_other() {
    for (locale, language) in [
        ("it_IT.UTF-8", Language::Italian),
        ("it", Language::Italian),
        ("el_GR", Language::Greek),
        ("en_GB.UTF-8", Language::English),
        ("C", Language::English),
        ("", Language::English),
        ("ελ", Language::English),
    ] {
        assert_eq!(Language::of_locale(locale), language, "{locale}");
    }
    let mut language = Language::English;
    for _ in Language::ALL {
        language = language.next();
    }
    assert_eq!(language, Language::English);
}

#[test]
fn places_are_filled() {
    assert_eq!(Text::LocksIn.with(Language::Italian, "seconds", "7"), "Si blocca tra 7 s");
}
