//! While a tap looks: the camera's picture with an oval, and one plain thing to do.
use eframe::egui::{Color32, Image, Pos2, Rect, Shape, Stroke, Ui, pos2, vec2};
use imp_socket::Hint;

use super::pieces::{Scale, Weight, button, line};
use super::{Shown, theme};
use crate::language::Text;
use crate::model::Wish;

/// What a hint says.
pub(super) const fn words(hint: Option<Hint>) -> Text {
    match hint {
        None => Text::OneMoment,
        Some(Hint::BringPhone) => Text::BringPhone,
        Some(Hint::LookHere) => Text::LookHere,
        Some(Hint::ComeCloser) => Text::ComeCloser,
        Some(Hint::MoveBack) => Text::MoveBack,
        Some(Hint::LightBehind) => Text::LightBehind,
        Some(Hint::ChinLevel) => Text::ChinLevel,
        Some(Hint::UncoverEyes) => Text::UncoverEyes,
        Some(Hint::OpenEyes) => Text::OpenEyes,
        Some(Hint::OnceMore) => Text::OnceMore,
        Some(Hint::HoldStill) => Text::HoldStill,
        Some(Hint::MoreLight) => Text::MoreLight,
        Some(Hint::LessLight) => Text::LessLight,
        Some(Hint::EvenLight) => Text::EvenLight,
        Some(Hint::HeadUpright) => Text::HeadUpright,
        Some(Hint::OneAtATime) => Text::OneAtATime,
        Some(Hint::MaskIsFine) => Text::MaskIsFine,
        Some(Hint::MaskOff) => Text::MaskOff,
        Some(Hint::OneMoment) => Text::FaceIsSeen,
    }
}

pub(super) fn draw(
    ui: &mut Ui,
    hint: Option<Hint>,
    stoppable: bool,
    shown: &Shown,
    scale: Scale,
) -> Option<Wish> {
    line(ui, words(hint).say(shown.language), scale.huge(), theme::BRIGHT);
    ui.add_space(scale.text * 0.6);
    let spare = scale.text * if stoppable { 6.0 } else { 2.0 };
    let height = (ui.available_height() - spare).clamp(120.0, scale.text * 16.0);
    picture(ui, height, shown);
    super::pieces::say(ui, Text::CameraPicture.say(shown.language), scale.text * 0.8, theme::INK);
    ui.add_space(scale.text * 0.4);
    let size = vec2(scale.text * 14.0, scale.text * 2.4);
    let stop = stoppable.then(|| {
        let stop = Text::Stop.say(shown.language);
        button(ui, &format!("{stop} (Esc)"), Weight::Other, scale.text, size)
    })?;
    if shown.fresh {
        stop.request_focus();
    }
    stop.clicked().then_some(Wish::Back)
}

/// The picture as in a mirror, with an oval where the face should be.
fn picture(ui: &mut Ui, height: f32, shown: &Shown) {
    let size = vec2(height * 4.0 / 3.0, height);
    let what = Text::CameraPicture.say(shown.language);
    let area = if let Some(texture) = &shown.picture {
        let ratio = texture.size_vec2().x / texture.size_vec2().y.max(1.0);
        let mirrored = Rect::from_min_max(pos2(1.0, 0.0), pos2(0.0, 1.0));
        let size = vec2(height * ratio, height);
        let image = Image::new((texture.id(), size)).uv(mirrored).alt_text(what);
        ui.add(image.fit_to_exact_size(size)).rect
    } else {
        let (area, _) = ui.allocate_exact_size(size, eframe::egui::Sense::hover());
        ui.painter().rect_filled(area, 10.0, theme::RAISED);
        area
    };
    oval(ui, area.center(), height);
}

fn oval(ui: &Ui, centre: Pos2, height: f32) {
    let radius = vec2(height * 0.30, height * 0.40);
    for (width, colour) in [(7.0, Color32::BLACK), (3.0, theme::INK)] {
        ui.painter().add(Shape::ellipse_stroke(centre, radius, Stroke::new(width, colour)));
    }
}
