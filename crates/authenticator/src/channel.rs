//! skeleton
use crate::knock::KnockGate;
use crate::link::Statistics;
use crate::message::{Message, MessageError};
use crate::tls::{CertificateProblem, Peer};
use jiff::Timestamp;
use rand_core::CryptoRng;
use rustls::{ClientConfig, ServerConfig};
use std::sync::Arc;
use std::time::Duration;

/// A conversation between workstation and phone.
pub struct Channel {}

/// What happened on a channel.
#[derive(Debug)]
pub enum ChannelEvent {
    /// TLS stands, and the peer's certificate is good.
    Established {
        /// Who is there.
        peer: Peer,
        /// The TLS exporter value (RFC 8446 §7.5) with the label `EXPORTER-imp-tap`.
        exporter: [u8; 32],
    },
    /// The peer says something.
    Message(Message),
    /// It is over. Always the last event.
    Closed(ChannelError),
}

/// Why a channel is over, or a message cannot be sent.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ChannelError {
    /// The peer said goodbye.
    #[error("the conversation has ended")]
    Closed,
    /// The peer went away in the middle.
    #[error("the peer broke the conversation off")]
    Abandoned,
    /// Nothing was heard from the peer for too long.
    #[error("the peer has fallen silent")]
    Silent,
    /// The peer is there, but nothing that was sent arrives.
    #[error("nothing that is sent arrives at the peer")]
    Stalled,
    /// TLS did not stand in time.
    #[error("the handshake took too long")]
    HandshakeTimeout,
    /// Whoever called does not know this phone: not answered.
    #[error("the caller's knock is not valid")]
    Knock,
    /// The peer's certificate is not accepted.
    #[error("the peer's certificate is not accepted")]
    Certificate(#[source] CertificateProblem),
    /// The peer does not accept our certificate; the alert's name.
    #[error("the peer does not accept this machine's certificate ({0})")]
    Refused(String),
    /// TLS failed otherwise.
    #[error("TLS failed")]
    Tls(#[source] rustls::Error),
    /// The peer sent a message that cannot be understood.
    #[error("the peer sent a message that cannot be understood")]
    Message(#[source] MessageError),
    /// [`Channel::send`]: the message cannot be sent.
    #[error("the message cannot be sent")]
    Unsendable(#[source] MessageError),
    /// [`Channel::send`]: TLS does not stand yet.
    #[error("the conversation is not established yet")]
    NotEstablished,
    /// [`Channel::send`]: too much waits to be sent.
    #[error("too much waits to be sent")]
    Congested,
}

impl Channel {
    /// The workstation's side; the knock is the first thing that is sent.
    pub fn initiate(
        _config: Arc<ClientConfig>,
        _identifier_key: &[u8; 32],
        _now: Timestamp,
        _mtu: usize,
        _rng: &mut impl CryptoRng,
    ) -> Result<Self, ChannelError> {
        unimplemented!()
    }
    /// The phone's side: silent until a good knock came.
    pub fn respond(_config: Arc<ServerConfig>, _gate: KnockGate, _mtu: usize) -> Self {
        unimplemented!()
    }
    /// Takes a frame from the air.
    pub fn receive(&mut self, _frame: &[u8], _elapsed: Duration, _now: Timestamp) {
        unimplemented!()
    }
    /// The next frame to send; call until `None`, after everything else and at the [`deadline`](Self::deadline).
    pub fn transmit(&mut self, _elapsed: Duration) -> Option<Vec<u8>> {
        unimplemented!()
    }
    /// When to call [`transmit`](Self::transmit) next, if nothing happens before; `None` when nothing will.
    pub fn deadline(&self) -> Option<Duration> {
        unimplemented!()
    }
    /// Sends a message.
    pub fn send(&mut self, _message: &Message) -> Result<(), ChannelError> {
        unimplemented!()
    }
    /// What happened; call until `None`.
    pub fn next_event(&mut self) -> Option<ChannelEvent> {
        unimplemented!()
    }
    /// Says goodbye. Go on transmitting until [`is_finished`](Self::is_finished).
    pub fn close(&mut self) {
        unimplemented!()
    }
    /// Whether there will be nothing more to transmit.
    pub fn is_finished(&self) -> bool {
        unimplemented!()
    }
    /// What went over the link so far.
    pub fn statistics(&self) -> Statistics {
        unimplemented!()
    }
}
