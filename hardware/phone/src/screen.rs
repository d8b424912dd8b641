//! What the owner sees, and what she is asked.
use async_trait::async_trait;
use imp_identity::name::Label;
use imp_identity::tap::Purpose;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Where the owner reads notices and answers questions.
#[async_trait]
pub trait Screen: Send + Sync {
    /// Shows something that happened.
    fn show(&self, notice: &Notice);

    /// Asks, and waits for the answer. The phone withdraws a question by dropping the future.
    async fn ask(&self, question: &Question) -> bool;
}

/// Shows nothing and agrees to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

#[async_trait]
impl Screen for Silent {
    fn show(&self, _notice: &Notice) {}

    async fn ask(&self, _question: &Question) -> bool {
        false
    }
}

/// A workstation asks for a tap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What the workstation calls itself.
    pub workstation: String,
    /// What for.
    pub purpose: Purpose,
    /// First instant at which the answer no longer counts.
    pub expires_at: Timestamp,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The reference was released.
    Released,
    /// The phone said that it is there; the reference stayed on it.
    Present,
    /// It was not, because of this.
    Declined(String),
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The phone is on the air.
    Advertising,
    /// A workstation asked for a tap.
    Asked {
        /// What the workstation calls itself.
        workstation: String,
        /// What for.
        purpose: Purpose,
        /// When.
        at: Timestamp,
        /// What the phone answered.
        answer: Answer,
    },
    /// An enrolment desk handed over a reference.
    Enrolled {
        /// The models that made it.
        model_set: String,
        /// First instant at which it no longer counts.
        expires_at: Timestamp,
    },
    /// A reference was handed over and not stored, because of this.
    NotEnrolled(String),
    /// The server's receipt arrived.
    Receipt {
        /// What happened, by the event's name.
        kind: String,
        /// Its place in the event log.
        index: u64,
        /// Whether the log's key has signed for it; `false` while this phone does not know that key.
        sealed: bool,
    },
    /// What claimed to be a receipt is not one, because of this.
    ReceiptRefused(String),
    /// Somebody connected that is not a workstation of this hospital.
    Stranger,
    /// The certificate was renewed.
    Renewed {
        /// First instant at which it no longer counts.
        expires_at: Timestamp,
    },
    /// The server says that its log has another key now.
    LogKeyChanged,
    /// The certificate could not be renewed, because of this.
    NotRenewed {
        /// Why.
        reason: String,
        /// When it is tried again.
        again_at: Timestamp,
    },
    /// The certificate has expired.
    CertificateExpired,
    /// The server knows of the erasure.
    ErasureTold,
    /// The server could not be told of the erasure, because of this.
    ErasureNotTold {
        /// Why.
        reason: String,
        /// When it is tried again.
        again_at: Timestamp,
    },
    /// The radio failed, because of this; it is tried again.
    RadioFailed(String),
    /// The phone no longer serves.
    Stopped,
}

impl Notice {
    /// One line in plain words, with times of day in `zone`.
    pub fn sentence(&self, zone: &TimeZone) -> String {
        match self {
            Self::Advertising => "ready: workstations in reach can see this phone".to_owned(),
            Self::Asked { workstation, purpose, at, answer } => {
                let workstation = printable(workstation);
                let purpose = name(*purpose);
                let at = time(*at, zone);
                match answer {
                    Answer::Released => format!("{workstation} asked for {purpose} at {at}: released"),
                    Answer::Present => format!(
                        "{workstation} asked for {purpose} at {at}: this phone alone, without your face"
                    ),
                    Answer::Declined(reason) => {
                        format!("{workstation} asked for {purpose} at {at}: declined ({reason})")
                    }
                }
            }
            Self::Enrolled { model_set, expires_at } => format!(
                "your face is enrolled on this phone (models {model_set}), until {}",
                date(*expires_at, zone)
            ),
            Self::NotEnrolled(reason) => format!("an enrolment was declined: {reason}"),
            Self::Receipt { kind, index, sealed: true } => {
                format!("receipt stored: {}, number {index} in the log, proven", printable(kind))
            }
            Self::Receipt { kind, index, sealed: false } => format!(
                "receipt stored: {}, number {index} in the log (the log's key is not known yet)",
                printable(kind)
            ),
            Self::ReceiptRefused(reason) => {
                format!("a receipt was refused, and kept as evidence: {reason}")
            }
            Self::Stranger => {
                "something connected that is not a workstation of this hospital: nothing was released".to_owned()
            }
            Self::Renewed { expires_at } => {
                format!("certificate renewed, valid until {}", date(*expires_at, zone))
            }
            Self::LogKeyChanged => {
                "ATTENTION: the server's log has a new key; ask the hospital whether that was planned".to_owned()
            }
            Self::NotRenewed { reason, again_at } => {
                format!("certificate not renewed ({reason}); next attempt at {}", time(*again_at, zone))
            }
            Self::CertificateExpired => {
                "the certificate of this phone has expired: bind it again at the enrolment desk".to_owned()
            }
            Self::ErasureTold => "the server has been told of the erasure; its receipt is stored".to_owned(),
            Self::ErasureNotTold { reason, again_at } => format!(
                "the server does not know of the erasure yet ({reason}); next attempt at {}",
                time(*again_at, zone)
            ),
            Self::RadioFailed(reason) => format!("radio trouble ({reason}); trying again"),
            Self::Stopped => "stopped".to_owned(),
        }
    }
}

impl Question {
    /// One line in plain words.
    pub fn sentence(&self) -> String {
        format!("{} asks for {}. Release?", printable(&self.workstation), name(self.purpose))
    }
}

/// `text` as it may be shown: what a workstation calls itself must not steer a terminal.
pub fn printable(text: &str) -> String {
    match text.parse::<Label>() {
        Ok(label) => label.as_str().to_owned(),
        Err(_) => "a workstation without a readable name".to_owned(),
    }
}

fn name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::TapIn => "a tap-in",
        Purpose::Unlock => "an unlock",
        Purpose::StepUp => "a step-up",
        Purpose::TapOut => "a tap-out",
    }
}

fn time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M").to_string()
}

pub(crate) fn date(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_one_plain_line() {
        let at = "2026-11-22T07:12:00Z".parse().unwrap();
        let asked = |workstation: &str, answer| Notice::Asked {
            workstation: workstation.to_owned(),
            purpose: Purpose::TapIn,
            at,
            answer,
        };
        assert_eq!(
            asked("Ward 3, bed 7", Answer::Released).sentence(&TimeZone::UTC),
            "Ward 3, bed 7 asked for a tap-in at 07:12: released"
        );
        let hostile = asked("\x1b[2J\nWard 3", Answer::Declined("it has expired".to_owned()));
        assert_eq!(
            hostile.sentence(&TimeZone::UTC),
            "a workstation without a readable name asked for a tap-in at 07:12: declined (it has expired)"
        );
    }
}
