//! A conversation between workstation and phone: [`Channel`] over a [`Connection`], on Tokio's time.
//!
//! A task of its own moves frames, so that heartbeats go on while nobody sends or receives.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use imp_authenticator::link::LINGER;
use imp_authenticator::{
    Channel, ChannelError, ChannelEvent, KnockGate, Message, Peer, Statistics,
};
use imp_identity::Clock;
use rand_core::CryptoRng;
use rustls::{ClientConfig, ServerConfig};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::task::Task;
use super::{Connection, MTU_MAX, MTU_MIN, RadioError};

/// Messages that wait for [`Conversation::receive`]; a peer that sends more breaks the protocol.
const MESSAGE_QUEUE: usize = 16;
/// How long the radio may take to accept one frame.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a conversation did not begin, or is over.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    /// The radio failed, or the link broke.
    #[error("the radio link failed")]
    Radio(#[from] RadioError),
    /// The peer's certificate is not one of this trust domain, of the right kind, or in its time.
    #[error("the peer cannot be trusted")]
    PeerUntrusted(#[source] ChannelError),
    /// The peer does not trust this machine.
    #[error("the peer refuses this machine")]
    Refused(#[source] ChannelError),
    /// The link is up but the peer does not answer (any more).
    #[error("the peer does not answer")]
    PeerLost(#[source] ChannelError),
    /// The peer, or the caller of [`Conversation::send`], broke the protocol.
    #[error("the protocol was broken")]
    Protocol(#[source] ChannelError),
    /// The conversation ended as it should.
    #[error("the conversation has ended")]
    Closed,
}

impl From<ChannelError> for ConversationError {
    fn from(error: ChannelError) -> Self {
        match error {
            ChannelError::Closed => Self::Closed,
            ChannelError::Certificate(_) => Self::PeerUntrusted(error),
            ChannelError::Refused(_) => Self::Refused(error),
            ChannelError::Abandoned
            | ChannelError::Silent
            | ChannelError::Stalled
            | ChannelError::HandshakeTimeout => Self::PeerLost(error),
            ChannelError::Knock
            | ChannelError::Tls(_)
            | ChannelError::Message(_)
            | ChannelError::Unsendable(_)
            | ChannelError::NotEstablished
            | ChannelError::Congested
            | ChannelError::Protocol => Self::Protocol(error),
        }
    }
}

/// An established conversation. Dropping it breaks the link; [`Self::close`] says goodbye.
pub struct Conversation {
    running: Running,
    peer: Peer,
    exporter: [u8; 32],
}

impl Conversation {
    /// The workstation's side: returns when TLS stands.
    pub async fn initiate<R: CryptoRng + Send>(
        connection: Box<dyn Connection>,
        config: Arc<ClientConfig>,
        identifier_key: &[u8; 32],
        clock: Arc<dyn Clock>,
        rng: &mut R,
    ) -> Result<Self, ConversationError> {
        let mtu = connection.mtu().clamp(MTU_MIN, MTU_MAX);
        let channel = Channel::initiate(config, identifier_key, clock.now(), mtu, rng)?;
        Self::establish(connection, channel, clock).await
    }

    /// The phone's side: returns when TLS stands.
    pub async fn respond(
        connection: Box<dyn Connection>,
        config: Arc<ServerConfig>,
        gate: KnockGate,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConversationError> {
        let mtu = connection.mtu().clamp(MTU_MIN, MTU_MAX);
        let channel = Channel::respond(config, gate, mtu);
        Self::establish(connection, channel, clock).await
    }

    async fn establish(
        connection: Box<dyn Connection>,
        channel: Channel,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConversationError> {
        let (established, wait) = oneshot::channel();
        let running = Running::start(connection, channel, clock, established);
        match wait.await {
            Ok((peer, exporter)) => Ok(Self { running, peer, exporter }),
            Err(_) => Err(running.shared.reason()),
        }
    }

    /// Who is at the other end, as its certificate proved.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The TLS exporter value: the same at both ends of this conversation, and in no other.
    pub fn exporter(&self) -> [u8; 32] {
        self.exporter
    }

    /// Queues a message; an error says that it will not be sent. That it arrived, only an answer says.
    #[expect(clippy::unused_async, reason = "callers must not rely on it never waiting")]
    pub async fn send(&mut self, message: &Message) -> Result<(), ConversationError> {
        if self.running.task.0.is_finished() {
            return Err(self.running.shared.reason());
        }
        self.running.shared.channel().send(message)?;
        self.running.shared.wake.notify_one();
        Ok(())
    }

    /// Waits for the next message. Cancel-safe. After the end it always fails.
    pub async fn receive(&mut self) -> Result<Message, ConversationError> {
        match self.running.messages.recv().await {
            Some(message) => Ok(message),
            None => Err(self.running.shared.reason()),
        }
    }

    /// Says goodbye and waits, not long, until what was queued has gone out.
    pub async fn close(mut self) {
        self.running.shared.channel().close();
        self.running.shared.wake.notify_one();
        // A peer that does not acknowledge any more has gone already.
        let _ = timeout(LINGER + SEND_TIMEOUT, &mut self.running.task.0).await;
    }

    /// Whether it has ended, for whatever reason.
    pub fn is_over(&self) -> bool {
        self.running.task.0.is_finished()
    }

    /// What went over the link so far.
    pub fn statistics(&self) -> Statistics {
        self.running.shared.channel().statistics()
    }
}

/// A pump at work, and what it hands over.
struct Running {
    shared: Arc<Shared>,
    messages: mpsc::Receiver<Message>,
    task: Task,
}

impl Running {
    fn start(
        connection: Box<dyn Connection>,
        channel: Channel,
        clock: Arc<dyn Clock>,
        established: oneshot::Sender<(Peer, [u8; 32])>,
    ) -> Self {
        let shared = Arc::new(Shared {
            channel: Mutex::new(channel),
            wake: Notify::new(),
            reason: Mutex::new(None),
            since: Instant::now(),
            clock,
        });
        let (queue, messages) = mpsc::channel(MESSAGE_QUEUE);
        let pump = Pump {
            connection,
            shared: Arc::clone(&shared),
            queue,
            established: Some(established),
            ending: None,
        };
        Self { shared, messages, task: Task::start(pump.run()) }
    }
}

/// What the pump and the conversation share.
struct Shared {
    channel: Mutex<Channel>,
    wake: Notify,
    reason: Mutex<Option<ConversationError>>,
    since: Instant,
    clock: Arc<dyn Clock>,
}

impl Shared {
    fn channel(&self) -> MutexGuard<'_, Channel> {
        self.channel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_frame(&self, frame: &[u8]) {
        let now = self.clock.now();
        self.channel().receive(frame, self.since.elapsed(), now);
    }

    /// Why it ended; told in full once.
    fn reason(&self) -> ConversationError {
        let mut reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        reason.take().unwrap_or(ConversationError::Closed)
    }
}

/// Moves frames between radio and channel until either ends.
struct Pump {
    connection: Box<dyn Connection>,
    shared: Arc<Shared>,
    queue: mpsc::Sender<Message>,
    established: Option<oneshot::Sender<(Peer, [u8; 32])>>,
    /// Set when the channel is over: why, and until when its last frames may take.
    ending: Option<(ConversationError, Instant)>,
}

impl Pump {
    async fn run(mut self) {
        let failure = self.pump().await.err();
        let reason = self.ending.take().map(|(reason, _)| reason).or(failure);
        let well = matches!(reason, None | Some(ConversationError::Closed));
        *self.shared.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason;
        if well {
            self.connection.part().await;
        } else {
            self.connection.close().await;
        }
    }

    async fn pump(&mut self) -> Result<(), ConversationError> {
        loop {
            self.dispatch()?;
            self.flush().await?;
            // Sending may have been the end of it.
            self.dispatch()?;
            let finished = self.shared.channel().is_finished();
            if finished || self.ending.as_ref().is_some_and(|(_, last)| Instant::now() >= *last) {
                return Ok(());
            }
            self.wait().await?;
        }
    }

    /// Sends what the channel wants to send.
    async fn flush(&mut self) -> Result<(), ConversationError> {
        loop {
            let frame = self.shared.channel().transmit(self.shared.since.elapsed());
            let Some(frame) = frame else { return Ok(()) };
            timeout(SEND_TIMEOUT, self.connection.send(&frame))
                .await
                .map_err(|_| RadioError::Timeout("send"))??;
        }
    }

    /// Hands over what happened on the channel.
    fn dispatch(&mut self) -> Result<(), ConversationError> {
        loop {
            let event = self.shared.channel().next_event();
            match event {
                None => return Ok(()),
                Some(ChannelEvent::Established { peer, exporter }) => {
                    if let Some(established) = self.established.take() {
                        established
                            .send((peer, exporter))
                            .map_err(|_| ConversationError::Closed)?;
                    }
                }
                Some(ChannelEvent::Message(message)) => self
                    .queue
                    .try_send(message)
                    .map_err(|_| ConversationError::Protocol(ChannelError::Congested))?,
                Some(ChannelEvent::Closed(error)) => {
                    self.ending = Some((error.into(), Instant::now() + LINGER));
                }
            }
        }
    }

    /// Waits for a frame, for the channel's deadline, or for somebody who wants to send.
    async fn wait(&mut self) -> Result<(), ConversationError> {
        let deadline = self.shared.channel().deadline().map(|elapsed| self.shared.since + elapsed);
        let last = self.ending.as_ref().map(|(_, last)| *last);
        let until = [deadline, last].into_iter().flatten().min();
        tokio::select! {
            frame = self.connection.receive() => {
                let frame = frame?;
                self.take_frame(frame).await?;
            }
            () = sleep_until(until.unwrap_or(self.shared.since)), if until.is_some() => {}
            () = self.shared.wake.notified() => {}
        }
        Ok(())
    }

    async fn take_frame(&mut self, frame: Vec<u8>) -> Result<(), ConversationError> {
        if self.established.is_none() {
            self.shared.take_frame(&frame);
            return Ok(());
        }
        // During the handshake a frame may ask for a signature, and a TPM takes its time.
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || shared.take_frame(&frame))
            .await
            .map_err(|error| RadioError::Failed("take a frame", Box::new(error)).into())
    }
}

#[cfg(test)]
mod tests;
