//! What screens are made of: text that fits, buttons of one kind, and what stands in the middle.
use eframe::egui::{
    Align, Button, Color32, FontFamily, FontId, Layout, Response, RichText, Stroke, Ui, Vec2, vec2,
};

use super::theme;

/// How large things are, in points.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Letters that are read.
    pub(crate) text: f32,
}

impl Scale {
    /// For a window of `size`.
    pub(crate) fn of(size: Vec2) -> Self {
        Self { text: (size.y / 34.0).min(size.x / 50.0).clamp(16.0, 44.0) }
    }

    /// What is more important than other text.
    pub(crate) fn large(self) -> f32 {
        self.text * 1.45
    }

    /// What is read from across the room.
    pub(crate) fn huge(self) -> f32 {
        self.text * 2.3
    }
}

/// Text, wrapped.
pub(crate) fn say(ui: &mut Ui, text: &str, size: f32, colour: Color32) -> Response {
    ui.label(RichText::new(text).size(size).color(colour))
}

/// Bold text, wrapped.
pub(crate) fn shout(ui: &mut Ui, text: &str, size: f32, colour: Color32) -> Response {
    ui.label(RichText::new(text).font(FontId::new(size, crate::fonts::bold())).color(colour))
}

/// One bold line, with smaller letters if it would not fit into the width, and cut where even that does not help.
pub(crate) fn line(ui: &mut Ui, text: &str, size: f32, colour: Color32) -> Response {
    let font = FontId::new(size, crate::fonts::bold());
    let font = fitted(ui, text, font, ui.available_width());
    let text = RichText::new(text).font(font).color(colour);
    ui.add(eframe::egui::Label::new(text).truncate())
}

/// `font`, with smaller letters if `text` would not fit into `width` as one line; half as large at least.
fn fitted(ui: &Ui, text: &str, font: FontId, width: f32) -> FontId {
    let line = ui.painter().layout_no_wrap(text.to_owned(), font.clone(), theme::INK);
    let ratio = (width / line.size().x.max(1.0)).clamp(0.5, 1.0);
    // A little less, because letters are placed at whole pixels.
    let size = if ratio < 1.0 { font.size * ratio * 0.98 } else { font.size };
    FontId { size, ..font }
}

/// How much a button asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// The first thing to press.
    First,
    /// Any other.
    Other,
}

/// A button with `text`, at least `size` large; all of one kind look alike.
pub(crate) fn button(
    ui: &mut Ui,
    text: &str,
    weight: Weight,
    letters: f32,
    size: Vec2,
) -> Response {
    let (fill, ink, edge) = match weight {
        Weight::First => (theme::BRIGHT, theme::ON_BRIGHT, theme::INK),
        Weight::Other => (theme::RAISED, theme::INK, theme::EDGE),
    };
    let family =
        if weight == Weight::First { crate::fonts::bold() } else { FontFamily::Proportional };
    let padding = ui.spacing().button_padding.x.max(letters * 0.4);
    let font = fitted(ui, text, FontId::new(letters, family), size.x - padding * 2.0);
    let text = RichText::new(text).font(font).color(ink);
    let button = Button::new(text).fill(fill).stroke(Stroke::new(2.0, edge)).min_size(size).wrap();
    let response = ui
        .allocate_ui_with_layout(size, Layout::top_down_justified(Align::Center), |ui| {
            ui.add(button)
        })
        .inner;
    if response.has_focus() {
        // A ring of its own, inside a dark one: it is seen on every ground.
        let painter = ui.painter();
        painter.rect_stroke(
            response.rect.expand(4.0),
            12.0,
            Stroke::new(3.0, theme::GROUND),
            eframe::egui::StrokeKind::Middle,
        );
        painter.rect_stroke(
            response.rect.expand(7.0),
            14.0,
            Stroke::new(4.0, theme::INK),
            eframe::egui::StrokeKind::Middle,
        );
    }
    response
}

/// Buttons side by side, each as large as the others, in the middle; the number of the one that was pressed.
pub(crate) fn row(ui: &mut Ui, texts: &[&str], scale: Scale) -> Option<usize> {
    let gap = scale.text;
    #[expect(clippy::cast_precision_loss, reason = "a handful of buttons")]
    let count = texts.len() as f32;
    let most = (ui.available_width() - gap * (count - 1.0)) / count;
    let size = vec2(most.min(scale.text * 14.0), scale.text * 3.0);
    let width = size.x * count + gap * (count - 1.0);
    let mut pressed = None;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_space(((ui.available_width() - width) / 2.0).max(0.0));
        for (index, text) in texts.iter().enumerate() {
            if index > 0 {
                ui.add_space(gap);
            }
            if button(ui, text, Weight::Other, scale.text, size).clicked() {
                pressed = Some(index);
            }
        }
    });
    pressed
}

/// Draws in the middle of what is available: as high as it was the last time.
pub(crate) fn centred<R>(ui: &mut Ui, draw: impl FnOnce(&mut Ui) -> R) -> R {
    let id = ui.scope_id().with("height");
    let available = ui.available_height();
    let before: f32 = ui.data(|data| data.get_temp(id)).unwrap_or(available);
    ui.add_space(((available - before) / 2.0).max(0.0));
    let drawn = ui.vertical_centered(draw);
    let height = drawn.response.rect.height();
    if (height - before).abs() > 0.5 {
        ui.data_mut(|data| data.insert_temp(id, height));
        // Drawn again before anybody sees it.
        ui.ctx().request_discard("the height was another one");
    }
    drawn.inner
}
