//! The networks of an engine one by one, to be measured beside other runtimes (`make bench-faces`).
use crate::attack::Judge;
use crate::engine::Engine;
use crate::network::{InferenceError, Network};

/// One network, ready to run.
#[derive(Clone, Copy)]
pub struct LoadedNetwork<'a>(&'a Network);

impl Engine {
    /// Every network, once for each size of picture that it takes.
    pub fn networks(&self) -> Vec<LoadedNetwork<'_>> {
        let judges = self.attack.judges().iter().map(Judge::network);
        let detectors = self.detector.networks().into_iter();
        detectors.chain([self.embedder.network()]).chain(judges).map(LoadedNetwork).collect()
    }
}

impl<'a> LoadedNetwork<'a> {
    /// The model's name in the manifest.
    pub fn name(&self) -> &'a str {
        self.0.name()
    }

    /// Width and height of its pictures, in pixels.
    pub fn size(&self) -> (usize, usize) {
        self.0.size()
    }

    /// What it is given for packed RGB pixels of its size: three planes of numbers.
    pub fn input(&self, rgb: &[u8]) -> Vec<f32> {
        self.0.planes(rgb).to_vec()
    }

    /// Its outputs, in the order of the file.
    pub fn run(&self, rgb: &[u8]) -> Result<Vec<Vec<f32>>, InferenceError> {
        self.0.run(rgb)
    }
}
