use std::sync::Arc;

use imp_authenticator::{InvitationUri, tls};
use imp_hardware::keystore::KeystoreConfig;
use imp_identity::{Clock, Digest};
use tokio::net::TcpListener;

use super::hospital::Hospital;
use crate::state::Entry;
use crate::{Bind, BindError, Phone};

const CODE: &str = "7XK2M-0Q8RT-5VW3Y-ZABCD";

fn invitation(server: &str, ca: Digest, code: &str) -> InvitationUri {
    let server = server.replace(':', "%3A").replace('/', "%2F");
    format!("imp:bind?server={server}&ca={ca}&code={code}").parse().unwrap()
}

fn unbound() -> (tempfile::TempDir, Phone) {
    let folder = tempfile::tempdir().unwrap();
    let keys = KeystoreConfig::software(folder.path().join("keys")).open().unwrap();
    let phone = Phone::open(&folder.path().join("phone"), keys).unwrap();
    (folder, phone)
}

/// An address where nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("https://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_server_with_another_root_is_not_given_the_code() {
    let hospital = Hospital::new();
    let (address, received) = hospital.listen().await;
    let (_folder, phone) = unbound();
    let clock: Arc<dyn Clock> = hospital.clock.clone();
    let pinned = Digest::of(&[b"the root of another hospital"]);
    let uri = invitation(&address, pinned, CODE);
    let refused = phone.bind(&uri, Bind::default(), clock).await;
    assert!(matches!(refused, Err(BindError::NotTheServer(..))), "{refused:?}");
    let handshake = received.await.unwrap();
    assert!(handshake.is_err(), "the handshake must not succeed");
}

#[tokio::test]
async fn an_attempt_that_was_interrupted_uses_the_same_key_for_the_same_code() {
    let hospital = Hospital::new();
    let (folder, phone) = unbound();
    let clock: Arc<dyn Clock> = hospital.clock.clone();
    let ca = Digest::of(&[b"root"]);
    let server = nobody().await;
    let attempt = async |phone: &Phone, code| {
        let uri = invitation(&server, ca, code);
        let refused = phone.bind(&uri, Bind::default(), clock.clone()).await;
        assert!(matches!(refused, Err(BindError::Unreachable(..))), "{refused:?}");
        let signer = phone.keystore().load("phone-device-a").unwrap().unwrap();
        signer.public_key().to_vec()
    };
    let first = attempt(&phone, CODE).await;
    drop(phone);
    let keys = KeystoreConfig::software(folder.path().join("keys")).open().unwrap();
    let phone = Phone::open(&folder.path().join("phone"), keys).unwrap();
    assert_eq!(attempt(&phone, CODE).await, first);
    assert_ne!(attempt(&phone, "7XK2M-0Q8RT-5VW3Y-ZABCE").await, first);
    let marker = phone.state().read(Entry::BindingAttempt, 64).unwrap().unwrap();
    assert!(!String::from_utf8(marker).unwrap().contains("7XK2M"), "a code is a secret");
}

#[tokio::test]
async fn a_bound_phone_says_whose_it_is_and_keeps_working_while_it_is_replaced() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    let clock: Arc<dyn Clock> = hospital.clock.clone();
    let uri = invitation(&nobody().await, Digest::of(&[b"root"]), CODE);
    let refused = phone.bind(&uri, Bind::default(), clock.clone()).await;
    assert!(matches!(refused, Err(BindError::AlreadyBound(name)) if name == "Ada"));
    let refused = phone.bind(&uri, Bind { replace: true }, clock).await;
    assert!(matches!(refused, Err(BindError::Unreachable(..))), "{refused:?}");
    let holder = crate::holder::Holder::load(&hospital.open()).unwrap().unwrap();
    holder.release(hospital.now()).unwrap();
}

#[tokio::test]
async fn an_invitation_for_a_workstation_is_refused() {
    let (_folder, phone) = unbound();
    let hospital = Hospital::new();
    let uri = invitation("https://127.0.0.1:1", Digest::of(&[b"root"]), CODE).to_string();
    let uri = uri.replace("imp:bind", "imp:enrol").parse().unwrap();
    let refused = phone.bind(&uri, Bind::default(), hospital.clock.clone()).await;
    assert!(matches!(refused, Err(BindError::OtherPurpose)));
}

impl Hospital {
    /// Listens as this hospital's server; the receiver says how the first handshake ended.
    async fn listen(&self) -> (String, tokio::sync::oneshot::Receiver<std::io::Result<()>>) {
        let (chain, signer, anchors) = self.server();
        let config = tls::server(chain, signer, &anchors, self.clock.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let (ended, end) = tokio::sync::oneshot::channel();
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let accepted = tokio_rustls::TlsAcceptor::from(config).accept(stream).await;
            ended.send(accepted.map(|_| ())).unwrap();
        });
        (address, end)
    }
}
