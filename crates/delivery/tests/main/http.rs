//! Push and webhook.
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use imp_delivery::{
    Push, PushSettings, Subscription, TlsSettings, Webhook, WebhookSecret, WebhookSettings,
};
use imp_events::{ConsumeError, Consumer as _};
use imp_identity::{Actor, Event, Secret};
use jiff::SignedDuration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::entries::{Noon, entries, id, now, plain};
use crate::process::Authority;

/// What a receiver got, and what it answers next; without that, 202.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<(Taken, VecDeque<Response<Body>>)>>);

/// Requests, in order.
type Taken = Vec<(HeaderMap, String)>;

impl Receiver {
    async fn start(self) -> String {
        async fn take(
            State(Receiver(state)): State<Receiver>,
            headers: HeaderMap,
            body: String,
        ) -> Response<Body> {
            let mut state = state.lock().unwrap();
            state.0.push((headers, body));
            state.1.pop_front().unwrap_or_else(|| answer(202, ""))
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(take).with_state(self);
        #[expect(
            clippy::disallowed_methods,
            reason = "a receiver that ends with the test's runtime"
        )]
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/events")
    }

    fn answers(&self, answer: Response<Body>) {
        self.0.lock().unwrap().1.push_back(answer);
    }

    fn bodies(&self) -> Vec<String> {
        self.0.lock().unwrap().0.iter().map(|(_, body)| body.clone()).collect()
    }

    fn headers(&self, place: usize) -> HeaderMap {
        self.0.lock().unwrap().0[place].0.clone()
    }
}

fn answer(status: u16, body: &'static str) -> Response<Body> {
    Response::builder().status(status).body(Body::from(body)).unwrap()
}

async fn push_to(receiver: &Receiver) -> Push {
    let endpoint = receiver.clone().start().await.parse().unwrap();
    let authorization = Some(Secret::new("Bearer letmein".to_owned()));
    let settings = PushSettings { endpoint, authorization, tls: TlsSettings::default() };
    Push::new(plain(), &settings, Arc::new(Noon)).unwrap()
}

#[tokio::test]
async fn tokens_are_pushed_in_order_as_rfc_8935_says() {
    let receiver = Receiver::default();
    let push = push_to(&receiver).await;
    push.consume(&entries(0..3)).await.unwrap();
    assert_eq!(receiver.bodies(), ["entry 0", "entry 1", "entry 2"]);
    let headers = receiver.headers(0);
    assert_eq!(headers["content-type"], "application/secevent+jwt");
    assert_eq!(headers["accept"], "application/json");
    assert_eq!(headers["authorization"], "Bearer letmein");
}

#[tokio::test]
async fn after_a_failure_the_batch_goes_on_where_it_stopped() {
    let receiver = Receiver::default();
    let push = push_to(&receiver).await;
    receiver.answers(answer(202, ""));
    receiver.answers(answer(503, ""));
    let batch = entries(5..8);
    let error = push.consume(&batch).await.unwrap_err();
    assert!(matches!(error, ConsumeError::Retry { .. }), "{error}");
    push.consume(&batch).await.unwrap();
    // Shown again, as after a replay, everything goes out again.
    push.consume(&batch).await.unwrap();
    let expected = ["entry 5", "entry 6", "entry 6", "entry 7", "entry 5", "entry 6", "entry 7"];
    assert_eq!(receiver.bodies(), expected);
}

#[tokio::test]
async fn a_token_that_the_receiver_cannot_read_is_poison_and_the_rest_goes_on() {
    let receiver = Receiver::default();
    let push = push_to(&receiver).await;
    receiver.answers(answer(202, ""));
    receiver.answers(answer(400, r#"{"err":"invalid_request","description":"no such claim"}"#));
    let mut batch = entries(5..8);
    let error = push.consume(&batch).await.unwrap_err();
    let why = "the receiver answered 400 invalid_request: no such claim".to_owned();
    assert_eq!(error, ConsumeError::Poison { index: 6, why });
    batch.remove(1);
    push.consume(&batch).await.unwrap();
    assert_eq!(receiver.bodies(), ["entry 5", "entry 6", "entry 7"]);
}

#[tokio::test]
async fn that_an_entry_was_set_aside_is_not_told_to_the_receiver_that_refused_it() {
    let receiver = Receiver::default();
    let push = push_to(&receiver).await;
    let mut batch = entries(5..7);
    let why = "x".to_owned();
    batch[0].record.actor = Actor::Server;
    batch[0].record.event = Event::EventSetAside { consumer: "test".to_owned(), index: 4, why };
    push.consume(&batch).await.unwrap();
    assert_eq!(receiver.bodies(), ["entry 6"]);
}

#[tokio::test]
async fn redirections_are_not_followed_and_waits_are_kept() {
    let (receiver, other) = (Receiver::default(), Receiver::default());
    let push = push_to(&receiver).await;
    let elsewhere = other.clone().start().await;
    let moved = Response::builder().status(307).header("location", elsewhere);
    receiver.answers(moved.body(Body::empty()).unwrap());
    push.consume(&entries(0..1)).await.unwrap_err();
    assert!(other.bodies().is_empty());
    let busy = Response::builder().status(429).header("retry-after", "90");
    receiver.answers(busy.body(Body::empty()).unwrap());
    let error = push.consume(&entries(0..1)).await.unwrap_err();
    let after = Some(SignedDuration::from_secs(90));
    assert!(matches!(error, ConsumeError::Retry { after: found, .. } if found == after));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let receiver = Receiver::default();
    let push = push_to(&receiver).await;
    let endless = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 4096]));
    let endless = Response::builder().status(500).body(Body::from_stream(endless)).unwrap();
    receiver.answers(endless);
    let error = push.consume(&entries(0..1)).await.unwrap_err();
    assert!(matches!(error, ConsumeError::Retry { .. }), "{error}");
}

#[tokio::test]
async fn a_webhook_is_signed_and_named_for_its_event() {
    let receiver = Receiver::default();
    let endpoint = receiver.clone().start().await.parse().unwrap();
    let secret = WebhookSecret::from_random([7; 32]);
    let settings = WebhookSettings { endpoint, secret, tls: TlsSettings::default() };
    let webhook = Webhook::new(plain(), &settings, Arc::new(Noon)).unwrap();
    webhook.consume(&entries(4..5)).await.unwrap();
    assert_eq!(receiver.bodies(), ["entry 4"]);
    let headers = receiver.headers(0);
    assert_eq!(headers["webhook-id"], id(4).to_string());
    assert_eq!(headers["webhook-timestamp"], now().as_second().to_string());
    let signature = headers["webhook-signature"].to_str().unwrap();
    assert_eq!(signature.len(), "v1,".len() + 44, "{signature}");
    assert_eq!(headers["content-type"], "application/json");
}

/// Answers each connection with 202 over TLS.
async fn start_tls(authority: &Authority) -> String {
    use rustls_pki_types::pem::PemObject as _;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};
    let (certificate, key) = authority.issue();
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = rustls::ServerConfig::builder_with_provider(provider.into());
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a receiver that ends with the test's runtime")]
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(socket).await else { continue };
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await;
            let answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    });
    format!("https://{address}/")
}

#[tokio::test]
async fn a_receiver_is_believed_only_if_the_named_authority_vouches_for_it() {
    let authority = Authority::new();
    let endpoint: imp_delivery::Endpoint = start_tls(&authority).await.parse().unwrap();
    let push = |ca: String, subscription: Subscription| {
        let tls = TlsSettings { ca: Some(ca), identity: None };
        let settings = PushSettings { endpoint: endpoint.clone(), authorization: None, tls };
        Push::new(subscription, &settings, Arc::new(Noon)).unwrap()
    };
    push(authority.pem(), plain()).consume(&entries(0..1)).await.unwrap();
    let error = push(Authority::new().pem(), plain()).consume(&entries(0..1)).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}
