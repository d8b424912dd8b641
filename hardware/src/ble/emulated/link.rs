//! An endpoint of an emulated link.
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::FRAME_QUEUE;
use super::lane::{Direction, Lane, Wire};
use crate::ble::task::{Task, start};
use crate::ble::{Connection, RadioError, check_frame};

/// How long closing waits for the last frames to go out.
const FLUSH: Duration = Duration::from_secs(1);

/// One end of a link.
pub(super) struct EmulatedConnection {
    mtu: usize,
    outbound: Option<mpsc::Sender<Vec<u8>>>,
    inbound: mpsc::Receiver<Vec<u8>>,
    /// Ends when the last frame has left, where somebody else carries frames on.
    writer: Option<Task>,
    _reader: Option<Task>,
}

impl EmulatedConnection {
    pub(super) fn new(
        mtu: usize,
        outbound: mpsc::Sender<Vec<u8>>,
        inbound: mpsc::Receiver<Vec<u8>>,
        tasks: Option<(Task, Task)>,
    ) -> Self {
        let (writer, reader) = tasks.unzip();
        Self { mtu, outbound: Some(outbound), inbound, writer, _reader: reader }
    }

    /// Both ends of a link in one process: the workstation's and the phone's.
    pub(super) fn pair(mtu: usize, wire: &Arc<Wire>) -> (Self, Self) {
        let (central_out, up) = mpsc::channel(FRAME_QUEUE);
        let (up_out, phone_in) = mpsc::channel(FRAME_QUEUE);
        let (phone_out, down) = mpsc::channel(FRAME_QUEUE);
        let (down_out, central_in) = mpsc::channel(FRAME_QUEUE);
        start(Lane::new(Arc::clone(wire), Direction::ToPhone).run(up, up_out));
        start(Lane::new(Arc::clone(wire), Direction::ToWorkstation).run(down, down_out));
        (Self::new(mtu, central_out, central_in, None), Self::new(mtu, phone_out, phone_in, None))
    }
}

#[async_trait]
impl Connection for EmulatedConnection {
    fn mtu(&self) -> usize {
        self.mtu
    }

    async fn send(&mut self, frame: &[u8]) -> Result<(), RadioError> {
        check_frame(frame, self.mtu)?;
        let outbound = self.outbound.as_ref().ok_or(RadioError::Disconnected)?;
        outbound.send(frame.to_vec()).await.map_err(|_| RadioError::Disconnected)
    }

    async fn receive(&mut self) -> Result<Vec<u8>, RadioError> {
        self.inbound.recv().await.ok_or(RadioError::Disconnected)
    }

    async fn close(&mut self) {
        self.outbound = None;
        if let Some(mut writer) = self.writer.take() {
            // Past this time the frames are lost, as on any radio.
            let _ = timeout(FLUSH, &mut writer.0).await;
        }
        self.inbound.close();
    }
}
