//! What the phone tells an app about itself. Names of machines, people and entries are UUIDs in lower case.
use std::time::SystemTime;

use imp_phone::{ReferenceStatus, Status, VerifiedUse};

use crate::notice::Purpose;

/// The phone is bound.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Bound {
    /// Names the phone.
    pub phone: String,
    /// Whose it is.
    pub user: String,
    /// How she is shown to people.
    pub display_name: String,
    /// The server, `https://host:port`.
    pub server: String,
}

/// What is enrolled.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Enrolled {
    /// Nothing.
    Nothing,
    /// A face.
    Face {
        /// Names the reference.
        reference: String,
        /// The models that made it, as `name@version`.
        model_set: String,
        /// When it was made.
        enrolled_at: SystemTime,
        /// First instant at which it no longer counts.
        expires_at: SystemTime,
    },
    /// Something that cannot be used.
    Unusable {
        /// Why.
        reason: String,
    },
}

/// The phone's state at one instant.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct PhoneStatus {
    /// Whose phone it is; none while it is nobody's.
    pub bound: Option<Bound>,
    /// When the certificate is renewed; none while it is nobody's.
    pub renew_after: Option<SystemTime>,
    /// First instant at which the certificate no longer counts.
    pub expires_at: Option<SystemTime>,
    /// What is enrolled.
    pub enrolled: Enrolled,
    /// Whether an erasure has to be told to the server.
    pub erasure_to_be_told: bool,
    /// Whether it serves.
    pub serving: bool,
    /// Receipts kept.
    pub receipts: u64,
    /// What was refused and kept as evidence: above zero, show `uses`.
    pub refused: u64,
}

/// One entry of the server's log, by its receipt.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Use {
    /// The entry's place in the log, from 0.
    pub index: u64,
    /// What happened, by the event's name.
    pub event: String,
    /// When.
    pub at: SystemTime,
    /// Where, if it was at a workstation.
    pub workstation: Option<String>,
    /// How that workstation is shown to people; may be empty.
    pub workstation_label: String,
    /// What for.
    pub purpose: Option<Purpose>,
    /// The session.
    pub session: Option<String>,
    /// Whether the server's signature, the record, its proof and the log's checkpoint agree.
    pub verified: bool,
    /// What is wrong, when they do not; or what could not be checked.
    pub remark: Option<String>,
}

/// What was refused and set aside as evidence.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct RefusedReceipt {
    /// When.
    pub at: SystemTime,
    /// What was wrong with it.
    pub why: String,
    /// SHA-256 of it, in hexadecimal digits.
    pub digest: String,
}

/// Every use that the phone has a receipt of.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Uses {
    /// In the log's order.
    pub uses: Vec<Use>,
    /// Receipts that are not receipts.
    pub unreadable: u64,
    /// Whether the record was damaged: receipts may be missing after the last one.
    pub damaged: bool,
    /// What was refused.
    pub refused: Vec<RefusedReceipt>,
}

/// How receipt and log agree on a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Standing {
    /// In the log, and this phone has the receipt.
    Proven,
    /// In the log; no receipt is handed out for such an event, or it went to an earlier phone.
    Logged,
    /// In the log; its receipt did not reach this phone.
    ReceiptMissing,
    /// In the log; the server has erased the record, which this phone's receipt still shows.
    Erased,
    /// Somebody tampers, or loses what must not be lost: the remark says which.
    Alarm,
}

/// One use of the owner's face or phone, checked against the log.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct LoggedUse {
    /// The entry's place in the log, from 0.
    pub index: u64,
    /// What happened, by the event's name; none when the record was erased.
    pub event: Option<String>,
    /// When.
    pub at: Option<SystemTime>,
    /// How the workstation is shown to people; may be empty.
    pub workstation_label: String,
    /// What for.
    pub purpose: Option<Purpose>,
    /// Why, for example, a tap was refused.
    pub reason: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// The same in words.
    pub remark: String,
}

/// Every use that the log or a receipt knows of, each checked against the log.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Verification {
    /// Entries in the log.
    pub size: u64,
    /// Entries of the tree that this phone had seen before, of which the log is the continuation.
    pub seen_before: Option<u64>,
    /// In the log's order.
    pub uses: Vec<LoggedUse>,
    /// Whether nothing is wrong with any of it.
    pub sound: bool,
}

/// Whether the server knows.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Told {
    /// There was nothing to tell.
    Nothing,
    /// It does.
    Now,
    /// It could not be told; a serving phone tries again.
    NotYet {
        /// Why.
        reason: String,
    },
}

/// What was erased.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Erased {
    /// Whether there was a face.
    pub face: bool,
    /// Whether binding, device key and receipts are gone too.
    pub everything: bool,
    /// Whether the server knows.
    pub told: Told,
    /// Whether the server accepts this phone no longer: asked for with everything.
    pub revoked: Told,
}

impl From<imp_phone::Bound> for Bound {
    fn from(bound: imp_phone::Bound) -> Self {
        Self {
            phone: bound.phone.to_string(),
            user: bound.user.to_string(),
            display_name: bound.display_name,
            server: bound.server,
        }
    }
}

impl From<Status> for PhoneStatus {
    fn from(status: Status) -> Self {
        let times = status.binding.as_ref().map(|bound| (bound.renew_after, bound.expires_at));
        let (renew_after, expires_at) = times.unzip();
        Self {
            bound: status.binding.map(|bound| Bound {
                phone: bound.phone.to_string(),
                user: bound.user.to_string(),
                display_name: bound.display_name,
                server: bound.server,
            }),
            renew_after: renew_after.map(Into::into),
            expires_at: expires_at.map(Into::into),
            enrolled: match status.reference {
                ReferenceStatus::None => Enrolled::Nothing,
                ReferenceStatus::Enrolled { reference, model_set, enrolled_at, expires_at } => {
                    Enrolled::Face {
                        reference: reference.to_string(),
                        model_set,
                        enrolled_at: enrolled_at.into(),
                        expires_at: expires_at.into(),
                    }
                }
                ReferenceStatus::Unusable { reason } => Enrolled::Unusable { reason },
            },
            erasure_to_be_told: status.erasure_to_be_told,
            serving: status.serving,
            receipts: status.receipts as u64,
            refused: status.refused as u64,
        }
    }
}

impl From<imp_phone::Use> for Use {
    fn from(known: imp_phone::Use) -> Self {
        Self {
            index: known.index,
            event: imp_phone::printable(&known.kind),
            at: known.at.into(),
            workstation: known.workstation.map(|id| id.to_string()),
            workstation_label: match known.workstation {
                Some(_) => imp_phone::printable(&known.workstation_label),
                None => String::new(),
            },
            purpose: known.purpose.map(Into::into),
            session: known.session.map(|id| id.to_string()),
            verified: known.verified,
            remark: known.remark,
        }
    }
}

impl From<imp_phone::Uses> for Uses {
    fn from(uses: imp_phone::Uses) -> Self {
        Self {
            uses: uses.uses.into_iter().map(Into::into).collect(),
            unreadable: uses.unreadable as u64,
            damaged: uses.damaged,
            refused: uses.refused.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<imp_phone::Refused> for RefusedReceipt {
    fn from(refused: imp_phone::Refused) -> Self {
        let imp_phone::Refused { at, why, digest } = refused;
        Self { at: at.into(), why, digest: digest.to_string() }
    }
}

impl From<imp_phone::Standing> for Standing {
    fn from(standing: imp_phone::Standing) -> Self {
        use imp_phone::Standing as Core;
        match standing {
            Core::Proven => Self::Proven,
            Core::Logged => Self::Logged,
            Core::ReceiptMissing => Self::ReceiptMissing,
            Core::Erased => Self::Erased,
            Core::Unlisted
            | Core::NotInLog
            | Core::OtherRecord
            | Core::Forked
            | Core::BadReceipt
            | Core::BadRecord
            | Core::BadProof
            | Core::Malformed
            | Core::SomebodyElse => Self::Alarm,
        }
    }
}

impl From<VerifiedUse> for LoggedUse {
    fn from(used: VerifiedUse) -> Self {
        Self {
            index: used.index,
            event: used.kind.as_deref().map(imp_phone::printable),
            at: used.at.map(Into::into),
            workstation_label: match used.workstation {
                Some(_) => imp_phone::printable(&used.workstation_label),
                None => String::new(),
            },
            purpose: used.purpose.map(Into::into),
            reason: used.reason.as_deref().map(imp_phone::printable),
            standing: used.standing.into(),
            remark: used.remark,
        }
    }
}

impl From<imp_phone::Verification> for Verification {
    fn from(verified: imp_phone::Verification) -> Self {
        Self {
            size: verified.size,
            seen_before: verified.seen_before,
            sound: verified.is_sound(),
            uses: verified.uses.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<imp_phone::Told> for Told {
    fn from(told: imp_phone::Told) -> Self {
        match told {
            imp_phone::Told::Nothing => Self::Nothing,
            imp_phone::Told::Now => Self::Now,
            imp_phone::Told::NotYet(reason) => Self::NotYet { reason },
        }
    }
}

impl From<imp_phone::Erased> for Erased {
    fn from(erased: imp_phone::Erased) -> Self {
        Self {
            face: erased.reference,
            everything: erased.everything,
            told: erased.told.into(),
            revoked: erased.revoked.into(),
        }
    }
}
