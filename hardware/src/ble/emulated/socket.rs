//! What is said on the Unix socket of an emulated phone.
//!
//! The workstation's first byte asks. `A`: the phone answers its advertisement (identifier, 8 bytes; 1 or 0; signal
//! strength, 2 bytes) and closes. `C`: it answers the link's MTU (2 bytes), then both sides send frames, each after
//! its length (2 bytes). A phone that does not want to be heard closes without an answer. Numbers are big-endian.
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

use crate::ble::MTU_MAX;

/// Asks for an advertisement.
pub(super) const ASK: u8 = b'A';
/// Connects.
pub(super) const CONNECT: u8 = b'C';

/// Writes an advertisement.
pub(super) async fn write_advertisement(
    stream: &mut (impl AsyncWrite + Unpin),
    identifier: [u8; 8],
    rssi: Option<i16>,
) -> io::Result<()> {
    let [high, low] = rssi.unwrap_or_default().to_be_bytes();
    stream
        .write_all(&[&identifier, [u8::from(rssi.is_some()), high, low].as_slice()].concat())
        .await
}

/// Asks for and reads an advertisement.
pub(super) async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> io::Result<([u8; 8], Option<i16>)> {
    stream.write_all(&[ASK]).await?;
    let mut answer = [0; 11];
    stream.read_exact(&mut answer).await?;
    let [identifier @ .., told, high, low] = answer;
    Ok((identifier, (told == 1).then_some(i16::from_be_bytes([high, low]))))
}

/// Reads frames until the other side closes.
pub(super) async fn read_frames(mut from: impl AsyncRead + Unpin, to: mpsc::Sender<Vec<u8>>) {
    let result: io::Result<()> = async {
        loop {
            let length = usize::from(from.read_u16().await?);
            if length > MTU_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut frame = vec![0; length];
            from.read_exact(&mut frame).await?;
            to.send(frame).await.map_err(|_| io::ErrorKind::BrokenPipe)?;
        }
    }
    .await;
    if let Err(error) = result {
        tracing::debug!(%error, "an emulated link ended");
    }
}

/// Writes frames until there are no more.
pub(super) async fn write_frames(
    mut from: mpsc::Receiver<Vec<u8>>,
    mut to: impl AsyncWrite + Unpin,
) {
    while let Some(frame) = from.recv().await {
        let Ok(length) = u16::try_from(frame.len()) else { return };
        let bytes = [length.to_be_bytes().as_slice(), &frame].concat();
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // The other side may be gone already.
    let _ = to.shutdown().await;
}
