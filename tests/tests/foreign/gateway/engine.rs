//! An integration engine between two gateways, with a certificate of the installation, that goes bad.
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use imp_authenticator::tls::Machines;
use imp_message::{Frame, FrameDecoder, frame};
use imp_tests::world::World;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::machines::Enrolled;

/// What is done to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mischief {
    None,
    /// One digit of it is another.
    Alter,
    /// The one before is sent again instead.
    Replay,
    /// It is kept, and the sender is told to try later.
    Hold,
    /// The one that was kept is sent instead.
    Held,
}

/// The engine.
pub(super) struct Engine {
    pub(super) address: SocketAddr,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    plan: VecDeque<Mischief>,
    last: Option<Frame>,
    held: Option<Frame>,
}

impl Engine {
    pub(super) async fn start(middle: &Enrolled, world: &World, onward: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let machines = middle.machines(world);
        let memory = Arc::<Mutex<Memory>>::default();
        let own = memory.clone();
        let serve = async move {
            while let Ok((tcp, _)) = listener.accept().await {
                // It ends when one of the gateways does.
                let _ended = relay(&machines, tcp, onward, &own).await;
            }
        };
        world.shutdown.spawn({
            let token = world.shutdown.token();
            async move { Box::pin(token.run_until_cancelled(serve)).await }
        });
        Self { address, memory }
    }

    /// What is done to the next messages.
    pub(super) fn plan(&self, mischief: &[Mischief]) {
        self.memory.lock().unwrap().plan.extend(mischief);
    }
}

impl Memory {
    /// What is sent instead of a message; `None`: the sender is told to try later.
    fn instead_of(&mut self, frame: Frame) -> Option<Frame> {
        let mischief = self.plan.pop_front().unwrap_or(Mischief::None);
        let sent = match (mischief, &frame) {
            (Mischief::Alter, Frame::Message { signature, payload }) => {
                let text = String::from_utf8(payload.clone()).unwrap().replace("||5.1|", "||1.5|");
                Frame::Message { signature: signature.clone(), payload: text.into_bytes() }
            }
            (Mischief::Replay, _) => self.last.clone().unwrap(),
            (Mischief::Hold, _) => {
                self.held = Some(frame);
                return None;
            }
            (Mischief::Held, _) => self.held.clone().unwrap(),
            (Mischief::None | Mischief::Alter, _) => frame.clone(),
        };
        self.last = Some(frame);
        Some(sent)
    }
}

async fn relay(
    machines: &Machines,
    tcp: TcpStream,
    onward: SocketAddr,
    memory: &Mutex<Memory>,
) -> std::io::Result<()> {
    let (config, _) = machines.accepting(&[frame::PROTOCOL]).unwrap();
    let mut near = TlsAcceptor::from(Arc::new(config)).accept(tcp).await?;
    let (config, _) = machines.connecting(&[frame::PROTOCOL]).unwrap();
    let name = ServerName::try_from("gateway").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut far = connector.connect(name, TcpStream::connect(onward).await?).await?;
    let (mut forth, mut back) = (FrameDecoder::new(1 << 20), FrameDecoder::new(1 << 20));
    let mut buffer = [0; 4096];
    loop {
        while let Some(frame) = forth.frame().unwrap() {
            let instead = memory.lock().unwrap().instead_of(frame);
            let answer = match instead {
                None => Frame::Unavailable,
                Some(sent) => {
                    far.write_all(&sent.to_bytes()).await?;
                    loop {
                        if let Some(answer) = back.frame().unwrap() {
                            break answer;
                        }
                        let read = far.read(&mut buffer).await?;
                        if read == 0 {
                            return Ok(());
                        }
                        back.feed(&buffer[..read]);
                    }
                }
            };
            near.write_all(&answer.to_bytes()).await?;
        }
        let read = near.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        forth.feed(&buffer[..read]);
    }
}
