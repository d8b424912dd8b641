//! Bytes over the link of the protocol: numbered frames, acknowledged, sent again when they are lost.
use std::time::Duration;

use imp_authenticator::link::{Link, Statistics};
use imp_hardware::ble::{Connection, RadioError};
use tokio::time::{Instant, sleep_until};

/// How long the last acknowledgements may take.
const FAREWELL: Duration = Duration::from_millis(100);

/// One stream each way over a connection.
pub(crate) struct Stream<'a> {
    connection: &'a mut dyn Connection,
    link: Link,
    since: Instant,
}

impl<'a> Stream<'a> {
    /// A new stream; the other end begins one too.
    pub(crate) fn over(connection: &'a mut dyn Connection) -> Self {
        let link = Link::new(connection.mtu(), true);
        Self { connection, link, since: Instant::now() }
    }

    /// Sends so many bytes, until all were acknowledged; how long that took.
    pub(crate) async fn give(mut self, bytes: u32) -> Result<(Duration, Statistics), RadioError> {
        let pattern = (0..=250).cycle().take(bytes as usize).collect::<Vec<u8>>();
        self.link.write(&pattern);
        self.pump(None, |link| link.backlog() == 0).await?;
        Ok((self.since.elapsed(), self.link.statistics()))
    }

    /// Receives so many bytes; how long that took. What is not as it was sent is an error.
    pub(crate) async fn take(mut self, bytes: u32) -> Result<(Duration, Statistics), RadioError> {
        let mut expected = (0..=250_u8).cycle();
        let (mut left, mut whole) = (bytes as usize, true);
        self.pump(None, |link| {
            let came = link.read();
            left = left.saturating_sub(came.len());
            whole &= came.into_iter().all(|byte| expected.next() == Some(byte));
            !whole || left == 0
        })
        .await?;
        let took = self.since.elapsed();
        if !whole {
            return Err(RadioError::Failed("carry bytes as they were", "they were changed".into()));
        }
        // The other end waits for the last acknowledgement.
        self.pump(Some(Instant::now() + FAREWELL), |_| false).await?;
        Ok((took, self.link.statistics()))
    }

    /// Moves frames until it is `enough`, or until some instant.
    async fn pump(
        &mut self,
        until: Option<Instant>,
        mut enough: impl FnMut(&mut Link) -> bool,
    ) -> Result<(), RadioError> {
        loop {
            while let Some(frame) = self.link.transmit(self.since.elapsed()) {
                self.connection.send(&frame).await?;
            }
            if enough(&mut self.link) || until.is_some_and(|until| until <= Instant::now()) {
                return Ok(());
            }
            if self.link.end().is_some() {
                return Err(RadioError::Timeout("carry a stream"));
            }
            let due = self.link.deadline().map(|elapsed| self.since + elapsed);
            let next = [due, until].into_iter().flatten().min().unwrap_or(self.since);
            tokio::select! {
                frame = self.connection.receive() => {
                    self.link.receive(&frame?, self.since.elapsed());
                }
                () = sleep_until(next) => {}
            }
        }
    }
}
