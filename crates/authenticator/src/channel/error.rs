//! Why a channel is over, or a message cannot be sent.
use rustls::Error as TlsError;

use crate::message::MessageError;
use crate::tls::CertificateProblem;
use crate::tls::is_about_a_certificate;

/// Why a channel is over, or a message cannot be sent.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ChannelError {
    /// The peer said goodbye.
    #[error("the conversation has ended")]
    Closed,
    /// The peer went away in the middle.
    #[error("the peer broke the conversation off")]
    Abandoned,
    /// Nothing was heard from the peer for [`SILENCE`](crate::link::SILENCE).
    #[error("the peer has fallen silent")]
    Silent,
    /// The peer is there, but for [`STALL`](crate::link::STALL) nothing that was sent arrives.
    #[error("nothing that is sent arrives at the peer")]
    Stalled,
    /// TLS did not stand within [`HANDSHAKE`](crate::channel::HANDSHAKE).
    #[error("the handshake took too long")]
    HandshakeTimeout,
    /// Whoever called does not know this phone: not answered.
    #[error("the caller's knock is not valid")]
    Knock,
    /// The peer's certificate is not accepted.
    #[error("the peer's certificate is not accepted")]
    Certificate(#[source] CertificateProblem),
    /// The peer does not accept our certificate; the name of its alert.
    #[error("the peer does not accept this machine's certificate ({0})")]
    Refused(String),
    /// TLS failed otherwise.
    #[error("TLS failed")]
    Tls(#[source] TlsError),
    /// The peer does not speak `imp-tap/1`.
    #[error("the peer does not speak this version of the protocol")]
    Protocol,
    /// The peer sent a message that cannot be understood.
    #[error("the peer sent a message that cannot be understood")]
    Message(#[source] MessageError),
    /// [`Channel::send`](crate::Channel::send): the message cannot be sent.
    #[error("the message cannot be sent")]
    Unsendable(#[source] MessageError),
    /// [`Channel::send`](crate::Channel::send): TLS does not stand yet.
    #[error("the conversation is not established yet")]
    NotEstablished,
    /// [`Channel::send`](crate::Channel::send): too much waits to be sent.
    #[error("too much waits to be sent")]
    Congested,
}

impl From<TlsError> for ChannelError {
    fn from(error: TlsError) -> Self {
        if let Some(problem) = CertificateProblem::of(&error) {
            return Self::Certificate(problem);
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "rustls may add errors")]
        match error {
            TlsError::AlertReceived(alert) if is_about_a_certificate(alert) => {
                Self::Refused(format!("{alert:?}"))
            }
            TlsError::NoApplicationProtocol => Self::Protocol,
            error => Self::Tls(error),
        }
    }
}
