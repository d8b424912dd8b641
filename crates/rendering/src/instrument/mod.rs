//! The species of presentation attack instruments, and bona fide people beside them; each is a small module.
mod content;
mod cut_out;
mod paper;
mod print;
mod printed_mask;
mod screen;

use std::fmt;
use std::str::FromStr;

use imp_biometrics::MaskStyle;

use crate::camera::{Camera, CameraError, Frame};
use crate::head::Person;
use crate::noise::Noise;
use crate::scene::Scene;
use crate::subject::Subject;
use content::Content;

/// What is presented to the camera.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Species {
    /// A person.
    BonaFide,
    /// A person with a mask on (drawn).
    MaskedBonaFide,
    /// A printed photograph, held flat and a little tilted.
    Print,
    /// A printed photograph, bent about the vertical.
    BentPrint,
    /// A printed photograph of the person with a mask on.
    MaskedPrint,
    /// A photograph on a screen.
    Screen,
    /// A photograph of the person with a mask on, on a screen.
    MaskedScreen,
    /// A video of the person on a screen.
    Video,
    /// The printed face, cut out with holes for the eyes, on another person's head.
    CutOut,
    /// A face mask on another person, printed with the person's nose and mouth.
    PrintedMask,
}

/// The text names no [`Species`].
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "not a species: use bona-fide, masked-bona-fide, print, bent-print, masked-print, screen, masked-screen, video, cut-out or printed-mask"
)]
pub struct UnknownSpecies;

impl Species {
    /// Every species, bona fide ones first.
    pub const ALL: [Self; 10] = [
        Self::BonaFide,
        Self::MaskedBonaFide,
        Self::Print,
        Self::BentPrint,
        Self::MaskedPrint,
        Self::Screen,
        Self::MaskedScreen,
        Self::Video,
        Self::CutOut,
        Self::PrintedMask,
    ];

    /// Whether it is an attack.
    pub const fn is_attack(self) -> bool {
        !matches!(self, Self::BonaFide | Self::MaskedBonaFide)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::BonaFide => "bona-fide",
            Self::MaskedBonaFide => "masked-bona-fide",
            Self::Print => "print",
            Self::BentPrint => "bent-print",
            Self::MaskedPrint => "masked-print",
            Self::Screen => "screen",
            Self::MaskedScreen => "masked-screen",
            Self::Video => "video",
            Self::CutOut => "cut-out",
            Self::PrintedMask => "printed-mask",
        }
    }
}

impl fmt::Display for Species {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Species {
    type Err = UnknownSpecies;

    fn from_str(text: &str) -> Result<Self, UnknownSpecies> {
        Self::ALL.into_iter().find(|species| species.name() == text).ok_or(UnknownSpecies)
    }
}

/// `count` frames of a presentation: `target` is who appears, `wearer` on whose head cut-outs and printed masks sit. The
/// same seed gives the same camera and room to every species, so that pairs differ in what is presented alone.
pub fn presentation(
    species: Species,
    target: &Subject,
    wearer: &Subject,
    count: usize,
    seed: u64,
) -> Result<Vec<Frame>, CameraError> {
    let noise = Noise::new(seed);
    let mut own = noise.part(species.name());
    let style = MaskStyle::ALL[(own.share() * 4.0) as usize % 4];
    let masked = || target.masked(style, seed);
    let camera = Camera::seeded(seed);
    let scene: Box<dyn Scene> = match species {
        Species::BonaFide => Box::new(Person::new(target, &mut own)),
        Species::MaskedBonaFide => Box::new(Person::new(&masked(), &mut own)),
        Species::Print => print::held(Content::photograph(target), 0.0, &mut own),
        Species::MaskedPrint => print::held(Content::photograph(&masked()), 0.0, &mut own),
        Species::BentPrint => {
            let bend = own.between(0.25, 0.9);
            print::held(Content::photograph(target), bend, &mut own)
        }
        Species::Screen => screen::shown(Content::photograph(target), &camera, &mut own),
        Species::MaskedScreen => screen::shown(Content::photograph(&masked()), &camera, &mut own),
        Species::Video => {
            // The attacker's recording comes from another camera.
            let recorder = Camera { rate: camera.rate, ..Camera::seeded(seed ^ 0x5EED) };
            let person = Person::new(target, &mut own);
            let frames = recorder.record(&person, count, &mut own)?;
            screen::shown(Content::recording(&frames, target, camera.rate), &camera, &mut own)
        }
        Species::CutOut => cut_out::worn(target, wearer, &mut own),
        Species::PrintedMask => printed_mask::worn(target, wearer, &mut own),
    };
    camera.record(scene.as_ref(), count, &mut noise.part("sensor"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::tests::drawn;

    #[test]
    fn every_species_has_one_name() {
        for species in Species::ALL {
            assert_eq!(species.to_string().parse(), Ok(species));
        }
        assert_eq!("hologram".parse::<Species>(), Err(UnknownSpecies));
    }

    #[test]
    fn the_same_seed_renders_the_same_frames_and_each_species_others() {
        let (target, wearer) = (drawn(1), drawn(40));
        let mut seen: Vec<Vec<u8>> = Vec::new();
        for species in Species::ALL {
            let render = || presentation(species, &target, &wearer, 2, 9).unwrap();
            let (first, again) = (render(), render());
            assert_eq!(first[0].jpeg, again[0].jpeg, "{species}");
            assert_ne!(first[0].jpeg, first[1].jpeg, "{species}: a frame is never repeated");
            assert_eq!((first[0].image.width(), first[0].image.height()), (480, 360));
            assert!(seen.iter().all(|s| *s != first[0].jpeg), "{species} looks like another one");
            seen.push(first[0].jpeg.clone());
        }
    }
}
