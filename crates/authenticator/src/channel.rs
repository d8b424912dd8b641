//! A conversation between a workstation and a phone: TLS over a [link](crate::link), and messages over TLS.
//!
//! No input or output. After every [`receive`](Channel::receive), [`send`](Channel::send) and
//! [`close`](Channel::close), and at the [`deadline`](Channel::deadline), call
//! [`transmit`](Channel::transmit) until `None` and put each frame on the air, then
//! [`next_event`](Channel::next_event) until `None`.
use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand_core::CryptoRng;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use zeroize::Zeroizing;

use crate::knock::{self, KnockGate, knock};
use crate::link::{Link, LinkEnd, Statistics};
use crate::message::{Message, MessageError};
use crate::tls::{self, CertificateProblem, Peer};

mod error;
mod reassembly;

pub use error::ChannelError;
pub(crate) use reassembly::Reassembly;

/// How long TLS may take to stand.
pub const HANDSHAKE: Duration = Duration::from_secs(20);
/// The label of the exporter value (RFC 8446 §7.5); the context is absent, the length 32.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-imp-tap";
/// Bytes that may wait to be sent.
const BACKLOG: usize = 256 * 1024;

/// One end of a conversation.
pub struct Channel {
    link: Link,
    side: Side,
    progress: Progress,
    reassembly: Reassembly,
    events: VecDeque<ChannelEvent>,
    handshake_until: Option<Duration>,
}

/// What happened on a channel.
#[derive(Debug)]
pub enum ChannelEvent {
    /// TLS stands, and the peer's certificate is good.
    Established {
        /// Who is there.
        peer: Peer,
        /// The exporter value of this session: both ends have the same, and nobody in between.
        exporter: [u8; 32],
    },
    /// The peer says something.
    Message(Message),
    /// It is over. Always the last event; there is none after a [`close`](Channel::close) on this side.
    Closed(ChannelError),
}

enum Side {
    /// A phone before the knock: silent. TLS begins afterwards.
    Knocked {
        config: Arc<ServerConfig>,
        gate: KnockGate,
        so_far: Vec<u8>,
    },
    Tls(Box<Connection>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Handshake,
    Established,
    Over,
}

impl Channel {
    /// The workstation's side. The knock, for the phone with this identifier key, is the first thing on the air.
    ///
    /// `mtu` is the ATT MTU of the connection: 23 to 517, else the nearest of these; a frame is 3 bytes shorter at least.
    pub fn initiate(
        config: Arc<ClientConfig>,
        identifier_key: &[u8; 32],
        now: Timestamp,
        mtu: usize,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, ChannelError> {
        // Phones are named by their certificates; TLS wants a name, which is not sent.
        let name = ServerName::try_from("phone.imp.invalid")
            .map_err(|_| ChannelError::Tls(rustls::Error::General("no name".to_owned())))?;
        let tls = ClientConnection::new(config, name)?;
        let mut link = Link::new(mtu, true);
        link.write(&knock(identifier_key, now, rng));
        let mut channel = Self::new(link, Side::Tls(Box::new(tls.into())));
        channel.flush();
        Ok(channel)
    }

    /// The phone's side: sends nothing until a knock that `gate` admits has arrived.
    pub fn respond(config: Arc<ServerConfig>, gate: KnockGate, mtu: usize) -> Self {
        let side = Side::Knocked { config, gate, so_far: Vec::with_capacity(knock::LENGTH) };
        Self::new(Link::new(mtu, false), side)
    }

    fn new(link: Link, side: Side) -> Self {
        Self {
            link,
            side,
            progress: Progress::Handshake,
            reassembly: Reassembly::default(),
            events: VecDeque::new(),
            handshake_until: None,
        }
    }

    /// Takes a frame from the air. What is not a frame is counted and dropped.
    pub fn receive(&mut self, frame: &[u8], elapsed: Duration, now: Timestamp) {
        let unheard = matches!(self.side, Side::Knocked { .. });
        if self.progress == Progress::Over && unheard {
            return;
        }
        self.link.receive(frame, elapsed);
        let bytes = self.link.read();
        if self.progress == Progress::Over {
            return; // only so that the peer's last frames are acknowledged
        }
        let outcome = self.take(&bytes, now);
        self.flush();
        match outcome {
            Err(error) => self.end(error),
            Ok(()) if self.link.end() == Some(LinkEnd::PeerClosed) => {
                self.end(ChannelError::Abandoned);
            }
            Ok(()) => {}
        }
    }

    /// The next frame for the air, at most `mtu - 3` bytes.
    pub fn transmit(&mut self, elapsed: Duration) -> Option<Vec<u8>> {
        if self.progress == Progress::Handshake {
            let until = *self.handshake_until.get_or_insert(elapsed + HANDSHAKE);
            if elapsed >= until {
                self.end(ChannelError::HandshakeTimeout);
            }
        }
        let frame = self.link.transmit(elapsed);
        match self.link.end() {
            Some(LinkEnd::Silent) => self.end(ChannelError::Silent),
            Some(LinkEnd::Stalled) => self.end(ChannelError::Stalled),
            Some(LinkEnd::PeerClosed) | None => {}
        }
        frame
    }

    /// When to call [`transmit`](Self::transmit) if nothing happens before; `None` when it is finished.
    pub fn deadline(&self) -> Option<Duration> {
        if self.is_finished() {
            return None;
        }
        let handshake = self.handshake_until.filter(|_| self.progress == Progress::Handshake);
        [self.link.deadline(), handshake].into_iter().flatten().min()
    }

    /// Sends a message, once the channel is established.
    pub fn send(&mut self, message: &Message) -> Result<(), ChannelError> {
        match self.progress {
            Progress::Handshake => return Err(ChannelError::NotEstablished),
            Progress::Established => {}
            Progress::Over => return Err(ChannelError::Closed),
        }
        let body = message.encode().map_err(ChannelError::Unsendable)?;
        if self.link.backlog() + body.len() > BACKLOG {
            return Err(ChannelError::Congested);
        }
        let length = u32::try_from(body.len())
            .map_err(|_| ChannelError::Unsendable(MessageError::TooLong))?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(4 + body.len()));
        bytes.extend(length.to_be_bytes());
        bytes.extend_from_slice(&body);
        let mut rest = bytes.as_slice();
        while let Side::Tls(tls) = &mut self.side
            && !rest.is_empty()
        {
            let count = tls.writer().write(rest).map_err(|error| failure(&error))?;
            rest = &rest[count..];
            self.flush();
        }
        Ok(())
    }

    /// What happened.
    pub fn next_event(&mut self) -> Option<ChannelEvent> {
        self.events.pop_front()
    }

    /// Says goodbye. Go on transmitting until [`is_finished`](Self::is_finished), so that the peer hears it.
    pub fn close(&mut self) {
        if self.progress != Progress::Over {
            self.finish();
        }
    }

    /// Whether it is over and there is nothing more to transmit: at most [`LINGER`](crate::link::LINGER) after the last
    /// of what was sent.
    pub fn is_finished(&self) -> bool {
        let silent = matches!(self.side, Side::Knocked { .. });
        self.progress == Progress::Over && (silent || self.link.is_finished())
    }

    /// What went over the link so far.
    pub fn statistics(&self) -> Statistics {
        self.link.statistics()
    }

    /// Takes the next piece of the peer's stream.
    fn take(&mut self, bytes: &[u8], now: Timestamp) -> Result<(), ChannelError> {
        let mut rest = bytes;
        if let Side::Knocked { config, gate, so_far } = &mut self.side {
            let (knock, later) = rest.split_at(rest.len().min(knock::LENGTH - so_far.len()));
            so_far.extend_from_slice(knock);
            let Ok(knock) = so_far.as_slice().try_into() else { return Ok(()) };
            if !gate.admits(knock, now) {
                return Err(ChannelError::Knock);
            }
            let tls = ServerConnection::new(config.clone())?;
            self.side = Side::Tls(Box::new(tls.into()));
            self.link.speak();
            rest = later;
        }
        while !rest.is_empty() && self.progress != Progress::Over {
            let Side::Tls(tls) = &mut self.side else { return Ok(()) };
            tls.read_tls(&mut rest).map_err(|error| failure(&error))?;
            let state = tls.process_new_packets()?;
            if self.progress == Progress::Handshake && !tls.is_handshaking() {
                let event = established(tls)?;
                self.progress = Progress::Established;
                self.events.push_back(event);
            }
            self.take_plaintext()?;
            if state.peer_has_closed() {
                return Err(ChannelError::Closed);
            }
        }
        Ok(())
    }

    fn take_plaintext(&mut self) -> Result<(), ChannelError> {
        let mut plaintext = Zeroizing::new([0; 4096]);
        loop {
            let Side::Tls(tls) = &mut self.side else { return Ok(()) };
            let count = match tls.reader().read(&mut *plaintext) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(failure(&error)),
            };
            let events = &mut self.events;
            self.reassembly
                .push(&plaintext[..count], |message| {
                    events.push_back(ChannelEvent::Message(message));
                })
                .map_err(ChannelError::Message)?;
        }
    }

    /// Moves what TLS has to say to the link.
    fn flush(&mut self) {
        let Side::Tls(tls) = &mut self.side else { return };
        let mut records = vec![];
        while tls.wants_write() {
            if tls.write_tls(&mut records).is_err() {
                break; // writing to memory does not fail
            }
        }
        self.link.write(&records);
    }

    /// Ends it for a reason, once.
    fn end(&mut self, reason: ChannelError) {
        if self.progress != Progress::Over {
            self.finish();
            self.events.push_back(ChannelEvent::Closed(reason));
        }
    }

    fn finish(&mut self) {
        self.progress = Progress::Over;
        if let Side::Tls(tls) = &mut self.side {
            tls.send_close_notify();
        }
        self.flush();
        self.link.close();
        self.reassembly = Reassembly::default();
    }
}

/// The event of a handshake that is complete.
fn established(tls: &Connection) -> Result<ChannelEvent, ChannelError> {
    if tls.alpn_protocol() != Some(tls::PROTOCOL) {
        return Err(ChannelError::Protocol);
    }
    let peer = tls
        .peer_certificates()
        .and_then(tls::peer_of)
        .ok_or(ChannelError::Certificate(CertificateProblem::Malformed))?;
    let exporter = tls.export_keying_material([0; 32], EXPORTER_LABEL, None)?;
    Ok(ChannelEvent::Established { peer, exporter })
}

fn failure(error: &std::io::Error) -> ChannelError {
    ChannelError::Tls(rustls::Error::General(error.to_string()))
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("progress", &self.progress).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
