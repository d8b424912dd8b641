//! A face mask printed with somebody's nose and mouth, worn by somebody else.
use super::paper::Paper;
use crate::head::Person;
use crate::light::Light;
use crate::noise::{Noise, texture};
use crate::scene::Scene;
use crate::subject::Subject;
use imp_biometrics::Point;

/// `target`'s lower face on a mask that `wearer` has on.
pub(super) fn worn(target: &Subject, wearer: &Subject, noise: &mut Noise) -> Box<dyn Scene> {
    let (target, paper) = (target.clone(), Paper::new(noise));
    let (own, printed) = (wearer.face(), target.face());
    let (bridge, chin) = (noise.between(0.2, 0.34), noise.between(1.62, 1.8));
    let person = Person::new(wearer, noise);
    Box::new(person.wearing(Box::new(move |point: Point, skin: Light| {
        let (a, b) = own.place(point);
        let across = (a / 0.88).abs();
        let dip = (1.0 - across).max(0.0).powf(1.6);
        let top = 0.48 + (bridge - 0.48) * dip;
        let fall = ((b - 0.65) / (chin - 0.65)).clamp(0.0, 1.0);
        let half = (1.0 - fall.powf(2.4)).max(0.0).sqrt();
        let inside = (b - top).min(chin - b).min((half - across) * 0.88);
        if inside <= 0.0 {
            let shadow =
                if b > 1.0 { 1.0 - 0.35 * (1.0 + inside / 0.06).clamp(0.0, 1.0) } else { 1.0 };
            return skin.map(|l| l * shadow);
        }
        let colour = target.light(printed.point((a, b)));
        // Woven cloth shows its threads and folds, and falls off to the sides.
        let thread = 0.05 * ((a + b) * 90.0).sin() * ((a - b) * 90.0).sin();
        let fold = 0.22 * (texture(17, a * 1.5 + 9.0, b * 5.0) - 0.5);
        let hem = if inside < 0.035 { -0.15 } else { 0.0 };
        let shade = (1.04 - 0.28 * across * across) * (1.0 + thread + fold + hem);
        paper.reflect(colour, a * 0.22, b * 0.22).map(|l| l * shade)
    })))
}
