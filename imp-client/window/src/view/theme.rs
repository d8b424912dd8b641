//! Colours, and how they stand out from each other (WCAG 2.2, 1.4.3, 1.4.6 and 1.4.11).
use eframe::egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Stroke, TextStyle, Visuals,
};

/// Behind everything.
pub(crate) const GROUND: Color32 = Color32::from_rgb(9, 26, 40);
/// What is read.
pub(crate) const INK: Color32 = Color32::from_rgb(255, 255, 255);
/// The band that says who is signed in, and buttons.
pub(crate) const RAISED: Color32 = Color32::from_rgb(26, 58, 84);
/// A button under the pointer.
pub(crate) const HOVERED: Color32 = Color32::from_rgb(36, 76, 108);
/// The one thing to press, and what must not be overlooked.
pub(crate) const BRIGHT: Color32 = Color32::from_rgb(255, 214, 82);
/// What is written on it.
pub(crate) const ON_BRIGHT: Color32 = Color32::from_rgb(9, 26, 40);
/// Edges of buttons and fields.
pub(crate) const EDGE: Color32 = Color32::from_rgb(140, 175, 203);
/// Where something was refused.
pub(crate) const REFUSED: Color32 = Color32::from_rgb(104, 16, 30);

/// Whoever reads and whoever is read upon.
#[cfg(test)]
const READ: &[(Color32, Color32)] = &[
    (INK, GROUND),
    (INK, RAISED),
    (INK, HOVERED),
    (INK, REFUSED),
    (ON_BRIGHT, BRIGHT),
    (BRIGHT, GROUND),
    (BRIGHT, RAISED),
];

/// What is seen without being read: edges, and the focus.
#[cfg(test)]
const SEEN: &[(Color32, Color32)] =
    &[(EDGE, GROUND), (EDGE, RAISED), (BRIGHT, GROUND), (BRIGHT, RAISED)];

/// Applies colours and letters.
pub(crate) fn apply(context: &Context) {
    context.set_fonts(crate::fonts::definitions());
    let mut visuals = Visuals::dark();
    visuals.panel_fill = GROUND;
    visuals.window_fill = GROUND;
    visuals.override_text_color = None;
    visuals.text_edit_bg_color = Some(RAISED);
    visuals.extreme_bg_color = RAISED;
    visuals.selection.bg_fill = HOVERED;
    visuals.selection.stroke = Stroke::new(4.0, BRIGHT);
    let widgets = &mut visuals.widgets;
    for (state, fill) in [
        (&mut widgets.noninteractive, GROUND),
        (&mut widgets.inactive, RAISED),
        (&mut widgets.hovered, HOVERED),
        (&mut widgets.active, HOVERED),
        (&mut widgets.open, HOVERED),
    ] {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.fg_stroke = Stroke::new(2.0, INK);
        state.bg_stroke = Stroke::new(2.0, EDGE);
        state.corner_radius = CornerRadius::same(10);
        state.expansion = 0.0;
    }
    context.set_theme(eframe::egui::Theme::Dark);
    context.all_styles_mut(|style| {
        style.visuals = visuals.clone();
        style.interaction.selectable_labels = false;
        for text in [TextStyle::Body, TextStyle::Button, TextStyle::Heading, TextStyle::Small] {
            style.text_styles.insert(text, FontId::new(22.0, FontFamily::Proportional));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2.2).
    fn luminance(colour: Color32) -> f64 {
        let linear = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(colour.r()) + 0.7152 * linear(colour.g()) + 0.0722 * linear(colour.b())
    }

    /// Contrast ratio (WCAG 2.2).
    fn contrast(one: Color32, other: Color32) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn what_is_read_stands_out_seven_to_one_and_what_is_seen_three_to_one() {
        assert!((contrast(Color32::BLACK, Color32::WHITE) - 21.0).abs() < 0.01);
        for (ink, ground) in READ {
            assert!(contrast(*ink, *ground) >= 7.0, "{ink:?} on {ground:?}");
        }
        for (edge, ground) in SEEN {
            assert!(contrast(*edge, *ground) >= 3.0, "{edge:?} on {ground:?}");
        }
    }
}
