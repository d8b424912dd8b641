//! How long each step of a tap took.
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use imp_identity::tap::Step;
use tokio::time::Instant;

/// Collects the steps of one tap; steps may overlap.
#[derive(Debug)]
pub struct Timeline {
    start: Instant,
    steps: Mutex<Vec<Step>>,
}

/// A step that is under way; it is recorded when this is dropped, also when the step is given up.
#[derive(Debug)]
pub struct Running<'a> {
    timeline: &'a Timeline,
    name: &'static str,
    start: Instant,
}

impl Timeline {
    /// Begins: the person has pressed the key.
    pub fn begin() -> Self {
        Self { start: Instant::now(), steps: Mutex::new(Vec::new()) }
    }

    /// Begins the step called `name`.
    pub fn step(&self, name: &'static str) -> Running<'_> {
        Running { timeline: self, name, start: Instant::now() }
    }

    /// Records a step that was measured elsewhere; one of the same name is added to.
    pub fn record(&self, name: &str, micros: u64) {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        match steps.iter_mut().find(|step| step.name == name) {
            Some(step) => step.micros = step.micros.saturating_add(micros),
            None => steps.push(Step { name: name.to_owned(), micros }),
        }
    }

    /// Since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// The steps that are over.
    pub fn steps(&self) -> Vec<Step> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The steps that are over, and `total`.
    pub fn finish(&self) -> Vec<Step> {
        let mut steps = self.steps();
        steps.push(Step { name: "total".to_owned(), micros: micros(self.elapsed()) });
        steps
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.timeline.record(self.name, micros(self.start.elapsed()));
    }
}

/// Whole microseconds.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn steps_that_are_given_up_are_recorded_too() {
        let timeline = Timeline::begin();
        let work = async {
            let _running = timeline.step("tls");
            std::future::pending::<()>().await;
        };
        let given_up = tokio::time::timeout(Duration::from_millis(30), work).await;
        assert!(given_up.is_err());
        timeline.record("tls", 5);
        assert_eq!(timeline.steps(), [Step { name: "tls".to_owned(), micros: 30_005 }]);
        assert_eq!(timeline.finish()[1], Step { name: "total".to_owned(), micros: 30_000 });
    }
}
