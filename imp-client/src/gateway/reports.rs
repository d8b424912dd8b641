//! What the server has to be told: whom and what was refused, and which connections there were. It survives a crash, and a server that is down.
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use imp_api::connection::{
    MOST_OBSERVATIONS, MOST_REFUSALS, Observation, Observed, RefusalReport, Refused,
};
use imp_api::{Client, ClientError};
use imp_connection::Outcome;
use imp_identity::id::Id;
use imp_identity::spiffe::SpiffeId;
use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::state::{StateDirectory, StateError};

const FILE: &str = "reports.json";
/// Most refusals that wait; the oldest go first.
const MOST_WAITING: usize = 10_000;
/// Most kinds of connections that are counted between two reports.
const MOST_KINDS: usize = 2_000;
/// A machine that nobody knows is reported no more often than this for one reason: it needs no certificate to try again.
const STRANGER_PAUSE: SignedDuration = SignedDuration::from_secs(60);
const MOST_STRANGERS: usize = 1_000;

/// The reports, in memory and in the state folder.
pub(super) struct Reports {
    state: StateDirectory,
    waiting: Mutex<Waiting>,
    sending: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    kept: Kept,
    strangers: HashMap<(String, &'static str), Timestamp>,
    changed: bool,
    /// How many refusals are in a report after the server refused one for good: fewer each time, until the one that it cannot take is found.
    few: Option<usize>,
}

/// What is in the file.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Kept {
    /// What is being sent: again with the same name until it was answered.
    refused: Option<Refused>,
    observed: Option<Observed>,
    refusals: VecDeque<RefusalReport>,
    observations: Vec<Observation>,
    /// How many there was no room for.
    dropped: u64,
}

/// A connection that was seen.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) from: &'a SpiffeId,
    pub(super) to: &'a SpiffeId,
    pub(super) port: u16,
    pub(super) outcome: Outcome,
    pub(super) at: Timestamp,
}

/// What is sent next.
type Batch = (Option<Refused>, Option<Observed>);

/// The server does not know everything yet.
#[derive(Debug, thiserror::Error)]
pub enum ReportsError {
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The server did not take a report.
    #[error("the server did not take the report")]
    Server(#[from] ClientError),
}

impl Reports {
    /// Takes up what an earlier run left behind.
    pub(super) fn open(state: StateDirectory) -> Result<Self, StateError> {
        let kept = state.read_json(FILE)?.unwrap_or_default();
        let waiting = Mutex::new(Waiting { kept, ..Waiting::default() });
        Ok(Self { state, waiting, sending: tokio::sync::Mutex::default() })
    }

    /// Something was refused.
    pub(super) fn refuse(&self, report: RefusalReport) {
        let mut waiting = self.waiting();
        if let RefusalReport::Machine { peer, reason, at } = &report
            && waiting.is_repeated(peer, reason.code(), *at)
        {
            return;
        }
        let kept = &mut waiting.kept;
        if kept.refusals.len() >= MOST_WAITING {
            kept.refusals.pop_front();
            kept.dropped += 1;
        }
        kept.refusals.push_back(report);
        waiting.changed = true;
    }

    /// There was a connection.
    pub(super) fn see(&self, seen: Seen<'_>) {
        let mut waiting = self.waiting();
        let outcome = seen.outcome.code();
        let observations = &mut waiting.kept.observations;
        let same = observations.iter_mut().find(|known| {
            known.port == seen.port
                && known.outcome == outcome
                && known.from == *seen.from
                && known.to == *seen.to
        });
        if let Some(known) = same {
            known.count += 1;
            known.last = known.last.max(seen.at);
        } else if observations.len() < MOST_KINDS {
            observations.push(Observation {
                from: seen.from.clone(),
                to: seen.to.clone(),
                protocol: "tcp".to_owned(),
                port: seen.port,
                outcome: outcome.to_owned(),
                count: 1,
                first: seen.at,
                last: seen.at,
            });
        } else {
            waiting.kept.dropped += 1;
        }
        waiting.changed = true;
    }

    /// How many refusals wait.
    pub(super) fn len(&self) -> usize {
        let waiting = self.waiting();
        let sending = waiting.kept.refused.as_ref().map_or(0, |refused| refused.refusals.len());
        waiting.kept.refusals.len() + sending
    }

    /// The refusals that wait, oldest first.
    pub(super) fn refusals(&self) -> Vec<RefusalReport> {
        let waiting = self.waiting();
        let sending = waiting.kept.refused.iter().flat_map(|refused| &refused.refusals);
        sending.chain(&waiting.kept.refusals).cloned().collect()
    }

    /// Writes what is not on the disk yet. Blocks.
    pub(super) fn store(&self) -> Result<(), StateError> {
        let mut waiting = self.waiting();
        if waiting.changed {
            self.state.write_json(FILE, &waiting.kept)?;
            waiting.changed = false;
        }
        Ok(())
    }

    /// Tells the server, until nothing waits or it does not answer.
    pub(super) async fn send(
        &self,
        client: &Client,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ReportsError> {
        let _one_at_a_time = self.sending.lock().await;
        while let Some((refused, observed)) = self.next(now, rng)? {
            if let Some(refused) = refused {
                let answer = client.report_refusals(&refused).await;
                self.told(&answer);
                Self::settled(answer)?;
            }
            if let Some(observed) = observed {
                Self::settled(client.report_observations(&observed).await)?;
                self.waiting().kept.observed = None;
            }
            self.waiting().changed = true;
        }
        Ok(self.store()?)
    }

    /// What is sent next, under a name that it keeps: it is on the disk before it is sent.
    fn next(&self, now: Timestamp, rng: &mut impl CryptoRng) -> Result<Option<Batch>, StateError> {
        let mut waiting = self.waiting();
        let few = waiting.few;
        let kept = &mut waiting.kept;
        let mut name = || Id::<Self>::generate(now, rng).as_uuid();
        if kept.refused.is_none() && !kept.refusals.is_empty() {
            let some = kept.refusals.len().min(few.unwrap_or(MOST_REFUSALS));
            let refusals = kept.refusals.drain(..some).collect();
            kept.refused = Some(Refused { report: name(), refusals });
        }
        if kept.observed.is_none() && !kept.observations.is_empty() {
            let some = kept.observations.len().min(MOST_OBSERVATIONS);
            let observations = kept.observations.drain(..some).collect();
            kept.observed = Some(Observed { report: name(), observations });
        }
        let next = (kept.refused.clone(), kept.observed.clone());
        waiting.changed = true;
        drop(waiting);
        self.store()?;
        Ok((next.0.is_some() || next.1.is_some()).then_some(next))
    }

    /// The report was answered. One that the server will never take is sent again in halves: what is wrong with one refusal silences no other.
    fn told(&self, answer: &Result<(), ClientError>) {
        let mut waiting = self.waiting();
        let for_good = answer.as_ref().is_err_and(is_for_good);
        if answer.is_err() && !for_good {
            return;
        }
        let Some(sent) = waiting.kept.refused.take() else { return };
        let most = sent.refusals.len();
        if for_good && most > 1 {
            for refusal in sent.refusals.into_iter().rev() {
                waiting.kept.refusals.push_front(refusal);
            }
            waiting.few = Some(most / 2);
        } else {
            waiting.few = waiting.few.map(|few| few * 2).filter(|few| *few < MOST_REFUSALS);
            waiting.kept.dropped += u64::from(for_good);
        }
        waiting.changed = true;
    }

    /// A report that the server will never take is not sent again as it is.
    fn settled(answer: Result<(), ClientError>) -> Result<(), ClientError> {
        match answer {
            Err(error) if is_for_good(&error) => {
                tracing::error!(error = %error, "the server refuses a report for good");
                Ok(())
            }
            other => other,
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the server will never take the same.
fn is_for_good(error: &ClientError) -> bool {
    error.problem().is_some_and(|problem| matches!(problem.status, 400 | 413 | 422))
}

impl Waiting {
    fn is_repeated(&mut self, peer: &str, reason: &'static str, at: Timestamp) -> bool {
        self.strangers.retain(|_, last| at.duration_since(*last) < STRANGER_PAUSE);
        // What it calls itself costs it nothing; its address does.
        let from = peer.rsplit_once(" (").map_or(peer, |(_, address)| address);
        let key = (from.to_owned(), reason);
        if self.strangers.contains_key(&key) || self.strangers.len() >= MOST_STRANGERS {
            return true;
        }
        self.strangers.insert(key, at);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imp_identity::connection::MachineRefusal;
    use rand::SeedableRng as _;

    fn now() -> Timestamp {
        "2026-11-22T08:00:00Z".parse().unwrap()
    }

    fn stranger(peer: &str, seconds: i64) -> RefusalReport {
        let at = now() + SignedDuration::from_secs(seconds);
        RefusalReport::Machine { peer: peer.to_owned(), reason: MachineRefusal::Expired, at }
    }

    fn machine(number: u8) -> SpiffeId {
        let id = format!(
            "spiffe://hospital.example/device/01890a5d-ac96-774b-bcce-b302099a80{number:02x}"
        );
        id.parse().unwrap()
    }

    #[test]
    fn what_waits_survives_a_restart_and_keeps_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(folder.path().join("state")).unwrap();
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        let reports = Reports::open(state.clone()).unwrap();
        for number in 0..=MOST_REFUSALS {
            reports.refuse(stranger(&format!("10.0.0.{number}"), 0));
        }
        let (first, _) = reports.next(now(), &mut rng).unwrap().unwrap();
        let again = Reports::open(state).unwrap();
        let (second, _) = again.next(now(), &mut rng).unwrap().unwrap();
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.report, second.report);
        assert_eq!(first.refusals.len(), MOST_REFUSALS);
        assert_eq!(again.len(), MOST_REFUSALS + 1);
    }

    #[test]
    fn a_stranger_who_tries_again_and_again_is_reported_now_and_then() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(folder.path().join("state")).unwrap();
        let reports = Reports::open(state).unwrap();
        for seconds in 0..120 {
            reports.refuse(stranger("10.0.0.1", seconds));
        }
        reports.refuse(stranger("10.0.0.2", 119));
        assert_eq!(reports.len(), 3);
    }

    #[test]
    fn of_a_report_that_the_server_cannot_take_only_what_is_wrong_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(folder.path().join("state")).unwrap();
        let reports = Reports::open(state).unwrap();
        for number in 0..MOST_REFUSALS {
            reports.refuse(stranger(&format!("10.0.0.{number}"), 0));
        }
        let mut rng = rand::rngs::StdRng::seed_from_u64(2);
        let (mut taken, mut names) = (Vec::new(), std::collections::HashSet::new());
        while let Some((Some(refused), _)) = reports.next(now(), &mut rng).unwrap() {
            assert!(names.insert(refused.report), "another report has another name");
            let is_wrong = |report: &RefusalReport| matches!(report, RefusalReport::Machine { peer, .. } if peer == "10.0.0.7");
            let answer = if refused.refusals.iter().any(is_wrong) {
                let problem = imp_api::Problem::new(422, "invalid-request", "it cannot be printed");
                Err(ClientError::Problem(Box::new(problem)))
            } else {
                taken.extend(refused.refusals);
                Ok(())
            };
            reports.told(&answer);
        }
        assert_eq!((taken.len(), reports.len()), (MOST_REFUSALS - 1, 0));
        assert!(names.len() < 24, "{}", names.len());
        assert_eq!(reports.waiting().kept.dropped, 1);
    }

    #[test]
    fn connections_are_counted_and_nothing_grows_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(folder.path().join("state")).unwrap();
        let reports = Reports::open(state).unwrap();
        let (from, to) = (machine(1), machine(2));
        for second in 0..10 {
            let at = now() + SignedDuration::from_secs(second);
            let outcome = Outcome::Expected;
            reports.see(Seen { from: &from, to: &to, port: 6661, outcome, at });
        }
        let seen = reports.waiting().kept.observations.clone();
        assert_eq!((seen.len(), seen[0].count), (1, 10));
        assert_eq!(seen[0].last, now() + SignedDuration::from_secs(9));
        for number in 0..MOST_WAITING + 5 {
            let at = now() + SignedDuration::from_secs(i64::try_from(number).unwrap());
            let reason = imp_identity::connection::MessageRefusal::Late;
            let sender = "somebody".to_owned();
            reports.refuse(RefusalReport::Message { sender, reason, at });
        }
        let waiting = reports.waiting();
        assert_eq!((waiting.kept.refusals.len(), waiting.kept.dropped), (MOST_WAITING, 5));
    }
}
