//! The two ends of the radio without what goes over it, for the lab: what is slow, breaks or does not recover in there is not the
//! tap's fault.
//!
//! `imp-radio phone ADAPTER` sends every frame back. `imp-radio workstation ADAPTER TIMES` connects so often, a second after each
//! other, exchanges a frame, and prints how that went.
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use imp_hardware::ble::{
    Address, Central, CentralConfig, Connection, PeripheralConfig, RadioError,
};
use tokio::time::{Instant, sleep, timeout};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Between two connections, and after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest wait for a frame to come back.
const ECHO: Duration = Duration::from_secs(5);
/// Frames in a row, to see how much goes through.
const ROW: usize = 40;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["phone", adapter] => phone(adapter).await,
        ["workstation", adapter, times] => workstation(adapter, times.parse()?).await,
        _ => Err("phone ADAPTER, or workstation ADAPTER TIMES".into()),
    }
}

fn say(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

async fn phone(adapter: &str) -> Result<(), Failure> {
    let radio = PeripheralConfig::Bluez { adapter: Some(adapter.to_owned()) }.open().await?;
    radio.advertise([7; 8]).await?;
    say("ready")?;
    loop {
        match radio.accept().await {
            Ok(link) => say(&format!("a workstation left: {}", echo(link).await))?,
            Err(error) => {
                say(&format!("failed: {error}"))?;
                sleep(PAUSE).await;
            }
        }
    }
}

/// Sends everything back until the link ends.
async fn echo(mut link: Box<dyn Connection>) -> RadioError {
    loop {
        let frame = match link.receive().await {
            Ok(frame) => frame,
            Err(error) => return error,
        };
        if let Err(error) = link.send(&frame).await {
            return error;
        }
    }
}

async fn workstation(adapter: &str, times: usize) -> Result<(), Failure> {
    let radio = CentralConfig::Bluez { adapter: Some(adapter.to_owned()) }.open().await?;
    let mut heard = radio.scan().await?;
    let phone = heard.recv().await.ok_or("nobody is heard any more")?.address;
    say("heard a phone")?;
    let visits = async {
        for _ in 0..times {
            let text = match visit(&radio, &phone).await {
                Ok(text) => text,
                Err(error) => format!("failed: {error}"),
            };
            say(&text)?;
            sleep(PAUSE).await;
        }
        Ok(())
    };
    // Listening goes on meanwhile, as it does at a workstation.
    tokio::select! {
        done = visits => done,
        () = async { while heard.recv().await.is_some() {} } => Err("nobody is heard any more".into()),
    }
}

/// One connection, one frame there and back, then a row of them.
async fn visit(radio: &Arc<dyn Central>, phone: &Address) -> Result<String, RadioError> {
    let began = Instant::now();
    let mut link = radio.connect(phone).await?;
    let connected = began.elapsed();
    let frame = vec![1; link.mtu() - imp_hardware::ble::ATT_HEADER];
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
    let row = began.elapsed();
    link.close().await;
    Ok(format!(
        "connected {connected:.0?}, mtu {}, echo {echo:.0?}, {back} of {ROW} frames back in {row:.0?}",
        link.mtu()
    ))
}
