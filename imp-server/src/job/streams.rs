//! Streams as consumers, and what is pushed about streams themselves.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use imp_events::Consumer;
use imp_identity::StreamId;
use imp_identity::event::StreamStatus;
use imp_service::Shutdown;
use imp_storage::StorageError;

use super::consumers::Source;
use crate::app::App;
use crate::command;
use crate::store::{StoredStream, Tables as _};

/// How often messages that could not be pushed are tried again.
const EACH: Duration = Duration::from_mins(1);

/// The streams that are enabled. What delivers one is made anew when the stream has changed.
#[derive(Default)]
pub(super) struct Streams(Mutex<HashMap<StreamId, Made>>);

struct Made {
    revision: u64,
    /// `None` for one that is polled, or that cannot be made.
    consumer: Option<Arc<dyn Consumer>>,
}

#[async_trait]
impl Source for Streams {
    async fn consumers(&self, app: &App) -> Result<Vec<Arc<dyn Consumer>>, StorageError> {
        let mut streams = app.storage.read().await?.streams().all().await?;
        streams.retain(|stored| stored.stream.status == StreamStatus::Enabled);
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|id, _| streams.iter().any(|stored| stored.stream.id == *id));
        let mut consumers = Vec::new();
        for stored in &streams {
            let (id, revision) = (stored.stream.id, stored.stream.revision);
            if made.get(&id).is_none_or(|made| made.revision != revision) {
                made.insert(id, Made { revision, consumer: make(app, stored) });
            }
            consumers.extend(made.get(&id).and_then(|made| made.consumer.clone()));
        }
        Ok(consumers)
    }
}

/// Says once, each time that the stream changes, why nothing can deliver it.
fn make(app: &App, stored: &StoredStream) -> Option<Arc<dyn Consumer>> {
    let stream = &stored.stream;
    let target = match app.streams.sealer.open(stream.id, &stored.settings) {
        Ok(target) => target,
        Err(error) => {
            tracing::error!(stream.id = %stream.id, %error, "a stream cannot be delivered");
            return None;
        }
    };
    match app.streams.workshop.consumer(stream, target) {
        Ok(consumer) => consumer,
        Err(error) => {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::error!(stream.id = %stream.id, error, "a stream cannot be delivered");
            None
        }
    }
}

/// Pushes verifications until `shutdown`.
pub(super) fn start(app: &App, shutdown: &Shutdown) {
    let (app, stop) = (app.clone(), shutdown.clone());
    shutdown.spawn(async move {
        loop {
            let service = &app.streams;
            tokio::select! {
                () = stop.requested() => break,
                () = service.messages.notified() => {}
                () = tokio::time::sleep(EACH) => {}
            }
            let delivered = command::deliver_messages(&app.storage, service, app.now());
            tokio::select! {
                () = stop.requested() => break,
                delivered = delivered => if let Err(error) = delivered {
                    super::warn(&error, "cannot push verifications");
                },
            }
        }
    });
}
