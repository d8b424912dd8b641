//! HL7 v2: MLLP inside, signed frames outside, one message after the other.
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use imp_identity::connection::MessageRefusal;
use imp_identity::spiffe::SpiffeId;
use imp_message::hl7::{CONTENT_TYPE, negative_acknowledgement};
use imp_message::{Authentic, Frame, FrameDecoder, Stream, frame};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client;

use super::config::{Direction, RouteLimits};
use super::incoming::NotTaken;
use super::inside::Plain;
use super::lanes::Lane;
use super::link;
use super::outgoing::{OutgoingError, Signed, Unsigned};
use super::shared::{Running, Wanted};
use super::stopped::Stopped;

/// Times that a message is signed anew because the receiver does not know what it has seen.
const RESUMPTIONS: u8 = 3;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Frames over any stream.
struct Framed<S> {
    stream: S,
    decoder: FrameDecoder,
    buffer: Box<[u8; 8192]>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Framed<S> {
    fn new(stream: S, limits: &RouteLimits) -> Self {
        let decoder = FrameDecoder::new(limits.message());
        Self { stream, decoder, buffer: Box::new([0; 8192]) }
    }

    async fn send(&mut self, frame: &Frame) -> Result<(), Stopped> {
        self.stream.write_all(&frame.to_bytes()).await.map_err(Stopped::Gone)?;
        self.stream.flush().await.map_err(Stopped::Gone)
    }

    /// Says goodbye, as TLS wants it (RFC 8446 §6.1). A peer that does not listen any more does not matter.
    async fn close(mut self) {
        let _gone = timeout(GOODBYE, self.stream.shutdown()).await;
    }

    /// The next frame; `None` when the other side is done.
    async fn next(&mut self) -> Result<Option<Frame>, Stopped> {
        loop {
            if let Some(frame) = self.decoder.frame().map_err(|e| Stopped::Protocol(Some(e)))? {
                return Ok(Some(frame));
            }
            let read = self.stream.read(&mut *self.buffer).await.map_err(Stopped::Gone)?;
            if read == 0 {
                return Ok(None);
            }
            self.decoder.feed(&self.buffer[..read]);
        }
    }
}

/// The way to the peer of one connection from inside.
struct Tunnel<'a> {
    running: &'a Running,
    stream: Stream,
    receiver: SpiffeId,
    link: Option<Framed<client::TlsStream<TcpStream>>>,
}

/// Serves a connection from inside: each message is carried to the peer, or refused with the reason.
pub(super) async fn serve_inside(
    running: &Running,
    tcp: TcpStream,
    lane: &Lane,
) -> Result<(), Stopped> {
    let Some(Direction::Out { peer, .. }) = running.route.direction() else { return Ok(()) };
    let stream = stream_of(running, lane)?;
    let receiver = running.route.receiver.clone().unwrap_or(peer);
    let mut tunnel = Tunnel { running, stream, receiver, link: None };
    let mut inside = Plain::new(tcp, running.route.limits);
    let token = running.shared.shutdown.token();
    loop {
        let next = token.run_until_cancelled(inside.next()).await;
        let Some(Some(message)) = next.transpose().map_err(Stopped::Gone)? else {
            tunnel.close().await;
            return Ok(());
        };
        let answer = match tunnel.carry(message).await {
            Ok(answer) => {
                running.tally.carried();
                answer
            }
            Err((stopped, message)) => tunnel.refusal(&stopped, &message),
        };
        inside.send(&answer).await.map_err(Stopped::Gone)?;
    }
}

impl Tunnel<'_> {
    /// What the sender is told.
    fn refusal(&mut self, stopped: &Stopped, message: &[u8]) -> Vec<u8> {
        let word = stopped.word();
        let route = self.running.route.name.as_str();
        tracing::warn!(route, reason = word, error = %stopped, "a message is not carried");
        self.running.tally.stopped(word);
        let now = self.running.shared.now();
        // Unique for as long as anybody remembers, and within the 20 characters of MSH-10.
        let control_id = format!("IMP{}", now.as_microsecond());
        let because = format!("{word}: {stopped}");
        negative_acknowledgement(message, stopped.code(), &because, &control_id, now)
    }

    /// Carries a message to the peer and brings its answer; or says why not, with the message.
    async fn carry(&mut self, message: Vec<u8>) -> Result<Vec<u8>, (Stopped, Vec<u8>)> {
        let mut message = message;
        for _ in 0..RESUMPTIONS {
            let signed = match self.sign(&message).await {
                Ok(signed) => signed,
                Err(stopped) => return Err((stopped, message)),
            };
            match self.exchange(&signed).await {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => message = signed.payload,
                Err(stopped) => {
                    self.link = None;
                    return Err((stopped, signed.payload));
                }
            }
        }
        Err((Stopped::Protocol(None), message))
    }

    async fn sign(&self, message: &[u8]) -> Result<Signed, Stopped> {
        let unsigned = Unsigned {
            receiver: self.receiver.clone(),
            stream: self.stream.clone(),
            sequence: None,
            content_type: CONTENT_TYPE.to_owned(),
            subject: None,
            assurance: self.running.assurance(),
            payload: message.to_vec(),
        };
        Ok(self.running.sign(unsigned).await?)
    }

    /// One message there and one answer back; `None`: it has to be signed anew.
    async fn exchange(&mut self, signed: &Signed) -> Result<Option<Vec<u8>>, Stopped> {
        let link = self.link().await?;
        let (signature, payload) = (signed.signature.clone(), signed.payload.clone());
        link.send(&Frame::Message { signature, payload }).await?;
        let patience = self.running.route.limits.answer();
        let Some(link) = &mut self.link else { return Err(Stopped::Silent) };
        let frame = timeout(patience, link.next()).await.map_err(|_| Stopped::Silent)??;
        match frame {
            Some(Frame::Message { signature, payload }) => {
                self.answered(signed, signature, payload).await.map(Some)
            }
            Some(Frame::Resume(after)) => {
                self.running.shared.outgoing.resume(&self.stream, after)?;
                Ok(None)
            }
            Some(Frame::Refused(reason)) => Err(Stopped::Refused(reason)),
            Some(Frame::Undelivered) => Err(Stopped::Undelivered),
            Some(Frame::Unavailable) => Err(Stopped::Unavailable),
            None => Err(Stopped::Gone(io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// Ends the connection to the peer.
    async fn close(&mut self) {
        if let Some(link) = self.link.take() {
            link.close().await;
        }
    }

    /// The connection to the peer: the one that there is, if the peer still listens and is still expected, or a new one.
    async fn link(&mut self) -> Result<&mut Framed<client::TlsStream<TcpStream>>, Stopped> {
        let running = self.running;
        if self.link.as_ref().is_some_and(|link| is_closed(link.stream.get_ref().0)) {
            self.link = None;
        }
        if self.link.is_some() {
            let (us, peer) = (running.shared.device(), running.route.peers.first());
            if let Some(peer) = peer {
                running.still_admits(&us.identity.spiffe_id, peer)?;
            }
        }
        match &mut self.link {
            Some(link) => Ok(link),
            none => {
                let stream = link::connect(running, frame::PROTOCOL).await?;
                Ok(none.insert(Framed::new(stream, &running.route.limits)))
            }
        }
    }

    async fn answered(
        &self,
        signed: &Signed,
        signature: String,
        payload: Vec<u8>,
    ) -> Result<Vec<u8>, Stopped> {
        let senders = vec![self.receiver.clone()];
        let subject = Some(answer_to(&self.stream, signed.sequence));
        let wanted = Wanted { senders, subject, is_answer: true };
        match self.running.take(signature, payload, wanted, &self.receiver).await {
            Ok(taken) => Ok(taken.payload),
            Err(NotTaken::Refused(refused)) => Err(Stopped::AnswerRefused(refused.reason)),
            // Answers have no place that could be unsure.
            Err(NotTaken::Resume(_)) => Err(Stopped::AnswerRefused(MessageRefusal::Replayed)),
            Err(NotTaken::Failed(error)) => Err(Stopped::Incoming(error)),
        }
    }
}

/// Whether the other side has closed, or says something that nobody asked for, such as that it closes.
fn is_closed(tcp: &TcpStream) -> bool {
    let mut byte = [0];
    let context = &mut std::task::Context::from_waker(std::task::Waker::noop());
    let mut buffer = tokio::io::ReadBuf::new(&mut byte);
    tcp.poll_peek(context, &mut buffer).is_ready()
}

/// The stream of a connection's messages.
pub(super) fn stream_of(running: &Running, lane: &Lane) -> Result<Stream, Stopped> {
    let stream = format!("{}/{}", running.route.name, lane.number());
    stream.parse().map_err(|error| Stopped::Outgoing(OutgoingError::Stream(error)))
}

/// What an answer's signature stands for beside the answer: the message that it answers.
pub(super) fn answer_to(stream: &Stream, sequence: u64) -> String {
    format!("answer to {stream} {sequence}")
}

/// Serves a connection from outside: each message is verified and delivered, or refused with the reason.
pub(super) async fn serve_outside(
    running: &Running,
    tcp: TcpStream,
    address: SocketAddr,
) -> Result<(), Stopped> {
    let caller = link::accept(running, tcp, address, frame::PROTOCOL).await?;
    let limits = running.route.limits;
    let mut outside = Framed::new(caller.stream, &limits);
    let mut desk = Desk { running, peer: caller.peer, application: None };
    let token = running.shared.shutdown.token();
    loop {
        let next = timeout(limits.idle(), outside.next());
        let Some(next) = token.run_until_cancelled(next).await else {
            outside.close().await;
            return Ok(());
        };
        let (signature, payload) = match next.map_err(|_| Stopped::Silent)?? {
            Some(Frame::Message { signature, payload }) => (signature, payload),
            Some(_) => return Err(Stopped::Protocol(None)),
            None => return Ok(()),
        };
        let us = running.shared.device();
        running.still_admits(&desk.peer, &us.identity.spiffe_id)?;
        let frame = desk.receive(signature, payload).await;
        outside.send(&frame).await?;
    }
}

/// Takes messages of one connection to the application.
struct Desk<'a> {
    running: &'a Running,
    peer: SpiffeId,
    application: Option<Plain>,
}

impl Desk<'_> {
    async fn receive(&mut self, signature: String, payload: Vec<u8>) -> Frame {
        let signers = &self.running.route.signers;
        let senders = if signers.is_empty() { vec![self.peer.clone()] } else { signers.clone() };
        let wanted = Wanted { senders, subject: None, is_answer: false };
        let taken = match self.running.take(signature, payload, wanted, &self.peer).await {
            Ok(taken) => taken,
            Err(NotTaken::Refused(refused)) => {
                self.running.tally.stopped(refused.reason.code());
                return Frame::Refused(refused.reason);
            }
            Err(NotTaken::Resume(after)) => return Frame::Resume(after),
            Err(NotTaken::Failed(error)) => {
                tracing::error!(error = %error, "what was received cannot be kept");
                return Frame::Unavailable;
            }
        };
        if taken.authentic.message().content_type != CONTENT_TYPE {
            let (sender, reason) =
                (taken.authentic.sender().to_string(), MessageRefusal::Malformed);
            self.running.refuse_message(sender, reason);
            return Frame::Refused(reason);
        }
        match self.deliver(&taken.payload).await {
            Ok(answer) => self.answer(&taken.authentic, answer).await,
            Err(stopped) => {
                self.application = None;
                let route = self.running.route.name.as_str();
                tracing::warn!(route, error = %stopped, "a message is not delivered");
                self.running.tally.stopped(stopped.word());
                if matches!(stopped, Stopped::Unreachable(_)) {
                    Frame::Unavailable
                } else {
                    Frame::Undelivered
                }
            }
        }
    }

    async fn deliver(&mut self, message: &[u8]) -> Result<Vec<u8>, Stopped> {
        let Some(Direction::In { connect, .. }) = self.running.route.direction() else {
            return Err(Stopped::Unavailable);
        };
        if self.application.as_ref().is_some_and(Plain::is_spent) {
            self.application = None;
        }
        match &mut self.application {
            Some(application) => application.ask(message).await,
            none => {
                let limits = self.running.route.limits;
                let unreachable = |_| Stopped::Unreachable(io::ErrorKind::NotConnected.into());
                let application = Plain::connect(&connect, limits).await.map_err(unreachable)?;
                none.insert(application).ask(message).await
            }
        }
    }

    /// Signs the application's answer.
    async fn answer(&self, message: &Authentic, answer: Vec<u8>) -> Frame {
        let stream = format!("{}/answers", message.stream());
        let signed = match stream.parse() {
            Ok(stream) => {
                let sequence = message.message().sequence;
                let unsigned = Unsigned {
                    receiver: message.sender().clone(),
                    stream,
                    sequence: Some(sequence),
                    content_type: CONTENT_TYPE.to_owned(),
                    subject: Some(answer_to(message.stream(), sequence)),
                    assurance: self.running.assurance(),
                    payload: answer,
                };
                self.running.sign(unsigned).await
            }
            Err(error) => Err(OutgoingError::Stream(error)),
        };
        match signed {
            Ok(Signed { signature, payload, .. }) => {
                self.running.tally.carried();
                Frame::Message { signature, payload }
            }
            Err(error) => {
                tracing::error!(error = %error, "the answer cannot be signed");
                Frame::Undelivered
            }
        }
    }
}
