//! A device that sends, and an application that answers.
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use imp_message::mllp::{MllpDecoder, encode};

use super::Wanted;

/// Answers `AA` to everything.
pub(super) fn application() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream));
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    let acknowledgement = encode(b"MSH|^~\\&|EHR||LAB||||ACK|1|P|2.5\rMSA|AA|1\r");
    stream.set_nodelay(true).unwrap();
    let mut decoder = MllpDecoder::new(64 << 20);
    while next(&mut stream, &mut decoder).is_some() {
        if stream.write_all(&acknowledgement).is_err() {
            return;
        }
    }
}

fn next(stream: &mut TcpStream, decoder: &mut MllpDecoder) -> Option<Vec<u8>> {
    let mut buffer = [0; 16384];
    loop {
        if let Some(message) = decoder.message().unwrap() {
            return Some(message);
        }
        match stream.read(&mut buffer) {
            Ok(read @ 1..) => decoder.feed(&buffer[..read]),
            Ok(0) | Err(_) => return None,
        }
    }
}

/// Prints what it takes; the median of one message after the other, in milliseconds.
pub(super) fn run(what: &str, to: SocketAddr, wanted: &Wanted) -> f64 {
    let message = message(wanted.bytes);
    let mut alone = send(to, &message, wanted.time / 2);
    let senders: Vec<_> = (0..wanted.connections)
        .map(|_| {
            let (message, time) = (message.clone(), wanted.time / 2);
            std::thread::spawn(move || send(to, &message, time).len())
        })
        .collect();
    let sent: usize = senders.into_iter().map(|sender| sender.join().unwrap()).sum();
    #[expect(clippy::cast_precision_loss, reason = "not so many messages")]
    let rate = sent as f64 / (wanted.time / 2).as_secs_f64();
    alone.sort_unstable();
    let at = |percent: usize| {
        let place = (alone.len() * percent / 100).min(alone.len() - 1);
        alone[place].as_secs_f64() * 1000.0
    };
    println!(
        "{what:<36} {:>9.3} ms median  {:>9.3} ms p99  {rate:>9.0} messages/s",
        at(50),
        at(99)
    );
    at(50)
}

fn message(bytes: usize) -> Vec<u8> {
    let mut text = "MSH|^~\\&|LAB|HOSP|EHR|HOSP|20261122080000||ORU^R01|1|P|2.5\r".to_owned();
    while text.len() < bytes {
        text.push_str("OBX|1|NM|2345-7^GLUCOSE^LN||5.1|mmol/L|||||F\r");
    }
    encode(text.as_bytes())
}

/// Sends for some time; how long each answer took.
fn send(to: SocketAddr, message: &[u8], time: Duration) -> Vec<Duration> {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut decoder = MllpDecoder::new(1 << 20);
    let until = Instant::now() + time;
    let mut waits = vec![];
    while Instant::now() < until {
        let began = Instant::now();
        stream.write_all(message).unwrap();
        let answer = next(&mut stream, &mut decoder).expect("an answer");
        waits.push(began.elapsed());
        let text = String::from_utf8_lossy(&answer).into_owned();
        assert!(text.contains("MSA|AA"), "{text}");
    }
    waits
}
