//! Whether anything happens on a connection.
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

/// The requests of one connection.
#[derive(Debug)]
pub(super) struct Activity(Mutex<State>);

#[derive(Clone, Copy, Debug)]
struct State {
    under_way: u32,
    last: Instant,
}

/// A request that is under way until this is dropped.
pub(super) struct UnderWay(Arc<Activity>);

impl Default for Activity {
    fn default() -> Self {
        Self(Mutex::new(State { under_way: 0, last: Instant::now() }))
    }
}

impl Activity {
    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.change(|state| state.under_way += 1);
        UnderWay(self.clone())
    }

    /// A body each of whose pieces is a sign of life: of an export that takes hours, or a stream of events. One whose client
    /// takes nothing is as silent as a connection without a request.
    pub(super) fn watch(self: &Arc<Self>, body: Body) -> Body {
        Body::new(Watched { body, activity: self.clone() })
    }

    /// Completes when no request has been under way for `limit`.
    pub(super) async fn silent_for(&self, limit: Duration) {
        loop {
            let State { under_way, last } = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let end = if under_way == 0 { last + limit } else { Instant::now() + limit };
            if end <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(end).await;
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        state.last = Instant::now();
    }
}

/// See [`Activity::watch`].
struct Watched {
    body: Body,
    activity: Arc<Activity>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(_))) = &polled {
            self.activity.change(|_| {});
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.change(|state| state.under_way -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_is_counted_from_the_last_request() {
        let activity = Arc::new(Activity::default());
        let limit = Duration::from_mins(1);
        let begin = Instant::now();
        let watched = activity.clone();
        let request = async {
            tokio::time::sleep(Duration::from_secs(50)).await;
            let under_way = activity.begin();
            tokio::time::sleep(Duration::from_secs(100)).await;
            drop(under_way);
        };
        tokio::join!(request, watched.silent_for(limit));
        assert_eq!(begin.elapsed().as_secs(), 210);
    }

    #[tokio::test(start_paused = true)]
    async fn each_piece_of_a_body_breaks_the_silence() {
        let activity = Arc::new(Activity::default());
        let begin = Instant::now();
        let pieces = futures::stream::unfold(0, |piece| async move {
            tokio::time::sleep(Duration::from_secs(50)).await;
            (piece < 3).then_some((Ok::<_, std::convert::Infallible>("piece"), piece + 1))
        });
        let body = activity.watch(Body::from_stream(pieces));
        let taken = axum::body::to_bytes(body, 1024);
        let (taken, ()) = tokio::join!(taken, activity.silent_for(Duration::from_mins(1)));
        assert_eq!(taken.unwrap(), "piecepiecepiece");
        assert_eq!(begin.elapsed().as_secs(), 210);
    }
}
