//! What enforcement points report: what they saw, and whom and what they refused.
use std::collections::HashSet;

use imp_connection::{InvalidObservation, Observation};
use imp_identity::connection::{MachineRefusal, MessageRefusal};
use imp_identity::device::DeviceClass;
use imp_identity::event::Outcome;
use imp_identity::spiffe::SpiffeId;
use imp_identity::{Actor, Event};
use imp_storage::{StorageError, Transaction};
use jiff::SignedDuration;
use uuid::Uuid;

use super::MOST_KINDS;
use crate::command::Context;
use crate::store::Tables as _;

/// The most reports of one machine in an hour.
const MOST_REPORTS: i64 = 360;
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// A report that is sent again is known for so long.
const REPORTS: SignedDuration = SignedDuration::from_hours(24 * 7);
/// What was not seen for so long is forgotten.
const OBSERVATIONS: SignedDuration = SignedDuration::from_hours(24 * 90);
/// How far the clock of a machine may be ahead.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Who reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reporter {
    /// The machine, by its certificate.
    pub machine: SpiffeId,
    /// As the cause of events.
    pub actor: Actor,
    /// What sort of machine it is; `None` when it is not in use.
    pub class: Option<DeviceClass>,
}

/// Something that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// A connection that no rule expects.
    Connection {
        /// Who connected, or tried to.
        from: SpiffeId,
        /// To whom.
        to: SpiffeId,
        /// Whether it was let through all the same.
        let_through: bool,
    },
    /// A machine that is not trusted.
    Machine {
        /// What it says that it is, or its address.
        peer: String,
        /// Why.
        reason: MachineRefusal,
    },
    /// A message that is not authentic.
    Message {
        /// Whom it is said to come from.
        sender: String,
        /// Why.
        reason: MessageRefusal,
    },
}

/// The report was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A machine reports what it took part in; a gateway, what it stands in front of, too.
    #[error("a machine reports of its own connections only")]
    Others,
    /// An observation says what cannot be.
    #[error(transparent)]
    Observation(#[from] InvalidObservation),
    /// The machine reports more than it may.
    #[error("this machine has sent {MOST_REPORTS} reports within an hour")]
    Often,
    /// See the source.
    #[error("could not store the report")]
    Storage(#[from] StorageError),
}

impl Reporter {
    /// Whether it may report of a connection between these two.
    fn saw(&self, from: &SpiffeId, to: &SpiffeId) -> bool {
        let in_front =
            matches!(self.class, Some(DeviceClass::Gateway | DeviceClass::LegacyGateway));
        in_front || self.machine == *from || self.machine == *to
    }
}

/// Adds to what was seen. A report that is known already does nothing.
pub async fn report_observations(
    context: &mut Context<'_>,
    reporter: &Reporter,
    report: Uuid,
    observations: &[Observation],
) -> Result<(), ReportError> {
    for observation in observations {
        observation.validate(context.now + SKEW)?;
        if !reporter.saw(&observation.from, &observation.to) {
            return Err(ReportError::Others);
        }
    }
    let mut transaction = context.storage.begin().await?;
    if !noted(context, &mut transaction, reporter, report).await? {
        return Ok(());
    }
    for observation in observations {
        transaction.observations().add(observation).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Appends an event for each thing that was refused; the same thing twice in a report is one. A report that is known already
/// does nothing.
pub async fn report_refusals(
    context: &mut Context<'_>,
    reporter: &Reporter,
    report: Uuid,
    refusals: Vec<Refusal>,
) -> Result<(), ReportError> {
    let mut seen = HashSet::new();
    for refusal in &refusals {
        if let Refusal::Connection { from, to, .. } = refusal
            && !reporter.saw(from, to)
        {
            return Err(ReportError::Others);
        }
    }
    let mut transaction = context.storage.begin().await?;
    if !noted(context, &mut transaction, reporter, report).await? {
        return Ok(());
    }
    for refusal in refusals {
        if seen.insert(refusal.clone()) {
            let event = event(refusal, reporter);
            context.append(&mut transaction, &reporter.actor, event).await?;
        }
    }
    transaction.commit().await?;
    Ok(())
}

/// Notes the report; `false` when it is known already.
async fn noted(
    context: &Context<'_>,
    transaction: &mut Transaction,
    reporter: &Reporter,
    report: Uuid,
) -> Result<bool, ReportError> {
    let machine = &reporter.machine;
    let recent = transaction.observations().reports_since(machine, context.now - HOUR).await?;
    if !transaction.observations().note(machine, report, context.now).await? {
        return Ok(false);
    }
    if recent >= MOST_REPORTS { Err(ReportError::Often) } else { Ok(true) }
}

fn event(refusal: Refusal, reporter: &Reporter) -> Event {
    match refusal {
        Refusal::Connection { from, to, let_through } => {
            let outcome = if let_through { Outcome::Accepted } else { Outcome::Refused };
            Event::ConnectionUnexpected { machine: from, peer: to.to_string(), outcome }
        }
        Refusal::Machine { peer, reason } => {
            Event::MachineRefused { at: reporter.machine.clone(), peer, reason }
        }
        Refusal::Message { sender, reason } => {
            Event::MessageRefused { receiver: reporter.machine.clone(), sender, reason }
        }
    }
}

/// Forgets old reports, and what was not seen for long; how many rows.
pub async fn purge_reports(context: &mut Context<'_>) -> Result<u64, StorageError> {
    let mut transaction = context.storage.begin().await?;
    let reports = transaction.observations().purge_reports(context.now - REPORTS).await?;
    let before = context.now - OBSERVATIONS;
    let seen = transaction.observations().purge(before, MOST_KINDS).await?;
    transaction.commit().await?;
    Ok(reports + seen)
}
