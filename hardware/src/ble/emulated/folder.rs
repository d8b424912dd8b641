//! An air between processes: each phone has a Unix socket in a folder.
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};

use super::lane::{Direction, Lane, Wire};
use super::link::EmulatedConnection;
use super::recording::{Passed, Recorder};
use super::script::SharedScript;
use super::{ACCEPT_QUEUE, FRAME_QUEUE, SCAN_INTERVAL, SCAN_QUEUE, socket};
use crate::ble::task::{Task, start};
use crate::ble::{
    Address, Advertisement, Central, Connection, MTU_MAX, MTU_MIN, Peripheral, RadioError,
};

/// How long a phone may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// The most phones that are asked.
const PHONES_MAX: usize = 256;

/// A workstation's radio on a folder's air.
pub struct FolderCentral(PathBuf);

impl FolderCentral {
    /// Listens in `air`, which is made if absent.
    pub fn open(air: &Path) -> Result<Self, RadioError> {
        make_folder(air)?;
        Ok(Self(air.to_owned()))
    }
}

#[async_trait]
impl Central for FolderCentral {
    async fn scan(&self) -> Result<mpsc::Receiver<Advertisement>, RadioError> {
        let (heard, receiver) = mpsc::channel(SCAN_QUEUE);
        let air = self.0.clone();
        start(async move {
            let mut interval = interval(SCAN_INTERVAL);
            loop {
                tokio::select! {
                    () = heard.closed() => return,
                    _ = interval.tick() => {}
                }
                let answers = join_all(sockets(&air).into_iter().map(listen)).await;
                for advertisement in answers.into_iter().flatten() {
                    // A listener that does not keep up misses some, as on a real radio.
                    let _ = heard.try_send(advertisement);
                }
            }
        });
        Ok(receiver)
    }

    async fn connect(&self, address: &Address) -> Result<Box<dyn Connection>, RadioError> {
        let unreachable = |_: io::Error| RadioError::NotInReach(address.clone());
        check_name(address.as_str())?;
        let path = self.0.join(format!("{address}.sock"));
        let greeting = async {
            let mut stream = UnixStream::connect(path).await?;
            stream.write_all(&[socket::CONNECT]).await?;
            let mtu = stream.read_u16().await?;
            Ok((stream, usize::from(mtu)))
        };
        let answer = timeout(ANSWER_TIMEOUT, greeting).await;
        let (stream, mtu) =
            answer.map_err(|_| RadioError::Timeout("connect"))?.map_err(unreachable)?;
        if !(MTU_MIN..=MTU_MAX).contains(&mtu) {
            return Err(RadioError::NoService(address.clone()));
        }
        let (read, write) = stream.into_split();
        let (outbound, to_write) = mpsc::channel(FRAME_QUEUE);
        let (was_read, inbound) = mpsc::channel(FRAME_QUEUE);
        let writer = Task::start(socket::write_frames(to_write, write));
        let reader = Task::start(socket::read_frames(read, was_read));
        Ok(Box::new(EmulatedConnection::new(mtu, outbound, inbound, Some((writer, reader)))))
    }
}

/// Asks one phone; a socket that nobody answers belonged to a process that was killed, and is removed.
async fn listen(path: PathBuf) -> Option<Advertisement> {
    let name = path.file_stem()?.to_str()?.to_owned();
    let answer = timeout(ANSWER_TIMEOUT, async {
        let mut stream = UnixStream::connect(&path).await?;
        socket::ask(&mut stream).await
    });
    match answer.await.ok()? {
        Ok((identifier, rssi)) => {
            Some(Advertisement { address: Address::new(name), identifier, rssi })
        }
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            tracing::debug!(phone = name, "removed the socket of a phone that is gone");
            // Somebody else may have removed it first.
            let _ = fs::remove_file(&path);
            None
        }
        // Not advertising, or going away.
        Err(_) => None,
    }
}

fn sockets(air: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(air) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut sockets: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "sock"))
        .take(PHONES_MAX)
        .collect();
    sockets.sort();
    sockets
}

/// A phone's radio on a folder's air.
pub struct FolderPeripheral {
    socket: PathBuf,
    phone: Arc<Phone>,
    accept: tokio::sync::Mutex<mpsc::Receiver<EmulatedConnection>>,
    listener: Task,
}

struct Phone {
    identifier: Mutex<Option<[u8; 8]>>,
    script: SharedScript,
    recorder: Recorder,
    callers: mpsc::Sender<EmulatedConnection>,
}

impl FolderPeripheral {
    /// Appears in `air` as `name`: makes `name.sock`, plays `name.toml`, and with `record` writes `name.frames`.
    pub fn open(air: &Path, name: &str, record: bool) -> Result<Self, RadioError> {
        make_folder(air)?;
        check_name(name)?;
        let socket = air.join(format!("{name}.sock"));
        let script = SharedScript::of_file(&air.join(format!("{name}.toml")))?;
        let recorder = if record {
            Recorder::to_file(&air.join(format!("{name}.frames")))
                .map_err(|error| RadioError::Failed("record", Box::new(error)))?
        } else {
            Recorder::Off
        };
        let sockets = bind(&socket)?;
        let (callers, accept) = mpsc::channel(ACCEPT_QUEUE);
        let phone = Arc::new(Phone { identifier: Mutex::new(None), script, recorder, callers });
        let listener = Task::start(serve(sockets, Arc::clone(&phone)));
        Ok(Self { socket, phone, accept: tokio::sync::Mutex::new(accept), listener })
    }
}

#[async_trait]
impl Peripheral for FolderPeripheral {
    async fn advertise(&self, identifier: [u8; 8]) -> Result<(), RadioError> {
        *self.phone.identifier.lock().unwrap_or_else(PoisonError::into_inner) = Some(identifier);
        self.phone.recorder.record(Passed::Advertisement(identifier));
        Ok(())
    }

    async fn accept(&self) -> Result<Box<dyn Connection>, RadioError> {
        let connection = self.accept.lock().await.recv().await.ok_or(RadioError::Disconnected)?;
        Ok(Box::new(connection))
    }
}

impl Drop for FolderPeripheral {
    fn drop(&mut self) {
        self.listener.0.abort();
        // It may have been removed together with its folder.
        let _ = fs::remove_file(&self.socket);
    }
}

async fn serve(listener: UnixListener, phone: Arc<Phone>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let phone = Arc::clone(&phone);
                start(async move {
                    // Whoever says nothing in time is not a workstation.
                    let _ = timeout(ANSWER_TIMEOUT, answer(stream, &phone)).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "an emulated phone could not accept");
                tokio::time::sleep(SCAN_INTERVAL).await;
            }
        }
    }
}

async fn answer(mut stream: UnixStream, phone: &Phone) -> io::Result<()> {
    let asked = stream.read_u8().await?;
    let now = phone.script.now();
    let identifier = *phone.identifier.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(identifier) = identifier.filter(|_| !now.absent) else { return Ok(()) };
    match asked {
        socket::ASK if !now.silent => {
            socket::write_advertisement(&mut stream, identifier, now.rssi).await
        }
        socket::CONNECT => {
            let mtu = u16::try_from(now.mtu).map_err(|_| ErrorKind::InvalidData)?;
            stream.write_u16(mtu).await?;
            let connection = link(stream, now.mtu, phone);
            phone.callers.try_send(connection).map_err(|_| ErrorKind::ConnectionRefused.into())
        }
        _ => Ok(()),
    }
}

/// The phone's end: the air is between the socket and the connection.
fn link(stream: UnixStream, mtu: usize, phone: &Phone) -> EmulatedConnection {
    let (read, write) = stream.into_split();
    let wire = Wire::new(phone.script.clone(), phone.recorder.clone());
    let (was_read, up) = mpsc::channel(FRAME_QUEUE);
    let (up_out, inbound) = mpsc::channel(FRAME_QUEUE);
    let (outbound, down) = mpsc::channel(FRAME_QUEUE);
    let (down_out, to_write) = mpsc::channel(FRAME_QUEUE);
    start(Lane::new(Arc::clone(&wire), Direction::ToPhone).run(up, up_out));
    start(Lane::new(wire, Direction::ToWorkstation).run(down, down_out));
    let writer = Task::start(socket::write_frames(to_write, write));
    let reader = Task::start(socket::read_frames(read, was_read));
    EmulatedConnection::new(mtu, outbound, inbound, Some((writer, reader)))
}

fn bind(socket: &Path) -> Result<UnixListener, RadioError> {
    let refuse =
        |error: io::Error| RadioError::Failed("listen on the emulated air", Box::new(error));
    match std::os::unix::net::UnixStream::connect(socket) {
        Ok(_) => {
            let taken = format!("{} is in use by another phone", socket.display());
            return Err(RadioError::Configuration(taken));
        }
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(socket).map_err(refuse)?;
        }
        Err(_) => {}
    }
    UnixListener::bind(socket).map_err(refuse)
}

fn make_folder(air: &Path) -> Result<(), RadioError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(air);
    made.map_err(|error| RadioError::Configuration(format!("{}: {error}", air.display())))
}

/// A name must not lead out of the folder.
fn check_name(name: &str) -> Result<(), RadioError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        let expected = "1 to 64 letters, digits, hyphens and underscores name an emulated phone";
        return Err(RadioError::Configuration(expected.to_owned()));
    }
    Ok(())
}
