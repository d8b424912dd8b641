//! One score of what networks and traces say.
use imp_models::{ModelStore, ReadError};

use super::Traces;
use crate::network::NetworkError;

/// Log odds are kept within this: a network's certainty beyond it means nothing.
const CERTAIN: f32 = 8.0;

/// A logistic regression on the networks' log odds and the traces; `models/README.md` says how its weights were made.
pub(super) struct Fusion {
    networks: Vec<f32>,
    stripes: f32,
    black: f32,
    bias: f32,
}

impl Fusion {
    /// Reads the weights of the model called `name`: one a network, stripes, black, bias.
    pub(super) fn load(
        store: &ModelStore,
        name: &str,
        networks: usize,
    ) -> Result<Self, NetworkError> {
        let read = |source: ReadError| NetworkError::Read { name: name.to_owned(), source };
        let bytes = store.read(name).map_err(read)?;
        let weights: Vec<f32> =
            bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let finite = weights.iter().all(|w| w.is_finite());
        match weights.split_at_checked(networks) {
            Some((first, [stripes, black, bias])) if finite => {
                Ok(Self { networks: first.to_vec(), stripes: *stripes, black: *black, bias: *bias })
            }
            Some(_) | None => Err(NetworkError::Convention(name.to_owned())),
        }
    }

    /// Probability of a bona fide presentation, 0–1.
    pub(super) fn score(&self, probabilities: &[f32], traces: Traces) -> f32 {
        let odds = |p: f32| {
            let p = p.clamp(1e-6, 1.0 - 1e-6);
            (p / (1.0 - p)).ln().clamp(-CERTAIN, CERTAIN)
        };
        let networks: f32 =
            self.networks.iter().zip(probabilities).map(|(w, p)| w * odds(*p)).sum();
        let sum = networks + self.stripes * traces.stripes + self.black * traces.black + self.bias;
        1.0 / (1.0 + (-sum).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trace_of_reproduction_lowers_the_score_and_it_stays_a_probability() {
        let fusion = Fusion { networks: vec![0.2, 0.2], stripes: -0.7, black: -28.0, bias: 6.0 };
        let clean = Traces { stripes: 4.0, black: 0.03 };
        let score = |p: f32, traces| fusion.score(&[p, p], traces);
        let bona_fide = score(0.95, clean);
        assert!(bona_fide > 0.9);
        assert!(score(0.05, clean) < bona_fide);
        assert!(score(0.95, Traces { stripes: 8.0, ..clean }) < bona_fide);
        assert!(score(0.95, Traces { black: 0.2, ..clean }) < bona_fide);
        for p in [0.0, 1.0, -1.0, 2.0] {
            assert!((0.0..=1.0).contains(&score(p, clean)));
        }
        // No number is no proof of life: comparisons refuse it.
        assert!(score(f32::NAN, clean).is_nan());
    }
}
