//! Embeddings of faces with `SFace` (Zhong et al. 2021).
use imp_models::ModelStore;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::align::Crop;
use crate::network::{InferenceError, Network, NetworkError};

/// Numbers in an embedding.
pub const DIMENSIONS: usize = 128;

/// A unit vector; the cosine between two says how alike the faces are. Wiped on drop.
#[derive(Clone)]
pub struct Embedding(Zeroizing<Vec<f32>>);

impl Embedding {
    /// `values`, brought to length one.
    pub(crate) fn normalised(values: Vec<f32>) -> Self {
        let mut values = Zeroizing::new(values);
        let length = values.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        values.iter_mut().for_each(|v| *v /= length);
        Self(values)
    }

    /// The mean direction of `embeddings`; `None` of none.
    pub fn mean<'a>(embeddings: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        Self::weighted_mean(embeddings.into_iter().map(|embedding| (1.0, embedding)))
    }

    /// The mean direction of weighted embeddings; `None` of none. Weights are positive.
    pub(crate) fn weighted_mean<'a>(
        embeddings: impl IntoIterator<Item = (f32, &'a Self)>,
    ) -> Option<Self> {
        let mut sum: Option<Vec<f32>> = None;
        for (weight, embedding) in embeddings {
            let sum = sum.get_or_insert_with(|| vec![0.0; embedding.0.len()]);
            sum.iter_mut().zip(embedding.0.iter()).for_each(|(s, v)| *s += weight * v);
        }
        sum.map(Self::normalised)
    }

    /// Cosine similarity, −1 to 1.
    pub fn similarity(&self, other: &Self) -> f32 {
        self.0.iter().zip(other.0.iter()).map(|(a, b)| a * b).sum()
    }

    /// The components.
    pub fn values(&self) -> &[f32] {
        &self.0
    }
}

impl std::fmt::Debug for Embedding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Embedding([redacted])")
    }
}

impl Serialize for Embedding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.values())
    }
}

impl<'de> Deserialize<'de> for Embedding {
    /// Takes nothing but [`DIMENSIONS`] numbers, and brings them to length one.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = Zeroizing::new(Vec::<f32>::deserialize(deserializer)?);
        if values.len() != DIMENSIONS || !values.iter().all(|v| v.is_finite()) {
            return Err(D::Error::custom("not an embedding"));
        }
        Ok(Self::normalised(values.to_vec()))
    }
}

/// Turns aligned faces into embeddings.
pub(crate) struct Embedder(Network);

impl Embedder {
    pub(crate) fn network(&self) -> &Network {
        &self.0
    }

    pub(crate) fn load(store: &ModelStore) -> Result<Self, NetworkError> {
        Network::load(store, &store.active_set().recogniser, None).map(Self)
    }

    pub(crate) fn embed(&self, crop: &Crop) -> Result<Embedding, InferenceError> {
        let mut outputs = self.0.run(crop.rgb())?;
        let mut values = outputs.pop().unwrap_or_default();
        values.resize(DIMENSIONS, 0.0);
        Ok(Embedding::normalised(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similarity_is_the_cosine() {
        let (a, b) = (Embedding::normalised(vec![3.0, 0.0]), Embedding::normalised(vec![1.0, 1.0]));
        assert!((a.similarity(&b) - 0.5f32.sqrt()).abs() < 1e-6);
        assert!((a.similarity(&a) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_mean_lies_between() {
        let (a, b) = (Embedding::normalised(vec![1.0, 0.0]), Embedding::normalised(vec![0.0, 5.0]));
        let mean = Embedding::mean([&a, &b]).unwrap();
        assert!((mean.similarity(&a) - mean.similarity(&b)).abs() < 1e-6);
        assert!(Embedding::mean([]).is_none());
    }
}
