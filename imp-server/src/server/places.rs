//! The places for connections at a listener. While few are left, connections that only wait for a next request give theirs up: a
//! whole hospital's browsers keep theirs open for minutes after a sign-on that took a moment.
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::idle::Activity;

/// How long a connection may be silent while places are scarce: longer than a browser takes from one page to the next.
const SILENCE: Duration = Duration::from_secs(10);

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Places {
    most: u32,
    taken: watch::Sender<u32>,
}

/// One connection's place, until this is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<Places>);

impl Places {
    /// At most `most` connections.
    pub(super) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self { most, taken: watch::Sender::new(0) })
    }

    /// Takes a place; `None` when there is none left.
    pub(super) fn take(self: &Arc<Self>) -> Option<Place> {
        let mut found = false;
        self.change(|taken| {
            found = *taken < self.most;
            *taken += u32::from(found);
        });
        found.then(|| Place(self.clone()))
    }

    /// Completes when a connection with this activity is to end, so that others find a place.
    pub(super) async fn wanted(&self, activity: &Activity) {
        let mut taken = self.taken.subscribe();
        loop {
            // The sender is `self`: it cannot be gone.
            drop(taken.wait_for(|taken| self.are_scarce(*taken)).await);
            let enough = async { drop(taken.wait_for(|taken| !self.are_scarce(*taken)).await) };
            tokio::select! {
                () = activity.silent_for(SILENCE) => return,
                () = enough => {}
            }
        }
    }

    /// Fewer than a quarter are free.
    const fn are_scarce(&self, taken: u32) -> bool {
        self.most.saturating_sub(taken).saturating_mul(4) < self.most
    }

    /// Those who wait are woken only when scarcity begins or ends.
    fn change(&self, change: impl FnOnce(&mut u32)) {
        self.taken.send_if_modified(|taken| {
            let before = self.are_scarce(*taken);
            change(taken);
            before != self.are_scarce(*taken)
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.change(|taken| *taken -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use tokio::time::Instant;

    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    async fn takes(wait: impl Future<Output = ()>) -> u64 {
        let begin = Instant::now();
        wait.await;
        begin.elapsed().as_secs()
    }

    #[test]
    fn there_are_no_more_places_than_said_until_one_is_given_back() {
        let places = Places::new(2);
        let first = places.take().unwrap();
        let second = places.take().unwrap();
        assert!(places.take().is_none());
        drop(first);
        let third = places.take().unwrap();
        assert!(places.take().is_none());
        drop((second, third));
        assert_eq!(*places.taken.borrow(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_keeps_its_place_while_there_are_others() {
        let places = Places::new(4);
        let _taken = [places.take(), places.take(), places.take()];
        let activity = Activity::default();
        let wanted = tokio::time::timeout(seconds(3600), places.wanted(&activity));
        assert!(wanted.await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_gives_its_place_up_when_few_are_left() {
        let places = Places::new(4);
        let _taken = [places.take(), places.take(), places.take()];
        let activity = Activity::default();
        let crowd = async {
            tokio::time::sleep(seconds(30)).await;
            let fourth = places.take();
            tokio::time::sleep(seconds(30)).await;
            drop(fourth);
        };
        let (waited, ()) = tokio::join!(takes(places.wanted(&activity)), crowd);
        assert_eq!(waited, 30, "it had been silent for long enough when they became scarce");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_with_a_request_under_way_is_left_alone_however_few_places_are_left() {
        let places = Places::new(2);
        let _taken = [places.take(), places.take()];
        let activity = Arc::new(Activity::default());
        let request = async {
            let under_way = activity.begin();
            tokio::time::sleep(seconds(60)).await;
            drop(under_way);
        };
        let (waited, ()) = tokio::join!(takes(places.wanted(&activity)), request);
        assert_eq!(waited, 70);
    }

    #[tokio::test(start_paused = true)]
    async fn who_would_have_gone_stays_when_there_are_places_again() {
        let places = Places::new(4);
        let _taken = [places.take(), places.take(), places.take()];
        let activity = Arc::new(Activity::default());
        let fourth = places.take();
        let crowd = async {
            let under_way = activity.begin();
            tokio::time::sleep(seconds(1)).await;
            drop(under_way);
            tokio::time::sleep(seconds(1)).await;
            drop(fourth);
        };
        let wanted = tokio::time::timeout(seconds(3600), places.wanted(&activity));
        let (wanted, ()) = tokio::join!(wanted, crowd);
        assert!(wanted.is_err());
    }
}
