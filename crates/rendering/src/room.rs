//! The room behind what is presented: out of focus, with a wall, a window or lamp, and furniture.
use crate::geometry::Vector;
use crate::light::{Light, mix};
use crate::noise::Noise;

/// Soft rectangles on a wall.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    wall: [Light; 2],
    things: Vec<Thing>,
}

#[derive(Clone, Copy, Debug)]
struct Thing {
    centre: [f32; 2],
    half: [f32; 2],
    light: Light,
    blur: f32,
}

impl Room {
    pub(crate) fn new(noise: &mut Noise) -> Self {
        let brightness = noise.between(0.12, 0.45);
        let tint = [noise.between(0.92, 1.08), 1.0, noise.between(0.85, 1.08)];
        let wall = tint.map(|t| t * brightness);
        let far = noise.between(0.5, 0.9);
        let mut things: Vec<Thing> = (0..5).map(|_| Thing::furniture(noise)).collect();
        if noise.chance(0.6) {
            let glow = noise.between(0.8, 1.6);
            things.push(Thing {
                light: [glow, glow, glow * noise.between(0.8, 1.1)],
                ..Thing::furniture(noise)
            });
        }
        Self { wall: [wall, wall.map(|w| w * far)], things }
    }

    /// The light along a ray.
    pub(crate) fn light(&self, ray: Vector) -> Light {
        let mut light = mix(self.wall[0], self.wall[1], ray[1] + 0.5);
        for thing in &self.things {
            light = mix(light, thing.light, thing.cover(ray));
        }
        light
    }
}

impl Thing {
    fn furniture(noise: &mut Noise) -> Self {
        let brightness = noise.between(0.02, 0.5);
        Self {
            centre: [noise.between(-0.6, 0.6), noise.between(-0.45, 0.45)],
            half: [noise.between(0.03, 0.25), noise.between(0.03, 0.3)],
            light: [0; 3].map(|_| brightness * noise.between(0.75, 1.25)),
            blur: noise.between(0.008, 0.03),
        }
    }

    fn cover(&self, ray: Vector) -> f32 {
        let edge = |i: usize| {
            ((self.half[i] - (ray[i] - self.centre[i]).abs()) / self.blur + 0.5).clamp(0.0, 1.0)
        };
        let cover = edge(0) * edge(1);
        cover * cover * (3.0 - 2.0 * cover)
    }
}
