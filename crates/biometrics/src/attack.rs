//! Presentation-attack detection (ISO/IEC 30107-3) with the `MiniFASNet` pair of Silent-Face-Anti-Spoofing: each looks at
//! the face with more of its surroundings; prints and screens betray themselves by their edges and texture. Traces that
//! reproduction leaves (stripes of colour, raised blacks) are weighed with them.
mod fusion;
mod traces;

use imp_models::{ModelStore, ReadError};
use zeroize::Zeroizing;

use crate::align::interpolated;
use crate::detect::{BoundingBox, Point};
use crate::image::Image;
use crate::network::{InferenceError, Network, NetworkError};

/// Index of the class "bona fide" among attack, bona fide, attack.
const BONA_FIDE: usize = 1;

pub use traces::Traces;

use fusion::Fusion;

/// Judges whether a face is a living one; holds the networks of the set.
pub(crate) struct AttackDetector {
    judges: Vec<Judge>,
    /// Absent in a set of networks alone: then their scores are averaged.
    fusion: Option<Fusion>,
}

/// One network and the surroundings it looks at.
pub(crate) struct Judge {
    network: Network,
    crop_scale: f32,
}

impl AttackDetector {
    pub(crate) fn load(store: &ModelStore) -> Result<Self, NetworkError> {
        let read = |name: &str, source| NetworkError::Read { name: name.to_owned(), source };
        let (mut judges, mut linear) = (Vec::new(), None);
        for name in &store.active_set().attack {
            let model = store.model(name).map_err(|source: ReadError| read(name, source))?;
            // A regression takes numbers, a network a picture.
            if model.input.image.is_none() {
                linear = Some(name);
            } else {
                judges.push(Judge::load(store, name)?);
            }
        }
        let fusion = linear.map(|name| Fusion::load(store, name, judges.len())).transpose()?;
        Ok(Self { judges, fusion })
    }

    /// The networks, each of which can be asked on its own thread.
    pub(crate) fn judges(&self) -> &[Judge] {
        &self.judges
    }

    /// One probability of a bona fide presentation, 0–1, of what the networks said and the traces show.
    pub(crate) fn fused(&self, probabilities: &[f32], traces: Traces) -> f32 {
        match &self.fusion {
            Some(fusion) => fusion.score(probabilities, traces),
            None => probabilities.iter().sum::<f32>() / probabilities.len().max(1) as f32,
        }
    }
}

impl Judge {
    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    fn load(store: &ModelStore, name: &str) -> Result<Self, NetworkError> {
        let network = Network::load(store, name, None)?;
        let read = |source: ReadError| NetworkError::Read { name: name.to_owned(), source };
        let missing = || NetworkError::Convention(name.to_owned());
        let crop_scale = store.model(name).map_err(read)?.crop_scale.ok_or_else(missing)?;
        Ok(Self { network, crop_scale })
    }

    /// Probability that the face in `bounds` is a bona fide presentation, 0–1.
    pub(crate) fn score(&self, image: &Image, bounds: &BoundingBox) -> Result<f32, InferenceError> {
        let region = surroundings(image, bounds, self.crop_scale);
        let outputs = self.network.run(&cut(image, &region, self.network.size()))?;
        Ok(outputs.first().and_then(|logits| softmax(logits, BONA_FIDE)).unwrap_or(0.0))
    }
}

/// The box enlarged by `scale`, less where the picture is too small, and moved inside the picture.
fn surroundings(image: &Image, bounds: &BoundingBox, scale: f32) -> BoundingBox {
    let (width, height) = (image.width() as f32, image.height() as f32);
    let (across, down) = (bounds.width.max(1.0), bounds.height.max(1.0));
    let scale = scale.min((width - 1.0) / across).min((height - 1.0) / down);
    let (w, h) = (across * scale, down * scale);
    let left = (bounds.left + across / 2.0 - w / 2.0).clamp(0.0, (width - 1.0 - w).max(0.0));
    let top = (bounds.top + down / 2.0 - h / 2.0).clamp(0.0, (height - 1.0 - h).max(0.0));
    BoundingBox {
        left: left.floor(),
        top: top.floor(),
        width: w.floor() + 1.0,
        height: h.floor() + 1.0,
    }
}

/// The region at the size of the network, by bilinear interpolation without smoothing, as in the networks' training.
fn cut(image: &Image, region: &BoundingBox, (width, height): (usize, usize)) -> Zeroizing<Vec<u8>> {
    let (across, down) = (region.width / width as f32, region.height / height as f32);
    let edge = Point {
        x: (region.left + region.width - 1.0).min(image.width() as f32 - 1.0),
        y: (region.top + region.height - 1.0).min(image.height() as f32 - 1.0),
    };
    let mut pixels = Zeroizing::new(Vec::with_capacity(width * height * 3));
    for index in 0..width * height {
        let (column, row) = ((index % width) as f32, (index / width) as f32);
        let x = (region.left + (column + 0.5) * across - 0.5)
            .clamp(region.left, edge.x.max(region.left));
        let y = (region.top + (row + 0.5) * down - 0.5).clamp(region.top, edge.y.max(region.top));
        pixels.extend(interpolated(image, Point { x, y }).map(|c| (c + 0.5) as u8));
    }
    pixels
}

fn softmax(logits: &[f32], class: usize) -> Option<f32> {
    let largest = logits.iter().copied().fold(f32::MIN, f32::max);
    let total: f32 = logits.iter().map(|l| (l - largest).exp()).sum();
    logits.get(class).map(|l| (l - largest).exp() / total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Image {
        Image::from_rgb(400, 300, vec![90; 400 * 300 * 3]).unwrap()
    }

    #[test]
    fn softmax_is_a_probability() {
        let third = softmax(&[5.0, 5.0, 5.0], 1).unwrap();
        assert!((third - 1.0 / 3.0).abs() < 1e-6);
        assert!(softmax(&[0.0, 1000.0, 0.0], 1).unwrap() > 0.999);
        assert_eq!(softmax(&[], 1), None);
    }

    #[test]
    fn surroundings_stay_inside_the_picture() {
        let face = BoundingBox { left: 380.0, top: -5.0, width: 40.0, height: 50.0 };
        let region = surroundings(&picture(), &face, 2.7);
        assert!(region.left >= 0.0 && region.top >= 0.0);
        assert!(region.left + region.width <= 400.0 && region.top + region.height <= 300.0);
        assert!((region.width - 109.0).abs() <= 1.0);
    }

    #[test]
    fn a_face_that_fills_the_picture_gets_the_whole_picture() {
        let face = BoundingBox { left: 50.0, top: 0.0, width: 300.0, height: 300.0 };
        let region = surroundings(&picture(), &face, 4.0);
        assert!((region.height - 300.0).abs() <= 1.0);
    }
}
