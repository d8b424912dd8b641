//! One network, ready to run.
use std::sync::Arc;

use imp_models::{Channels, ImageConvention, ModelStore, ReadError};
use tract_onnx::prelude::*;

use crate::dequantise::{self, MalformedWeight};
use crate::{depthwise, graph, prelu};

/// A network could not be made from its file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NetworkError {
    /// The file is missing, altered, or not in the manifest.
    #[error("the model {name} cannot be read")]
    Read {
        /// Which model.
        name: String,
        /// Why.
        source: ReadError,
    },
    /// The manifest lacks what an image network needs.
    #[error("the manifest does not say how {0} takes its picture")]
    Convention(String),
    /// The weights are malformed.
    #[error("the weights of {name} are malformed")]
    Weights {
        /// Which model.
        name: String,
        /// Where.
        source: MalformedWeight,
    },
    /// The graph cannot be executed.
    #[error("the model {name} cannot be executed")]
    Graph {
        /// Which model.
        name: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A network failed while running.
#[derive(Debug, thiserror::Error)]
#[error("the model {model} failed")]
pub struct InferenceError {
    model: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl InferenceError {
    /// The model gave no answer.
    pub(crate) fn nothing(model: &str) -> Self {
        Self { model: model.to_owned(), source: "it gave no answer".into() }
    }
}

/// A network with its input size, and how it takes pixels.
pub(crate) struct Network {
    name: String,
    plan: Arc<TypedRunnableModel>,
    width: usize,
    height: usize,
    convention: ImageConvention,
}

impl Network {
    /// Loads the model called `name`, for pictures of `size` (width, height) or of the size in the manifest.
    pub(crate) fn load(
        store: &ModelStore,
        name: &str,
        size: Option<(usize, usize)>,
    ) -> Result<Self, NetworkError> {
        let unread = |source| NetworkError::Read { name: name.to_owned(), source };
        let model = store.model(name).map_err(unread)?;
        let bytes = store.read(name).map_err(unread)?;
        let missing = || NetworkError::Convention(name.to_owned());
        let convention = model.input.image.ok_or_else(missing)?;
        let shape: [usize; 4] = model.input.shape.as_slice().try_into().map_err(|_| missing())?;
        let (width, height) = size.unwrap_or((shape[3], shape[2]));
        let failed = |source: TractError| NetworkError::Graph {
            name: name.to_owned(),
            source: source.into(),
        };
        let mut onnx = onnx().with_ignore_output_shapes(true).with_ignore_value_info(true);
        prelu::register(&mut onnx);
        depthwise::register(&mut onnx);
        let mut proto = onnx.proto_model_for_read(&mut bytes.as_slice()).map_err(failed)?;
        dequantise::expand(&mut proto)
            .map_err(|source| NetworkError::Weights { name: name.to_owned(), source })?;
        graph::simplify(&mut proto);
        let build = || {
            onnx.parse(&proto, None)?
                .model
                .with_input_fact(0, f32::fact([1, 3, height, width]).into())?
                .into_optimized()?
                .into_runnable()
        };
        let plan = build().map_err(failed)?;
        Ok(Self { name: name.to_owned(), plan, width, height, convention })
    }

    /// The model's name in the manifest.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Width and height that the network expects, in pixels.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Runs on packed RGB pixels of the network's size and returns its outputs in order.
    pub(crate) fn run(&self, rgb: &[u8]) -> Result<Vec<Vec<f32>>, InferenceError> {
        let values = self.planes(rgb);
        let run = || -> TractResult<Vec<Vec<f32>>> {
            let input = Tensor::from_shape(&[1, 3, self.height, self.width], &values)?;
            let outputs = self.plan.run(tvec!(input.into()))?;
            outputs.iter().map(|o| Ok(o.view().as_slice::<f32>()?.to_vec())).collect()
        };
        run().map_err(|source| InferenceError { model: self.name.clone(), source: source.into() })
    }

    /// What the network is given: a plane of numbers for each channel.
    pub(crate) fn planes(&self, rgb: &[u8]) -> zeroize::Zeroizing<Vec<f32>> {
        let order = match self.convention.channels {
            Channels::Rgb => [0, 1, 2],
            Channels::Bgr => [2, 1, 0],
        };
        let ImageConvention { mean, scale, .. } = self.convention;
        let area = self.width * self.height;
        let mut values = zeroize::Zeroizing::new(vec![0f32; 3 * area]);
        for (plane, (channel, mean)) in
            values.chunks_exact_mut(area).zip(order.into_iter().zip(mean))
        {
            for (value, pixel) in plane.iter_mut().zip(rgb.as_chunks::<3>().0) {
                *value = (f32::from(pixel[channel]) - mean) * scale;
            }
        }
        values
    }
}

#[cfg(test)]
mod tests;
