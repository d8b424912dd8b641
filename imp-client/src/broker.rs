//! Hands the session of the desktop over to the browser that stands on it, so that no login page appears.
//!
//! A tiny HTTP service on the loopback interface. What a web page could try, and what stands against it, is in decision 0011: in short, the
//! broker gives out nothing but a one-time code, which is worth something only in the one browser that the server bound the question to.
mod answer;
mod guard;
mod owner;
mod pace;
mod press;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::{Request, server};
use hyper_util::rt::{TokioIo, TokioTimer};
use imp_api::ClientError;
use imp_api::session::HandOver;
use imp_identity::tap::{Intent, Purpose};
use imp_identity::{InteractionId, Secret};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OnceCell, Semaphore};

use crate::agent::Agent;
use crate::desktop::Desktop;
use crate::tap::{TapCommand, TapReport};
use answer::Page;
use guard::{Asked, Guard};
pub use owner::Accounts;
use pace::Pace;
use press::Presses;

/// Most connections at a time.
const MOST_CONNECTIONS: usize = 8;
/// How long a connection may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest head of a request, in bytes.
const LARGEST_HEAD: usize = 16 * 1024;
/// The longest body of a request, in bytes.
const LARGEST_BODY: usize = 1024;

/// The broker cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("the broker cannot listen at 127.0.0.1:{port}")]
pub struct ListenError {
    port: u16,
    source: std::io::Error,
}

/// What hands sessions over.
struct Broker {
    agent: Arc<Agent>,
    address: SocketAddr,
    accounts: Accounts,
    pace: Pace,
    presses: Presses,
    /// What the server calls itself; asked for once.
    issuer: OnceCell<String>,
}

/// Why no code was made.
enum NotHandedOver {
    /// Nobody is signed in, or the desktop is locked.
    NoSession,
    /// The application requires a tap: the server's sentence.
    StepUpRequired(String),
    /// The question does not exist, or not any more.
    Unknown,
    /// The server does not answer, or not as it should.
    Unreachable,
}

/// Listens on the loopback interface until the agent stops; port 0: any that is free. Returns the address once browsers can connect.
pub async fn serve(agent: &Arc<Agent>) -> Result<SocketAddr, ListenError> {
    let port = agent.config.broker.port;
    let failed = |source| ListenError { port, source };
    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let broker = Arc::new(Broker {
        agent: agent.clone(),
        address,
        accounts: Accounts::new(&agent.config.broker.accounts),
        pace: Pace::default(),
        presses: Presses::default(),
        issuer: OnceCell::new(),
    });
    agent.shutdown.spawn(accept(broker, listener));
    Ok(address)
}

async fn accept(broker: Arc<Broker>, listener: TcpListener) {
    let token = broker.agent.shutdown.token();
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    while let Some(accepted) = token.run_until_cancelled(listener.accept()).await {
        let Ok((stream, peer)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
        let broker = broker.clone();
        broker.agent.clone().shutdown.spawn(async move {
            let _place = place;
            let token = broker.agent.shutdown.token();
            token.run_until_cancelled(connection(&broker, stream, peer)).await;
        });
    }
}

/// One connection, one request.
async fn connection(broker: &Arc<Broker>, stream: TcpStream, peer: SocketAddr) {
    if !broker.accounts.admit(peer, broker.address).await {
        return;
    }
    let answering = broker.clone();
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let broker = answering.clone();
        async move { Ok::<_, Infallible>(broker.answer(request).await) }
    });
    let mut builder = server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .keep_alive(false)
        .max_buf_size(LARGEST_HEAD);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(error = %error, "a connection to the broker ended early");
    }
}

impl Broker {
    async fn answer(&self, request: Request<Incoming>) -> Response {
        if !self.pace.admits(tokio::time::Instant::now()) {
            return answer::refused(429, "Too many questions: wait a moment.");
        }
        let Some(issuer) = self.issuer().await else {
            return answer::refused(502, "The server does not answer.");
        };
        let guard = Guard::new(self.address, issuer);
        let (parts, body) = request.into_parts();
        let asked = match guard.admit(&parts) {
            Ok(asked) => asked,
            Err(refusal) => {
                tracing::warn!(reason = %refusal, "a question to the broker was refused");
                return answer::refused(refusal.status(), &refusal.to_string());
            }
        };
        let answered = match asked {
            Asked::Preflight(wanted) => return answer::preflight(issuer, wanted),
            Asked::Navigate { interaction, step_up } => {
                self.navigated(issuer, interaction, step_up).await
            }
            Asked::Fetch => match read(body).await.as_deref().and_then(guard::interaction) {
                Some(interaction) => self.fetched(issuer, interaction).await,
                None => answer::refused(400, "An interaction is expected."),
            },
            Asked::Press => match read(body).await.as_deref().and_then(guard::press) {
                Some(press) => self.pressed(issuer, &press).await,
                None => answer::refused(400, "A press is expected."),
            },
        };
        answer::sealed(answered)
    }

    /// What the server calls itself: the only origin that may fetch, and where browsers are sent back to.
    async fn issuer(&self) -> Option<&str> {
        let ask = || async {
            let issuer = match &self.agent.config.broker.issuer {
                Some(issuer) => issuer.clone(),
                None => self.agent.server.issuer().await.ok()?,
            };
            guard::origin(&issuer)
        };
        let asked = self.issuer.get_or_try_init(|| async { ask().await.ok_or(()) }).await;
        asked.ok().map(String::as_str)
    }

    /// A browser came by itself: it is sent back, with a code or with what is in the way.
    async fn navigated(&self, issuer: &str, interaction: InteractionId, step_up: bool) -> Response {
        match self.hand_over(interaction).await {
            Ok(code) => answer::back(issuer, interaction, "handover", code.expose()),
            Err(NotHandedOver::StepUpRequired(asked)) if step_up => {
                self.ask_for_press(issuer, (interaction, asked), None)
            }
            Err(why) => answer::back(issuer, interaction, "desktop", why.code()),
        }
    }

    /// A page of the server asked.
    async fn fetched(&self, issuer: &str, interaction: InteractionId) -> Response {
        match self.hand_over(interaction).await {
            Ok(code) => answer::code(issuer, &code),
            Err(why) => answer::problem(issuer, why.status(), why.code()),
        }
    }

    /// Somebody pressed on our own page: only that starts a tap.
    async fn pressed(&self, issuer: &str, press: &str) -> Response {
        let taken = self.presses.take(press, tokio::time::Instant::now());
        let Some((interaction, asked)) = taken else {
            return answer::refused(403, "This page is out of date: go back and begin again.");
        };
        let Desktop::Open(session) = self.agent.desktop() else {
            return answer::back(issuer, interaction, "desktop", NotHandedOver::NoSession.code());
        };
        let (purpose, user) = (Some(Purpose::StepUp), Some(session.username));
        let command = TapCommand { purpose, user, intent: Intent::Screen, phone_alone: false };
        let report = self.agent.tap(command).await;
        if !report.accepted() {
            return self.ask_for_press(issuer, (interaction, asked), Some(&report));
        }
        match self.hand_over(interaction).await {
            Ok(code) => answer::back(issuer, interaction, "handover", code.expose()),
            Err(why) => answer::back(issuer, interaction, "desktop", why.code()),
        }
    }

    fn ask_for_press(
        &self,
        issuer: &str,
        (interaction, asked): (InteractionId, String),
        failed: Option<&TapReport>,
    ) -> Response {
        let Desktop::Open(session) = self.agent.desktop() else {
            return answer::refused(409, "Nobody is signed in at this workstation.");
        };
        let now = tokio::time::Instant::now();
        let press = self.presses.offer(interaction, asked.clone(), now);
        let sorry = failed.map(TapReport::explain);
        let (name, sorry) = (session.display_name.as_str(), sorry.as_deref());
        answer::page(issuer, &Page { name, press: &press, asked: &asked, sorry })
    }

    async fn hand_over(&self, interaction: InteractionId) -> Result<Secret<String>, NotHandedOver> {
        // The server may not know yet that the desktop is locked; where the browser stands it learns in any case.
        let locked = self.agent.desktop().is_locked();
        match self.agent.server.hand_over(&HandOver { interaction, locked }).await {
            Ok(_) | Err(_) if locked => Err(NotHandedOver::NoSession),
            Ok(handed) => Ok(handed.code),
            Err(error) => Err(NotHandedOver::from(error)),
        }
    }
}

impl NotHandedOver {
    const fn code(&self) -> &'static str {
        match self {
            Self::NoSession => "no-session",
            Self::StepUpRequired(_) => "step-up-required",
            Self::Unknown => "not-found",
            Self::Unreachable => "unreachable",
        }
    }

    const fn status(&self) -> u16 {
        match self {
            Self::NoSession => 409,
            Self::StepUpRequired(_) => 403,
            Self::Unknown => 404,
            Self::Unreachable => 502,
        }
    }
}

impl From<ClientError> for NotHandedOver {
    fn from(error: ClientError) -> Self {
        let problem = error.problem();
        match problem.map(imp_api::Problem::code) {
            Some("no-session") => Self::NoSession,
            Some("step-up-required") => {
                Self::StepUpRequired(problem.map_or_else(String::new, |said| said.title.clone()))
            }
            Some("not-found") => Self::Unknown,
            Some(_) | None => {
                tracing::warn!(error = %error, "the session cannot be handed over");
                Self::Unreachable
            }
        }
    }
}

/// The body, if it comes in time and is short.
async fn read(body: Incoming) -> Option<Vec<u8>> {
    let reading = axum::body::to_bytes(Body::new(body), LARGEST_BODY);
    let read = tokio::time::timeout(PATIENCE, reading).await.ok()?;
    read.ok().map(Vec::from)
}
