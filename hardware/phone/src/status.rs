//! What state the phone is in.
use imp_authenticator::identifier;
use imp_identity::spiffe::SpiffeId;
use imp_identity::{PhoneId, ReferenceId, UserId};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::Phone;
use crate::attend::explain;
use crate::evidence;
use crate::holder::{Holder, HolderError};
use crate::journal::RECEIPTS;
use crate::screen::{date, printable};
use crate::state::{Entry, StateError};

/// The phone's state at one instant.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Whose phone it is.
    pub binding: Option<BindingStatus>,
    /// What is enrolled.
    pub reference: ReferenceStatus,
    /// Whether an erasure has to be told to the server.
    pub erasure_to_be_told: bool,
    /// Whether it serves, in this process or another.
    pub serving: bool,
    /// Receipts kept.
    pub receipts: usize,
    /// What was refused and kept as evidence.
    pub refused: usize,
}

/// Whose phone it is.
#[derive(Clone, Debug, Serialize)]
pub struct BindingStatus {
    /// How the owner is shown to people.
    pub display_name: String,
    /// Names the owner.
    pub user: UserId,
    /// The server.
    pub server: String,
    /// Names the phone.
    pub phone: PhoneId,
    /// The name in its certificate.
    pub spiffe_id: SpiffeId,
    /// When it was bound.
    pub bound_at: Timestamp,
    /// When the certificate is renewed.
    pub renew_after: Timestamp,
    /// First instant at which the certificate no longer counts.
    pub expires_at: Timestamp,
    /// What it shows on the air now, in hexadecimal digits.
    pub identifier: String,
    /// First instant at which it shows another.
    pub identifier_until: Option<Timestamp>,
}

/// What is enrolled.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum ReferenceStatus {
    /// Nothing.
    None,
    /// A face.
    Enrolled {
        /// Names the reference.
        reference: ReferenceId,
        /// The models that made it, as `name@version`.
        model_set: String,
        /// When it was made.
        enrolled_at: Timestamp,
        /// First instant at which it no longer counts.
        expires_at: Timestamp,
    },
    /// Something that cannot be used.
    Unusable {
        /// Why.
        reason: String,
    },
}

/// The state cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The binding or its key.
    #[error(transparent)]
    Holder(#[from] HolderError),
    /// The state directory.
    #[error("the state directory cannot be read")]
    State(#[from] StateError),
}

impl Phone {
    /// What state the phone is in at `now`. Blocks.
    pub fn status(&self, now: Timestamp) -> Result<Status, StatusError> {
        let holder = Holder::load(self)?;
        Ok(Status {
            reference: holder.as_ref().map_or(ReferenceStatus::None, reference),
            binding: holder.as_ref().map(|holder| binding(holder, now)),
            erasure_to_be_told: self.state().read(Entry::Erasure, crate::erase::LARGEST)?.is_some(),
            serving: self.is_serving()?,
            receipts: RECEIPTS.load(self.state())?.kept.len(),
            refused: evidence::load(self.state())?.len(),
        })
    }
}

fn binding(holder: &Holder, now: Timestamp) -> BindingStatus {
    let binding = &holder.binding;
    let slot = identifier::slot(now);
    let identifier = identifier::identifier(binding.identifier_key.expose(), slot);
    let end = i64::try_from(slot + 1).ok().map(|slot| slot * identifier::SLOT_SECONDS);
    BindingStatus {
        display_name: binding.display_name.clone(),
        user: binding.user,
        server: binding.server.clone(),
        phone: binding.phone,
        spiffe_id: binding.credentials.spiffe_id.clone(),
        bound_at: binding.bound_at,
        renew_after: binding.credentials.renew_after,
        expires_at: binding.credentials.expires_at,
        identifier: data_encoding::HEXLOWER.encode(&identifier),
        identifier_until: end.and_then(|end| Timestamp::from_second(end).ok()),
    }
}

fn reference(holder: &Holder) -> ReferenceStatus {
    match holder.enrolled() {
        Ok(None) => ReferenceStatus::None,
        Ok(Some((credential, _))) => ReferenceStatus::Enrolled {
            reference: credential.reference,
            model_set: credential.model_set,
            enrolled_at: credential.enrolled_at,
            expires_at: credential.expires_at,
        },
        Err(error) => ReferenceStatus::Unusable { reason: explain(&error) },
    }
}

impl Status {
    /// A few lines for people, with times in `zone`.
    pub fn summary(&self, now: Timestamp, zone: &TimeZone) -> String {
        let mut lines = Vec::new();
        match &self.binding {
            None => lines.push("not bound: run `imp-phone bind` with an invitation".to_owned()),
            Some(binding) => lines.extend(binding.lines(now, zone)),
        }
        lines.push(match &self.reference {
            ReferenceStatus::None => "no face is enrolled".to_owned(),
            ReferenceStatus::Enrolled { model_set, enrolled_at, expires_at, .. } => {
                let until = if now < *expires_at { "valid until" } else { "EXPIRED on" };
                format!(
                    "face enrolled on {} with models {model_set}, {until} {}",
                    date(*enrolled_at, zone),
                    date(*expires_at, zone)
                )
            }
            ReferenceStatus::Unusable { reason } => {
                format!("the enrolled face cannot be used: {reason}")
            }
        });
        if self.erasure_to_be_told {
            lines.push(
                "the server does not know of the erasure yet: it is told when the phone runs"
                    .to_owned(),
            );
        }
        lines.push(match self.refused {
            0 => format!("receipts: {}", self.receipts),
            refused => format!(
                "receipts: {}; ALARM: {refused} refused and kept as evidence, see `imp-phone uses`",
                self.receipts
            ),
        });
        lines.push(if self.serving { "running".to_owned() } else { "not running".to_owned() });
        lines.join("\n") + "\n"
    }
}

impl BindingStatus {
    fn lines(&self, now: Timestamp, zone: &TimeZone) -> [String; 3] {
        let validity = if now < self.expires_at { "valid until" } else { "EXPIRED on" };
        let until = self.identifier_until.map(|at| date(at, zone)).unwrap_or_default();
        [
            format!(
                "bound to {} by {} since {}",
                printable(&self.display_name),
                self.server,
                date(self.bound_at, zone)
            ),
            format!(
                "certificate {}: {validity} {}, renewed from {}",
                self.spiffe_id,
                date(self.expires_at, zone),
                date(self.renew_after, zone)
            ),
            format!("on the air as {} until {until}", self.identifier),
        ]
    }
}
