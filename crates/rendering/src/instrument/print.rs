//! A printed photograph, held by a hand before the camera.
use super::content::{Content, Grip};
use super::paper::Paper;
use crate::geometry::{Meeting, Vector, unit};
use crate::light::Light;
use crate::noise::Noise;
use crate::room::Room;
use crate::scene::{Scene, View};

struct Print {
    content: Content,
    paper: Paper,
    grip: Grip,
    bend: f32,
    /// White margin, in frame widths.
    margin: f32,
    /// Direction towards the lamp.
    lamp: Vector,
    /// Where a coated sheet mirrors the lamp.
    glare: [f32; 2],
    room: Room,
}

/// A print of `content`, bent by `bend` per frame width.
pub(super) fn held(content: Content, bend: f32, noise: &mut Noise) -> Box<dyn Scene> {
    let room = Room::new(noise);
    Box::new(Print {
        content,
        paper: Paper::new(noise),
        grip: Grip::new(0.22, noise),
        bend,
        margin: if noise.chance(0.5) { noise.between(0.01, 0.06) } else { 0.0 },
        lamp: unit([noise.between(-0.7, 0.7), noise.between(-1.0, -0.3), -1.0]),
        glare: [noise.between(-0.3, 0.3), noise.between(-0.3, 0.1)],
        room,
    })
}

impl Print {
    fn reflected(&self, meeting: Meeting, facing: f32, seconds: f32) -> Option<Light> {
        let (u, v) = (meeting.u / self.grip.size, meeting.v / self.grip.size);
        let colour = match self.content.at(u, v, seconds) {
            Some(colour) => colour,
            None if self.on_margin(u, v) => [1.0; 3],
            None => return None,
        };
        // Half of a room's light comes from everywhere.
        let strength = 0.45 + 0.65 * facing;
        let [gx, gy] = self.glare;
        // A bend gathers what it mirrors into a stripe.
        let across = (meeting.u - gx) * (1.0 + 4.0 * self.bend);
        let shine =
            self.paper.gloss * (-(across.powi(2) + 0.4 * (meeting.v - gy).powi(2)) / 0.015).exp();
        Some(self.paper.reflect(colour, meeting.u, meeting.v).map(|l| l * strength + shine))
    }

    fn on_margin(&self, u: f32, v: f32) -> bool {
        let [left, top, right, bottom] = self.content.edges();
        let margin = self.margin;
        u > left - margin && u < right + margin && v > top - margin && v < bottom + margin
    }
}

impl Scene for Print {
    fn view(&self, seconds: f32) -> View<'_> {
        let sheet = self.grip.sheet(seconds, self.bend);
        Box::new(move |ray| {
            sheet
                .meet(ray)
                .and_then(|m| self.reflected(m, sheet.facing(m, self.lamp), seconds))
                .unwrap_or_else(|| self.room.light(ray))
        })
    }
}
