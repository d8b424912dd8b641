//! No answer leaves before what it may rest on is on disk.
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use imp_storage::Storage;

use super::problem;

/// Waits for the group of writers whose changes the request may have seen, also when it answers that it changed nothing.
pub(super) async fn settle(
    State(storage): State<Storage>,
    request: Request,
    next: Next,
) -> Response {
    let mark = storage.mark();
    let response = next.run(request).await;
    match storage.settled_since(mark).await {
        Ok(()) => response,
        Err(error) => problem::storage(&error, &error).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use axum::Router;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use futures::FutureExt as _;
    use futures::future::BoxFuture;
    use imp_storage::{Carried, Options, StorageError, Transaction};
    use tower::ServiceExt as _;

    use super::*;
    use crate::store::MIGRATIONS;

    /// Fails the commit of its group, or not.
    struct Last {
        fails: bool,
    }

    impl Carried for Last {
        fn mark(&mut self) {}

        fn rewind(&mut self) {}

        fn store<'a>(
            &'a mut self,
            _transaction: &'a mut Transaction,
        ) -> BoxFuture<'a, Result<(), StorageError>> {
            let failed = Err(StorageError::Corrupt { what: "test" });
            Box::pin(std::future::ready(if self.fails { failed } else { Ok(()) }))
        }
    }

    type Commit = BoxFuture<'static, Result<(), StorageError>>;

    /// A writer who waits for the disk, and one whose end it waits for.
    async fn group(storage: &Storage, fails: bool) -> (Commit, Transaction) {
        loop {
            let mut first = storage.begin().await.unwrap();
            first.carry(Last { fails });
            let mut second = storage.begin().boxed();
            assert!((&mut second).now_or_never().is_none(), "it waits in line");
            let mut first = first.commit().boxed();
            assert!((&mut first).now_or_never().is_none());
            let second = second.await.unwrap();
            // A slow machine may have ended the group before the second could join.
            if storage.settled().now_or_never().is_none() {
                return (first, second);
            }
        }
    }

    #[tokio::test]
    async fn an_answer_waits_for_the_disk_and_is_not_given_when_that_fails() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("test.db").display());
        let storage = Storage::open(&url, &MIGRATIONS, &Options::default()).await.unwrap();
        let settled = from_fn_with_state(storage.clone(), settle);
        let router: Router = Router::new().route("/", get(async || "seen")).layer(settled);
        for (fails, status) in [(false, StatusCode::OK), (true, StatusCode::INTERNAL_SERVER_ERROR)]
        {
            let (first, second) = group(&storage, fails).await;
            let request = Request::get("/").body(Body::empty()).unwrap();
            let mut response = pin!(router.clone().oneshot(request));
            assert!(response.as_mut().now_or_never().is_none(), "nothing is on disk yet");
            drop(second);
            assert_eq!(response.await.unwrap().status(), status);
            assert_eq!(first.await.is_err(), fails);
        }
    }
}
