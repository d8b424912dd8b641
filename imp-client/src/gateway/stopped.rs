//! Why something does not go through, with a word that applications and people find in answers and logs.
use std::io;

use imp_authenticator::tls::{CertificateProblem, TlsError};
use imp_identity::connection::{MachineRefusal, MessageRefusal};
use imp_message::FrameError;
use imp_message::hl7::Code;

use super::incoming::IncomingError;
use super::outgoing::OutgoingError;

/// Why a connection or a message does not go through.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    #[error("the connection is not expected: {0}")]
    Unexpected(&'static str),
    #[error("the connection policy is not known, and this route fails closed")]
    Undecided,
    #[error("another machine answers there")]
    OtherMachine,
    #[error("the other machine is not trusted")]
    Untrusted(#[source] CertificateProblem),
    #[error("the other machine's certificate was revoked")]
    Revoked,
    #[error("the other machine did not complete the handshake")]
    Handshake(#[source] io::Error),
    #[error("the other side cannot be reached")]
    Unreachable(#[source] io::Error),
    #[error("the other side went away")]
    Gone(#[source] io::Error),
    #[error("the other side did not answer in time")]
    Silent,
    #[error("the receiving gateway refuses the message: {}", .0.code())]
    Refused(MessageRefusal),
    #[error("the answer is refused: {}", .0.code())]
    AnswerRefused(MessageRefusal),
    #[error("the receiving gateway could not deliver the message for sure")]
    Undelivered,
    #[error("the receiving gateway or its application is not available")]
    Unavailable,
    #[error("the other gateway does not follow the protocol")]
    Protocol(#[source] Option<FrameError>),
    #[error("the message cannot be signed")]
    Outgoing(#[from] OutgoingError),
    #[error("the answer cannot be verified")]
    Incoming(#[source] IncomingError),
    #[error("a message that is longer than is allowed")]
    TooLong,
    #[error("the TLS configuration cannot be made")]
    Tls(#[from] TlsError),
}

impl Stopped {
    /// The stable word.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Unexpected(word) => word,
            Self::Undecided => "policy-unknown",
            Self::OtherMachine => "other-machine",
            Self::Untrusted(problem) => machine_refusal(*problem).code(),
            Self::Revoked => MachineRefusal::Revoked.code(),
            Self::Handshake(_) => "handshake",
            Self::Unreachable(_) => "unreachable",
            Self::Gone(_) => "connection-lost",
            Self::Silent => "no-answer",
            Self::Refused(reason) | Self::AnswerRefused(reason) => reason.code(),
            Self::Undelivered => "undelivered",
            Self::Unavailable => "unavailable",
            Self::Protocol(_) => "protocol",
            Self::TooLong => "too-long",
            Self::Outgoing(_) | Self::Incoming(_) | Self::Tls(_) => "internal",
        }
    }

    /// How HL7 says it: whether the application may have the message.
    pub(super) const fn code(&self) -> Code {
        match self {
            Self::Undelivered
            | Self::Gone(_)
            | Self::Silent
            | Self::AnswerRefused(_)
            | Self::Protocol(_)
            | Self::Incoming(_) => Code::Error,
            Self::Unexpected(_)
            | Self::Undecided
            | Self::OtherMachine
            | Self::Untrusted(_)
            | Self::Revoked
            | Self::Handshake(_)
            | Self::Unreachable(_)
            | Self::Refused(_)
            | Self::Unavailable
            | Self::TooLong
            | Self::Outgoing(_)
            | Self::Tls(_) => Code::Reject,
        }
    }
}

/// What is said of a machine whose certificate has this problem.
pub(super) const fn machine_refusal(problem: CertificateProblem) -> MachineRefusal {
    match problem {
        CertificateProblem::UntrustedIssuer | CertificateProblem::WrongTrustDomain => {
            MachineRefusal::UnknownIssuer
        }
        CertificateProblem::Expired => MachineRefusal::Expired,
        CertificateProblem::NotYetValid => MachineRefusal::NotYetValid,
        CertificateProblem::WrongKind
        | CertificateProblem::WrongName
        | CertificateProblem::Malformed => MachineRefusal::Malformed,
    }
}
