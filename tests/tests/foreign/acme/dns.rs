//! A name server for a test (RFC 1035): every name is on loopback, and the text records are files of a folder.
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;

/// Address records.
const A: u16 = 1;
/// Text records.
const TXT: u16 = 16;

/// The name server. Its end is the end of the value.
pub(super) struct Names {
    pub(super) address: SocketAddr,
    /// A file for each name with its final dot, with what its text record says.
    pub(super) folder: TempDir,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Names {
    /// Begins to answer on a port of its own.
    pub(super) fn answer() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let address = socket.local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (over, place) = (Arc::new(AtomicBool::new(false)), folder.path().to_owned());
        let until = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let mut question = [0; 512];
            while !until.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut question) else { continue };
                if let Some(answer) = answer(&question[..length], &place) {
                    let _sent = socket.send_to(&answer, from);
                }
            }
        });
        Self { address, folder, over, thread: Some(thread) }
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// The answer to a question with one name; none to what is no question.
fn answer(question: &[u8], folder: &Path) -> Option<Vec<u8>> {
    let mut at = 12;
    let mut name = String::new();
    loop {
        let length = usize::from(*question.get(at)?);
        if length == 0 {
            break;
        }
        name.push_str(std::str::from_utf8(question.get(at + 1..at + 1 + length)?).ok()?);
        name.push('.');
        at += 1 + length;
    }
    let end = at + 5;
    let kind = u16::from_be_bytes(question.get(at + 1..at + 3)?.try_into().ok()?);
    let name = name.to_ascii_lowercase();
    let data = match kind {
        A => Some(vec![127, 0, 0, 1]),
        TXT => std::fs::read(folder.join(&name))
            .ok()
            .map(|text| [&[u8::try_from(text.len()).unwrap()], text.as_slice()].concat()),
        _ => None,
    };
    let mut reply = question.get(..2)?.to_vec();
    // An answer, with authority, and without an error; one question, and what is known.
    reply.extend_from_slice(&[0x85, 0x80, 0, 1, 0, u8::from(data.is_some()), 0, 0, 0, 0]);
    reply.extend_from_slice(question.get(12..end)?);
    if let Some(data) = data {
        reply.extend_from_slice(&[0xc0, 12]);
        reply.extend_from_slice(&kind.to_be_bytes());
        reply.extend_from_slice(&[0, 1, 0, 0, 0, 0]);
        reply.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
        reply.extend_from_slice(&data);
    }
    Some(reply)
}
