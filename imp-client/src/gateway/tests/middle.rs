//! Somebody between two gateways, with a certificate of the installation: an integration engine that went bad.
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use imp_authenticator::tls::Machines;
use imp_message::{Frame, FrameDecoder, frame};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::super::testing::Hospital;

/// What is done to the messages on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mischief {
    None,
    /// One byte of the message is another.
    Alter,
    /// The last message is sent again instead.
    Replay,
    /// The signature is one of another message.
    Swap,
    /// The answer is the one before.
    OldAnswer,
}

/// Stands in the middle.
pub(super) struct Middle {
    pub(super) address: SocketAddr,
    mischief: Arc<Mutex<VecDeque<Mischief>>>,
}

impl Middle {
    pub(super) async fn start(hospital: &Hospital, number: u8, onward: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let machines = hospital.device(number).machines;
        let mischief = Arc::<Mutex<VecDeque<Mischief>>>::default();
        let plan = mischief.clone();
        let serve = async move {
            while let Ok((tcp, _)) = listener.accept().await {
                relay(&machines, tcp, onward, &plan).await;
            }
        };
        super::in_the_background(serve);
        Self { address, mischief }
    }

    /// What is done to the next message.
    pub(super) fn plan(&self, mischief: Mischief) {
        self.mischief.lock().unwrap().push_back(mischief);
    }
}

async fn relay(
    machines: &Machines,
    tcp: TcpStream,
    onward: SocketAddr,
    plan: &Mutex<VecDeque<Mischief>>,
) {
    let (config, _) = machines.accepting(&[frame::PROTOCOL]).unwrap();
    let Ok(mut near) = TlsAcceptor::from(Arc::new(config)).accept(tcp).await else { return };
    let (config, _) = machines.connecting(&[frame::PROTOCOL]).unwrap();
    let tcp = TcpStream::connect(onward).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("gateway").unwrap();
    let mut far = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    let (mut from_near, mut from_far) = (FrameDecoder::new(1 << 20), FrameDecoder::new(1 << 20));
    let (mut last, mut last_answer) = (None, None);
    while let Some(frame) = next(&mut near, &mut from_near).await {
        let mischief = plan.lock().unwrap().pop_front().unwrap_or(Mischief::None);
        let sent = match (mischief, &frame) {
            (Mischief::Alter, Frame::Message { signature, payload }) => {
                let mut payload = payload.clone();
                let at = payload.len() / 2;
                payload[at] ^= 1;
                Frame::Message { signature: signature.clone(), payload }
            }
            (Mischief::Replay, _) => last.clone().unwrap(),
            (Mischief::Swap, Frame::Message { payload, .. }) => {
                let Some(Frame::Message { signature, .. }) = &last else { unreachable!() };
                Frame::Message { signature: signature.clone(), payload: payload.clone() }
            }
            _ => frame.clone(),
        };
        last = Some(frame);
        far.write_all(&sent.to_bytes()).await.unwrap();
        let Some(answer) = next(&mut far, &mut from_far).await else { return };
        let given = if let Mischief::OldAnswer = mischief {
            last_answer.clone().unwrap()
        } else {
            answer.clone()
        };
        last_answer = Some(answer);
        if near.write_all(&given.to_bytes()).await.is_err() {
            return;
        }
    }
}

pub(super) async fn next(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    decoder: &mut FrameDecoder,
) -> Option<Frame> {
    let mut buffer = [0; 4096];
    loop {
        if let Some(frame) = decoder.frame().unwrap() {
            return Some(frame);
        }
        match stream.read(&mut buffer).await.unwrap_or(0) {
            0 => return None,
            read => decoder.feed(&buffer[..read]),
        }
    }
}
