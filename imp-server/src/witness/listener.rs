//! The witness's listener: few callers, HTTP/1.1, bounded in number and time.
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use imp_service::Shutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

/// The most connections at a time.
const CONNECTIONS: usize = 256;
/// The longest TLS handshake, and the longest wait for a request.
const WAIT: Duration = Duration::from_secs(10);
/// The longest that a connection lives: callers come back.
const LIFE: Duration = Duration::from_mins(5);
/// How long to wait when the system has no file descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Accepts connections until `shutdown`.
pub(super) async fn serve(
    socket: TcpListener,
    router: Router,
    tls: Option<TlsAcceptor>,
    shutdown: Shutdown,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = shutdown.requested() => break,
            accepted = socket.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let (router, tls, stop) = (router.clone(), tls.clone(), shutdown.clone());
        shutdown.spawn(async move {
            if let Err(error) = connection(stream, router, tls, stop).await {
                tracing::debug!(
                    error = error.as_ref() as &dyn std::error::Error,
                    "connection ended"
                );
            }
            drop(place);
        });
    }
}

async fn connection(
    stream: TcpStream,
    router: Router,
    tls: Option<TlsAcceptor>,
    stop: Shutdown,
) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    match tls {
        Some(tls) => {
            let stream = tokio::time::timeout(WAIT, tls.accept(stream)).await??;
            speak(stream, router, stop).await
        }
        None => speak(stream, router, stop).await,
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    stop: Shutdown,
) -> Result<(), Error> {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        router.clone().oneshot(request.map(Body::new))
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(WAIT);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        () = stop.requested() => {}
        () = tokio::time::sleep(LIFE) => {}
    }
    connection.as_mut().graceful_shutdown();
    Ok(tokio::time::timeout(WAIT, connection).await??)
}
