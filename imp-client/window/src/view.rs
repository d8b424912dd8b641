//! Draws what is to be shown, and hears what the person wants. Every screen says in words what its colours say.
mod forms;
mod looking;
mod pieces;
mod screens;
mod strip;
pub(crate) mod theme;

use eframe::egui::{self, Rect, TextureHandle, Ui, UiBuilder, pos2};

use crate::language::{Language, Text};
use crate::model::{Model, Screen, Wish};
use pieces::{Scale, centred};

pub(crate) use forms::Forms;

/// What the window keeps between two drawings.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) language: Language,
    pub(crate) forms: Forms,
    /// What the camera sees.
    pub(crate) picture: Option<TextureHandle>,
    /// The screen that was drawn last.
    before: Option<std::mem::Discriminant<Screen>>,
    /// The screen is new: its first button is to have the focus.
    fresh: bool,
}

impl Shown {
    /// In `language`.
    pub(crate) fn new(language: Language) -> Self {
        Self { language, ..Self::default() }
    }
}

/// How the window is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// It covers the screen.
    Whole,
    /// A strip at the edge of the screen, above the applications.
    Strip,
}

/// Draws; what the person wanted meanwhile.
pub(crate) fn draw(ui: &mut Ui, model: &Model, shown: &mut Shown, layout: Layout) -> Vec<Wish> {
    let screen = model.screen();
    let kind = std::mem::discriminant(&screen);
    shown.fresh = shown.before != Some(kind);
    if shown.fresh {
        shown.before = Some(kind);
        shown.forms = Forms::default();
    }
    let mut wishes = Vec::new();
    if ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, egui::Key::Escape)) {
        wishes.push(Wish::Back);
    }
    if ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, egui::Key::F2)) {
        shown.language = shown.language.next();
    }
    match layout {
        Layout::Whole => whole(ui, model, &screen, shown, &mut wishes),
        Layout::Strip => strip::draw(ui, model, &screen, shown, &mut wishes),
    }
    wishes
}

fn whole(ui: &mut Ui, model: &Model, screen: &Screen, shown: &mut Shown, wishes: &mut Vec<Wish>) {
    let area = ui.max_rect();
    let scale = Scale::of(area.size());
    ui.painter().rect_filled(area, 0.0, theme::GROUND);
    let (head, foot) = (scale.text * 3.6, scale.text * 2.6);
    let top = Rect::from_min_max(area.min, pos2(area.right(), area.top() + head));
    let bottom = Rect::from_min_max(pos2(area.left(), area.bottom() - foot), area.max);
    let mut under = top.bottom();
    within(ui, top, |ui| screens::owner(ui, model, shown, scale));
    for notice in model.notices() {
        let strip = Rect::from_min_max(pos2(area.left(), under), pos2(area.right(), under + foot));
        within(ui, strip, |ui| screens::notice(ui, &notice, shown, scale));
        under = strip.bottom();
    }
    let middle = Rect::from_min_max(pos2(area.left(), under), pos2(area.right(), bottom.top()));
    let middle = middle.shrink2(egui::vec2(scale.text * 2.0, scale.text * 0.5));
    within(ui, middle, |ui| {
        centred(ui, |ui| screens::middle(ui, model, screen, shown, scale, wishes));
    });
    within(ui, bottom, |ui| screens::foot(ui, model, shown, scale));
}

fn within(ui: &mut Ui, area: Rect, draw: impl FnOnce(&mut Ui)) {
    ui.scope_builder(UiBuilder::new().max_rect(area), draw);
}

/// How the window is called.
pub(crate) fn title(language: Language) -> &'static str {
    Text::WindowTitle.say(language)
}

#[cfg(test)]
mod tests;
