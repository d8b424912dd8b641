//! What is in front of the camera.
use crate::geometry::Vector;
use crate::light::Light;

/// How much light comes along a ray, at one moment.
pub(crate) type View<'a> = Box<dyn Fn(Vector) -> Light + 'a>;

/// Something that changes over time and can be looked at.
pub(crate) trait Scene {
    /// The scene `seconds` after its beginning. A ray has `z` = 1; `x` and `y` are in frame widths from the optical axis.
    fn view(&self, seconds: f32) -> View<'_>;
}
