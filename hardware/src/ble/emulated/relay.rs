//! Somebody between a workstation and a phone, with an antenna at each: carries frames from one to the other, unchanged, and late.
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::ble::task::{Task, start};
use crate::ble::{Address, Advertisement, Central, Connection, Peripheral, RadioError};

/// A relay, until it is dropped. How loud it is at the workstation, the script of its peripheral says.
pub struct Relay {
    delay: Delay,
    _watching: Task,
    _carrying: Task,
}

/// Milliseconds that a frame takes longer.
type Delay = Arc<AtomicU64>;
/// The phone that was heard last.
type Heard = Arc<Mutex<Option<Advertisement>>>;

impl Relay {
    /// Repeats at `near_workstation` what the phone at `near_phone` advertises, and connects whoever falls for it.
    pub async fn start(
        near_phone: Arc<dyn Central>,
        near_workstation: Arc<dyn Peripheral>,
    ) -> Result<Self, RadioError> {
        let (heard, delay) = (Heard::default(), Delay::default());
        let late = delay.clone();
        let watching = watch(near_phone.clone(), near_workstation.clone(), heard.clone()).await?;
        let carrying = Task::start(async move {
            while let Ok(workstation) = near_workstation.accept().await {
                let Some(phone) = address(&heard) else { continue };
                let (near_phone, delay) = (near_phone.clone(), late.clone());
                start(async move {
                    if let Ok(phone) = near_phone.connect(&phone).await {
                        carry([workstation, phone], &delay).await;
                    }
                });
            }
        });
        Ok(Self { delay, _watching: watching, _carrying: carrying })
    }

    /// From now on each frame takes `delay` longer, each way.
    pub fn delays(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.delay.store(millis, Ordering::Relaxed);
    }
}

fn address(heard: &Heard) -> Option<Address> {
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    heard.as_ref().map(|phone| phone.address.clone())
}

/// Repeats advertisements.
async fn watch(
    near_phone: Arc<dyn Central>,
    near_workstation: Arc<dyn Peripheral>,
    heard: Heard,
) -> Result<Task, RadioError> {
    let mut scan = near_phone.scan().await?;
    Ok(Task::start(async move {
        while let Some(phone) = scan.recv().await {
            let identifier = phone.identifier;
            let before = heard.lock().unwrap_or_else(PoisonError::into_inner).replace(phone);
            let news = before.is_none_or(|before| before.identifier != identifier);
            if news && near_workstation.advertise(identifier).await.is_err() {
                return;
            }
        }
    }))
}

/// Carries frames both ways until either link ends.
async fn carry(mut ends: [Box<dyn Connection>; 2], delay: &AtomicU64) {
    let mut late: [VecDeque<(Instant, Vec<u8>)>; 2] = Default::default();
    loop {
        let due = late.iter().filter_map(|queue| Some(queue.front()?.0)).min();
        let [workstation, phone] = &mut ends;
        let (from, frame) = tokio::select! {
            biased;
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                if deliver(&mut ends, &mut late).await.is_err() {
                    break;
                }
                continue;
            }
            frame = workstation.receive() => (0, frame),
            frame = phone.receive() => (1, frame),
        };
        match frame {
            Ok(frame) => {
                let delay = Duration::from_millis(delay.load(Ordering::Relaxed));
                late[from].push_back((Instant::now() + delay, frame));
            }
            Err(_) => break,
        }
    }
    for mut end in ends {
        end.close().await;
    }
}

/// Hands over every frame that is due.
async fn deliver(
    ends: &mut [Box<dyn Connection>; 2],
    late: &mut [VecDeque<(Instant, Vec<u8>)>; 2],
) -> Result<(), RadioError> {
    for (from, queue) in late.iter_mut().enumerate() {
        while queue.front().is_some_and(|(due, _)| *due <= Instant::now()) {
            if let Some((_, frame)) = queue.pop_front() {
                ends[1 - from].send(&frame).await?;
            }
        }
    }
    Ok(())
}
