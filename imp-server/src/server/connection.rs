//! One connection: the TLS handshake, then HTTP/1.1 or HTTP/2.
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::{Request, server};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use imp_authenticator::tls::peer_of;
use imp_pki::Certificate;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt as _;

use super::idle::Activity;
use super::listener::Door;
use crate::app;
use crate::http::caller::PeerCertificate;
use crate::http::limits::PeerAddress;

/// The longest head of a request, in bytes.
const LARGEST_HEAD: u32 = 16 * 1024;
/// The most requests at a time on one HTTP/2 connection.
const STREAMS: u32 = 64;
/// How long requests under way may take when the connection is to end.
const GRACE: Duration = Duration::from_secs(5);

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Serves one connection to its end. What goes wrong is the client's affair, and logged for debugging only.
pub(super) async fn serve(door: Door, stream: TcpStream) {
    let served = async {
        let tls = tokio::time::timeout(door.handshake_time, handshake(&door, stream)).await??;
        speak(&door, tls).await
    };
    if let Err(error) = served.await {
        tracing::debug!(error = error.as_ref() as &dyn std::error::Error, "connection ended");
    }
}

async fn handshake(door: &Door, stream: TcpStream) -> Result<TlsStream<TcpStream>, Error> {
    stream.set_nodelay(true)?;
    let config = door.app.keys.listener(&door.app.clock, &mut app::rng())?;
    Ok(TlsAcceptor::from(config).accept(stream).await?)
}

async fn speak(door: &Door, tls: TlsStream<TcpStream>) -> Result<(), Error> {
    let (stream, session) = tls.get_ref();
    let address = PeerAddress(stream.peer_addr()?.ip());
    let peer = peer(session.peer_certificates())?;
    let is_h2 = session.alpn_protocol() == Some(b"h2".as_slice());
    let activity = Arc::new(Activity::default());
    let (router, observed) = (door.router.clone(), activity.clone());
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (guard, activity) = (observed.begin(), observed.clone());
        let mut request = request.map(Body::new);
        // Answers that go on for long end with the server.
        request.extensions_mut().insert(door.shutdown.clone());
        request.extensions_mut().insert(address);
        let answered = answer(router.clone(), peer.clone(), request);
        async move {
            let response = answered.await;
            drop(guard);
            response.map(|response| response.map(|body| activity.watch(body)))
        }
    });
    if is_h2 {
        let mut builder = server::conn::http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(LARGEST_HEAD);
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(tls), service));
        tokio::select! {
            ended = connection.as_mut() => return Ok(ended?),
            () = over(door, &activity) => connection.as_mut().graceful_shutdown(),
        }
        return Ok(tokio::time::timeout(GRACE, connection).await??);
    }
    let mut builder = server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(door.idle_time)
        .max_buf_size(usize::try_from(LARGEST_HEAD)?);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(tls), service));
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        () = over(door, &activity) => connection.as_mut().graceful_shutdown(),
    }
    Ok(tokio::time::timeout(GRACE, connection).await??)
}

/// Completes when the server stops, or when the connection has been silent for too long.
async fn over(door: &Door, activity: &Activity) {
    tokio::select! {
        () = door.shutdown.requested() => {}
        () = activity.silent_for(door.idle_time) => {}
    }
}

async fn answer(
    router: Router,
    peer: Option<PeerCertificate>,
    mut request: Request<Body>,
) -> Result<Response, Infallible> {
    if let Some(peer) = peer {
        request.extensions_mut().insert(peer);
    }
    router.oneshot(request).await
}

/// Who is at the other end, from certificates that rustls has verified. A certificate that names no machine is nobody's.
fn peer(
    certificates: Option<&[rustls_pki_types::CertificateDer<'static>]>,
) -> Result<Option<PeerCertificate>, Error> {
    let Some(certificates) = certificates else { return Ok(None) };
    let (Some(peer), Some(first)) = (peer_of(certificates), certificates.first()) else {
        return Ok(None);
    };
    let expires_at = Certificate::parse(first.to_vec())?.expires_at();
    let mut certificate = imp_oauth::mtls::Certificate::of(first);
    certificate.uris.push(peer.spiffe_id.to_string());
    Ok(Some(PeerCertificate { peer, certificate, expires_at }))
}
