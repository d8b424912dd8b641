//! What workstations send to the server, as it is before encryption.
use std::sync::{Arc, Mutex, PoisonError};

use imp_client::agent::Recorder;

/// One request.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its path.
    pub path: String,
    /// Its body.
    pub body: Vec<u8>,
}

/// Every request so far. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<Mutex<Vec<Upload>>>);

impl Traffic {
    /// What the agent calls before each request.
    pub fn recorder(&self) -> Recorder {
        let uploads = Arc::clone(&self.0);
        Arc::new(move |path, body| {
            let upload = Upload { path: path.to_owned(), body: body.to_vec() };
            uploads.lock().unwrap_or_else(PoisonError::into_inner).push(upload);
        })
    }

    /// Every request so far, in order.
    pub fn uploads(&self) -> Vec<Upload> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
