//! A patched phone in dishonest hands: what the workstation and the server must refuse. For demonstrations and tests.
use imp_authenticator::{PresenceResponse, ReleasedReference, TapRequest, TapResponse};
use imp_identity::spiffe::Machine;
use imp_identity::{Secret, WorkstationId};
use jiff::{SignedDuration, Timestamp};

use crate::conduct::{Asked, Conduct, Honest, TapError};
use crate::holder::Holder;
use crate::state::Entry;
use crate::vault::VaultError;

/// How the phone cheats.
#[derive(Clone, Debug)]
pub enum Misbehaviour {
    /// Answers honestly once, records the statement, and answers with it from then on.
    Replay,
    /// Releases another template than the enrolled one and says that it is the enrolled one.
    SwapTemplate {
        /// The other template; without one, the enrolled one with one bit of one component flipped.
        template: Option<Secret<Vec<u8>>>,
    },
    /// Releases the enrolled template with another key than its own, which would turn it into another face.
    SwapKey,
    /// Signs a statement for another workstation than the one that asks.
    OtherWorkstation,
    /// Signs a statement for another TLS session, as somebody between phone and workstation would.
    OtherExporter,
    /// Answers requests that have expired, with a time at which they had not.
    ExpiredRequest,
}

impl Conduct for Misbehaviour {
    fn admit(&self, request: &TapRequest, now: Timestamp) -> Result<(), TapError> {
        match self {
            Self::ExpiredRequest => Ok(()),
            Self::Replay
            | Self::SwapTemplate { .. }
            | Self::SwapKey
            | Self::OtherWorkstation
            | Self::OtherExporter => Honest.admit(request, now),
        }
    }

    fn answer(
        &self,
        holder: &Holder,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<TapResponse, TapError> {
        let asked = self.twisted(asked);
        match self {
            Self::Replay => replay(holder, Honest.answer(holder, &asked, now)?),
            Self::SwapTemplate { template } => {
                let TapResponse { statement, reference } = Honest.answer(holder, &asked, now)?;
                let template = template.clone().unwrap_or_else(|| flipped(&reference.template));
                Ok(TapResponse {
                    statement,
                    reference: ReleasedReference { template, ..reference },
                })
            }
            Self::SwapKey => {
                let TapResponse { statement, mut reference } =
                    Honest.answer(holder, &asked, now)?;
                reference.key = reference.key.map(|key| key.expose().map(|byte| !byte).into());
                Ok(TapResponse { statement, reference })
            }
            Self::OtherWorkstation | Self::OtherExporter => Honest.answer(holder, &asked, now),
            Self::ExpiredRequest => Honest.answer(holder, &asked, in_time(&asked, now)),
        }
    }

    fn be_present(
        &self,
        holder: &Holder,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<PresenceResponse, TapError> {
        let asked = self.twisted(asked);
        let now = match self {
            Self::ExpiredRequest => in_time(&asked, now),
            Self::Replay
            | Self::SwapTemplate { .. }
            | Self::SwapKey
            | Self::OtherWorkstation
            | Self::OtherExporter => now,
        };
        Honest.be_present(holder, &asked, now)
    }
}

impl Misbehaviour {
    /// What was asked, as this phone will have it.
    fn twisted(&self, asked: &Asked) -> Asked {
        let mut asked = asked.clone();
        match self {
            Self::OtherWorkstation => {
                let mut id = [0; 16];
                id.copy_from_slice(&asked.request.challenge[..16]);
                asked.workstation.machine = Machine::Workstation(WorkstationId::from_bytes(id));
            }
            Self::OtherExporter => asked.exporter[0] ^= 1,
            Self::Replay | Self::SwapTemplate { .. } | Self::SwapKey | Self::ExpiredRequest => {}
        }
        asked
    }
}

/// A time at which the request still counted.
fn in_time(asked: &Asked, now: Timestamp) -> Timestamp {
    now.min(asked.request.expires_at - SignedDuration::from_secs(1))
}

fn replay(holder: &Holder, honest: TapResponse) -> Result<TapResponse, TapError> {
    let state = holder.phone.state();
    let recorded = state.read(Entry::Recorded, 64 * 1024).map_err(VaultError::from)?;
    if let Some(statement) = recorded {
        return Ok(TapResponse { statement, ..honest });
    }
    state.write(Entry::Recorded, &honest.statement).map_err(VaultError::from)?;
    Ok(honest)
}

/// Another template of the same shape: the lowest bit of a component near the end is flipped.
fn flipped(template: &Secret<Vec<u8>>) -> Secret<Vec<u8>> {
    let mut bytes = template.expose().clone();
    let place = bytes.len().saturating_sub(9);
    if let Some(byte) = bytes.get_mut(place) {
        *byte ^= 1;
    }
    Secret::new(bytes)
}
