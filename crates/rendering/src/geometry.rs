//! Where a ray of the pinhole camera meets a flat or bent sheet.

/// A direction or place; the camera is at the origin and looks along `z`, `x` to the right, `y` down, in frame widths at
/// distance one.
pub(crate) type Vector = [f32; 3];

fn dot(a: Vector, b: Vector) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// How a sheet is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pose {
    /// Its centre.
    pub(crate) centre: Vector,
    /// About the vertical, horizontal and viewing axis, in radians.
    pub(crate) yaw: f32,
    pub(crate) pitch: f32,
    pub(crate) roll: f32,
}

/// A rectangle in space, bent about its own vertical axis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sheet {
    centre: Vector,
    across: Vector,
    down: Vector,
    normal: Vector,
    /// How far it bends towards the camera, per square of the distance from its axis.
    bend: f32,
}

/// Where a ray meets a sheet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meeting {
    /// On the sheet, from its centre.
    pub(crate) u: f32,
    pub(crate) v: f32,
    /// Slope of the bent sheet there, along `u`.
    pub(crate) slope: f32,
}

impl Sheet {
    pub(crate) fn new(pose: Pose, bend: f32) -> Self {
        let (sy, cy) = pose.yaw.sin_cos();
        let (sp, cp) = pose.pitch.sin_cos();
        let (sr, cr) = pose.roll.sin_cos();
        // Roll, then pitch, then yaw.
        let turn = |[x, y, z]: Vector| {
            let (x, y) = (cr * x - sr * y, sr * x + cr * y);
            let (y, z) = (cp * y - sp * z, sp * y + cp * z);
            [cy * x + sy * z, y, -sy * x + cy * z]
        };
        Self {
            centre: pose.centre,
            across: turn([1.0, 0.0, 0.0]),
            down: turn([0.0, 1.0, 0.0]),
            normal: turn([0.0, 0.0, 1.0]),
            bend,
        }
    }

    /// Where the ray through `ray` meets the sheet, if in front of the camera.
    pub(crate) fn meet(&self, ray: Vector) -> Option<Meeting> {
        let towards = dot(self.normal, ray);
        if towards < 0.05 {
            return None;
        }
        let (mut u, mut v) = (0.0f32, 0.0f32);
        let mut height = 0.0;
        // Three rounds find the bent surface to a fraction of a pixel: it is nearly flat.
        for _ in 0..if self.bend == 0.0 { 1 } else { 3 } {
            let distance = (dot(self.normal, self.centre) + height) / towards;
            if distance <= 0.0 {
                return None;
            }
            let offset = [0, 1, 2].map(|i| ray[i] * distance - self.centre[i]);
            u = dot(self.across, offset);
            v = dot(self.down, offset);
            height = -self.bend * u * u;
        }
        Some(Meeting { u, v, slope: -2.0 * self.bend * u })
    }

    /// How much the surface there faces a light from direction `light` (a unit vector towards it), 0–1.
    pub(crate) fn facing(&self, meeting: Meeting, light: Vector) -> f32 {
        let normal = [0, 1, 2].map(|i| self.normal[i] - meeting.slope * self.across[i]);
        let length = dot(normal, normal).sqrt().max(f32::MIN_POSITIVE);
        // The normal points away from the camera.
        (-dot(normal, light) / length).max(0.0)
    }
}

/// `vector` with length one.
pub(crate) fn unit(vector: Vector) -> Vector {
    let length = dot(vector, vector).sqrt().max(f32::MIN_POSITIVE);
    vector.map(|v| v / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRAIGHT: Pose = Pose { centre: [0.0, 0.0, 1.0], yaw: 0.0, pitch: 0.0, roll: 0.0 };

    #[test]
    fn a_sheet_facing_the_camera_is_met_where_the_ray_points() {
        let meeting = Sheet::new(STRAIGHT, 0.0).meet([0.2, -0.1, 1.0]).unwrap();
        assert!((meeting.u - 0.2).abs() < 1e-6 && (meeting.v + 0.1).abs() < 1e-6);
    }

    #[test]
    fn a_turned_sheet_is_met_where_perspective_puts_it() {
        let sheet = Sheet::new(Pose { yaw: 0.5, ..STRAIGHT }, 0.0);
        let (right, left) =
            (sheet.meet([0.2, 0.0, 1.0]).unwrap(), sheet.meet([-0.2, 0.0, 1.0]).unwrap());
        // x·d = c + u·cos, z·d = 1 − u·sin: u = 0.2 / (cos + 0.2 sin) to the right.
        let expected = |x: f32| x / (0.5f32.cos() + x * 0.5f32.sin());
        assert!((right.u - expected(0.2)).abs() < 1e-5, "{right:?}");
        assert!((left.u - expected(-0.2)).abs() < 1e-5, "{left:?}");
    }

    #[test]
    fn a_bent_sheet_is_nearer_at_its_sides_and_looks_away_from_a_light_in_front() {
        let sheet = Sheet::new(STRAIGHT, 0.5);
        let side = sheet.meet([0.4, 0.0, 1.0]).unwrap();
        // On the surface: u = 0.4·d and d = 1 − 0.5·u².
        assert!((side.u - 0.4 * (1.0 - 0.5 * side.u * side.u)).abs() < 1e-2, "{side:?}");
        let middle = sheet.meet([0.0, 0.0, 1.0]).unwrap();
        let light = [0.0, 0.0, -1.0];
        assert!(sheet.facing(middle, light) > sheet.facing(side, light));
    }
}
