//! One TLS connection to a syslog receiver.
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The longest wait for a connection and its handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the kernel may hold back of what was written, in bytes; Linux doubles it. See [`super::unconfirmed`].
pub(super) const SEND_BUFFER: u32 = 64 * 1024;

/// An open connection.
pub(super) struct Connection(TlsStream<TcpStream>);

impl Connection {
    /// Connects to the first address that answers, and verifies its certificate for `name`.
    pub(super) async fn open(
        connector: &TlsConnector,
        name: ServerName<'static>,
        host: &str,
        port: u16,
    ) -> io::Result<Self> {
        let opened = async {
            let stream = connect(host, port).await?;
            stream.set_nodelay(true)?;
            connector.connect(name, stream).await
        };
        let opened = tokio::time::timeout(PATIENCE, opened).await;
        opened.map_err(io::Error::from)?.map(Self)
    }

    /// To write to.
    pub(super) const fn stream(&mut self) -> &mut TlsStream<TcpStream> {
        &mut self.0
    }

    /// Whether the receiver has ended the connection, as far as we have heard. It never sends anything (RFC 5425 §4.3).
    pub(super) async fn is_closed(&mut self) -> bool {
        poll_fn(|context| {
            let mut bytes = [0; 16];
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = Pin::new(&mut self.0).poll_read(context, &mut buffer);
            Poll::Ready(match read {
                Poll::Ready(Ok(())) => buffer.filled().is_empty(),
                Poll::Ready(Err(_)) => true,
                Poll::Pending => false,
            })
        })
        .await
    }
}

impl Drop for Connection {
    /// Says goodbye (RFC 5425 §4.4) as far as the socket takes it without waiting.
    fn drop(&mut self) {
        let (socket, session) = self.0.get_mut();
        session.send_close_notify();
        let mut goodbye = Vec::new();
        if session.write_tls(&mut goodbye).is_ok() {
            // The connection may be broken: then nobody is left to greet.
            let _ = socket.try_write(&goodbye);
        }
    }
}

async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in lookup_host((host, port)).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.set_keepalive(true)?;
        match socket.connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
