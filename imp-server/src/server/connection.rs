//! One connection: the TLS handshake where there is one, then HTTP/1.1 or HTTP/2.
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::{Request, server};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use imp_authenticator::tls::{CertificateProblem, peer_of};
use imp_identity::device::EnrolmentMeans;
use imp_pki::Certificate;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt as _;

use super::idle::Activity;
use super::listener::{Door, Entrance};
use crate::app;
use crate::command;
use crate::http::caller::PeerCertificate;
use crate::http::est::NewcomerPeer;
use crate::http::limits::{self, PeerAddress};

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
        let address = PeerAddress(stream.peer_addr()?.ip());
        stream.set_nodelay(true)?;
        if door.entrance == Entrance::Anybody {
            return speak(&door, Guest::at(address), stream).await;
        }
        let accepted = tokio::time::timeout(door.handshake_time, handshake(&door, stream)).await?;
        if let Err(error) = &accepted
            && door.entrance == Entrance::Newcomers
        {
            refused_at_the_door(&door, address, error).await;
        }
        let tls = accepted?;
        let guest = guest(&door, address, tls.get_ref().1)?;
        speak(&door, guest, tls).await
    };
    if let Err(error) = served.await {
        tracing::debug!(error = error.as_ref() as &dyn std::error::Error, "connection ended");
    }
}

/// Who is at the other end.
struct Guest {
    address: PeerAddress,
    peer: Option<PeerCertificate>,
    newcomer: Option<NewcomerPeer>,
    is_h2: bool,
}

impl Guest {
    const fn at(address: PeerAddress) -> Self {
        Self { address, peer: None, newcomer: None, is_h2: false }
    }
}

async fn handshake(door: &Door, stream: TcpStream) -> Result<TlsStream<TcpStream>, Error> {
    let (app, rng) = (&door.app, &mut app::rng());
    // A job renews it before it is over; whoever connects only waits when there is none.
    let listener = match app.keys.listener(app.now()) {
        Some(listener) => listener,
        None => command::renew_listener(&mut app.context(rng), &app.keys, &app.clock).await?,
    };
    let config = match door.entrance {
        Entrance::Newcomers => {
            app.keys.know_issuers();
            listener.newcomers.clone()
        }
        Entrance::Machines | Entrance::Anybody => listener.tls.clone(),
    };
    Ok(TlsAcceptor::from(config).accept(stream).await?)
}

fn guest(
    door: &Door,
    address: PeerAddress,
    session: &rustls::ServerConnection,
) -> Result<Guest, Error> {
    let shown = session.peer_certificates();
    let newcomer = match (door.entrance, shown) {
        (Entrance::Newcomers, Some(shown)) => {
            let newcomer = door.app.keys.doorkeeper().who(shown, door.app.now());
            let certificate = shown.first().map(|first| first.to_vec());
            newcomer
                .zip(certificate)
                .map(|(newcomer, certificate)| NewcomerPeer { newcomer, certificate })
        }
        _ => None,
    };
    let peer = if door.entrance == Entrance::Machines { peer(shown)? } else { None };
    let is_h2 = session.alpn_protocol() == Some(b"h2".as_slice());
    Ok(Guest { address, peer, newcomer, is_h2 })
}

/// Records who was not let in to be enrolled, as often as an address may fail.
async fn refused_at_the_door(door: &Door, PeerAddress(address): PeerAddress, error: &Error) {
    let error = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    let error = error.and_then(|error| error.downcast_ref::<rustls::Error>());
    let Some(problem) = error.and_then(CertificateProblem::of) else { return };
    let (app, from) = (&door.app, limits::neighbourhood_of(address));
    if app.limits.before(limits::Limit::Failures, from, app.now()).is_err() {
        return;
    }
    let word = match problem {
        CertificateProblem::UntrustedIssuer => "unknown-issuer",
        CertificateProblem::Expired => "certificate-expired",
        CertificateProblem::NotYetValid => "certificate-not-yet-valid",
        CertificateProblem::WrongKind | CertificateProblem::WrongName => "certificate-wrong-kind",
        CertificateProblem::WrongTrustDomain => "certificate-wrong-trust-domain",
        CertificateProblem::Malformed => "certificate-malformed",
    };
    if !app.newcomers.admit(from.to_string(), word, app.now()) {
        return;
    }
    tracing::info!(word, "refused to enrol");
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let recorded = command::refuse_enrolment(context, None, EnrolmentMeans::Est, word).await;
    if let Err(error) = recorded {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, word, "a refusal was not recorded");
    }
}

async fn speak<S>(door: &Door, guest: Guest, stream: S) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Guest { address, peer, newcomer, is_h2 } = guest;
    let activity = Arc::new(Activity::default());
    let (router, observed) = (door.router.clone(), activity.clone());
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (guard, activity) = (observed.begin(), observed.clone());
        let mut request = request.map(Body::new);
        // Answers that go on for long end with the server.
        request.extensions_mut().insert(door.shutdown.clone());
        request.extensions_mut().insert(address);
        if let Some(newcomer) = newcomer.clone() {
            request.extensions_mut().insert(newcomer);
        }
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
        let mut connection =
            std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
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
        // Some clients that enrol know headers only as RFC 7030 writes them.
        .title_case_headers(door.entrance == Entrance::Newcomers)
        .max_buf_size(usize::try_from(LARGEST_HEAD)?);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        () = over(door, &activity) => connection.as_mut().graceful_shutdown(),
    }
    Ok(tokio::time::timeout(GRACE, connection).await??)
}

/// Completes when the server stops, or when the connection has been silent for too long, or for a moment while others wait.
async fn over(door: &Door, activity: &Activity) {
    tokio::select! {
        () = door.shutdown.requested() => {}
        () = activity.silent_for(door.idle_time) => {}
        () = door.places.wanted(activity) => {}
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
    let parsed = Certificate::parse(first.to_vec())?;
    let (serial, expires_at) = (parsed.serial().to_owned(), parsed.expires_at());
    let mut certificate = imp_oauth::mtls::Certificate::of(first);
    certificate.uris.push(peer.spiffe_id.to_string());
    Ok(Some(PeerCertificate { peer, certificate, serial, expires_at }))
}
