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
pub struct Traffic(Arc<Mutex<Vec<Upload>>>, Arc<Mutex<Option<Watch>>>);

/// What is to happen once, before the first request whose path ends like this.
struct Watch {
    end: String,
    then: Box<dyn FnOnce() + Send>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("end", &self.end).finish_non_exhaustive()
    }
}

impl Traffic {
    /// What the agent calls before each request.
    pub fn recorder(&self) -> Recorder {
        let (uploads, watched) = (Arc::clone(&self.0), Arc::clone(&self.1));
        Arc::new(move |path, body| {
            let mut watch = watched.lock().unwrap_or_else(PoisonError::into_inner);
            let due = watch.take_if(|watch| path.ends_with(&watch.end));
            drop(watch);
            if let Some(watch) = due {
                (watch.then)();
            }
            let upload = Upload { path: path.to_owned(), body: body.to_vec() };
            uploads.lock().unwrap_or_else(PoisonError::into_inner).push(upload);
        })
    }

    /// Does something before the next request whose path ends like this.
    pub fn before(&self, end: &str, then: impl FnOnce() + Send + 'static) {
        let watch = Watch { end: end.to_owned(), then: Box::new(then) };
        *self.1.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
    }

    /// Every request so far, in order.
    pub fn uploads(&self) -> Vec<Upload> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
