//! HTTP/1.1: each request and each response is signed, in a field of its own. Bodies are held in memory as a whole, up to the route's limit: a
//! signature is over all of them.
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, HOST, HeaderName};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use imp_identity::connection::MessageRefusal;
use imp_identity::spiffe::SpiffeId;
use imp_message::{Assurance, Authentic, Stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::config::Direction;
use super::incoming::NotTaken;
use super::lanes::Lane;
use super::link;
use super::mllp::{answer_to, stream_of};
use super::outgoing::{OutgoingError, Signed, Unsigned};
use super::shared::{Running, Wanted};
use super::stopped::Stopped;

/// ALPN of HTTP/1.1 (RFC 7301 §6).
const PROTOCOL: &[u8] = b"http/1.1";
/// Carries the detached signature.
const SIGNATURE: HeaderName = HeaderName::from_static("imp-signature");
/// Tells a gateway after which sequence to go on.
const RESUME: HeaderName = HeaderName::from_static("imp-resume");
/// Tells the application who sent the request.
const SENDER: HeaderName = HeaderName::from_static("imp-sender");
/// Tells the application for whom the request was signed.
const ASSURANCE: HeaderName = HeaderName::from_static("imp-assurance");
/// The media type of what says none (RFC 9110 §8.3).
const UNKNOWN_TYPE: &str = "application/octet-stream";
/// Times that a request is signed anew because the receiver does not know what it has seen.
const RESUMPTIONS: u8 = 3;
/// Of one connection and not of the message (RFC 9110 §7.6.1), or ours.
const NOT_CARRIED: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "expect",
    "proxy-authorization",
];

/// A request or response as a whole.
struct Whole<P> {
    parts: P,
    body: Vec<u8>,
}

/// One connection onward, which is opened when it is needed.
type Onward = Mutex<Option<SendRequest<Body>>>;

/// Serves a connection from inside: each request is carried to the peer.
pub(super) async fn serve_inside(
    running: &Arc<Running>,
    tcp: TcpStream,
    lane: &Lane,
) -> Result<(), Stopped> {
    let Some(Direction::Out { peer, .. }) = running.route.direction() else { return Ok(()) };
    let receiver = running.route.receiver.clone().unwrap_or(peer);
    let stream = stream_of(running, lane)?;
    let tunnel =
        Arc::new(Tunnel { running: running.clone(), receiver, stream, onward: Onward::default() });
    serve(running, tcp, move |request| {
        let tunnel = tunnel.clone();
        async move { tunnel.carry(request).await }
    })
    .await
}

/// Serves a connection from outside: each request is verified and given to the application.
pub(super) async fn serve_outside(
    running: &Arc<Running>,
    tcp: TcpStream,
    address: SocketAddr,
) -> Result<(), Stopped> {
    let caller = link::accept(running, tcp, address, PROTOCOL).await?;
    let (running_too, onward) = (running.clone(), Onward::default());
    let desk = Arc::new(Desk { running: running_too, peer: caller.peer, onward });
    serve(running, caller.stream, move |request| {
        let desk = desk.clone();
        async move { desk.receive(request).await }
    })
    .await
}

/// Answers each request on a connection with what `answer` makes of it.
async fn serve<F>(
    running: &Running,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    answer: impl Fn(Request<Incoming>) -> F,
) -> Result<(), Stopped>
where
    F: Future<Output = Result<Response<Body>, Stopped>>,
{
    let service = hyper::service::service_fn(move |request| {
        let answered = answer(request);
        async move {
            let answered = answered.await;
            Ok::<_, Infallible>(answered.unwrap_or_else(|stopped| {
                let word = stopped.word();
                let route = running.route.name.as_str();
                tracing::warn!(route, reason = word, error = %stopped, "a request is not carried");
                running.tally.stopped(word);
                problem(&stopped)
            }))
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(hyper_util::rt::TokioTimer::new())
        .header_read_timeout(running.route.limits.idle())
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let token = running.shared.shutdown.token();
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = token.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    outcome.map_err(|error| Stopped::Gone(std::io::Error::other(error)))
}

/// What an application or another gateway is told (RFC 9457).
fn problem(stopped: &Stopped) -> Response<Body> {
    let status = match stopped {
        Stopped::Unexpected(_)
        | Stopped::Undecided
        | Stopped::OtherMachine
        | Stopped::Untrusted(_)
        | Stopped::Revoked
        | Stopped::Refused(_)
        | Stopped::AnswerRefused(_) => StatusCode::FORBIDDEN,
        Stopped::Silent => StatusCode::GATEWAY_TIMEOUT,
        Stopped::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
        Stopped::Outgoing(_) | Stopped::Incoming(_) | Stopped::Tls(_) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        Stopped::Handshake(_)
        | Stopped::Unreachable(_)
        | Stopped::Gone(_)
        | Stopped::Undelivered
        | Stopped::Unavailable
        | Stopped::Protocol(_) => StatusCode::BAD_GATEWAY,
    };
    let body = serde_json::json!({
        "type": "about:blank",
        "title": stopped.to_string(),
        "status": status.as_u16(),
        "reason": stopped.word(),
    });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// The way to the peer of one connection from inside.
struct Tunnel {
    running: Arc<Running>,
    receiver: SpiffeId,
    stream: Stream,
    onward: Onward,
}

impl Tunnel {
    async fn carry(&self, request: Request<Incoming>) -> Result<Response<Body>, Stopped> {
        // One after the other: the order of the stream is that of the connection.
        let mut onward = self.onward.lock().await;
        let request = whole_request(&self.running, request).await?;
        for _ in 0..RESUMPTIONS {
            let (response, sequence) =
                self.exchange(&mut onward, &request).await.inspect_err(|_| *onward = None)?;
            let headers = &response.parts.headers;
            let resume = headers.get(RESUME).filter(|_| !headers.contains_key(SIGNATURE));
            let resume = resume.and_then(|after| after.to_str().ok());
            if let Some(after) = resume.and_then(|after| after.parse().ok()) {
                self.running.shared.outgoing.resume(&self.stream, after)?;
                continue;
            }
            let answered = self.answered(response, sequence).await?;
            self.running.tally.carried();
            return Ok(answered);
        }
        Err(Stopped::Protocol(None))
    }

    async fn exchange(
        &self,
        onward: &mut Option<SendRequest<Body>>,
        request: &Whole<axum::http::request::Parts>,
    ) -> Result<(Whole<axum::http::response::Parts>, u64), Stopped> {
        let running = &self.running;
        if onward.as_ref().is_some_and(SendRequest::is_closed) {
            *onward = None;
        }
        let us = running.shared.device().identity.spiffe_id.clone();
        match running.route.peers.first() {
            Some(peer) if onward.is_some() => running.still_admits(&us, peer)?,
            Some(_) | None => {}
        }
        let sender = match onward {
            Some(sender) => sender,
            none => none.insert(open(running, link::connect(running, PROTOCOL).await?).await?),
        };
        let unsigned = Unsigned {
            receiver: self.receiver.clone(),
            stream: self.stream.clone(),
            sequence: None,
            content_type: content_type(&request.parts.headers),
            subject: Some(request_line(&request.parts)),
            assurance: running.assurance(),
            payload: request.body.clone(),
        };
        let Signed { signature, sequence, payload } = running.sign(unsigned).await?;
        let mut parts = request.parts.clone();
        parts.headers.insert(SIGNATURE, field(&signature)?);
        let response =
            send(running, sender, Request::from_parts(parts, Body::from(payload))).await?;
        Ok((response, sequence))
    }

    /// Verifies a response. One without a signature is a refusal of the other gateway itself, inside TLS.
    async fn answered(
        &self,
        response: Whole<axum::http::response::Parts>,
        sequence: u64,
    ) -> Result<Response<Body>, Stopped> {
        let Whole { mut parts, body } = response;
        let Some(signature) = parts.headers.remove(SIGNATURE) else {
            return Err(refusal_of(&body));
        };
        let signature = signature.to_str().unwrap_or_default().to_owned();
        let subject = format!("{} {}", answer_to(&self.stream, sequence), parts.status.as_u16());
        let senders = vec![self.receiver.clone()];
        let wanted = Wanted { senders, subject: Some(subject), is_answer: true };
        match self.running.take(signature, body, wanted, &self.receiver).await {
            Ok(taken) if content_type(&parts.headers) == taken.authentic.message().content_type => {
                Ok(Response::from_parts(parts, Body::from(taken.payload)))
            }
            Ok(taken) => {
                let reason = MessageRefusal::Altered;
                self.running.refuse_message(taken.authentic.sender().to_string(), reason);
                Err(Stopped::AnswerRefused(reason))
            }
            Err(NotTaken::Refused(refused)) => Err(Stopped::AnswerRefused(refused.reason)),
            Err(NotTaken::Resume(_)) => Err(Stopped::Protocol(None)),
            Err(NotTaken::Failed(error)) => Err(Stopped::Incoming(error)),
        }
    }
}

/// What the other gateway says when it does not give an answer of its application.
fn refusal_of(body: &[u8]) -> Stopped {
    let said: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let reason = said.as_ref().and_then(|said| said.get("reason")?.as_str());
    match reason {
        Some(word) => word.parse().map_or_else(
            |_| {
                if word == "undelivered" || word == "no-answer" {
                    Stopped::Undelivered
                } else {
                    Stopped::Unavailable
                }
            },
            Stopped::Refused,
        ),
        None => Stopped::Protocol(None),
    }
}

/// Takes requests of one connection to the application.
struct Desk {
    running: Arc<Running>,
    peer: SpiffeId,
    onward: Onward,
}

impl Desk {
    async fn receive(&self, request: Request<Incoming>) -> Result<Response<Body>, Stopped> {
        let mut onward = self.onward.lock().await;
        let running = &self.running;
        let us = running.shared.device().identity.spiffe_id.clone();
        running.still_admits(&self.peer, &us)?;
        let signature = request.headers().get(SIGNATURE).and_then(|field| field.to_str().ok());
        let signature = signature.unwrap_or_default().to_owned();
        let Whole { mut parts, body } = whole_request(running, request).await?;
        let signers = &running.route.signers;
        let senders = if signers.is_empty() { vec![self.peer.clone()] } else { signers.clone() };
        let wanted = Wanted { senders, subject: Some(request_line(&parts)), is_answer: false };
        let taken = match running.take(signature, body, wanted, &self.peer).await {
            Ok(taken) => taken,
            Err(NotTaken::Refused(refused)) => return Err(Stopped::Refused(refused.reason)),
            Err(NotTaken::Resume(after)) => return Ok(resume(after)),
            Err(NotTaken::Failed(error)) => return Err(Stopped::Incoming(error)),
        };
        let message = taken.authentic.message();
        if content_type(&parts.headers) != message.content_type {
            let reason = MessageRefusal::Altered;
            running.refuse_message(message.sender.to_string(), reason);
            return Err(Stopped::Refused(reason));
        }
        parts.headers.insert(SENDER, field(&message.sender.to_string())?);
        parts.headers.insert(
            ASSURANCE,
            HeaderValue::from_static(match message.assurance {
                Assurance::Machine => "machine",
                Assurance::LegacyGateway => "legacy-gateway",
            }),
        );
        let request = Request::from_parts(parts, Body::from(taken.payload));
        let response = self.ask(&mut onward, request).await.inspect_err(|_| *onward = None)?;
        let response = self.sign(&taken.authentic, response).await?;
        running.tally.carried();
        Ok(response)
    }

    async fn ask(
        &self,
        onward: &mut Option<SendRequest<Body>>,
        request: Request<Body>,
    ) -> Result<Whole<axum::http::response::Parts>, Stopped> {
        let running = &self.running;
        let Some(Direction::In { connect, .. }) = running.route.direction() else {
            return Err(Stopped::Unavailable);
        };
        if onward.as_ref().is_some_and(SendRequest::is_closed) {
            *onward = None;
        }
        let sender = match onward {
            Some(sender) => sender,
            none => {
                let patience = running.route.limits.answer();
                let tcp = timeout(patience, TcpStream::connect(connect)).await;
                let tcp = tcp.map_err(|_| Stopped::Silent)?.map_err(Stopped::Unreachable)?;
                tcp.set_nodelay(true).map_err(Stopped::Unreachable)?;
                none.insert(open(running, tcp).await?)
            }
        };
        send(running, sender, request).await
    }

    /// Signs the application's answer, for the request that it answers.
    async fn sign(
        &self,
        request: &Authentic,
        response: Whole<axum::http::response::Parts>,
    ) -> Result<Response<Body>, Stopped> {
        let Whole { mut parts, body } = response;
        let stream = format!("{}/answers", request.stream());
        let stream = stream.parse().map_err(OutgoingError::Stream)?;
        let sequence = request.message().sequence;
        let answer = answer_to(request.stream(), sequence);
        let unsigned = Unsigned {
            receiver: request.sender().clone(),
            stream,
            sequence: Some(sequence),
            content_type: content_type(&parts.headers),
            subject: Some(format!("{answer} {}", parts.status.as_u16())),
            assurance: self.running.assurance(),
            payload: body,
        };
        let signed = self.running.sign(unsigned).await?;
        parts.headers.insert(SIGNATURE, field(&signed.signature)?);
        Ok(Response::from_parts(parts, Body::from(signed.payload)))
    }
}

fn resume(after: u64) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::CONFLICT;
    response.headers_mut().insert(RESUME, HeaderValue::from(after));
    response
}

fn field(text: &str) -> Result<HeaderValue, Stopped> {
    HeaderValue::from_str(text).map_err(|_| Stopped::Protocol(None))
}

/// Begins HTTP on a connection onward.
async fn open(
    running: &Running,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<SendRequest<Body>, Stopped> {
    let gone = |error| Stopped::Gone(std::io::Error::other(error));
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(gone)?;
    let token = running.shared.shutdown.token();
    // It ends with its sender; a gateway that stops waits for answers first, and then for nobody.
    running.shared.shutdown.spawn(async move {
        tokio::select! {
            _ = connection => {}
            () = async { token.cancelled().await; tokio::time::sleep(LINGER).await } => {}
        }
    });
    Ok(sender)
}

/// How long answers have to arrive after the gateway is told to stop.
const LINGER: std::time::Duration = std::time::Duration::from_secs(10);

async fn send(
    running: &Running,
    sender: &mut SendRequest<Body>,
    request: Request<Body>,
) -> Result<Whole<axum::http::response::Parts>, Stopped> {
    let gone = |error| Stopped::Gone(std::io::Error::other(error));
    let patience = running.route.limits.answer();
    let exchange = async {
        sender.ready().await.map_err(gone)?;
        let (mut parts, body) = sender.send_request(request).await.map_err(gone)?.into_parts();
        drop_fields_of_the_connection(&mut parts.headers);
        Ok(Whole { parts, body: bounded(running, body).await? })
    };
    timeout(patience, exchange).await.map_err(|_| Stopped::Silent)?
}

async fn whole_request(
    running: &Running,
    request: Request<Incoming>,
) -> Result<Whole<axum::http::request::Parts>, Stopped> {
    let (mut parts, body) = request.into_parts();
    let line = parts.uri.path_and_query().cloned();
    // What is carried on is the path: which host it is, the route says.
    parts.uri = Uri::from(line.unwrap_or_else(|| PathAndQuery::from_static("/")));
    drop_fields_of_the_connection(&mut parts.headers);
    if !parts.headers.contains_key(HOST) {
        parts.headers.insert(HOST, HeaderValue::from_static("gateway"));
    }
    parts.extensions.clear();
    parts.version = axum::http::Version::HTTP_11;
    let body = timeout(running.route.limits.answer(), bounded(running, body)).await;
    Ok(Whole { parts, body: body.map_err(|_| Stopped::Silent)?? })
}

async fn bounded(running: &Running, body: Incoming) -> Result<Vec<u8>, Stopped> {
    let bytes = to_bytes(Body::new(body), running.route.limits.message()).await;
    bytes.map(Vec::from).map_err(|_| Stopped::TooLong)
}

/// Removes what is of one connection only, and what only a gateway may say.
fn drop_fields_of_the_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all("connection")
        .iter()
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .filter(|name| ![SIGNATURE, CONTENT_TYPE, HOST].contains(name))
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in NOT_CARRIED {
        headers.remove(name);
    }
    for name in [SENDER, ASSURANCE] {
        headers.remove(name);
    }
}

/// The request's media type as it is signed: what it says, or the one of unknown content.
fn content_type(headers: &HeaderMap) -> String {
    let said = headers.get(CONTENT_TYPE).and_then(|field| field.to_str().ok());
    said.filter(|text| !text.is_empty()).unwrap_or(UNKNOWN_TYPE).to_owned()
}

/// What a request's signature stands for beside the body.
fn request_line(parts: &axum::http::request::Parts) -> String {
    format!("{} {}", parts.method, parts.uri)
}
