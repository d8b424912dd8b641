//! Which consumers this server has. A new one is added here.
use std::sync::Arc;

use async_trait::async_trait;
use imp_events::Consumer;
use imp_storage::StorageError;

use crate::app::App;
use crate::job::rules::Rules;
use crate::job::streams::Streams;

/// Where consumers come from. It is asked once a second, so it keeps what is expensive to make.
#[async_trait]
pub(crate) trait Source: Send + Sync {
    /// The consumers that are to run now. One that is not named any more is shown nothing; its cursor stays.
    async fn consumers(&self, app: &App) -> Result<Vec<Arc<dyn Consumer>>, StorageError>;

    /// Whether its consumers begin with the first entry of the log. Otherwise whoever makes one gives it a cursor, and one
    /// without a cursor was deleted.
    fn begins_with_the_log(&self) -> bool {
        false
    }
}

/// Consumers that are always there.
#[async_trait]
impl Source for Vec<Arc<dyn Consumer>> {
    async fn consumers(&self, _app: &App) -> Result<Vec<Arc<dyn Consumer>>, StorageError> {
        Ok(self.clone())
    }

    fn begins_with_the_log(&self) -> bool {
        true
    }
}

/// The consumers that are part of every server.
fn consumers(app: &App) -> Vec<Arc<dyn Consumer>> {
    vec![Arc::new(Rules::new(app.clone()))]
}

/// Everything that runs.
pub(super) fn sources(app: &App) -> Vec<Box<dyn Source>> {
    vec![Box::new(consumers(app)), Box::<Streams>::default()]
}
