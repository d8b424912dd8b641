//! Every screen in every language: the texts are in the accessibility tree, nothing lies outside or over something else, and the keyboard suffices.
use std::time::Instant;

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Pos2, Rect, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::NodeT as _;
use imp_identity::Refusal;
use imp_identity::refusal::Abandonment;
use imp_socket::{
    Hint, Leaving, LeavingReason, RadioState, Reach, ScreenState, StatusReport, Switched,
    TapOutcome, TapReport, Tapping,
};
use jiff::Timestamp;

use super::*;
use crate::model::Input;
use crate::model::tests::{accepted, of, person, report, status};

/// A longer name than most.
const LONG: &str = "Κατερίνα Παπαδοπούλου-Ιωαννίδου";
const SIZES: [Vec2; 3] = [vec2(1024.0, 768.0), vec2(1280.0, 800.0), vec2(1920.0, 1080.0)];

struct Stage {
    model: Model,
    shown: Shown,
    layout: Layout,
    wishes: Vec<Wish>,
}

fn stage(model: Model, language: Language, layout: Layout, size: Vec2) -> Harness<'static, Stage> {
    let stage = Stage { model, shown: Shown::new(language), layout, wishes: vec![] };
    let mut harness =
        Harness::builder().with_size(size).with_context_setup(theme::apply).build_ui_state(
            |ui, stage: &mut Stage| {
                let wishes = draw(ui, &stage.model, &mut stage.shown, stage.layout);
                stage.wishes.extend(wishes);
            },
            stage,
        );
    harness.run_steps(4);
    harness.check_accessibility();
    harness
}

/// Shows another model in the same window.
fn show(stage: &mut Harness<'_, Stage>, model: Model) {
    stage.state_mut().model = model;
    stage.run_steps(4);
    stage.check_accessibility();
}

fn model(inputs: impl IntoIterator<Item = Input>) -> Model {
    let now = Instant::now();
    let mut model = Model::new(now);
    for input in inputs {
        model.take(input, now);
    }
    model
}

fn says(status: StatusReport) -> Input {
    Input::Status(Box::new(status))
}

/// After a tap of somebody else that came to `report`.
fn after(before: StatusReport, report: TapReport) -> Model {
    let last_tap = Some(report);
    model([says(before.clone()), says(StatusReport { last_tap, ..before })])
}

/// A model for every screen, with the texts that must be read on it.
fn screens() -> Vec<(Model, Vec<Text>)> {
    let refused = report(TapOutcome::Refused { reason: Refusal::ExporterMismatch });
    let poor = report(TapOutcome::Abandoned { reason: Abandonment::PoorQuality });
    let poor = TapReport { hint: Some(Hint::MoreLight), ..poor };
    let failed = report(TapOutcome::Failed { message: "the key has another PIN".to_owned() });
    let people = vec![person(LONG), person("Bob"), person("Cleo")];
    let looking =
        |hint| model([says(StatusReport { tapping: Some(Tapping { hint }), ..status() })]);
    let leaving = Leaving { seconds_left: 9, reason: LeavingReason::LinkLost };
    let guard = Switched { from: Some(person(LONG)), to: person("Bob"), at: Timestamp::UNIX_EPOCH };
    let radio = RadioState::Failing { reason: "no adapter".to_owned() };
    let screen = ScreenState::NotLocked { reason: "no session".to_owned() };
    let worst = StatusReport { server: Reach::Unreachable, radio, screen, ..of(LONG, true) };
    let press = |wish| model([says(status()), Input::Wish(wish)]);
    vec![
        (model([]), vec![Text::Starting]),
        (model([Input::AgentAway]), vec![Text::AgentAwayMeans]),
        (model([says(status())]), vec![Text::PressToSignIn, Text::SecurityKey, Text::Emergency]),
        (
            model([says(of(LONG, true))]),
            vec![Text::PressToUnlock, Text::PhoneAlone, Text::TouchKey, Text::SecurityKey],
        ),
        (model([says(of("Ada", false))]), vec![Text::Lock, Text::SwitchUser, Text::SignOut]),
        (looking(Some(Hint::EvenLight)), vec![Text::EvenLight, Text::CameraPicture]),
        (press(Wish::SignIn), vec![Text::OneMoment]),
        (press(Wish::TouchKey), vec![Text::UseYourKey]),
        (press(Wish::TypePin), vec![Text::KeyTitle, Text::Pin, Text::Continue]),
        (press(Wish::Explain), vec![Text::Username, Text::Reason, Text::EmergencyTitle]),
        (after(of(LONG, true), refused), vec![Text::NotSignedIn, Text::TryAgain, Text::PhoneAlone]),
        (after(status(), poor), vec![Text::MoreLight]),
        (after(status(), failed), vec![Text::TryAgain]),
        (after(status(), report(TapOutcome::Choose { people })), vec![Text::WhoAreYou]),
        (after(status(), report(TapOutcome::Busy)), vec![Text::Busy]),
        (
            model([says(StatusReport { leaving: Some(leaving), ..of(LONG, false) })]),
            vec![Text::LinkLost, Text::AnyKeyStays, Text::IAmHere],
        ),
        (
            model([says(StatusReport { guard: Some(guard), ..of("Bob", false) })]),
            vec![Text::SwitchUser],
        ),
        (model([says(worst)]), vec![Text::RadioFails, Text::NotLocked, Text::PressToUnlock]),
    ]
}

/// What a screen reader says, its role, and where it is.
fn spoken(harness: &Harness<'_, Stage>) -> Vec<(String, Role, Rect)> {
    let nodes = harness.root().children_recursive();
    let spoken = nodes.filter_map(|node| {
        let inner = node.accesskit_node();
        let text = inner.label().or_else(|| inner.value())?;
        inner.bounding_box()?;
        Some((text, inner.role(), node.rect()))
    });
    spoken.filter(|(text, _, _)| !text.is_empty()).collect()
}

#[test]
fn every_screen_says_in_every_language_what_it_shows() {
    let mut stage = stage(model([]), Language::English, Layout::Whole, SIZES[1]);
    for language in Language::ALL {
        stage.state_mut().shown.language = language;
        for (model, texts) in screens() {
            let owner = model.owner().and_then(|owner| owner.name);
            show(&mut stage, model);
            let spoken = spoken(&stage);
            let is_said = |text: &str| spoken.iter().any(|(said, _, _)| said.contains(text));
            for text in texts {
                assert!(is_said(text.say(language)), "{text:?} in {language:?}: {spoken:?}");
            }
            assert!(owner.is_none_or(|name| is_said(&name)), "who is signed in: {spoken:?}");
        }
    }
}

#[test]
fn nothing_lies_outside_the_window_or_over_something_else() {
    let mut stage = stage(model([]), Language::English, Layout::Whole, SIZES[0]);
    for (size, language) in SIZES.into_iter().flat_map(|s| Language::ALL.map(|l| (s, l))) {
        stage.set_size(size);
        stage.state_mut().shown.language = language;
        let window = Rect::from_min_size(Pos2::ZERO, size).expand(0.5);
        for (model, _) in screens() {
            let screen = model.screen();
            show(&mut stage, model);
            let pieces: Vec<_> =
                spoken(&stage).into_iter().filter(|(_, role, _)| is_piece(*role)).collect();
            assert!(pieces.len() > 1, "{screen:?}");
            for (index, (text, _, area)) in pieces.iter().enumerate() {
                let place = format!("{text:?} at {area} of {size} in {screen:?}");
                assert!(window.contains_rect(*area), "outside: {place}");
                for (other, _, another) in &pieces[..index] {
                    let shared = area.intersect(*another);
                    let apart = shared.width() <= 1.0 || shared.height() <= 1.0;
                    assert!(apart, "over {other:?} at {another}: {place}");
                }
            }
        }
    }
}

/// What is drawn by itself, and not only holds others.
const fn is_piece(role: Role) -> bool {
    matches!(role, Role::Label | Role::Button | Role::TextInput | Role::PasswordInput | Role::Image)
}

#[test]
fn letters_are_large_also_on_a_small_screen() {
    for size in SIZES {
        assert!(Scale::of(size).text >= 18.0 && Scale::of(size).huge() >= 40.0, "{size}");
    }
}

/// What a key does, after so many presses of the tabulator.
fn pressed(model: Model, tabs: usize, key: Key) -> Vec<Wish> {
    let mut stage = stage(model, Language::English, Layout::Whole, SIZES[1]);
    for _ in 0..tabs {
        stage.key_press(Key::Tab);
        stage.run_steps(1);
    }
    stage.key_press(key);
    stage.run_steps(2);
    std::mem::take(&mut stage.state_mut().wishes)
}

#[test]
fn the_keyboard_suffices_and_the_first_button_has_the_focus() {
    let idle = || model([says(status())]);
    let locked = || model([says(of("Ada", true))]);
    assert!(matches!(pressed(idle(), 0, Key::Enter)[..], [Wish::SignIn]));
    assert!(matches!(pressed(idle(), 0, Key::Space)[..], [Wish::SignIn]));
    assert!(matches!(pressed(idle(), 1, Key::Enter)[..], [Wish::TypePin]));
    assert!(matches!(pressed(idle(), 2, Key::Enter)[..], [Wish::Explain]));
    assert!(matches!(pressed(locked(), 2, Key::Enter)[..], [Wish::TouchKey]));
    assert!(matches!(pressed(locked(), 3, Key::Space)[..], [Wish::PhoneAlone]));
    assert!(matches!(pressed(idle(), 0, Key::Escape)[..], [Wish::Back]));
    let open = || model([says(of("Ada", false))]);
    assert!(matches!(pressed(open(), 0, Key::Enter)[..], [Wish::Lock]));
    assert!(matches!(pressed(open(), 1, Key::Enter)[..], [Wish::Switch]));
}

#[test]
fn a_pin_is_typed_sent_and_never_shown() {
    let typing = model([says(status()), Input::Wish(Wish::TypePin)]);
    let mut stage = stage(typing, Language::Greek, Layout::Whole, SIZES[1]);
    for digit in ["1", "2", "3", "4"] {
        stage.event(egui::Event::Text(digit.to_owned()));
        stage.run_steps(1);
    }
    assert!(!spoken(&stage).iter().any(|(text, _, _)| text.contains("1234")));
    stage.key_press(Key::Enter);
    stage.run_steps(2);
    let wishes = &stage.state().wishes;
    assert!(matches!(&wishes[..], [Wish::UseKey(pin)] if pin.expose() == "1234"), "{wishes:?}");
}

#[test]
fn the_language_changes_at_a_key() {
    let mut stage = stage(model([says(status())]), Language::English, Layout::Whole, SIZES[1]);
    for language in [Language::Italian, Language::Greek, Language::English] {
        stage.key_press(Key::F2);
        stage.run_steps(2);
        let said = spoken(&stage);
        let expected = Text::PressToSignIn.say(language);
        assert!(said.iter().any(|(text, _, _)| text == expected), "{said:?}");
    }
}

#[test]
fn the_strip_says_who_is_signed_in_and_warns_in_words() {
    let leaving = Leaving { seconds_left: 9, reason: LeavingReason::Idle };
    let leaves = StatusReport { leaving: Some(leaving), ..of("Ada", false) };
    let last_tap = Some(accepted("Ada"));
    let offline = StatusReport { server: Reach::Unreachable, last_tap, ..of("Ada", false) };
    for (status, text) in [(of(LONG, false), LONG), (leaves, "Locks in 9 s"), (offline, "OFFLINE")]
    {
        let size = vec2(1280.0, 56.0);
        let stage = stage(model([says(status)]), Language::English, Layout::Strip, size);
        let spoken = spoken(&stage);
        assert!(spoken.iter().any(|(said, _, _)| said.contains(text)), "{spoken:?}");
        let window = Rect::from_min_size(Pos2::ZERO, size).expand(0.5);
        assert!(spoken.iter().all(|(_, _, area)| window.contains_rect(*area)), "{spoken:?}");
    }
}
