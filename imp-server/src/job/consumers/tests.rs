use std::collections::VecDeque;

use async_trait::async_trait;
use imp_events::{ConsumeError, Entry};
use imp_identity::{Actor, Clock, Event, Record};
use imp_storage::{on, testing};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use futures::FutureExt as _;

use super::*;
use crate::command::{Steer, SteerConsumerError, list_consumers, list_set_aside, steer_consumer};
use crate::config::Config;

/// A time that tests move.
struct Watch(Mutex<Timestamp>);

impl Watch {
    fn advance(&self, by: SignedDuration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// A server without a listener.
struct House {
    app: App,
    watch: Arc<Watch>,
    _data: tempfile::TempDir,
}

/// One on each database.
async fn houses() -> Vec<House> {
    let mut houses = vec![];
    let mut urls = vec![None];
    urls.extend(testing::postgres().await.map(Some));
    for url in urls {
        let data = tempfile::tempdir().unwrap();
        let watch = Arc::new(Watch(Mutex::new("2026-03-02T08:00:00Z".parse().unwrap())));
        let mut config = Config::at(data.path());
        config.storage.url = url;
        let app = App::open(config, watch.clone(), 0).await.unwrap();
        let mut transaction = app.storage.begin().await.unwrap();
        for name in ["pupil", "good", "bad"] {
            transaction.consumers().begin_at(name, 0).await.unwrap();
        }
        transaction.commit().await.unwrap();
        houses.push(House { app, watch, _data: data });
    }
    houses
}

impl House {
    /// Appends so many entries, in one transaction.
    async fn append(&self, count: u32) {
        let mut transaction = self.app.storage.begin().await.unwrap();
        for version in 0..count {
            let id = EventId::generate(self.app.now(), &mut app::rng());
            let event = Event::PolicyChanged { version };
            let record = Record { id, at: self.app.now(), actor: Actor::Server, event };
            let key = self.app.keys.log_key();
            crate::log::append(&mut transaction, key, record, &mut app::rng()).await.unwrap();
        }
        transaction.commit().await.unwrap();
    }

    fn runner(&self) -> Runner {
        Runner::new(self.app.clone(), vec![])
    }

    async fn state(&self, name: &str) -> command::ConsumerState {
        let states = list_consumers(&self.app.storage).await.unwrap();
        states.into_iter().find(|state| state.cursor.consumer == name).unwrap()
    }

    async fn steer(&self, name: &str, steer: Steer) -> Result<(), SteerConsumerError> {
        let mut rng = app::rng();
        let context = &mut self.app.context(&mut rng);
        steer_consumer(context, Actor::Operator("root".to_owned()), name, steer).await
    }

    /// The events from an index on.
    async fn events(&self, from: u64) -> Vec<Event> {
        let page = self.app.storage.read().await.unwrap().entries().page(from, 500).await.unwrap();
        page.iter().map(|stored| stored.entry().unwrap().unwrap().record.event).collect()
    }

    async fn size(&self) -> u64 {
        let origin = self.app.keys.log_key().verifier_key().name();
        let mut reading = self.app.storage.read().await.unwrap();
        reading.log().head(origin).await.unwrap().map_or(0, |head| head.size)
    }

    async fn spoil(&self, index: i64, record: Option<&str>) {
        const SQL: &str = "UPDATE entries SET record = $2, salt = \
            CASE WHEN CAST($2 AS TEXT) IS NULL THEN NULL ELSE salt END WHERE log_index = $1";
        let mut transaction = self.app.storage.begin().await.unwrap();
        on!(&mut transaction, |conn| sqlx::query(SQL)
            .bind(index)
            .bind(record)
            .execute(conn)
            .await
            .map(drop)
            .unwrap());
        transaction.commit().await.unwrap();
    }
}

/// How a pupil meets its next batch.
enum Mood {
    Retry(Option<SignedDuration>),
    Poison(u64),
    Panic,
    Sleep,
}

/// A consumer that remembers what it was shown and took.
struct Pupil {
    name: &'static str,
    wants: &'static [&'static str],
    moods: Mutex<VecDeque<Mood>>,
    refuses: Option<fn(&Event) -> bool>,
    taken: Mutex<Vec<Vec<u64>>>,
}

impl Pupil {
    fn new(name: &'static str) -> Self {
        let (moods, taken) = (Mutex::default(), Mutex::default());
        Self { name, wants: &["policy-changed"], moods, refuses: None, taken }
    }

    fn in_mood(self, moods: impl IntoIterator<Item = Mood>) -> Self {
        *self.moods.lock().unwrap() = moods.into_iter().collect();
        self
    }

    fn taken(&self) -> Vec<u64> {
        self.taken.lock().unwrap().concat()
    }
}

#[async_trait]
impl Consumer for Pupil {
    fn name(&self) -> &str {
        self.name
    }

    fn wants(&self, kind: &str) -> bool {
        self.wants.contains(&kind)
    }

    async fn consume(&self, batch: &[Entry]) -> Result<(), ConsumeError> {
        assert!(!batch.is_empty() && batch.iter().all(|e| self.wants(e.record.event.name())));
        let mood = self.moods.lock().unwrap().pop_front();
        match mood {
            Some(Mood::Retry(after)) => {
                return Err(ConsumeError::Retry { after, why: "not today".to_owned() });
            }
            Some(Mood::Poison(index)) => return Err(ConsumeError::poison(index, "yuck")),
            Some(Mood::Panic) => panic!("a fault of the consumer"),
            Some(Mood::Sleep) => std::future::pending().await,
            None => {}
        }
        if let Some(refuses) = self.refuses
            && let Some(bad) = batch.iter().find(|entry| refuses(&entry.record.event))
        {
            return Err(ConsumeError::poison(bad.index, "yuck"));
        }
        self.taken.lock().unwrap().push(batch.iter().map(|entry| entry.index).collect());
        Ok(())
    }
}

#[tokio::test]
async fn a_consumer_is_shown_everything_in_order_once_and_in_bounded_batches() {
    for house in houses().await {
        house.append(530).await;
        let pupil = Pupil::new("pupil");
        house.runner().catch_up(&pupil, &Shutdown::new()).await.unwrap();
        assert_eq!(pupil.taken(), (0..530).collect::<Vec<_>>());
        let batches: Vec<_> = pupil.taken.lock().unwrap().iter().map(Vec::len).collect();
        assert_eq!(batches, [100, 100, 100, 100, 100, 30]);
        // After a restart it goes on where it was.
        house.append(2).await;
        let pupil = Pupil::new("pupil");
        let restarted = house.runner();
        house.watch.advance(SignedDuration::from_mins(3));
        restarted.catch_up(&pupil, &Shutdown::new()).await.unwrap();
        assert_eq!(pupil.taken(), [530, 531]);
        let state = house.state("pupil").await;
        assert_eq!((state.cursor.next, state.behind, state.set_aside), (532, 0, 0));
    }
}

#[tokio::test]
async fn what_was_not_settled_is_shown_again() {
    for house in houses().await {
        house.append(3).await;
        let pupil = Pupil::new("pupil").in_mood([Mood::Sleep]);
        let runner = house.runner();
        let stop = Shutdown::new();
        let mut working = Box::pin(runner.catch_up(&pupil, &stop));
        // The process dies while the consumer works.
        while pupil.moods.lock().unwrap().len() == 1 {
            assert!((&mut working).now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        drop(working);
        runner.catch_up(&pupil, &Shutdown::new()).await.unwrap();
        assert_eq!(pupil.taken(), [0, 1, 2]);
    }
}

#[tokio::test]
async fn a_consumer_that_fails_waits_and_holds_up_nobody() {
    for house in houses().await {
        house.append(2).await;
        let hour = SignedDuration::from_hours(1);
        let moods = [Mood::Retry(None), Mood::Retry(Some(hour)), Mood::Panic];
        let (bad, good) = (Pupil::new("bad").in_mood(moods), Pupil::new("good"));
        let runner = house.runner();
        let stop = Shutdown::new();
        let both = async || {
            runner.catch_up(&bad, &stop).await.unwrap();
            runner.catch_up(&good, &stop).await.unwrap();
        };
        both().await;
        assert_eq!((bad.taken().len(), good.taken().len()), (0, 2));
        let failed = house.state("bad").await.cursor;
        let wait = failed.retry_at.unwrap().duration_since(house.app.now());
        assert!(wait >= SignedDuration::from_millis(500) && wait <= SignedDuration::from_secs(1));
        assert_eq!((failed.failures, failed.last_error.as_deref()), (1, Some("not today")));
        // Not a moment earlier.
        both().await;
        assert_eq!(house.state("bad").await.cursor, failed);
        house.watch.advance(SignedDuration::from_secs(1));
        both().await;
        let failed = house.state("bad").await.cursor;
        assert_eq!(failed.retry_at, Some(house.app.now() + hour));
        house.watch.advance(hour);
        both().await;
        assert_eq!(house.state("bad").await.cursor.last_error.as_deref(), Some("it panicked"));
        house.watch.advance(SignedDuration::from_mins(5));
        both().await;
        let cursor = house.state("bad").await.cursor;
        assert_eq!((cursor.next, cursor.failures, cursor.last_error), (2, 0, None));
        assert_eq!(bad.taken(), [0, 1]);
    }
}

#[tokio::test]
async fn poison_is_set_aside_with_an_alarm_and_shown_again_on_request() {
    for house in houses().await {
        house.append(5).await;
        let pupil = Pupil::new("pupil").in_mood([Mood::Poison(3), Mood::Poison(1)]);
        let runner = house.runner();
        let stop = Shutdown::new();
        runner.catch_up(&pupil, &stop).await.unwrap();
        assert_eq!(pupil.taken(), [0, 2, 4]);
        let alarm = |index| {
            let (consumer, why) = ("pupil".to_owned(), "yuck".to_owned());
            Event::EventSetAside { consumer, index, why }
        };
        assert_eq!(house.events(5).await, [alarm(3), alarm(1)]);
        let aside = list_set_aside(&house.app.storage, "pupil", 0).await.unwrap();
        assert_eq!(aside.iter().map(|aside| aside.index).collect::<Vec<_>>(), [1, 3]);
        // One is digestible by now, the other is not.
        pupil.moods.lock().unwrap().push_back(Mood::Poison(1));
        house.steer("pupil", Steer::RetrySetAside).await.unwrap();
        runner.catch_up(&pupil, &stop).await.unwrap();
        assert_eq!(pupil.taken(), [0, 2, 4, 3]);
        let aside = list_set_aside(&house.app.storage, "pupil", 0).await.unwrap();
        assert_eq!(aside.iter().map(|aside| aside.index).collect::<Vec<_>>(), [1]);
        assert_eq!(house.events(8).await, [alarm(1)]);
    }
}

#[tokio::test]
async fn a_consumer_that_sets_everything_aside_is_stopped() {
    for house in houses().await {
        house.append(100).await;
        let pupil = Pupil { refuses: Some(|_| true), ..Pupil::new("pupil") };
        let runner = house.runner();
        for _ in 0..5 {
            runner.catch_up(&pupil, &Shutdown::new()).await.unwrap();
            house.watch.advance(SignedDuration::from_mins(5));
        }
        let state = house.state("pupil").await;
        assert_eq!((state.set_aside, state.cursor.next), (20, 0));
        assert!(state.cursor.last_error.unwrap().starts_with("it sets everything aside"));
        assert_eq!(house.size().await, 120);
    }
}

#[tokio::test]
async fn whoever_chokes_on_alarms_raises_none() {
    for house in houses().await {
        house.append(1).await;
        let wants: &[&str] = &["policy-changed", "event-set-aside"];
        let refuses: fn(&Event) -> bool = |event| matches!(event, Event::EventSetAside { .. });
        let moods = [Mood::Poison(0)];
        let pupil = Pupil { wants, refuses: Some(refuses), ..Pupil::new("pupil") }.in_mood(moods);
        let runner = house.runner();
        runner.catch_up(&pupil, &Shutdown::new()).await.unwrap();
        let state = house.state("pupil").await;
        assert_eq!((state.set_aside, house.size().await), (2, 2));
        runner.catch_up(&pupil, &Shutdown::new()).await.unwrap();
        assert_eq!(house.size().await, 2);
    }
}

#[tokio::test]
async fn records_that_cannot_be_read_are_set_aside_and_erased_ones_are_passed_over() {
    for house in houses().await {
        house.append(4).await;
        house.spoil(1, Some("{}")).await;
        house.spoil(2, None).await;
        let pupil = Pupil::new("pupil");
        house.runner().catch_up(&pupil, &Shutdown::new()).await.unwrap();
        assert_eq!(pupil.taken(), [0, 3]);
        let aside = list_set_aside(&house.app.storage, "pupil", 0).await.unwrap();
        assert_eq!(aside.iter().map(|aside| aside.index).collect::<Vec<_>>(), [1]);
        assert_eq!(house.size().await, 5);
    }
}

#[tokio::test]
async fn operators_pause_resume_and_replay_and_the_log_says_so() {
    for house in houses().await {
        house.append(3).await;
        let pupil = Pupil::new("pupil");
        let runner = house.runner();
        let stop = Shutdown::new();
        let unknown = house.steer("nobody", Steer::Pause).await;
        assert!(matches!(unknown, Err(SteerConsumerError::Unknown)));
        runner.catch_up(&pupil, &stop).await.unwrap();
        house.steer("pupil", Steer::Pause).await.unwrap();
        let again = house.steer("pupil", Steer::Pause).await;
        assert!(matches!(again, Err(SteerConsumerError::Already)));
        house.append(1).await;
        runner.catch_up(&pupil, &stop).await.unwrap();
        assert_eq!(pupil.taken(), [0, 1, 2]);
        house.steer("pupil", Steer::Resume).await.unwrap();
        runner.catch_up(&pupil, &stop).await.unwrap();
        assert_eq!(pupil.taken(), [0, 1, 2, 4]);
        let beyond = house.steer("pupil", Steer::Replay { from: 7 }).await;
        assert!(matches!(beyond, Err(SteerConsumerError::Beyond { size: 6 })));
        house.steer("pupil", Steer::Replay { from: 1 }).await.unwrap();
        runner.catch_up(&pupil, &stop).await.unwrap();
        assert_eq!(pupil.taken(), [0, 1, 2, 4, 1, 2, 4]);
        let steered = house.events(0).await;
        let steered = steered.iter().filter(|event| event.name() == "consumer-steered").count();
        assert_eq!(steered, 3);
    }
}

/// A consumer during whose work something happens.
struct Meanwhile<F> {
    happens: F,
    batches: Mutex<Vec<usize>>,
}

#[async_trait]
impl<F, O> Consumer for Meanwhile<F>
where
    F: Fn() -> O + Send + Sync,
    O: Future<Output = ()> + Send,
{
    fn name(&self) -> &'static str {
        "pupil"
    }

    fn wants(&self, kind: &str) -> bool {
        kind == "policy-changed"
    }

    async fn consume(&self, batch: &[Entry]) -> Result<(), ConsumeError> {
        self.batches.lock().unwrap().push(batch.len());
        (self.happens)().await;
        Ok(())
    }
}

fn meanwhile<F>(happens: F) -> Meanwhile<F> {
    Meanwhile { happens, batches: Mutex::default() }
}

#[tokio::test]
async fn a_day_is_caught_up_with_in_bounded_batches_while_others_write() {
    for house in houses().await {
        for _ in 0..4 {
            house.append(500).await;
        }
        // Had the consumer's runner a transaction open, this would wait for ever: there is one writer.
        let app = house.app.clone();
        let consumer = meanwhile(move || {
            let app = app.clone();
            async move {
                let transaction = app.storage.begin().await.unwrap();
                transaction.commit().await.unwrap();
            }
        });
        house.runner().catch_up(&consumer, &Shutdown::new()).await.unwrap();
        assert_eq!(*consumer.batches.lock().unwrap(), [100; 20]);
    }
}

#[tokio::test]
async fn a_replay_wins_over_a_batch_under_way() {
    for house in houses().await {
        house.append(3).await;
        let pupil = Pupil::new("pupil");
        let runner = house.runner();
        runner.catch_up(&pupil, &Shutdown::new()).await.unwrap();
        house.append(1).await;
        let house = Arc::new(house);
        let steering = Arc::clone(&house);
        let consumer = meanwhile(move || {
            let house = Arc::clone(&steering);
            async move {
                house.steer("pupil", Steer::Replay { from: 2 }).await.unwrap();
            }
        });
        runner.step(&consumer).await.unwrap();
        assert_eq!(house.state("pupil").await.cursor.next, 2);
    }
}

#[tokio::test]
async fn one_server_at_a_time_runs_a_consumer() {
    for house in houses().await {
        house.append(1).await;
        let (first, second) = (house.runner(), house.runner());
        let stop = Shutdown::new();
        let pupil = Pupil::new("pupil");
        first.catch_up(&pupil, &stop).await.unwrap();
        house.append(1).await;
        second.catch_up(&pupil, &stop).await.unwrap();
        assert_eq!(pupil.taken(), [0], "the first has it");
        // The first is lost in its work for longer than its lease; the second takes over.
        let (watch, storage) = (Arc::clone(&house.watch), house.app.storage.clone());
        let other = second.clone();
        let pupil = Arc::new(pupil);
        let takes_over = Arc::clone(&pupil);
        let lost = meanwhile(move || {
            let (pupil, second) = (Arc::clone(&takes_over), other.clone());
            watch.advance(SignedDuration::from_mins(3));
            async move { second.catch_up(pupil.as_ref(), &Shutdown::new()).await.unwrap() }
        });
        first.catch_up(&lost, &stop).await.unwrap();
        assert_eq!(pupil.taken(), [0, 1]);
        let cursor = storage.read().await.unwrap().consumers().find("pupil").await.unwrap();
        let cursor = cursor.unwrap();
        assert_eq!((cursor.next, cursor.lease.unwrap().holder), (2, second.holder));
        // Handed back at shutdown, it is free at once.
        let mut rng = app::rng();
        let context = house.app.context(&mut rng);
        command::give_back_consumers(&context, second.holder).await.unwrap();
        house.append(1).await;
        first.catch_up(pupil.as_ref(), &stop).await.unwrap();
        assert_eq!(pupil.taken(), [0, 1, 2]);
    }
}

#[tokio::test]
async fn what_nobody_wants_costs_no_write_until_it_is_much() {
    for house in houses().await {
        house.append(40).await;
        let none: &[&str] = &[];
        let pupil: Arc<dyn Consumer> = Arc::new(Pupil { wants: none, ..Pupil::new("pupil") });
        let sources: Vec<Box<dyn Source>> = vec![Box::new(vec![Arc::clone(&pupil)])];
        let runner = Runner::new(house.app.clone(), sources);
        let due = runner.due(&mut Known::default()).await.unwrap();
        assert_eq!(due.len(), 1);
        runner.catch_up(pupil.as_ref(), &Shutdown::new()).await.unwrap();
        assert!(runner.due(&mut Known::default()).await.unwrap().is_empty());
        let written = async || house.state("pupil").await.cursor;
        assert_eq!(written().await.next, 0);
        for _ in 0..2 {
            house.append(500).await;
        }
        runner.catch_up(pupil.as_ref(), &Shutdown::new()).await.unwrap();
        assert_eq!(written().await.next, 1040);
    }
}

#[tokio::test]
async fn a_consumer_that_was_deleted_is_shown_nothing_more() {
    for house in houses().await {
        house.append(3).await;
        let pupil = Pupil::new("pupil");
        let mut transaction = house.app.storage.begin().await.unwrap();
        transaction.consumers().delete("pupil").await.unwrap();
        transaction.commit().await.unwrap();
        house.runner().catch_up(&pupil, &Shutdown::new()).await.unwrap();
        assert_eq!(pupil.taken(), Vec::<u64>::new());
    }
}

#[tokio::test]
async fn a_consumer_that_is_stuck_is_given_up() {
    let house = houses().await.remove(0);
    house.append(1).await;
    let stuck = Pupil::new("pupil").in_mood([Mood::Sleep]);
    let runner = house.runner();
    let page = house.app.storage.read().await.unwrap().entries().page(0, 1).await.unwrap();
    let record = page[0].entry().unwrap().unwrap().record;
    let cursor = house.state("pupil").await.cursor;
    let batch = [Entry { index: 0, record }];
    tokio::time::pause();
    let shown = runner.show(&stuck, &cursor, &batch, command::Shown::Taken { next: 1 });
    let command::Shown::Failed { why, .. } = shown.await else { panic!("it took it") };
    assert_eq!(why, "it took longer than 30 seconds");
}

/// A consumer that passes on what it is shown.
struct Pipe(mpsc::UnboundedSender<u64>);

#[async_trait]
impl Consumer for Pipe {
    fn name(&self) -> &'static str {
        "pipe"
    }

    fn wants(&self, _kind: &str) -> bool {
        true
    }

    async fn consume(&self, batch: &[Entry]) -> Result<(), ConsumeError> {
        batch.iter().try_for_each(|entry| self.0.send(entry.index)).map_err(ConsumeError::retry)
    }
}

#[tokio::test]
async fn the_runner_wakes_for_new_entries_and_lets_go_at_shutdown() {
    for house in houses().await {
        let (pipe, mut shown) = mpsc::unbounded_channel();
        let consumers: Vec<Arc<dyn Consumer>> = vec![Arc::new(Pipe(pipe))];
        let runner = Runner::new(house.app.clone(), vec![Box::new(consumers)]);
        let shutdown = Shutdown::new();
        shutdown.spawn(runner.run(shutdown.clone()));
        for index in 0..5 {
            house.append(1).await;
            assert_eq!(shown.recv().await, Some(index));
        }
        shutdown.begin();
        shutdown.finished(Duration::from_secs(10)).await.unwrap();
        assert_eq!(house.state("pipe").await.cursor.lease, None);
    }
}
