#![expect(clippy::disallowed_methods, reason = "a test waits for its tasks itself")]
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all};
use sqlx::migrate::Migrator;

use super::*;
use crate::storage::{Kind, Storage};
use crate::{Carried, on};

/// Things that must be named once, and parts whose thing must exist at the end of a transaction.
async fn migrations() -> (tempfile::TempDir, Migrator) {
    const SQL: &str = "CREATE TABLE things (id BIGINT PRIMARY KEY NOT NULL, name TEXT UNIQUE); \
        CREATE TABLE parts (id BIGINT PRIMARY KEY NOT NULL, \
            thing BIGINT NOT NULL REFERENCES things (id) DEFERRABLE INITIALLY DEFERRED);";
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("0001_things.sql"), SQL).unwrap();
    let migrator = Migrator::new(directory.path()).await.unwrap();
    (directory, migrator)
}

/// Both databases, with groups that wait as long as a slow machine needs.
async fn patient(directory: &std::path::Path, migrator: &Migrator) -> Vec<Storage> {
    let mut urls = vec![format!("sqlite:{}", directory.join("test.db").display())];
    urls.extend(crate::testing::postgres().await);
    let limits = Limits { age: Duration::from_mins(1), ..LIMITS };
    let open = async |url: String| {
        Storage::open_within(&url, migrator, &Options::default(), limits).await.unwrap()
    };
    join_all(urls.into_iter().map(open)).await
}

async fn add(transaction: &mut Transaction, id: i64) -> Result<(), StorageError> {
    const SQL: &str = "INSERT INTO things (id, name) VALUES ($1, $2)";
    let name = id.to_string();
    on!(transaction, |conn| sqlx::query(SQL).bind(id).bind(name).execute(conn).await.map(drop))?;
    Ok(())
}

/// A part of a thing that there is not: `COMMIT` will fail.
async fn add_orphan(transaction: &mut Transaction, id: i64) -> Result<(), StorageError> {
    const SQL: &str = "INSERT INTO parts (id, thing) VALUES ($1, -1)";
    on!(transaction, |conn| sqlx::query(SQL).bind(id).execute(conn).await.map(drop))?;
    Ok(())
}

async fn ids_in(transaction: &mut Transaction) -> Vec<i64> {
    const SQL: &str = "SELECT id FROM things ORDER BY id";
    on!(transaction, |conn| sqlx::query_scalar(SQL).fetch_all(conn).await.unwrap())
}

async fn ids(storage: &Storage) -> Vec<i64> {
    ids_in(&mut storage.read().await.unwrap()).await
}

/// Polls once: takes a place in the line.
fn ask<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

type Begin<'a> = BoxFuture<'a, Result<Transaction, StorageError>>;

/// A writer who holds the transaction, and others in line behind, in order.
async fn line(storage: &Storage, count: usize) -> (Transaction, Vec<Begin<'_>>) {
    let first = storage.begin().await.unwrap();
    let mut behind = vec![];
    for _ in 0..count {
        let mut begin = storage.begin().boxed();
        assert!(ask(&mut begin).is_pending());
        behind.push(begin);
        // Tokio lets a task do only so much at a time.
        tokio::task::yield_now().await;
    }
    (first, behind)
}

#[tokio::test]
async fn writers_who_wait_share_a_commit_and_a_rollback_in_the_middle_is_alone() {
    let (directory, migrator) = migrations().await;
    for storage in patient(directory.path(), &migrator).await {
        let (mut first, behind) = line(&storage, 3).await;
        add(&mut first, 0).await.unwrap();
        let first = first.commit().boxed();
        let others = join_all(behind.into_iter().enumerate().map(async |(place, begin)| {
            let id = i64::try_from(place).unwrap() + 1;
            let mut transaction = begin.await.unwrap();
            let before: Vec<i64> = if id == 3 { vec![0, 1] } else { (0..id).collect() };
            assert_eq!(ids_in(&mut transaction).await, before, "those before it in the group");
            add(&mut transaction, id).await.unwrap();
            assert_eq!(ids(&storage).await, [0; 0], "nothing is on disk yet");
            if id == 2 { Ok(()) } else { transaction.commit().await }
        }));
        let (first, others) = futures::join!(first, others);
        first.unwrap();
        others.into_iter().for_each(Result::unwrap);
        assert_eq!(ids(&storage).await, [0, 1, 3], "{}", storage.kind());
    }
}

#[tokio::test]
async fn many_writers_at_once_all_last_and_each_sees_a_place_of_its_own() {
    const SQL: &str = "INSERT INTO things (id) SELECT COALESCE(MAX(id), -1) + 1 FROM things";
    let (directory, migrator) = migrations().await;
    for storage in patient(directory.path(), &migrator).await {
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..300 {
            let storage = storage.clone();
            writers.spawn(async move {
                let mut transaction = storage.begin().await.unwrap();
                on!(&mut transaction, |conn| sqlx::query(SQL)
                    .execute(conn)
                    .await
                    .map(drop)
                    .unwrap());
                if writer % 7 != 0 {
                    transaction.commit().await.unwrap();
                }
            });
        }
        writers.join_all().await;
        let stored = (0..300).filter(|writer| writer % 7 != 0).count();
        let stored = i64::try_from(stored).unwrap();
        assert_eq!(ids(&storage).await, (0..stored).collect::<Vec<_>>(), "{}", storage.kind());
    }
}

#[tokio::test]
async fn replicas_take_turns_and_lead_one_order() {
    const SQL: &str = "INSERT INTO things (id) SELECT COALESCE(MAX(id), -1) + 1 FROM things";
    let (_directory, migrator) = migrations().await;
    let Some(url) = crate::testing::postgres().await else { return };
    let options = Options { connections: 2, ..Options::default() };
    let open = || Storage::open(&url, &migrator, &options);
    let replicas = [open().await.unwrap(), open().await.unwrap()];
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..100 {
        let storage = replicas[writer % 2].clone();
        writers.spawn(async move {
            let mut transaction = storage.begin().await.unwrap();
            on!(&mut transaction, |conn| sqlx::query(SQL).execute(conn).await.map(drop).unwrap());
            transaction.commit().await.unwrap();
        });
    }
    writers.join_all().await;
    assert_eq!(ids(&replicas[0]).await, (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn when_the_commit_fails_every_member_is_told_and_the_next_group_is_well() {
    let (directory, migrator) = migrations().await;
    for storage in patient(directory.path(), &migrator).await {
        let mark = storage.mark();
        let (mut first, mut behind) = line(&storage, 1).await;
        add(&mut first, 1).await.unwrap();
        let first = first.commit();
        let second = async {
            let mut second = behind.remove(0).await.unwrap();
            add_orphan(&mut second, 1).await.unwrap();
            second.commit().await
        };
        let (first, second) = futures::join!(first, second);
        for error in [first.unwrap_err(), second.unwrap_err()] {
            assert!(matches!(error, StorageError::Group(_)) && !error.is_busy(), "{error:?}");
        }
        let unsettled = storage.settled_since(mark).await;
        assert!(matches!(unsettled, Err(StorageError::Unsettled)), "{unsettled:?}");
        storage.settled().await.unwrap();
        let mut next = storage.begin().await.unwrap();
        add(&mut next, 2).await.unwrap();
        next.commit().await.unwrap();
        assert_eq!(ids(&storage).await, [2], "{}", storage.kind());
    }
}

#[tokio::test]
async fn a_member_that_commits_after_a_failed_statement_fails_alone_on_postgresql() {
    let (directory, migrator) = migrations().await;
    for storage in patient(directory.path(), &migrator).await {
        for last in [false, true] {
            let base = if last { 10 } else { 0 };
            let (mut first, behind) = line(&storage, 2).await;
            add(&mut first, base).await.unwrap();
            let first = first.commit();
            let others = join_all(behind.into_iter().zip([1, 2]).map(async |(begin, id)| {
                let mut transaction = begin.await.unwrap();
                add(&mut transaction, base + id).await.unwrap();
                if (id == 2) == last {
                    add(&mut transaction, base).await.unwrap_err();
                }
                transaction.commit().await
            }));
            let (first, others) = futures::join!(first, others);
            first.unwrap();
            let failed: Vec<_> = others.iter().map(Result::is_err).collect();
            let expected = storage.kind() == Kind::Postgres;
            assert_eq!(failed, [expected && !last, expected && last], "{}", storage.kind());
        }
        // Alone, it must not be told that it lasts.
        let mut alone = storage.begin().await.unwrap();
        add(&mut alone, 0).await.unwrap_err();
        assert_eq!(alone.commit().await.is_err(), storage.kind() == Kind::Postgres);
    }
}

#[tokio::test]
async fn a_member_that_panics_is_undone_and_the_others_last() {
    let (directory, migrator) = migrations().await;
    for storage in patient(directory.path(), &migrator).await {
        let mut first = storage.begin().await.unwrap();
        add(&mut first, 1).await.unwrap();
        let beside = storage.clone();
        let (asked, waits) = oneshot::channel();
        let panics = tokio::spawn(async move {
            let mut turn = beside.begin().boxed();
            assert!(ask(&mut turn).is_pending());
            asked.send(()).unwrap();
            let mut transaction = turn.await.unwrap();
            add(&mut transaction, 2).await.unwrap();
            panic!("for the test");
        });
        waits.await.unwrap();
        first.commit().await.unwrap();
        assert!(panics.await.unwrap_err().is_panic());
        let third = storage.begin().await.unwrap();
        third.commit().await.unwrap();
        assert_eq!(ids(&storage).await, [1], "{}", storage.kind());
    }
}

#[tokio::test]
async fn turns_come_in_the_order_of_asking_and_a_group_has_an_end() {
    let (directory, migrator) = migrations().await;
    for storage in patient(directory.path(), &migrator).await {
        let (first, behind) = line(&storage, 150).await;
        let turns = AtomicUsize::new(0);
        let others = join_all(behind.into_iter().enumerate().map(async |(place, begin)| {
            let mut transaction = begin.await.unwrap();
            assert_eq!(turns.fetch_add(1, Ordering::Relaxed), place);
            add(&mut transaction, i64::try_from(place).unwrap()).await.unwrap();
            // The one that had the transaction first adds nothing.
            let stored = ids(&storage).await.len();
            assert_eq!(stored, ((place + 1) / 64 * 64).saturating_sub(1), "at {place}");
            transaction.commit().await.unwrap();
        }));
        futures::join!(first.commit().map(Result::unwrap), others);
        assert_eq!(turns.into_inner(), 150, "{}", storage.kind());
    }
}

#[tokio::test]
async fn whoever_gave_up_waiting_keeps_nobody() {
    let (directory, migrator) = migrations().await;
    for storage in patient(directory.path(), &migrator).await {
        let (mut first, mut behind) = line(&storage, 3).await;
        add(&mut first, 1).await.unwrap();
        let last = behind.pop().unwrap();
        drop(behind);
        let mut first = first.commit().boxed();
        assert!(ask(&mut first).is_pending());
        // It had its turn already when it goes.
        drop(last);
        first.await.unwrap();
        assert_eq!(ids(&storage).await, [1], "{}", storage.kind());
    }
}

async fn command(storage: Storage, id: i64) -> Result<(), StorageError> {
    let mut transaction = storage.begin().await?;
    add(&mut transaction, id).await?;
    ids_in(&mut transaction).await;
    transaction.commit().await
}

/// Polls a future at most so often, lets others go on in between, and drops it.
async fn drop_after<F: Future>(polls: i64, future: F) {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        if futures::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_command_may_be_dropped_at_any_point() {
    let (directory, migrator) = migrations().await;
    for storage in patient(directory.path(), &migrator).await {
        for polls in 0..60 {
            let beside = tokio::spawn(command(storage.clone(), polls));
            drop_after(polls, command(storage.clone(), 1000 + polls)).await;
            let beside = tokio::time::timeout(Duration::from_secs(5), beside).await;
            beside.expect("nobody hangs").unwrap().unwrap();
        }
        let mut found = ids(&storage).await;
        found.retain(|id| *id < 1000);
        assert_eq!(found, (0..60).collect::<Vec<_>>(), "{}", storage.kind());
    }
}

#[tokio::test]
async fn a_reader_may_be_dropped_before_its_begin_is_acknowledged() {
    let (_directory, migrator) = migrations().await;
    let Some(url) = crate::testing::postgres().await else { return };
    let options = Options { connections: 1, ..Options::default() };
    let storage = Storage::open(&url, &migrator, &options).await.unwrap();
    for polls in 0..20 {
        drop_after(polls, storage.read()).await;
        // The one connection takes a writer, so it is not within a transaction that reads.
        command(storage.clone(), polls).await.unwrap();
    }
    assert_eq!(ids(&storage).await.len(), 20);
}

#[tokio::test]
async fn an_old_group_takes_no_further_member() {
    let (directory, migrator) = migrations().await;
    for storage in patient(directory.path(), &migrator).await {
        let (mut first, behind) = line(&storage, 1).await;
        add(&mut first, 1).await.unwrap();
        tokio::time::pause();
        tokio::time::advance(Duration::from_mins(1)).await;
        tokio::time::resume();
        // The second is never polled: nobody waits for it.
        first.commit().await.unwrap();
        assert_eq!(ids(&storage).await, [1], "{}", storage.kind());
        drop(behind);
    }
}

#[tokio::test]
async fn what_was_read_is_settled_when_its_group_has_ended() {
    let (directory, migrator) = migrations().await;
    for storage in patient(directory.path(), &migrator).await {
        assert_eq!(storage.settled().now_or_never().map(|settled| settled.is_ok()), Some(true));
        let (mut first, mut behind) = line(&storage, 1).await;
        add(&mut first, 1).await.unwrap();
        let first = tokio::spawn(first.commit());
        let mut second = behind.remove(0).await.unwrap();
        assert_eq!(ids_in(&mut second).await, [1]);
        let mut settled = storage.settled().boxed();
        assert!(ask(&mut settled).is_pending(), "{}", storage.kind());
        drop(second);
        settled.await.unwrap();
        assert_eq!(ids(&storage).await, [1], "{}", storage.kind());
        first.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_lost_connection_fails_the_group_and_the_next_one_opens_another() {
    const PID: &str = "SELECT pg_backend_pid()";
    // Answers when the process is gone, not when it was told to go.
    const KILL: &str = "SELECT pg_terminate_backend($1, 60000)";
    let (_directory, migrator) = migrations().await;
    let Some(url) = crate::testing::postgres().await else { return };
    let storage = Storage::open(&url, &migrator, &Options::default()).await.unwrap();
    let (mut first, mut behind) = line(&storage, 1).await;
    add(&mut first, 1).await.unwrap();
    let second = async {
        let mut second = behind.remove(0).await.unwrap();
        let pid: i32 = match second.connection() {
            crate::Connection::Postgres(conn) => {
                sqlx::query_scalar(PID).fetch_one(conn).await.unwrap()
            }
            crate::Connection::Sqlite(_) => unreachable!("this is PostgreSQL"),
        };
        match storage.read().await.unwrap().connection() {
            crate::Connection::Postgres(conn) => {
                sqlx::query(KILL).bind(pid).execute(conn).await.unwrap()
            }
            crate::Connection::Sqlite(_) => unreachable!("this is PostgreSQL"),
        };
        second.commit().await
    };
    let (first, second) = futures::join!(first.commit(), second);
    assert!(matches!(first, Err(StorageError::Group(_))), "{first:?}");
    assert!(matches!(second, Err(StorageError::Group(_))), "{second:?}");
    command(storage.clone(), 2).await.unwrap();
    assert_eq!(ids(&storage).await, [2]);
}

/// Counts in one row, written once for a group.
#[derive(Default)]
struct Staged {
    ids: Vec<i64>,
    mark: usize,
    fails: bool,
    panics: bool,
}

impl Carried for Staged {
    fn mark(&mut self) {
        self.mark = self.ids.len();
    }

    fn rewind(&mut self) {
        self.ids.truncate(self.mark);
    }

    fn store<'a>(
        &'a mut self,
        transaction: &'a mut Transaction,
    ) -> BoxFuture<'a, Result<(), StorageError>> {
        Box::pin(async move {
            assert!(!self.panics, "for the test");
            for id in &self.ids {
                add(transaction, *id).await?;
            }
            if self.fails { Err(StorageError::Corrupt { what: "test" }) } else { Ok(()) }
        })
    }
}

fn stage(transaction: &mut Transaction, id: i64) -> &mut Staged {
    if transaction.carried::<Staged>().is_none() {
        transaction.carry(Staged::default());
    }
    let staged = transaction.carried::<Staged>().unwrap();
    staged.ids.push(id);
    staged
}

#[tokio::test]
async fn what_is_carried_is_rewound_with_a_member_and_stored_once() {
    let (directory, migrator) = migrations().await;
    for storage in patient(directory.path(), &migrator).await {
        let (mut first, behind) = line(&storage, 3).await;
        stage(&mut first, 0);
        let others = join_all(behind.into_iter().zip(1..).map(async |(begin, id)| {
            let mut transaction = begin.await.unwrap();
            let seen = &stage(&mut transaction, id).ids;
            let expected: &[i64] =
                [&[0, 1][..], &[0, 2], &[0, 2, 3]][usize::try_from(id).unwrap() - 1];
            assert_eq!(seen, expected);
            if id == 1 { Ok(()) } else { transaction.commit().await }
        }));
        let (first, others) = futures::join!(first.commit(), others);
        first.unwrap();
        others.into_iter().for_each(Result::unwrap);
        assert_eq!(ids(&storage).await, [0, 2, 3], "{}", storage.kind());
        let mut next = storage.begin().await.unwrap();
        assert!(next.carried::<Staged>().is_none(), "gone with its group");
    }
}

#[tokio::test]
async fn what_is_carried_fails_its_group_when_it_cannot_be_stored() {
    let (directory, migrator) = migrations().await;
    for storage in patient(directory.path(), &migrator).await {
        for panics in [false, true] {
            let mut alone = storage.begin().await.unwrap();
            add(&mut alone, 1).await.unwrap();
            let staged = stage(&mut alone, 2);
            (staged.fails, staged.panics) = (!panics, panics);
            let error = alone.commit().await.unwrap_err();
            assert_eq!(matches!(error, StorageError::Carried), panics, "{error:?}");
        }
        command(storage.clone(), 3).await.unwrap();
        assert_eq!(ids(&storage).await, [3], "{}", storage.kind());
    }
}

#[tokio::test]
async fn a_member_that_takes_away_what_others_staged_and_rolls_back_fails_the_group() {
    let (directory, migrator) = migrations().await;
    for storage in patient(directory.path(), &migrator).await {
        let (mut first, mut behind) = line(&storage, 1).await;
        stage(&mut first, 1);
        let thief = async {
            let mut second = behind.remove(0).await.unwrap();
            assert_eq!(second.uncarry::<Staged>().unwrap().ids, [1]);
        };
        let (first, ()) = futures::join!(first.commit(), thief);
        assert!(matches!(first, Err(StorageError::Carried)), "{first:?}");
        assert_eq!(ids(&storage).await, [0; 0], "{}", storage.kind());
    }
}

#[tokio::test]
async fn who_waits_for_a_commit_is_told_of_it_and_of_nothing_else() {
    let (directory, migrator) = migrations().await;
    for storage in patient(directory.path(), &migrator).await {
        let mut commits = storage.commits();
        let mut undone = storage.begin().await.unwrap();
        add(&mut undone, 1).await.unwrap();
        drop(undone);
        assert!(Box::pin(commits.next()).as_mut().now_or_never().is_none());
        let mut transaction = storage.begin().await.unwrap();
        add(&mut transaction, 2).await.unwrap();
        transaction.commit().await.unwrap();
        commits.next().await.unwrap();
        assert_eq!(ids(&storage).await, [2]);
        assert!(Box::pin(commits.next()).as_mut().now_or_never().is_none());
    }
}
