//! The wire between a workstation and its server, which can be pulled.
#![expect(clippy::missing_errors_doc, reason = "a listener on loopback, or none")]
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use imp_service::Shutdown;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What gets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// Questions and answers.
    Everything,
    /// Questions; answers are lost, and the connection with them.
    Questions,
    /// Nothing.
    Nothing,
}

/// A wire. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Wire {
    address: SocketAddr,
    passing: Arc<AtomicU8>,
    pulled: Arc<Notify>,
}

impl Wire {
    /// A wire to `server`, until the shutdown.
    pub async fn to(server: SocketAddr, shutdown: &Shutdown) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let wire = Self { address, passing: Arc::default(), pulled: Arc::default() };
        let (own, token, tasks) = (wire.clone(), shutdown.token(), shutdown.clone());
        shutdown.spawn(async move {
            while let Some(Ok((near, _))) = token.run_until_cancelled(listener.accept()).await {
                let (own, token) = (own.clone(), token.clone());
                tasks
                    .spawn(async move { token.run_until_cancelled(own.relay(near, server)).await });
            }
        });
        Ok(wire)
    }

    /// Where it begins.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets this through from now on.
    pub fn pass(&self, passing: Passing) {
        let number = match passing {
            Passing::Everything => 0,
            Passing::Questions => 1,
            Passing::Nothing => 2,
        };
        self.passing.store(number, Ordering::SeqCst);
        if passing == Passing::Nothing {
            self.pulled.notify_waiters();
        }
    }

    fn passes(&self, at_most: u8) -> bool {
        self.passing.load(Ordering::SeqCst) <= at_most
    }

    async fn relay(&self, near: TcpStream, server: SocketAddr) {
        if !self.passes(1) {
            return;
        }
        let Ok(far) = TcpStream::connect(server).await else { return };
        let pulled = self.pulled.notified();
        let ((near_read, near_write), (far_read, far_write)) =
            (near.into_split(), far.into_split());
        tokio::select! {
            () = self.carry(near_read, far_write, 1) => {}
            () = self.carry(far_read, near_write, 0) => {}
            () = pulled => {}
        }
    }

    /// Carries bytes while they pass.
    async fn carry(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, at_most: u8) {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let Some(bytes) = buffer.get(..read).filter(|_| self.passes(at_most)) else { return };
            if to.write_all(bytes).await.is_err() {
                return;
            }
        }
    }
}
