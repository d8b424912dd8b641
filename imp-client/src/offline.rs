//! Without the server: a tap is decided here by the roster, if the policy lets workstations do so, and told to the server afterwards.
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use imp_api::ClientError;
use imp_api::tap::{JournalVerdict, ReportJournal, Session};
use imp_authenticator::credential::UnverifiedReferenceCredential;
use imp_authenticator::journal::{JournalEntry, JournalHead};
use imp_authenticator::offline::Alone;
use imp_authenticator::{Claims, ReferenceCredential};
use imp_identity::challenge::{Audience, Challenge};
use imp_identity::policy::Policy;
use imp_identity::refusal::Abandonment;
use imp_identity::tap::Purpose;
use imp_identity::{Digest, Refusal, SessionId};
use jiff::Timestamp;
use rand_core::UnwrapErr;

use crate::agent::Agent;
use crate::crash;
use crate::desktop::Desktop;
use crate::journal::JournalError;
use crate::prefetch;
use crate::roster::Known;
use crate::server::Reach;
use crate::tap::{Attempt, Failure, Reason, with_causes};

/// How long the server is waited for when this workstation could decide on its own.
const PATIENCE: Duration = Duration::from_secs(3);
/// The same, after it was out of reach a moment ago.
const LITTLE_PATIENCE: Duration = Duration::from_millis(700);
/// What the person is told who was let in.
pub(crate) const DECIDED_HERE: &str =
    "The server could not be reached: this workstation decided, and tells it later.";

/// What a phone and a workstation said, for a decision here.
pub(crate) struct Said {
    pub(crate) challenge: prefetch::Challenge,
    /// The phone's tap statement, `COSE_Sign1`.
    pub(crate) statement: Vec<u8>,
    /// The server's credential of the reference, `COSE_Sign1`.
    pub(crate) credential: Vec<u8>,
    /// The workstation's match evidence, `COSE_Sign1`.
    pub(crate) evidence: Vec<u8>,
}

/// A roster by which this workstation may decide now, and its policy.
struct Terms {
    known: Arc<Known>,
    policy: Policy,
}

impl Agent {
    /// By what this workstation may decide on its own now, if it may.
    fn terms(&self) -> Option<Terms> {
        let now = self.now();
        let known = self.roster.current(now)?;
        let terms = known.roster().offline.as_ref().filter(|terms| now < terms.until)?;
        let policy = serde_json::from_slice(&terms.policy);
        let policy = policy.inspect_err(|error| {
            tracing::error!(error = %error, "the policy of the roster cannot be read");
        });
        let policy = policy.ok()?;
        Some(Terms { known, policy })
    }

    /// Why this workstation does not decide on its own, if its roster once let it.
    pub(crate) fn why_not_here(&self) -> Option<String> {
        let known = self.roster.newest()?;
        let terms = known.roster().offline.as_ref()?;
        let over = terms.until <= self.now() || !known.roster().is_current(self.now());
        over.then(|| {
            "The server could not be reached, and the list by which this workstation may decide on its own is out of date."
                .to_owned()
        })
    }

    /// How long the server is waited for, if not for as long as it takes.
    pub(crate) fn patience_with_server(&self) -> Option<Duration> {
        self.terms()?;
        Some(if self.server.reach() == Reach::Unreachable { LITTLE_PATIENCE } else { PATIENCE })
    }

    /// Tells the server what was decided without it, then what else it has to be told: in this order, since that may be about sessions
    /// that it does not know yet.
    pub(crate) async fn tell(&self) {
        if self.reconcile().await {
            self.outbox.flush(&self.server).await;
        }
    }

    /// Tells the server what was decided without it; whether nothing waits any more.
    pub async fn reconcile(&self) -> bool {
        let _one_at_a_time = self.reconciling.lock().await;
        let mut names = HashMap::new();
        while self.journal.is_waiting() {
            let entries = self.journal.waiting();
            let body = ReportJournal { entries };
            match self.server.report_journal(&body).await {
                Ok(taken) if taken.entries.len() == body.entries.len() => {
                    crash::point("offline:told");
                    for (entry, verdict) in body.entries.iter().zip(&taken.entries) {
                        self.settle(&entry.0, verdict, &mut names);
                    }
                    let done = self.journal.taken(taken.entries.len());
                    if let Err(error) = done {
                        tracing::error!(error = with_causes(&error), "the journal cannot be kept");
                        return false;
                    }
                    crash::point("offline:settled");
                }
                Ok(_) => return false,
                Err(error) => {
                    self.not_taken(&error);
                    return !self.journal.is_waiting();
                }
            }
        }
        true
    }

    fn not_taken(&self, error: &ClientError) {
        let is_final =
            error.problem().is_some_and(|problem| matches!(problem.status, 400 | 409 | 422));
        let error = with_causes(error);
        if is_final {
            tracing::error!(error, "the server does not take the journal of this workstation");
            if let Err(error) = self.journal.refused() {
                tracing::error!(error = with_causes(&error), "the journal cannot be kept");
            }
        } else {
            tracing::debug!(error, "the server is told later what was decided here");
        }
    }

    /// Follows what the server says of one tap: the session has its name from now on, or there is none.
    fn settle(
        &self,
        entry: &[u8],
        verdict: &JournalVerdict,
        names: &mut HashMap<SessionId, SessionId>,
    ) {
        let Ok(entry) = JournalEntry::read(entry) else { return };
        if entry.refused.is_some() {
            return;
        }
        let here = names.get(&entry.session).copied().unwrap_or(entry.session);
        match (&verdict.session, verdict.refusal) {
            (Some(session), _) => {
                self.outbox.rename(here, session.id);
                names.insert(entry.session, session.id);
                self.change_desktop(|desktop| desktop.adopt(here, Some(session)));
            }
            // It was over, or goes on as it was.
            (None, Some(Refusal::NoSession)) if entry.purpose != Purpose::TapIn => {}
            (None, reason) => {
                let reason = reason.map(Refusal::code);
                tracing::warn!(reason, tap.id = %entry.tap, "a tap that was accepted here does not stand");
                self.outbox.forget_suspensions(here);
                self.change_desktop(|desktop| desktop.adopt(here, None));
            }
        }
    }

    /// The session that a tap opens, resumes or ends here.
    fn session_here(&self, attempt: &Attempt<'_>, policy: &Policy) -> Result<Session, Refusal> {
        let (desktop, entry, now) = (self.desktop(), &attempt.entry, self.now());
        let hers = match desktop {
            Desktop::Open(session) | Desktop::Locked(session) if session.user == entry.user => {
                Some(session)
            }
            Desktop::Open(_) | Desktop::Locked(_) | Desktop::Free | Desktop::Unknown => None,
        };
        let in_state =
            |session: Session, state: &str| Session { state: state.to_owned(), ..session };
        match (attempt.purpose, hers) {
            (Purpose::TapIn | Purpose::Unlock, Some(session)) => Ok(in_state(session, "active")),
            (Purpose::TapIn, None) => Ok(Session {
                id: SessionId::generate(now, &mut UnwrapErr(rand::rngs::SysRng)),
                user: entry.user,
                username: entry.username.clone(),
                display_name: entry.display_name.clone(),
                expires_at: now.saturating_add(policy.session.overall).unwrap_or(now),
                state: "active".to_owned(),
            }),
            (Purpose::TapOut, Some(session)) => Ok(in_state(session, "ended")),
            (Purpose::Unlock | Purpose::TapOut | Purpose::StepUp, _) => Err(Refusal::NoSession),
        }
    }
}

impl Attempt<'_> {
    /// A challenge that this workstation draws, if it may decide on its own.
    pub(crate) fn challenge_here(&self) -> Option<prefetch::Challenge> {
        let terms = self.agent.terms()?;
        let audience = Audience {
            workstation: self.standing.stored.workstation,
            phone: self.entry.phone,
            purpose: self.purpose,
        };
        let (now, lifetime) = (self.agent.now(), terms.policy.challenge_lifetime);
        let rng = &mut UnwrapErr(rand::rngs::SysRng);
        let (challenge, nonce) = Challenge::open(audience, lifetime, now, rng);
        let (tap, expires_at) = (challenge.tap, challenge.expires_at);
        Some(prefetch::Challenge { tap, nonce, expires_at, drawn_here: true })
    }

    /// Decides without the server; `None` if this workstation may not. What was decided is in the journal before anybody is let in.
    pub(crate) async fn decide_here(&self, said: Said) -> Option<Result<Session, Failure>> {
        let terms = self.agent.terms()?;
        if self.purpose == Purpose::StepUp {
            let why = "The server could not be reached, and only it can confirm this.".to_owned();
            return Some(Err(Failure::abandoned(Abandonment::Timeout, why)));
        }
        Some(self.decide_by(&terms, said).await)
    }

    async fn decide_by(&self, terms: &Terms, said: Said) -> Result<Session, Failure> {
        let now = self.agent.now();
        let refused = |reason| Failure {
            reason: Reason::Refused(reason),
            detail: Some("The server could not be reached: this workstation decided.".to_owned()),
        };
        let session = self.agent.session_here(self, &terms.policy).map_err(refused)?;
        let (reference, _) = self.entry.reference.ok_or(refused(Refusal::ReferenceRevoked))?;
        let verdict = self.verdict(terms, &said, now);
        let entry = JournalEntry {
            journal: [0; 32],
            sequence: 0,
            previous: Digest::of(&[]),
            workstation: self.standing.stored.workstation,
            tap: said.challenge.tap,
            phone: self.entry.phone,
            user: self.entry.user,
            purpose: self.purpose,
            reference,
            challenge: said.challenge.nonce,
            challenge_expires_at: said.challenge.expires_at,
            decided_at: now,
            roster_issued_at: terms.known.roster().issued_at,
            session: session.id,
            refused: verdict.err(),
            statement: said.statement,
            evidence: said.evidence,
        };
        crash::point("offline:decided");
        self.write_down(entry).await?;
        self.agent.outbox_wanted.notify_one();
        verdict.map(|()| session).map_err(refused)
    }

    fn verdict(&self, terms: &Terms, said: &Said, now: Timestamp) -> Result<(), Refusal> {
        let roster = terms.known.roster();
        let offline = roster.offline.as_ref().ok_or(Refusal::ClockSkew)?;
        let credential = self.credential(&said.credential).ok_or(Refusal::ReferenceMismatch)?;
        let workstation = self.standing.stored.workstation;
        let challenge = Challenge {
            id: imp_identity::ChallengeId::from_bytes(said.challenge.tap.into_bytes()),
            tap: said.challenge.tap,
            nonce: Digest::of(&[&said.challenge.nonce]),
            workstation,
            phone: self.entry.phone,
            purpose: self.purpose,
            expires_at: said.challenge.expires_at,
            used_at: None,
        };
        let alone = Alone {
            roster,
            terms: offline,
            policy: &terms.policy,
            workstation,
            workstation_key: self.standing.identity.signer.public_key(),
            entry: &self.entry,
            credential: &credential,
            challenge: &challenge,
            attempts: &self.agent.journal.attempts(self.entry.user),
        };
        let claims = Claims::parse(&said.statement, &said.evidence)?;
        alone.decide(claims, now).map(drop)
    }

    /// What the server once signed of the reference that the phone released.
    fn credential(&self, signed: &[u8]) -> Option<ReferenceCredential> {
        let keys: Vec<&[u8]> = self.standing.stored.statement_keys().collect();
        UnverifiedReferenceCredential::parse(signed).ok()?.verify_by_server(&keys).ok()
    }

    async fn write_down(&self, entry: JournalEntry) -> Result<(), Failure> {
        let journal = self.agent.journal.clone();
        let follow = move |end: &JournalHead| JournalEntry {
            journal: end.journal,
            sequence: end.sequence + 1,
            previous: end.last,
            ..entry
        };
        let write = move || journal.append(&mut UnwrapErr(rand::rngs::SysRng), follow);
        let written = tokio::task::spawn_blocking(write).await;
        let written: Result<(), JournalError> =
            written.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        written.map_err(|error| Failure::abandoned(Abandonment::Timeout, with_causes(&error)))
    }
}
