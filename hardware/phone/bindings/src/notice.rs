//! What happened, for the app to show in its own words.
use std::time::SystemTime;

use imp_identity::tap;
use jiff::tz::TimeZone;

/// What a workstation asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Purpose {
    /// Open a session.
    TapIn,
    /// Resume a suspended session.
    Unlock,
    /// Confirm one act within a session.
    StepUp,
    /// End the session.
    TapOut,
}

impl From<tap::Purpose> for Purpose {
    fn from(purpose: tap::Purpose) -> Self {
        match purpose {
            tap::Purpose::TapIn => Self::TapIn,
            tap::Purpose::Unlock => Self::Unlock,
            tap::Purpose::StepUp => Self::StepUp,
            tap::Purpose::TapOut => Self::TapOut,
        }
    }
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Answer {
    /// The face was released.
    Released,
    /// The phone said that it is there; the face stayed on it.
    Present,
    /// It was declined.
    Declined {
        /// Why, in English.
        reason: String,
    },
}

/// Something that happened. Texts are English; an app that speaks other languages goes by the kind.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Notice {
    /// The phone is on the air.
    Advertising,
    /// A workstation asked for a tap.
    Asked {
        /// What the workstation calls itself: text without control characters.
        workstation: String,
        /// What for.
        purpose: Purpose,
        /// When.
        at: SystemTime,
        /// What the phone answered.
        answer: Answer,
    },
    /// An enrolment desk handed over a face, and it is sealed.
    Enrolled {
        /// The models that made it, as `name@version`.
        model_set: String,
        /// First instant at which it no longer counts.
        expires_at: SystemTime,
    },
    /// An enrolment was declined.
    NotEnrolled {
        /// Why.
        reason: String,
    },
    /// The server's receipt is stored.
    Receipt {
        /// What happened, by the event's name.
        event: String,
        /// Its place in the log.
        index: u64,
        /// Whether the log's key has signed for it; false while this phone does not know that key.
        sealed: bool,
    },
    /// What claimed to be a receipt was refused, and kept as evidence.
    ReceiptRefused {
        /// Why.
        reason: String,
    },
    /// Something connected that is no workstation of this hospital. It got nothing.
    Stranger,
    /// The certificate was renewed.
    Renewed {
        /// First instant at which it no longer counts.
        expires_at: SystemTime,
    },
    /// The server's log has another key now: the hospital should have announced that.
    LogKeyChanged,
    /// The certificate could not be renewed.
    NotRenewed {
        /// Why.
        reason: String,
        /// When it is tried again.
        again_at: SystemTime,
    },
    /// The certificate has expired: the phone has to be bound again.
    CertificateExpired,
    /// The server knows of the erasure.
    ErasureTold,
    /// The server could not be told of the erasure.
    ErasureNotTold {
        /// Why.
        reason: String,
        /// When it is tried again.
        again_at: SystemTime,
    },
    /// The radio failed; it is tried again.
    RadioFailed {
        /// Why.
        reason: String,
    },
    /// The phone no longer serves.
    Stopped,
    /// Something that this version of the app's interface has no word for.
    Other {
        /// One line in plain English.
        sentence: String,
    },
}

impl Notice {
    /// What the phone shows, for an app.
    pub(crate) fn of(notice: &imp_phone::Notice) -> Self {
        use imp_phone::Notice as Told;
        match notice.clone() {
            Told::Advertising => Self::Advertising,
            Told::Asked { workstation, purpose, at, answer } => Self::Asked {
                workstation: imp_phone::printable(&workstation),
                purpose: purpose.into(),
                at: at.into(),
                answer: match answer {
                    imp_phone::Answer::Released => Answer::Released,
                    imp_phone::Answer::Present => Answer::Present,
                    imp_phone::Answer::Declined(reason) => Answer::Declined { reason },
                },
            },
            Told::Enrolled { model_set, expires_at } => {
                Self::Enrolled { model_set, expires_at: expires_at.into() }
            }
            Told::NotEnrolled(reason) => Self::NotEnrolled { reason },
            Told::Receipt { kind, index, sealed } => {
                Self::Receipt { event: imp_phone::printable(&kind), index, sealed }
            }
            Told::ReceiptRefused(reason) => Self::ReceiptRefused { reason },
            Told::Stranger => Self::Stranger,
            Told::Renewed { expires_at } => Self::Renewed { expires_at: expires_at.into() },
            Told::LogKeyChanged => Self::LogKeyChanged,
            Told::NotRenewed { reason, again_at } => {
                Self::NotRenewed { reason, again_at: again_at.into() }
            }
            Told::CertificateExpired => Self::CertificateExpired,
            Told::ErasureTold => Self::ErasureTold,
            Told::ErasureNotTold { reason, again_at } => {
                Self::ErasureNotTold { reason, again_at: again_at.into() }
            }
            Told::RadioFailed(reason) => Self::RadioFailed { reason },
            Told::Stopped => Self::Stopped,
            other => Self::Other { sentence: other.sentence(&TimeZone::UTC) },
        }
    }
}
