//! How fast bytes go: raw writes and notifications, and over the link of the protocol, one after the other on one connection.
use std::time::Duration;

use imp_hardware::ble::{ATT_HEADER, Connection, RadioError};
use tokio::time::{Instant, timeout};

use crate::order::Order;
use crate::phone::count;
use crate::stream::Stream;
use crate::{Failure, listen, say};

/// The longest wait for the phone's answer.
const ANSWER: Duration = Duration::from_secs(30);

/// Bytes and the time that they took.
struct Pace {
    bytes: u32,
    took: Duration,
    lost: u64,
}

impl Pace {
    fn shown(&self, name: &str) -> String {
        let rate = f64::from(self.bytes) / self.took.as_secs_f64();
        format!(r#""{name}": {{"bytes_a_second": {rate:.0}, "lost": {}}}"#, self.lost)
    }
}

/// Measures and prints a line of JSON.
pub(crate) async fn play(adapter: &str, bytes: u32) -> Result<(), Failure> {
    let heard = listen(adapter).await?;
    heard
        .meanwhile(async |radio, phone| {
            let mut link = radio.connect(phone).await?;
            let mtu = link.mtu();
            let raw_up = raw_up(link.as_mut(), bytes).await?;
            let raw_down = raw_down(link.as_mut(), bytes).await?;
            let link_up = link_up(link.as_mut(), bytes).await?;
            let link_down = link_down(link.as_mut(), bytes).await?;
            link.close().await;
            let paces = [
                raw_up.shown("raw_up"),
                raw_down.shown("raw_down"),
                link_up.shown("link_up"),
                link_down.shown("link_down"),
            ];
            say(&format!(r#"{{"mtu": {mtu}, {}}}"#, paces.join(", ")))?;
            Ok(())
        })
        .await
}

/// How many frames hold these bytes.
fn frames(link: &dyn Connection, bytes: u32) -> (u32, u32) {
    let payload = u32::try_from(link.mtu() - ATT_HEADER).unwrap_or(1);
    (bytes.div_ceil(payload), payload)
}

async fn raw_up(link: &mut dyn Connection, bytes: u32) -> Result<Pace, RadioError> {
    let (frames, payload) = frames(link, bytes);
    let frame = vec![0; payload as usize];
    link.send(&Order::Up(frames).frame()).await?;
    let began = Instant::now();
    for _ in 0..frames {
        link.send(&frame).await?;
    }
    let answer = timeout(ANSWER, link.receive()).await;
    let answer = answer.map_err(|_| RadioError::Timeout("count frames"))??;
    let took = began.elapsed();
    let came = answer.first_chunk().map_or(0, |number| u32::from_be_bytes(*number));
    Ok(Pace { bytes: came * payload, took, lost: u64::from(frames - came.min(frames)) })
}

async fn raw_down(link: &mut dyn Connection, bytes: u32) -> Result<Pace, RadioError> {
    let (frames, payload) = frames(link, bytes);
    let began = Instant::now();
    link.send(&Order::Down(frames).frame()).await?;
    let came = count(link, frames).await?;
    let lost = u64::from(frames - came);
    Ok(Pace { bytes: came * payload, took: began.elapsed(), lost })
}

async fn link_up(link: &mut dyn Connection, bytes: u32) -> Result<Pace, RadioError> {
    link.send(&Order::LinkUp(bytes).frame()).await?;
    let (took, statistics) = Stream::over(link).give(bytes).await?;
    Ok(Pace { bytes, took, lost: statistics.retransmissions })
}

async fn link_down(link: &mut dyn Connection, bytes: u32) -> Result<Pace, RadioError> {
    link.send(&Order::LinkDown(bytes).frame()).await?;
    let (took, statistics) = Stream::over(link).take(bytes).await?;
    Ok(Pace { bytes, took, lost: statistics.duplicates })
}
