//! Lines of JSON, no longer than they may be.
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Longest line, in bytes with its end.
pub const LONGEST_LINE: usize = 64 * 1024;

/// A line cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The other side has gone.
    #[error("the connection was closed")]
    Closed,
    /// More than [`LONGEST_LINE`] bytes.
    #[error("the line is longer than {LONGEST_LINE} bytes")]
    TooLong,
    /// Not what is said here.
    #[error("the line is not one that is expected here")]
    Malformed(#[source] serde_json::Error),
    /// The connection broke.
    #[error("the connection broke")]
    Io(#[from] std::io::Error),
}

/// Reads one line. It keeps at most [`LONGEST_LINE`] bytes. A call that is dropped half-way loses what it had read.
pub async fn read_line<T: for<'a> Deserialize<'a>>(
    from: &mut (impl AsyncBufRead + Unpin),
) -> Result<T, LineError> {
    let mut line = Vec::new();
    loop {
        let chunk = from.fill_buf().await?;
        if chunk.is_empty() {
            return Err(LineError::Closed);
        }
        let end = chunk.iter().position(|&b| b == b'\n');
        let taken = end.unwrap_or(chunk.len());
        if line.len() + taken >= LONGEST_LINE {
            return Err(LineError::TooLong);
        }
        line.extend_from_slice(&chunk[..taken]);
        from.consume(taken + usize::from(end.is_some()));
        if end.is_some() {
            return serde_json::from_slice(&line).map_err(LineError::Malformed);
        }
    }
}

/// Writes one line.
pub async fn write_line(
    to: &mut (impl AsyncWrite + Unpin),
    value: &impl Serialize,
) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value).map_err(std::io::Error::other)?;
    line.push(b'\n');
    to.write_all(&line).await?;
    to.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Frame, Request, TapCommand};
    use imp_identity::tap::{Intent, Purpose};

    async fn read(bytes: &[u8]) -> Result<Request, LineError> {
        read_line(&mut tokio::io::BufReader::with_capacity(64, bytes)).await
    }

    #[tokio::test]
    async fn requests_are_lines_of_json() {
        let line =
            b"{\"do\":\"tap\",\"purpose\":\"step-up\",\"user\":\"ada\",\"intent\":\"screen\"}\n";
        let Request::Tap(command) = read(line).await.unwrap() else {
            panic!("a tap was asked for")
        };
        let expected = TapCommand {
            purpose: Some(Purpose::StepUp),
            user: Some("ada".to_owned()),
            intent: Intent::Screen,
            phone_alone: false,
        };
        assert_eq!(command, expected);
        assert!(matches!(read(b"{\"do\":\"lock\"}\nmore").await.unwrap(), Request::Lock));
        assert!(matches!(read(b"{\"do\":\"follow\"}\n").await.unwrap(), Request::Follow));
    }

    #[tokio::test]
    async fn lines_that_are_malformed_unfinished_or_endless_are_refused() {
        for line in [
            "\n",
            "{}\n",
            "{\"do\":\"dance\"}\n",
            "{\"do\":\"tap\"}\n",
            "{\"do\":\"tap\",\"intent\":\"key\",\"as\":\"root\"}\n",
            "[[[[\n",
            "\u{fffd}\n",
        ] {
            assert!(matches!(read(line.as_bytes()).await, Err(LineError::Malformed(_))), "{line}");
        }
        assert!(matches!(read(b"\xff\xfe\n").await, Err(LineError::Malformed(_))));
        assert!(matches!(read(b"{\"do\":\"lock\"}").await, Err(LineError::Closed)));
        let endless = vec![b'['; LONGEST_LINE + 1];
        assert!(matches!(read(&endless).await, Err(LineError::TooLong)));
        let deep = [vec![b'['; 60_000], b"\n".to_vec()].concat();
        assert!(matches!(read(&deep).await, Err(LineError::Malformed(_))));
    }

    #[tokio::test]
    async fn the_largest_frame_fits_into_a_line_and_a_larger_one_is_none() {
        let bytes = vec![0x5A; Frame::MOST_BYTES];
        let frame = Frame::new(320, 240, &bytes).unwrap();
        assert_eq!(frame.bytes().unwrap().expose(), &bytes);
        let mut line = Vec::new();
        write_line(&mut line, &Answer::Frame(frame.clone())).await.unwrap();
        let read: Answer = read_line(&mut line.as_slice()).await.unwrap();
        assert_eq!(read, Answer::Frame(frame));
        assert!(Frame::new(320, 240, &vec![0; Frame::MOST_BYTES + 1]).is_none());
        assert_eq!(format!("{read:?}"), "Frame(Frame(320×240))");
    }
}
