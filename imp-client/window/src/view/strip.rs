//! The strip above the applications: who is signed in, large, and what must not be overlooked.
use eframe::egui::{Align, Layout as Direction, Rect, Ui, pos2, vec2};

use super::pieces::{Scale, Weight, button, line, say};
use super::screens::{took, whose};
use super::{Shown, theme, within};
use crate::language::{Language, Text};
use crate::model::{Model, Notice, Screen, Wish};

/// What the strip says, and how loudly.
struct Message {
    text: String,
    warns: bool,
    /// What can be pressed, from left to right; without a wish, the press itself is a sign of life.
    buttons: Vec<(Text, Option<Wish>)>,
}

pub(super) fn draw(
    ui: &mut Ui,
    model: &Model,
    screen: &Screen,
    shown: &mut Shown,
    wishes: &mut Vec<Wish>,
) {
    let language = shown.language;
    let area = ui.max_rect();
    let scale = Scale { text: (area.height() / 3.2).clamp(12.0, 28.0) };
    let Message { text, warns, buttons } = message(model, screen, language);
    let (ground, ink) =
        if warns { (theme::BRIGHT, theme::ON_BRIGHT) } else { (theme::RAISED, theme::INK) };
    ui.painter().rect_filled(area, 0.0, ground);
    let inner = area.shrink2(vec2(scale.text, scale.text * 0.3));
    #[expect(clippy::cast_precision_loss, reason = "a handful of buttons")]
    let count = buttons.len() as f32;
    let gap = scale.text * 0.6;
    let size = vec2((scale.text * 10.0).min(inner.width() * 0.18), scale.text * 2.1);
    let split = inner.right() - count * (size.x + gap);
    let left = Rect::from_min_max(inner.min, pos2(split - gap, inner.bottom()));
    let right = Rect::from_min_max(pos2(split, inner.top()), inner.max);
    let took = took(model, language).filter(|_| !warns);
    within(ui, left, |ui| {
        ui.with_layout(Direction::right_to_left(Align::Center), |ui| {
            if let Some(took) = took {
                say(ui, &took, scale.text * 0.75, ink);
                ui.add_space(gap);
            }
            ui.with_layout(Direction::left_to_right(Align::Center), |ui| {
                line(ui, &text, scale.text * 1.55, ink);
            });
        });
    });
    within(ui, right, |ui| {
        ui.with_layout(Direction::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = gap;
            for (text, wish) in buttons.into_iter().rev() {
                let text = text.say(language);
                if button(ui, text, Weight::Other, scale.text * 0.9, size).clicked() {
                    wishes.extend(wish);
                }
            }
        });
    });
}

fn message(model: &Model, screen: &Screen, language: Language) -> Message {
    let switch = (Text::SwitchUser, Some(Wish::Switch));
    let lock = (Text::Lock, Some(Wish::Lock));
    if let Screen::Leaving(leaving) = screen {
        let seconds = leaving.seconds_left.to_string();
        let locks = Text::LocksIn.with(language, "seconds", &seconds);
        let text = format!("⚠ {locks}. {}", Text::AnyKeyStays.say(language));
        return Message { text, warns: true, buttons: vec![(Text::IAmHere, None)] };
    }
    if let Screen::Guard(switched) = screen {
        let now = Text::NowAnother.with(language, "name", &switched.to.display_name);
        return Message { text: format!("⚠ {now}"), warns: true, buttons: vec![lock, switch] };
    }
    let offline = model.notices().into_iter().any(|n| matches!(n, Notice::Offline { .. }));
    let mut text = whose(model, language);
    if offline {
        text = format!("{text} — ⚠ {}", Text::Offline.say(language));
    }
    let at_work = *screen == Screen::Open;
    let sign_out = (Text::SignOut, Some(Wish::SignOut));
    let buttons = if at_work { vec![lock, switch, sign_out] } else { vec![] };
    Message { text, warns: offline, buttons }
}
