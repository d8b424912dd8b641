//! One tap at this workstation, from the press to the open desktop.
//!
//! Two things happen side by side: the phone is asked ([`phone`]) and the face is captured ([`face`]). Then both are compared
//! ([`comparison`]) and the server decides ([`submission`]).
mod comparison;
mod face;
mod phone;
mod selection;
mod submission;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use imp_api::ClientError;
use imp_api::tap::{AbandonTap, Session};
use imp_authenticator::roster::RosterEntry;
use imp_identity::refusal::Abandonment;
use imp_identity::tap::{Intent, Purpose};
use imp_identity::{Refusal, TapId};
use imp_socket::Hint;
use rand_core::UnwrapErr;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::crash;
use crate::credentials::Standing;
use crate::desktop::Desktop;
use crate::offline::DECIDED_HERE;
use crate::outbox::Message;
use crate::timeline::Timeline;

pub(crate) use face::{FaceFailure, face_reason, image, photograph};
pub use imp_socket::{
    Person, Session as ShownSession, TapCommand, TapMeans, TapOutcome, TapReport,
};
pub(crate) use phone::{Callee, Contact, ContactError};
pub(crate) use selection::Selection;

/// Why a tap came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) reason: Reason,
    pub(crate) detail: Option<String>,
}

/// Who said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The server.
    Refused(Refusal),
    /// This workstation.
    Abandoned(Abandonment),
}

/// One tap under way with one phone.
pub(crate) struct Attempt<'a> {
    pub(crate) agent: &'a Agent,
    pub(crate) standing: Arc<Standing>,
    pub(crate) entry: RosterEntry,
    pub(crate) purpose: Purpose,
    pub(crate) intent: Intent,
    pub(crate) timeline: &'a Timeline,
    /// When phone and camera must be done.
    pub(crate) deadline: Instant,
    /// The tap at the server, once it was opened.
    pub(crate) tap: OnceLock<TapId>,
}

impl Failure {
    pub(crate) fn abandoned(reason: Abandonment, detail: impl Into<Option<String>>) -> Self {
        Self { reason: Reason::Abandoned(reason), detail: detail.into() }
    }
}

impl From<ClientError> for Failure {
    /// The server's refusal, or that it cannot be reached.
    fn from(error: ClientError) -> Self {
        let detail = Some(with_causes(&error));
        let problem = error.problem();
        if let Some(refusal) = problem.and_then(|problem| problem.refusal) {
            return Self { reason: Reason::Refused(refusal), detail: None };
        }
        let reason = problem.and_then(|problem| problem.abandonment);
        Self::abandoned(reason.unwrap_or(Abandonment::Timeout), detail)
    }
}

impl Agent {
    /// Runs a tap. Every outcome is in the report, and the server was or will be told of it.
    pub async fn tap(&self, command: TapCommand) -> TapReport {
        self.tap_until(command, &CancellationToken::new()).await
    }

    /// Runs a tap that is given up when `cancelled`, except once it was submitted.
    pub async fn tap_until(&self, command: TapCommand, cancelled: &CancellationToken) -> TapReport {
        let timeline = Timeline::begin();
        let Ok(_one_at_a_time) = self.busy.try_lock() else {
            let (purpose, outcome, means) =
                (command.purpose, TapOutcome::Busy, TapMeans::of(&command));
            return TapReport {
                purpose,
                person: None,
                means,
                outcome,
                hint: None,
                detail: None,
                steps: vec![],
            };
        };
        let _under_way = self.looking.begin();
        let means = TapMeans::of(&command);
        let report = self.run_tap(command, &timeline, cancelled).await;
        let report = TapReport { means, hint: self.advice(&report.outcome), ..report };
        self.remember_tap(report.clone());
        let code = report.outcome.code();
        tracing::info!(
            outcome = code,
            millis = timeline.elapsed().as_millis(),
            "a tap came to its end"
        );
        report
    }

    /// What the person can do better, if it was her face.
    fn advice(&self, outcome: &TapOutcome) -> Option<Hint> {
        use Abandonment::{NoFace, PoorQuality, SeveralFaces};
        match outcome {
            TapOutcome::Abandoned { reason: NoFace | PoorQuality | SeveralFaces } => {
                self.looking.tapping().and_then(|tapping| tapping.hint)
            }
            TapOutcome::Refused {
                reason: Refusal::ComparisonFailed | Refusal::PresentationAttack,
            } => self.looking.better(),
            TapOutcome::Accepted { .. }
            | TapOutcome::Refused { .. }
            | TapOutcome::Abandoned { .. }
            | TapOutcome::Choose { .. }
            | TapOutcome::Failed { .. }
            | TapOutcome::Busy => None,
        }
    }

    async fn run_tap(
        &self,
        command: TapCommand,
        timeline: &Timeline,
        cancelled: &CancellationToken,
    ) -> TapReport {
        let TapCommand { purpose, user, intent, phone_alone } = command;
        let (purpose, user) = match (phone_alone, self.desktop()) {
            (false, _) => (purpose, user),
            // Whose desktop it is, and nobody else.
            (true, Desktop::Locked(session)) if purpose.is_none_or(|p| p == Purpose::Unlock) => {
                (Some(Purpose::Unlock), Some(session.username))
            }
            (true, _) => {
                let reason = Refusal::OneFactorInsufficient;
                return report(purpose, None, TapOutcome::Refused { reason }, None, timeline);
            }
        };
        if !self.outbox.suspensions().is_empty() || self.journal.is_waiting() {
            // The server has to know that a desktop was locked before it can be unlocked, and what was decided without it.
            let flush = self.tell();
            let _told_or_not = tokio::time::timeout(Duration::from_secs(1), flush).await;
        }
        let selected = {
            let _step = timeline.step("find-phone");
            cancelled.run_until_cancelled(self.select(user.as_deref())).await
        };
        crash::point("tap:selected");
        let entry = match selected {
            Some(Selection::One(entry)) => *entry,
            Some(Selection::Several(people)) => {
                return report(purpose, None, TapOutcome::Choose { people }, None, timeline);
            }
            Some(Selection::None(failure)) => {
                return self.failed(Ending { purpose, entry: None, tap: None, failure }, timeline);
            }
            None => {
                let failure = Failure::abandoned(Abandonment::Cancelled, None);
                return self.failed(Ending { purpose, entry: None, tap: None, failure }, timeline);
            }
        };
        let purpose = purpose.unwrap_or_else(|| self.desktop().purpose_for(entry.user));
        let attempt = Attempt {
            agent: self,
            standing: self.standing(),
            entry,
            purpose,
            intent,
            timeline,
            deadline: Instant::now() + self.time_for_phone_and_face(timeline),
            tap: OnceLock::new(),
        };
        let came_of = if phone_alone {
            attempt.run_alone(cancelled).await
        } else {
            attempt.run(cancelled).await
        };
        match came_of {
            Ok(session) => {
                let outcome = TapOutcome::Accepted { session: shown(session) };
                let here = self.journal.is_waiting().then(|| DECIDED_HERE.to_owned());
                report(Some(purpose), Some(person(&attempt.entry)), outcome, here, timeline)
            }
            Err(failure) => {
                let (tap, entry) = (attempt.tap.get().copied(), Some(&attempt.entry));
                self.failed(Ending { purpose: Some(purpose), entry, tap, failure }, timeline)
            }
        }
    }

    /// What is left of the tap's time but for its last fifth, which is the server's.
    fn time_for_phone_and_face(&self, timeline: &Timeline) -> Duration {
        let left = self.config.limits.tap().mul_f32(0.8).saturating_sub(timeline.elapsed());
        left.max(Duration::from_millis(500))
    }

    /// Reports a tap that came to nothing: to the person now, to the server if it does not know it.
    fn failed(&self, ending: Ending<'_>, timeline: &Timeline) -> TapReport {
        let Ending { purpose, entry, tap, failure } = ending;
        let outcome = match failure.reason {
            Reason::Refused(reason) => TapOutcome::Refused { reason },
            Reason::Abandoned(reason) => TapOutcome::Abandoned { reason },
        };
        let report = report(purpose, entry.map(person), outcome, failure.detail, timeline);
        if let Reason::Abandoned(reason) = failure.reason {
            let told = AbandonTap {
                tap: None,
                phone: entry.map(|entry| entry.phone),
                purpose: purpose.unwrap_or(Purpose::TapIn),
                reason,
                steps: report.steps.clone(),
            };
            let rng = &mut UnwrapErr(rand::rngs::SysRng);
            self.outbox.put(Message::abandon(tap, told, self.now(), rng));
            self.outbox_wanted.notify_one();
        }
        report
    }
}

/// How a tap came to nothing.
struct Ending<'a> {
    purpose: Option<Purpose>,
    entry: Option<&'a RosterEntry>,
    tap: Option<TapId>,
    failure: Failure,
}

fn report(
    purpose: Option<Purpose>,
    person: Option<Person>,
    outcome: TapOutcome,
    detail: Option<String>,
    timeline: &Timeline,
) -> TapReport {
    TapReport {
        purpose,
        person,
        means: TapMeans::default(),
        outcome,
        hint: None,
        detail,
        steps: timeline.finish(),
    }
}

/// A session, as programs of the desktop see it.
pub(crate) fn shown(session: Session) -> imp_socket::Session {
    let Session { id, user, username, display_name, expires_at, state } = session;
    imp_socket::Session { id, user, username, display_name, expires_at, state }
}

/// How the roster calls the owner of a phone.
pub(crate) fn person(entry: &RosterEntry) -> Person {
    Person { display_name: entry.display_name.clone(), username: entry.username.clone() }
}

/// An error and its causes in one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
