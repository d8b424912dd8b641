//! A device and an application that speak HL7 v2 over MLLP, plainly.
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use imp_message::mllp::{MllpDecoder, encode};
use imp_tests::process::PATIENCE;

/// Says `AA` to everything.
pub(super) struct Application {
    pub(super) address: SocketAddr,
    got: Arc<Mutex<Vec<String>>>,
}

impl Application {
    /// Runs until the test's process ends.
    pub(super) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let got = Arc::<Mutex<Vec<String>>>::default();
        let own = got.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let own = own.clone();
                std::thread::spawn(move || acknowledge(stream, &own));
            }
        });
        Self { address, got }
    }

    /// The identifiers of what arrived, in order.
    pub(super) fn got(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }
}

fn acknowledge(mut stream: TcpStream, got: &Mutex<Vec<String>>) {
    let mut decoder = MllpDecoder::new(1 << 20);
    while let Some(message) = next(&mut stream, &mut decoder) {
        let id = message.split('|').nth(9).unwrap_or_default().to_owned();
        let answer = format!("MSH|^~\\&|EHR|HOSP|LAB|HOSP|||ACK|{id}|P|2.5\rMSA|AA|{id}\r");
        got.lock().unwrap().push(id);
        if stream.write_all(&encode(answer.as_bytes())).is_err() {
            return;
        }
    }
}

/// A device.
pub(super) struct Sender {
    stream: TcpStream,
    decoder: MllpDecoder,
}

impl Sender {
    pub(super) fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, decoder: MllpDecoder::new(1 << 20) }
    }

    /// Sends a result; what is answered.
    pub(super) fn send(&mut self, id: &str) -> String {
        let message =
            format!("MSH|^~\\&|LAB|HOSP|EHR|HOSP|20261122080000||ORU^R01|{id}|P|2.5\rPID|1\r");
        self.stream.write_all(&encode(message.as_bytes())).unwrap();
        next(&mut self.stream, &mut self.decoder).expect("an answer")
    }
}

fn next(stream: &mut TcpStream, decoder: &mut MllpDecoder) -> Option<String> {
    let mut buffer = [0; 1024];
    loop {
        if let Some(message) = decoder.message().unwrap() {
            return Some(String::from_utf8(message).unwrap());
        }
        match stream.read(&mut buffer).unwrap_or(0) {
            0 => return None,
            read => decoder.feed(&buffer[..read]),
        }
    }
}
