//! A person before the camera, from one photograph: the head is an ellipsoid that turns in front of a still background.
//! What a turn uncovers is not in the photograph, so that nothing beyond some 20° is worth looking at.
use imp_biometrics::Point;

use crate::camera::{Camera, CameraError, Frame};
use crate::geometry::Vector;
use crate::light::Light;
use crate::motion::Oscillation;
use crate::noise::Noise;
use crate::scene::{Scene, View};
use crate::subject::{Face, Subject};

/// What a person does at a moment; the default is to look straight ahead as in the photograph.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Expression {
    /// Turn of the head in radians, positive towards the picture's right.
    pub yaw: f32,
    /// Nod in radians, positive down.
    pub pitch: f32,
    /// Tilt in radians, clockwise in the picture.
    pub roll: f32,
    /// How much of the eyes the lids cover, 0–1.
    pub closed: f32,
    /// Where the eyes look, −1 to 1 across the picture.
    pub gaze: f32,
    /// How much larger than in the photograph the head is, less one.
    pub nearer: f32,
    /// How far it has moved across and down, in eye distances.
    pub shift: [f32; 2],
}

/// Half axes of the head in eye distances: across, and down.
const HEAD: (f32, f32) = (1.3, 1.85);

/// Changes what is seen at a place of the photograph: something worn on the face.
pub(crate) type Worn = Box<dyn Fn(Point, Light) -> Light>;

/// Somebody who stands before the camera.
pub(crate) struct Person {
    subject: Subject,
    worn: Option<Worn>,
    sway: [Oscillation; 5],
    blink: f32,
    act: Option<Vec<Expression>>,
    rate: f32,
}

impl Person {
    pub(crate) fn new(subject: &Subject, noise: &mut Noise) -> Self {
        let mut sway = |amplitude| Oscillation::sway(amplitude, noise);
        let sway = [sway(0.035), sway(0.03), sway(0.05), sway(0.06), sway(0.03)];
        Self {
            subject: subject.clone(),
            worn: None,
            sway,
            blink: noise.between(0.0, 4.0),
            act: None,
            rate: 15.0,
        }
    }

    pub(crate) fn wearing(mut self, worn: Worn) -> Self {
        self.worn = Some(worn);
        self
    }

    fn expression(&self, seconds: f32) -> Expression {
        let planned =
            self.act.as_ref().and_then(|act| act.get((seconds * self.rate).round() as usize));
        let [yaw, pitch, roll, across, down] = self.sway.each_ref().map(|s| s.at(seconds));
        let blinking = 1.0 - (seconds - self.blink).abs() / 0.12;
        let plan = planned
            .copied()
            .unwrap_or_else(|| Expression { closed: blinking.max(0.0), ..Expression::default() });
        Expression {
            yaw: plan.yaw + yaw,
            pitch: plan.pitch + pitch,
            roll: plan.roll + roll * 0.3,
            shift: [plan.shift[0] + across, plan.shift[1] + down],
            ..plan
        }
    }
}

impl Scene for Person {
    fn view(&self, seconds: f32) -> View<'_> {
        let (centre, wide) = self.subject.window();
        let head = Head { face: self.subject.face(), now: self.expression(seconds) };
        Box::new(move |ray: Vector| {
            let seen = Point { x: centre.x + ray[0] * wide, y: centre.y + ray[1] * wide };
            let source = head.source(seen);
            let light = self.subject.light(source);
            self.worn.as_ref().map_or(light, |worn| worn(source, light))
        })
    }
}

/// The head in the photograph and how it is held now.
struct Head {
    face: Face,
    now: Expression,
}

impl Head {
    /// Which point of the photograph is seen at `seen`.
    fn source(&self, seen: Point) -> Point {
        let (unit, centre) = (self.face.unit, self.face.centre);
        let (x, y) = ((seen.x - centre.x) / unit, (seen.y - centre.y) / unit);
        let follows = follows(x, y);
        if follows == 0.0 {
            return seen;
        }
        let now = self.now;
        let (x0, y0) = (x - now.shift[0] * follows, y - now.shift[1] * follows);
        let scale = 1.0 + now.nearer * follows;
        let (sin, cos) = (now.roll * follows).sin_cos();
        let (x0, y0) = ((cos * x0 + sin * y0) / scale, (cos * y0 - sin * x0) / scale);
        let (x1, y1) = turned_back(x0, y0, (now.yaw, now.pitch));
        let (x1, y1) = (x0 + (x1 - x0) * follows, y0 + (y1 - y0) * follows);
        self.eyes(Point { x: centre.x + x1 * unit, y: centre.y + y1 * unit })
    }

    /// Lids that come down over the eyes, and eyes that look aside.
    fn eyes(&self, point: Point) -> Point {
        let unit = self.face.unit;
        let mut point = point;
        for eye in [self.face.right_eye, self.face.left_eye] {
            let (x, y) = ((point.x - eye.x) / unit, (point.y - eye.y) / unit);
            let lid = (1.0 - (x / 0.30).powi(4) - (y / 0.17).powi(4)).max(0.0);
            point.y -= self.now.closed.clamp(0.0, 1.0) * 0.21 * unit * lid.sqrt();
            let ball = (1.0 - (x / 0.22).powi(2) - (y / 0.13).powi(2)).max(0.0);
            point.x -= self.now.gaze * 0.10 * unit * ball.sqrt();
        }
        point
    }
}

/// How much a place moves with the head, 0–1: all of the head, the shoulders less, the background not.
fn follows(x: f32, y: f32) -> f32 {
    let smooth = |t: f32| {
        let t = t.clamp(0.0, 1.0);
        t * t * (3.0 - 2.0 * t)
    };
    let distance = (x / HEAD.0).hypot(y / HEAD.1);
    let head = 1.0 - smooth((distance - 0.95) / 0.45);
    let body = 0.5 * smooth((y - 1.4) / 0.8) * (1.0 - smooth((x.abs() - 1.6) / 1.2));
    head.max(body)
}

/// Where on the ellipsoid a point was before it was turned, in eye distances; found by iteration.
fn turned_back(x: f32, y: f32, (yaw, pitch): (f32, f32)) -> (f32, f32) {
    let depth = |x: f32, y: f32| {
        HEAD.0 * (1.0 - (x / HEAD.0).powi(2) - (y / HEAD.1).powi(2)).max(0.0).sqrt()
    };
    // The nose stands out, and moves further than the cheeks.
    let nose = |x: f32, y: f32| 0.35 * (-(x * x + (y - 0.1).powi(2)) / 0.06).exp();
    let (mut sx, mut sy) = (x, y);
    // Small angles converge at once.
    let rounds = if yaw.abs().max(pitch.abs()) < 0.08 { 2 } else { 5 };
    for _ in 0..rounds {
        let z = depth(sx, sy) + nose(sx, sy);
        sx = (x - z * yaw.sin()) / yaw.cos().max(0.5);
        sy = (y - z * pitch.sin()) / pitch.cos().max(0.5);
    }
    // Beyond the horizon of the ellipsoid nothing was photographed: its rim goes on.
    (sx.clamp(x - 1.2, x + 1.2), sy.clamp(y - 1.2, y + 1.2))
}

/// The frames of a person who does `act`, one expression a frame; `seed` chooses the camera and how the person sways.
pub fn turning_head(
    subject: &Subject,
    act: &[Expression],
    seed: u64,
) -> Result<Vec<Frame>, CameraError> {
    let noise = Noise::new(seed);
    let camera = Camera::seeded(seed);
    let mut person = Person::new(subject, &mut noise.part("person"));
    person.rate = camera.rate;
    person.act = Some(act.to_vec());
    camera.record(&person, act.len(), &mut noise.part("sensor"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::tests::drawn;

    fn head(now: Expression) -> Head {
        Head { face: drawn(0).face(), now }
    }

    #[test]
    fn a_still_head_shows_the_photograph() {
        let head = head(Expression::default());
        for (x, y) in [(100.0, 105.0), (125.0, 140.0), (10.0, 10.0), (200.0, 240.0)] {
            let point = Point { x, y };
            assert!(head.source(point).distance(point) < 0.05, "{point:?}");
        }
    }

    #[test]
    fn a_turn_moves_the_nose_further_than_the_eyes_and_leaves_the_background() {
        let head = head(Expression { yaw: 0.3, ..Expression::default() });
        let moved = |x: f32, y: f32| x - head.source(Point { x, y }).x;
        let (nose, eye, wall) = (moved(140.0, 135.0), moved(110.0, 105.0), moved(5.0, 20.0));
        assert!(nose > eye + 3.0 && eye > 3.0, "{nose} {eye}");
        assert!(wall.abs() < 1e-6, "{wall}");
    }

    #[test]
    fn closed_eyes_show_the_lid() {
        let head = head(Expression { closed: 1.0, ..Expression::default() });
        let eye = Point { x: 100.0, y: 105.0 };
        assert!(eye.y - head.source(eye).y > 7.0);
    }
}
