//! What went over the air.
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Records that are kept in memory; more are dropped.
const RECORDS_MAX: usize = 200_000;
/// The largest recording that is read.
const RECORDING_MAX: u64 = 256 * 1024 * 1024;

/// Something a bystander with an antenna would have heard, before any of it was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passed {
    /// A phone advertised this identifier.
    Advertisement([u8; 8]),
    /// A frame from a workstation.
    ToPhone(Vec<u8>),
    /// A frame from a phone.
    ToWorkstation(Vec<u8>),
}

impl Passed {
    fn kind(&self) -> u8 {
        match self {
            Self::Advertisement(_) => 0,
            Self::ToPhone(_) => 1,
            Self::ToWorkstation(_) => 2,
        }
    }

    /// The bytes as they were sent.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Advertisement(identifier) => identifier,
            Self::ToPhone(frame) | Self::ToWorkstation(frame) => frame,
        }
    }

    fn read(kind: u8, bytes: Vec<u8>) -> Option<Self> {
        match kind {
            0 => Some(Self::Advertisement(bytes.try_into().ok()?)),
            1 => Some(Self::ToPhone(bytes)),
            2 => Some(Self::ToWorkstation(bytes)),
            3.. => None,
        }
    }
}

/// Where records go.
#[derive(Clone)]
pub(super) enum Recorder {
    Off,
    Memory(Arc<Mutex<Vec<Passed>>>),
    File(Arc<Mutex<File>>),
}

impl Recorder {
    /// Starts a new file.
    pub(super) fn to_file(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
        Ok(Self::File(Arc::new(Mutex::new(file))))
    }

    pub(super) fn record(&self, passed: Passed) {
        match self {
            Self::Off => {}
            Self::Memory(records) => {
                let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
                if records.len() < RECORDS_MAX {
                    records.push(passed);
                }
            }
            Self::File(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                if let Err(error) = write(&mut file, &passed) {
                    tracing::warn!(%error, "the air is not being recorded");
                }
            }
        }
    }
}

/// One record: kind (1 byte), length (2 bytes, big-endian), bytes; in one write, so that a kill leaves whole records.
fn write(file: &mut File, passed: &Passed) -> io::Result<()> {
    let bytes = passed.bytes();
    let length = u16::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    file.write_all(&[&[passed.kind()], length.to_be_bytes().as_slice(), bytes].concat())
}

/// Reads the recording that a phone left (`NAME.frames`).
pub fn read_recording(path: &Path) -> io::Result<Vec<Passed>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(RECORDING_MAX).read_to_end(&mut bytes)?;
    let mut rest = bytes.as_slice();
    let mut records = Vec::new();
    while let Some((header, after)) = rest.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([header[1], header[2]]));
        let (content, after) =
            after.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
        let record = Passed::read(header[0], content.to_vec()).ok_or(io::ErrorKind::InvalidData)?;
        records.push(record);
        rest = after;
    }
    Ok(records)
}
