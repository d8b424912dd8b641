//! The plain side: reading and writing whole MLLP messages, with limits on how long and how much.
use std::io;

use imp_message::mllp::{MllpDecoder, encode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::config::RouteLimits;
use super::stopped::Stopped;

/// A connection with the application or device inside.
pub(super) struct Plain {
    stream: TcpStream,
    decoder: MllpDecoder,
    limits: RouteLimits,
    buffer: Box<[u8; 8192]>,
}

impl Plain {
    pub(super) fn new(stream: TcpStream, limits: RouteLimits) -> Self {
        let decoder = MllpDecoder::new(limits.message());
        Self { stream, decoder, limits, buffer: Box::new([0; 8192]) }
    }

    /// Connects to the application.
    pub(super) async fn connect(place: &str, limits: RouteLimits) -> Result<Self, Stopped> {
        let stream = timeout(limits.answer(), TcpStream::connect(place)).await;
        let stream = stream.map_err(|_| Stopped::Silent)?.map_err(Stopped::Unreachable)?;
        stream.set_nodelay(true).map_err(Stopped::Unreachable)?;
        Ok(Self::new(stream, limits))
    }

    /// The next message; `None` when the other side is done.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, io::Error> {
        loop {
            match self.decoder.message() {
                Ok(Some(message)) => return Ok(Some(message)),
                Ok(None) => {}
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
            let read = timeout(self.limits.idle(), self.stream.read(&mut *self.buffer)).await;
            let read = read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            if read == 0 {
                return Ok(None);
            }
            self.decoder.feed(&self.buffer[..read]);
        }
    }

    /// Sends a message.
    pub(super) async fn send(&mut self, message: &[u8]) -> Result<(), io::Error> {
        let framed = encode(message);
        let written = self.stream.write_all(&framed);
        timeout(self.limits.answer(), written)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// Asks the application: sends a message, and waits for the answer.
    pub(super) async fn ask(&mut self, message: &[u8]) -> Result<Vec<u8>, Stopped> {
        self.send(message).await.map_err(Stopped::Gone)?;
        let answer = timeout(self.limits.answer(), self.next()).await;
        let answer = answer.map_err(|_| Stopped::Silent)?.map_err(Stopped::Gone)?;
        answer.ok_or_else(|| Stopped::Gone(io::ErrorKind::UnexpectedEof.into()))
    }

    /// Whether the other side has closed, or said something that nobody asked for: then it cannot be asked.
    pub(super) fn is_spent(&self) -> bool {
        let mut byte = [0];
        match self.stream.try_read(&mut byte) {
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
            Ok(_) => true,
        }
    }
}
