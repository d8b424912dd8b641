//! The phone's end.
use std::time::Duration;

use imp_hardware::ble::{ATT_HEADER, Connection, PeripheralConfig, RadioError};
use tokio::time::{sleep, timeout};

use crate::order::Order;
use crate::stream::Stream;
use crate::{Failure, say};

/// After a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// Who hears nothing for so long counts what came.
const QUIET: Duration = Duration::from_secs(2);

/// Advertises, and serves one workstation after the other.
pub(crate) async fn serve(adapter: &str) -> Result<(), Failure> {
    let radio = PeripheralConfig::Bluez { adapter: Some(adapter.to_owned()) }.open().await?;
    radio.advertise([7; 8]).await?;
    say("ready")?;
    loop {
        match radio.accept().await {
            Ok(link) => say(&format!("a workstation left: {}", obey(link).await))?,
            Err(error) => {
                say(&format!("failed: {error}"))?;
                sleep(PAUSE).await;
            }
        }
    }
}

/// Does what it is told until the link ends.
async fn obey(mut link: Box<dyn Connection>) -> RadioError {
    loop {
        let done = match link.receive().await {
            Ok(frame) => follow(link.as_mut(), &frame).await,
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            return error;
        }
    }
}

async fn follow(link: &mut dyn Connection, frame: &[u8]) -> Result<(), RadioError> {
    match Order::parse(frame) {
        Some(Order::Echo) => link.send(frame).await,
        Some(Order::Up(frames)) => {
            let came = count(link, frames).await?;
            link.send(&came.to_be_bytes()).await
        }
        Some(Order::Down(frames)) => {
            let frame = vec![0; link.mtu() - ATT_HEADER];
            for _ in 0..frames {
                link.send(&frame).await?;
            }
            Ok(())
        }
        Some(Order::LinkUp(bytes)) => Stream::over(link).take(bytes).await.map(drop),
        Some(Order::LinkDown(bytes)) => Stream::over(link).give(bytes).await.map(drop),
        None => Ok(()),
    }
}

/// Counts frames until all have come, or no more come.
pub(crate) async fn count(link: &mut dyn Connection, frames: u32) -> Result<u32, RadioError> {
    let mut came = 0;
    while came < frames {
        let Ok(frame) = timeout(QUIET, link.receive()).await else { break };
        frame?;
        came += 1;
    }
    Ok(came)
}
