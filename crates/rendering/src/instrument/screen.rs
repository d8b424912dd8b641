//! A photograph or a video on a screen: pixels in red, green and blue stripes, a glow where it should be black, a bezel,
//! and what its glass mirrors.
use std::f32::consts::TAU;

use super::content::{Content, Grip};
use crate::camera::Camera;
use crate::geometry::Meeting;
use crate::light::{Light, luminance};
use crate::noise::Noise;
use crate::room::Room;
use crate::scene::{Scene, View};

struct Panel {
    content: Content,
    grip: Grip,
    /// Distance of pixels, in frame widths.
    pitch: f32,
    /// Depth of the first harmonic of a stripe and of a row.
    stripes: [f32; 2],
    white: Light,
    glow: f32,
    saturation: f32,
    bezel: f32,
    frame: f32,
    mirror: f32,
    glare: [f32; 4],
    /// Depth, rows in the picture and speed of the band that scanning leaves.
    band: [f32; 3],
    room: Room,
    mirrored: Room,
}

/// `content` on a screen before `camera`.
pub(super) fn shown(content: Content, camera: &Camera, noise: &mut Noise) -> Box<dyn Scene> {
    let room = Room::new(noise);
    let mirrored = Room::new(noise);
    let brightness = noise.between(0.6, 1.5);
    Box::new(Panel {
        content,
        grip: Grip::new(0.16, noise),
        // From a telephone held close, whose pixels no camera sees, to a monitor, whose pixels beat with the camera's.
        pitch: noise.between(0.5, 1.9) / camera.width as f32,
        // A stripe of a third of the pixel has 1.65; black between rows of a fifth 0.37.
        stripes: [noise.between(1.2, 1.65), noise.between(0.2, 0.37)],
        white: [noise.between(0.88, 1.02), 1.0, noise.between(0.98, 1.18)].map(|w| w * brightness),
        glow: noise.between(0.002, 0.015),
        saturation: noise.between(0.85, 1.15),
        bezel: noise.between(0.015, 0.06),
        frame: if noise.chance(0.75) {
            noise.between(0.005, 0.04)
        } else {
            noise.between(0.3, 0.7)
        },
        mirror: noise.between(0.01, 0.07),
        glare: [
            noise.between(-0.3, 0.3),
            noise.between(-0.3, 0.3),
            noise.between(0.0, 0.35),
            noise.between(0.003, 0.02),
        ],
        band: [noise.between(0.0, 0.05), noise.between(0.5, 2.0), noise.between(0.5, 5.0)],
        room,
        mirrored,
    })
}

impl Panel {
    fn light(&self, meeting: Meeting, seconds: f32) -> Option<Light> {
        let (u, v) = (meeting.u / self.grip.size, meeting.v / self.grip.size);
        if let Some(colour) = self.content.at(u, v, seconds) {
            let grey = luminance(colour);
            let row = 1.0 + self.stripes[1] * (TAU * meeting.v / self.pitch).cos();
            return Some([0, 1, 2].map(|c| {
                let wanted = (grey + (colour[c] - grey) * self.saturation).clamp(0.0, 1.0);
                let lit = (self.glow + (1.0 - self.glow) * wanted) * self.white[c];
                let phase = meeting.u / self.pitch - c as f32 / 3.0;
                lit * (1.0 + self.stripes[0] * (TAU * phase).cos()) * row
            }));
        }
        let [left, top, right, bottom] = self.content.edges();
        let edge = self.bezel;
        let on_bezel = u > left - edge && u < right + edge && v > top - edge && v < bottom + edge;
        on_bezel.then_some([self.frame; 3])
    }

    /// What the glass adds.
    fn mirrored(&self, meeting: Meeting) -> Light {
        let [x, y, strength, size] = self.glare;
        let spot = strength * (-((meeting.u - x).powi(2) + (meeting.v - y).powi(2)) / size).exp();
        self.mirrored.light([-meeting.u, meeting.v, 1.0]).map(|l| l * self.mirror + spot)
    }
}

impl Scene for Panel {
    fn view(&self, seconds: f32) -> View<'_> {
        let sheet = self.grip.sheet(seconds, 0.0);
        let [depth, rows, speed] = self.band;
        Box::new(move |ray| {
            let lit = sheet.meet(ray).and_then(|m| Some((m, self.light(m, seconds)?)));
            let Some((meeting, light)) = lit else { return self.room.light(ray) };
            let band = 1.0 + depth * (TAU * (rows * ray[1] + speed * seconds)).sin();
            let glass = self.mirrored(meeting);
            [0, 1, 2].map(|c| light[c] * band + glass[c])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::tests::drawn;

    /// The standard deviation of neighbouring pixels' differences in the middle of the frame.
    fn roughness(pitch: f32) -> f32 {
        let camera = Camera { noise: [0.0; 2], quality: 100, ..Camera::seeded(4) };
        let mut noise = Noise::new(11);
        let room = Room::new(&mut noise);
        let panel = Panel {
            content: Content::photograph(&drawn(1)),
            grip: Grip::new(0.0, &mut noise),
            pitch: pitch / camera.width as f32,
            stripes: [1.6, 0.3],
            white: [1.0; 3],
            glow: 0.01,
            saturation: 1.0,
            bezel: 0.03,
            frame: 0.02,
            mirror: 0.0,
            glare: [0.0, 0.0, 0.0, 1.0],
            band: [0.0; 3],
            mirrored: room.clone(),
            room,
        };
        let frame = &camera.record(&panel, 1, &mut noise).unwrap()[0];
        // A cheek of the drawn face, which is flat.
        let at = |x: usize, y: usize| f32::from(frame.image.rgb()[(y * 480 + x) * 3 + 1]);
        let differences: Vec<f32> = (0..400)
            .map(|i| at(226 + i % 20, 190 + i / 20) - at(227 + i % 20, 190 + i / 20))
            .collect();
        let mean = differences.iter().sum::<f32>() / 400.0;
        (differences.iter().map(|d| (d - mean).powi(2)).sum::<f32>() / 400.0).sqrt()
    }

    #[test]
    fn coarse_pixels_beat_with_the_sensor_and_fine_ones_vanish() {
        let (coarse, fine) = (roughness(1.45), roughness(0.5));
        assert!(coarse > 2.0 * fine + 1.0, "{coarse} {fine}");
    }
}
