//! Where embeddings of people lie on average, bare and under a mask. All faces have something in common, masked ones more:
//! comparisons that start from what is common count only what tells people apart. The means are of people of whom nothing
//! else is known or compared; `models/training/population.py` makes them.
use imp_models::{ModelStore, ReadError};

use crate::embed::{DIMENSIONS, Embedding};
use crate::network::NetworkError;

/// The means of a model set; zero where it has none.
pub(crate) struct Population {
    bare: Vec<f32>,
    masked: Vec<f32>,
}

impl Population {
    pub(crate) fn load(store: &ModelStore) -> Result<Self, NetworkError> {
        let Some(name) = &store.active_set().population else {
            return Ok(Self { bare: vec![0.0; DIMENSIONS], masked: vec![0.0; DIMENSIONS] });
        };
        let read = |source: ReadError| NetworkError::Read { name: name.clone(), source };
        let bytes = store.read(name).map_err(read)?;
        Self::parsed(&bytes).ok_or_else(|| NetworkError::Convention(name.clone()))
    }

    /// Little-endian f32: the mean of bare faces, then that of masked ones, each shorter than an embedding.
    fn parsed(bytes: &[u8]) -> Option<Self> {
        let (values, rest) = bytes.as_chunks::<4>();
        let values: Vec<f32> = values.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let (bare, masked) = values.split_at_checked(DIMENSIONS)?;
        let mean = |values: &[f32]| values.iter().map(|v| v * v).sum::<f32>() < 1.0;
        (rest.is_empty() && masked.len() == DIMENSIONS && mean(bare) && mean(masked))
            .then(|| Self { bare: bare.to_vec(), masked: masked.to_vec() })
    }

    /// The direction from the mean of its kind to `embedding`.
    pub(crate) fn centred(&self, embedding: &Embedding, masked: bool) -> Embedding {
        let mean = if masked { &self.masked } else { &self.bare };
        Embedding::normalised(embedding.values().iter().zip(mean).map(|(e, m)| e - m).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    fn axis(at: usize) -> Embedding {
        let mut values = vec![0.0; DIMENSIONS];
        values[at] = 1.0;
        Embedding::normalised(values)
    }

    #[test]
    fn what_all_have_in_common_no_longer_makes_two_alike() {
        let mut values = vec![0.0; 2 * DIMENSIONS];
        values[0] = 0.6;
        values[DIMENSIONS] = 0.8;
        let population = Population::parsed(&bytes(&values)).unwrap();
        // Two people who share the first component, each with one of their own.
        let people = [1, 2].map(|own| Embedding::mean([&axis(0), &axis(own)]).unwrap());
        let alike = |masked| {
            let [a, b] = [0, 1].map(|i| population.centred(&people[i], masked));
            a.similarity(&b)
        };
        assert!(people[0].similarity(&people[1]) > 0.49);
        assert!(alike(false) < 0.03 && alike(true) < 0.03);
        let bare = population.centred(&people[0], false);
        assert!((bare.similarity(&population.centred(&people[0], true)) - 1.0).abs() > 1e-3);
    }

    #[test]
    fn a_file_of_another_length_or_with_what_is_no_mean_is_refused() {
        let good = vec![0.01; 2 * DIMENSIONS];
        assert!(Population::parsed(&bytes(&good)).is_some());
        for length in [0, 1, DIMENSIONS, 2 * DIMENSIONS - 1, 2 * DIMENSIONS + 1] {
            assert!(Population::parsed(&bytes(&vec![0.01; length])).is_none(), "{length}");
        }
        assert!(Population::parsed(&[bytes(&good), vec![0]].concat()).is_none());
        for odd in [1.0, f32::NAN, f32::INFINITY] {
            let mut values = good.clone();
            values[3] = odd;
            assert!(Population::parsed(&bytes(&values)).is_none(), "{odd}");
        }
    }
}
