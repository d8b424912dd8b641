//! A printed face, cut out along its outline with holes for the eyes, before another person's face.
use super::paper::Paper;
use crate::head::Person;
use crate::light::Light;
use crate::noise::Noise;
use crate::scene::Scene;
use crate::subject::Subject;
use imp_biometrics::Point;

/// `target`'s printed face on `wearer`'s head.
pub(super) fn worn(target: &Subject, wearer: &Subject, noise: &mut Noise) -> Box<dyn Scene> {
    let (target, paper) = (target.clone(), Paper::new(noise));
    let (own, printed) = (wearer.face(), target.face());
    let person = Person::new(wearer, noise);
    let slip = [noise.between(-0.06, 0.06), noise.between(-0.06, 0.06)];
    Box::new(person.wearing(Box::new(move |point: Point, skin: Light| {
        let (a, b) = own.place(point);
        let (a, b) = (a - slip[0], b - slip[1]);
        // The outline from the forehead to the chin, in face coordinates; one at the edge.
        let edge = (a / 1.0).hypot((b - 0.48) / 1.3);
        if edge > 1.0 {
            // The sheet's shadow on what is behind.
            let shadow = 1.0 - 0.45 * (1.0 - (edge - 1.0) / 0.09).clamp(0.0, 1.0);
            return skin.map(|l| l * shadow);
        }
        let hole = |eye: f32| ((a - eye) / 0.25).hypot(b / 0.13);
        let hole = hole(-0.5).min(hole(0.5));
        if hole < 1.0 {
            // The eyes lie deeper than the sheet.
            return skin.map(|l| l * (0.55 + 0.3 * (1.0 - hole)));
        }
        if edge > 0.985 || hole < 1.06 {
            return paper.reflect([1.0; 3], a, b);
        }
        let colour = target.light(printed.point((a, b)));
        let round = 1.0 - 0.22 * a * a;
        paper.reflect(colour, a * 0.22, b * 0.22).map(|l| l * round)
    })))
}
