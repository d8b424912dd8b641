//! What the server has to be told and could not be told yet. It survives a crash and a server that is down.
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use imp_api::ClientError;
use imp_api::tap::AbandonTap;
use imp_identity::{SessionId, TapId};
use jiff::Timestamp;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::crash;
use crate::server::Server;
use crate::state::{StateDirectory, StateError};

const FILE: &str = "outbox.json";
/// Most messages that are kept; the oldest abandonment goes first, a suspension never.
const MOST: usize = 1000;

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "tell")]
pub enum Message {
    /// The desktop was locked.
    Suspend {
        /// Whose session is to be suspended.
        session: SessionId,
    },
    /// A tap was given up.
    Abandon {
        /// Which, if the server had opened one.
        tap: Option<TapId>,
        /// What is reported.
        report: AbandonTap,
    },
}

impl Message {
    /// That a tap was given up. One that the server did not open is named here, once, so that a repeated report of it counts once.
    pub fn abandon(
        tap: Option<TapId>,
        report: AbandonTap,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let drawn = tap.is_none().then(|| TapId::generate(now, rng));
        Self::Abandon { tap, report: AbandonTap { tap: drawn, ..report } }
    }
}

/// The messages, oldest first, in memory and in the state folder.
pub struct Outbox {
    state: StateDirectory,
    waiting: Mutex<VecDeque<Message>>,
    flushing: tokio::sync::Mutex<()>,
}

impl Outbox {
    /// Takes up what an earlier run left behind.
    pub fn open(state: StateDirectory) -> Result<Self, StateError> {
        let waiting: VecDeque<Message> = state.read_json(FILE)?.unwrap_or_default();
        Ok(Self { state, waiting: Mutex::new(waiting), flushing: tokio::sync::Mutex::default() })
    }

    /// Puts a message in. When the folder cannot be written it is kept in memory alone, and the log says so.
    pub fn put(&self, message: Message) {
        self.change(|waiting| {
            if waiting.len() >= MOST {
                let oldest = waiting.iter().position(|m| matches!(m, Message::Abandon { .. }));
                oldest.map(|at| waiting.remove(at));
            }
            waiting.push_back(message);
        });
        crash::point("outbox:stored");
    }

    /// How many messages wait.
    pub fn len(&self) -> usize {
        self.waiting().len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    /// The sessions whose suspension the server was not told yet.
    pub fn suspensions(&self) -> Vec<SessionId> {
        let session = |message: &Message| match message {
            Message::Suspend { session } => Some(*session),
            Message::Abandon { .. } => None,
        };
        self.waiting().iter().filter_map(session).collect()
    }

    /// Withdraws the suspensions of `session` that wait: a tap was accepted since.
    pub fn forget_suspensions(&self, session: SessionId) {
        let suspends = Message::Suspend { session };
        if self.waiting().contains(&suspends) {
            self.change(|waiting| waiting.retain(|message| *message != suspends));
        }
    }

    /// A session that was opened without the server has another name from now on.
    pub fn rename(&self, from: SessionId, to: SessionId) {
        let (before, after) =
            (Message::Suspend { session: from }, Message::Suspend { session: to });
        if from != to && self.waiting().contains(&before) {
            self.change(|waiting| {
                waiting.iter_mut().filter(|it| **it == before).for_each(|it| *it = after.clone());
            });
        }
    }

    /// Tells the server, in order, until all is told or one cannot be told now. Only what the server refuses for good is dropped.
    pub async fn flush(&self, server: &Server) {
        let _one_at_a_time = self.flushing.lock().await;
        loop {
            let Some(message) = self.waiting().front().cloned() else { return };
            let told = match &message {
                Message::Suspend { session } => server.suspend_session(*session).await.map(|_| ()),
                Message::Abandon { tap, report } => server.abandon(*tap, report).await,
            };
            match told {
                Ok(()) => {}
                Err(error) if is_final(&error) => {
                    tracing::warn!(error = %error, "the server does not want to know");
                }
                Err(error) => {
                    tracing::debug!(error = %error, "the server is told later");
                    return;
                }
            }
            self.change(|waiting| {
                if let Some(at) = waiting.iter().position(|m| *m == message) {
                    waiting.remove(at);
                }
            });
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<Message>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut VecDeque<Message>)) {
        let mut waiting = self.waiting();
        change(&mut waiting);
        if let Err(error) = self.state.write_json(FILE, &*waiting) {
            tracing::error!(error = %error, "what the server has to be told cannot be kept");
        }
    }
}

/// Whether the server will say the same however often it is told: the message is malformed, or what it is about is not there or over. Anything
/// else, such as a certificate that is just expired or too many requests, passes.
fn is_final(error: &ClientError) -> bool {
    error.problem().is_some_and(|problem| matches!(problem.status, 400 | 404 | 409 | 422))
}

#[cfg(test)]
mod tests {
    use super::*;
    use imp_identity::refusal::Abandonment;
    use imp_identity::tap::Purpose;
    use uuid::Uuid;

    fn outbox() -> (tempfile::TempDir, StateDirectory, Outbox) {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(folder.path().join("state")).unwrap();
        let outbox = Outbox::open(state.clone()).unwrap();
        (folder, state, outbox)
    }

    fn suspend(n: u128) -> Message {
        Message::Suspend { session: SessionId::from(Uuid::from_u128(n)) }
    }

    fn abandon() -> Message {
        let (reason, purpose) = (Abandonment::NoFace, Purpose::TapIn);
        Message::Abandon {
            tap: None,
            report: AbandonTap { tap: None, phone: None, purpose, reason, steps: vec![] },
        }
    }

    #[test]
    fn what_was_not_told_survives_a_crash() {
        let (_folder, state, outbox) = outbox();
        outbox.put(suspend(1));
        outbox.put(abandon());
        drop(outbox);
        let outbox = Outbox::open(state).unwrap();
        assert_eq!(outbox.len(), 2);
        assert_eq!(outbox.suspensions(), [SessionId::from(Uuid::from_u128(1))]);
    }

    #[test]
    fn a_server_that_is_down_for_long_costs_old_abandonments_only() {
        let (_folder, state, outbox) = outbox();
        outbox.put(suspend(1));
        {
            let mut waiting = outbox.waiting();
            waiting.extend((0..MOST).map(|_| abandon()));
        }
        outbox.put(abandon());
        outbox.put(suspend(2));
        assert!(outbox.len() <= MOST + 1);
        assert_eq!(outbox.suspensions().len(), 2);
        assert_eq!(Outbox::open(state).unwrap().suspensions().len(), 2);
    }

    #[test]
    fn a_message_is_dropped_only_on_a_final_answer() {
        let problem = |status| {
            let problem = imp_api::problem::Problem::new(status, "some-problem", "No");
            ClientError::Problem(Box::new(problem))
        };
        for status in [400, 404, 409, 422] {
            assert!(is_final(&problem(status)), "{status}");
        }
        for status in [301, 401, 403, 408, 413, 425, 426, 429, 500, 502, 503] {
            assert!(!is_final(&problem(status)), "{status}");
        }
        // A proxy's page, not the server's word.
        assert!(!is_final(&ClientError::Answer { status: 404 }));
        assert!(!is_final(&ClientError::Url(String::new())));
    }

    #[test]
    fn a_tap_that_was_never_opened_has_one_name_however_often_it_is_reported() {
        let (_folder, state, outbox) = outbox();
        let Message::Abandon { report, .. } = abandon() else { panic!("an abandonment") };
        let rng = &mut rand_core::UnwrapErr(rand::rngs::SysRng);
        let mut put = |tap| {
            outbox.put(Message::abandon(tap, report.clone(), crate::tests::NOW, rng));
        };
        let opened = TapId::from(Uuid::from_u128(7));
        put(None);
        put(None);
        put(Some(opened));
        let names = |outbox: &Outbox| -> Vec<_> {
            let name = |message: &Message| match message {
                Message::Abandon { tap, report } => (*tap, report.tap),
                Message::Suspend { .. } => panic!("only abandonments"),
            };
            outbox.waiting().iter().map(name).collect()
        };
        let before = names(&outbox);
        assert!(before[0].1.is_some() && before[1].1.is_some());
        assert_ne!(before[0], before[1]);
        assert_eq!(before[2], (Some(opened), None), "its path names it");
        assert_eq!(names(&Outbox::open(state).unwrap()), before);
    }

    #[test]
    fn an_accepted_tap_withdraws_the_suspensions_of_its_session_only() {
        let (_folder, state, outbox) = outbox();
        for message in [suspend(1), abandon(), suspend(2), suspend(1)] {
            outbox.put(message);
        }
        outbox.forget_suspensions(SessionId::from(Uuid::from_u128(1)));
        assert_eq!(outbox.suspensions(), [SessionId::from(Uuid::from_u128(2))]);
        assert_eq!(Outbox::open(state).unwrap().len(), 2);
    }

    #[tokio::test]
    async fn messages_wait_while_the_server_is_down() {
        let (_folder, _state, outbox) = outbox();
        outbox.put(suspend(1));
        let server = crate::tests::unreachable_server();
        outbox.flush(&server).await;
        assert_eq!(outbox.len(), 1);
        assert_eq!(server.reach(), crate::server::Reach::Unreachable);
    }
}
