//! What is typed: the PIN of a security key; name and reason in an emergency. Wiped when the screen changes.
use eframe::egui::{Key, Response, TextEdit, Ui, Vec2, vec2};
use imp_identity::Secret;

use super::pieces::{Scale, Weight, button, say, shout};
use super::{Shown, theme};
use crate::language::{Language, Text};
use crate::model::Wish;

/// Longest text that is typed, in characters.
const LONGEST: usize = 200;

/// What was typed so far.
#[derive(Default)]
pub(crate) struct Forms {
    pin: Typed,
    username: String,
    reason: String,
    /// It was sent although something is missing.
    incomplete: bool,
}

/// A text that is overwritten when it is no longer needed.
#[derive(Default)]
struct Typed(String);

impl Drop for Typed {
    fn drop(&mut self) {
        let _wiped = Secret::new(std::mem::take(&mut self.0));
    }
}

/// The PIN of a security key.
pub(super) fn pin(ui: &mut Ui, shown: &mut Shown, scale: Scale) -> Option<Wish> {
    let language = shown.language;
    shout(ui, Text::KeyTitle.say(language), scale.large(), theme::INK);
    ui.add_space(scale.text);
    let field = |typed| TextEdit::singleline(typed).password(true);
    let typed = labelled(ui, Text::Pin.say(language), field(&mut shown.forms.pin.0), scale);
    if shown.fresh {
        typed.request_focus();
    }
    say(ui, Text::PinMayBeEmpty.say(language), scale.text, theme::INK);
    ui.add_space(scale.text);
    if sends(ui, Text::Continue, language, scale) || entered(ui, &typed) {
        let pin = std::mem::take(&mut shown.forms.pin.0);
        return Some(Wish::UseKey(Secret::new(pin)));
    }
    back(ui, shown, scale)
}

/// Who must be let in, and why.
pub(super) fn emergency(ui: &mut Ui, shown: &mut Shown, scale: Scale) -> Option<Wish> {
    let language = shown.language;
    shout(ui, Text::EmergencyTitle.say(language), scale.large(), theme::INK);
    ui.add_space(scale.text);
    let name = TextEdit::singleline(&mut shown.forms.username);
    let name = labelled(ui, Text::Username.say(language), name, scale);
    if shown.fresh {
        name.request_focus();
    }
    ui.add_space(scale.text * 0.5);
    let reason = TextEdit::singleline(&mut shown.forms.reason);
    let reason = labelled(ui, Text::Reason.say(language), reason, scale);
    if shown.forms.incomplete {
        shout(ui, &format!("⚠ {}", Text::BothNeeded.say(language)), scale.text, theme::BRIGHT);
    }
    ui.add_space(scale.text);
    if sends(ui, Text::Open, language, scale) || entered(ui, &reason) {
        let (username, reason) = (shown.forms.username.clone(), shown.forms.reason.clone());
        shown.forms.incomplete = username.trim().is_empty() || reason.trim().is_empty();
        return Some(Wish::BreakGlass { username, reason });
    }
    back(ui, shown, scale)
}

/// A field under its name.
fn labelled(ui: &mut Ui, name: &str, field: TextEdit<'_>, scale: Scale) -> Response {
    let width = (scale.text * 24.0).min(ui.available_width());
    let label = say(ui, name, scale.text, theme::INK);
    let font = eframe::egui::FontId::proportional(scale.large());
    let field = field
        .font(font)
        .desired_width(width)
        .char_limit(LONGEST)
        .min_size(vec2(0.0, scale.text * 2.2));
    ui.add(field).labelled_by(label.id)
}

fn size(scale: Scale) -> Vec2 {
    vec2(scale.text * 16.0, scale.text * 2.8)
}

/// The button that sends what was typed was pressed.
fn sends(ui: &mut Ui, text: Text, language: Language, scale: Scale) -> bool {
    button(ui, text.say(language), Weight::First, scale.text * 1.2, size(scale)).clicked()
}

fn back(ui: &mut Ui, shown: &Shown, scale: Scale) -> Option<Wish> {
    ui.add_space(scale.text * 0.6);
    let text = format!("{} (Esc)", Text::Back.say(shown.language));
    button(ui, &text, Weight::Other, scale.text, size(scale)).clicked().then_some(Wish::Back)
}

/// Return was pressed in the field.
fn entered(ui: &Ui, field: &Response) -> bool {
    field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter))
}
