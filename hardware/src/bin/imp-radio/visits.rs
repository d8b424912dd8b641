//! Connections, one after the other.
use std::sync::Arc;
use std::time::Duration;

use imp_hardware::ble::{ATT_HEADER, Address, Central, RadioError};
use tokio::time::{Instant, sleep, timeout};

use crate::order::Order;
use crate::{Failure, listen, say};

/// Between two connections, and after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest wait for a frame to come back.
const ECHO: Duration = Duration::from_secs(5);
/// Frames in a row, to see how much goes through.
const ROW: usize = 40;

/// Connects so often, and prints how that went.
pub(crate) async fn play(adapter: &str, times: usize) -> Result<(), Failure> {
    let heard = listen(adapter).await?;
    heard
        .meanwhile(async |radio, phone| {
            for time in 0..times {
                let text = match visit(radio, phone, time % 2 == 0).await {
                    Ok(text) => text,
                    Err(error) => format!("failed: {error}"),
                };
                say(&text)?;
                sleep(PAUSE).await;
            }
            Ok(())
        })
        .await
}

/// One connection, one frame there and back, then a row of them. Every second time the link is ended, else it is parted from.
async fn visit(
    radio: &Arc<dyn Central>,
    phone: &Address,
    part: bool,
) -> Result<String, RadioError> {
    let began = Instant::now();
    let mut link = radio.connect(phone).await?;
    let connected = began.elapsed();
    let frame = [Order::Echo.frame(), vec![1; link.mtu() - ATT_HEADER - 1]].concat();
    let began = Instant::now();
    link.send(&frame).await?;
    let came = timeout(ECHO, link.receive()).await;
    came.map_err(|_| RadioError::Timeout("send a frame back"))??;
    let (echo, began) = (began.elapsed(), Instant::now());
    for _ in 0..ROW {
        link.send(&frame).await?;
    }
    let mut back = 0;
    while back < ROW && matches!(timeout(ECHO, link.receive()).await, Ok(Ok(_))) {
        back += 1;
    }
    let (row, mtu) = (began.elapsed(), link.mtu());
    if part {
        link.part().await;
    } else {
        link.close().await;
    }
    Ok(format!(
        "connected {connected:.0?}, mtu {mtu}, echo {echo:.0?}, {back} of {ROW} frames back in {row:.0?}"
    ))
}
