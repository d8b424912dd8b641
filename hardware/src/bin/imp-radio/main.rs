//! The two ends of the radio without what goes over it: what is slow, breaks or does not recover in there is not the tap's fault.
//!
//! `imp-radio phone ADAPTER` does what a workstation asks for: see [`order`].
//! `imp-radio visits ADAPTER TIMES` connects so often, a second after each other, exchanges frames, and prints how that went.
//! `imp-radio speed ADAPTER BYTES` measures raw writes and notifications, and the same bytes over the link of the protocol.
//! `imp-radio neighbours FOLDER COUNT` are phones on an emulated air that only advertise; not in a release build.
#[cfg(feature = "emulator")]
mod neighbours;
mod order;
mod phone;
mod speed;
mod stream;
mod visits;

use std::io::Write as _;
use std::sync::Arc;

use imp_hardware::ble::{Address, Advertisement, Central, CentralConfig};
use tokio::sync::mpsc;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["phone", adapter] => phone::serve(adapter).await,
        ["visits", adapter, times] => visits::play(adapter, times.parse()?).await,
        ["speed", adapter, bytes] => speed::play(adapter, bytes.parse()?).await,
        #[cfg(feature = "emulator")]
        ["neighbours", air, count] => neighbours::crowd(air.as_ref(), count.parse()?).await,
        _ => Err("phone ADAPTER, visits ADAPTER TIMES, or speed ADAPTER BYTES".into()),
    }
}

fn say(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// A workstation's radio that has heard a phone.
struct Heard {
    radio: Arc<dyn Central>,
    phone: Address,
    more: mpsc::Receiver<Advertisement>,
}

/// Listens on `adapter` until a phone is heard.
async fn listen(adapter: &str) -> Result<Heard, Failure> {
    let radio = CentralConfig::Bluez { adapter: Some(adapter.to_owned()) }.open().await?;
    let mut more = radio.scan().await?;
    let phone = more.recv().await.ok_or("nobody is heard any more")?.address;
    say("heard a phone")?;
    Ok(Heard { radio, phone, more })
}

impl Heard {
    /// Does `work` while listening goes on, as it does at a workstation.
    async fn meanwhile(
        mut self,
        work: impl AsyncFnOnce(&Arc<dyn Central>, &Address) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        tokio::select! {
            done = work(&self.radio, &self.phone) => done,
            () = async { while self.more.recv().await.is_some() {} } => {
                Err("nobody is heard any more".into())
            }
        }
    }
}
