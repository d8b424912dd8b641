//! CTAP over USB HID (CTAP 2.1 §11.2), by Linux's hidraw: reports of 64 bytes through a file.
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};

use super::{Assertion, AssertionRequest, SecurityKey, SecurityKeyError, ctap};

/// Bytes of a report.
pub(super) const REPORT: usize = 64;
/// The most bytes of a message (CTAP 2.1 §11.2.4).
pub(super) const LONGEST: usize = 7609;
/// The channel on which one asks for a channel.
pub(super) const BROADCAST: u32 = 0xFFFF_FFFF;
/// Time for a touch.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether a report has come.
const LOOK: Duration = Duration::from_millis(5);
const HIDRAW: &str = "/sys/class/hidraw";

pub(super) const INIT: u8 = 0x06;
pub(super) const CBOR: u8 = 0x10;
pub(super) const KEEPALIVE: u8 = 0x3B;
pub(super) const ERROR: u8 = 0x3F;

/// The security keys that are plugged in.
#[derive(Clone, Debug, Default)]
pub struct UsbKeys(());

/// Carries reports to a key and back.
pub(super) trait Reports {
    /// Sends one.
    fn send(&mut self, report: &[u8; REPORT]) -> std::io::Result<()>;
    /// Takes one that has come; `WouldBlock` when none has.
    fn receive(&mut self, report: &mut [u8; REPORT]) -> std::io::Result<()>;
}

/// One hidraw file.
struct Hidraw(File);

impl Reports for Hidraw {
    fn send(&mut self, report: &[u8; REPORT]) -> std::io::Result<()> {
        // FIDO devices number no reports: the first byte is 0.
        let mut numbered = [0; REPORT + 1];
        numbered[1..].copy_from_slice(report);
        self.0.write_all(&numbered)
    }

    fn receive(&mut self, report: &mut [u8; REPORT]) -> std::io::Result<()> {
        match self.0.read(report)? {
            REPORT => Ok(()),
            _ => Err(ErrorKind::InvalidData.into()),
        }
    }
}

impl UsbKeys {
    /// None is opened yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl SecurityKey for UsbKeys {
    fn assert(&self, request: &AssertionRequest<'_>) -> Result<Assertion, SecurityKeyError> {
        let mut keys = plugged_in(Path::new(HIDRAW), Path::new("/dev"));
        let path = match (keys.pop(), keys.pop()) {
            (None, _) => return Err(SecurityKeyError::NoKey),
            (Some(_), Some(_)) => return Err(SecurityKeyError::Several),
            (Some(path), None) => path,
        };
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let file = OpenOptions::new().read(true).write(true).custom_flags(nonblocking).open(path);
        let file = file.map_err(|error| {
            let gone = error.kind() == ErrorKind::NotFound;
            if gone { SecurityKeyError::NoKey } else { SecurityKeyError::Io(error) }
        })?;
        ctap::assert(&mut Channel::open(Hidraw(file), PATIENCE)?, request)
    }
}

/// The hidraw files whose device is a FIDO authenticator: its report descriptor begins with usage page 0xF1D0.
fn plugged_in(class: &Path, devices: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(class) else { return vec![] };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    let fido = names.filter(|name| {
        let descriptor = class.join(name).join("device/report_descriptor");
        std::fs::read(descriptor).is_ok_and(|bytes| bytes.starts_with(&[0x06, 0xD0, 0xF1]))
    });
    fido.map(|name| devices.join(name)).collect()
}

/// A conversation with one key.
pub(super) struct Channel<R> {
    reports: R,
    id: u32,
    deadline: Instant,
}

impl<R: Reports> Channel<R> {
    /// Asks for a channel; everything that is said on it has to be said within `patience`.
    pub(super) fn open(reports: R, patience: Duration) -> Result<Self, SecurityKeyError> {
        let deadline = Instant::now() + patience;
        let mut channel = Self { reports, id: BROADCAST, deadline };
        let mut nonce = [0; 8];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SecurityKeyError::Protocol("nonce"))?;
        channel.send(INIT, &nonce)?;
        loop {
            let answer = channel.receive(INIT)?;
            // Another program may have asked at the same time.
            if answer.len() >= 17 && answer[..8] == nonce {
                let id = [answer[8], answer[9], answer[10], answer[11]];
                channel.id = u32::from_be_bytes(id);
                return Ok(channel);
            }
        }
    }

    /// Says something, and hears the answer without its status.
    pub(super) fn say(&mut self, message: &[u8]) -> Result<Vec<u8>, SecurityKeyError> {
        self.send(CBOR, message)?;
        let mut answer = self.receive(CBOR)?;
        match answer.first() {
            Some(0) => Ok(answer.split_off(1)),
            Some(status) => Err(SecurityKeyError::of(*status)),
            None => Err(SecurityKeyError::Protocol("an empty answer")),
        }
    }

    fn send(&mut self, command: u8, message: &[u8]) -> Result<(), SecurityKeyError> {
        for report in reports(self.id, command, message)? {
            self.reports.send(&report)?;
        }
        Ok(())
    }

    /// The next message of this channel.
    fn receive(&mut self, command: u8) -> Result<Vec<u8>, SecurityKeyError> {
        loop {
            let first = self.report()?;
            if first[4] == KEEPALIVE | 0x80 {
                continue;
            }
            let length = usize::from(u16::from_be_bytes([first[5], first[6]]));
            if first[4] == ERROR | 0x80 {
                return Err(SecurityKeyError::Refused(first[7]));
            }
            if first[4] != command | 0x80 || length > LONGEST {
                return Err(SecurityKeyError::Protocol("an unexpected report"));
            }
            let mut message = first[7..].to_vec();
            for sequence in 0..=0x7F {
                if message.len() >= length {
                    break;
                }
                let next = self.report()?;
                if next[4] != sequence {
                    return Err(SecurityKeyError::Protocol("reports are out of order"));
                }
                message.extend_from_slice(&next[5..]);
            }
            if message.len() < length {
                return Err(SecurityKeyError::Protocol("a message without an end"));
            }
            message.truncate(length);
            return Ok(message);
        }
    }

    /// The next report of this channel, in time.
    fn report(&mut self) -> Result<[u8; REPORT], SecurityKeyError> {
        let mut report = [0; REPORT];
        loop {
            if Instant::now() >= self.deadline {
                return Err(SecurityKeyError::TimedOut);
            }
            match self.reports.receive(&mut report) {
                Ok(()) if report[..4] == self.id.to_be_bytes() => return Ok(report),
                // Another program's.
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(LOOK),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A message in reports.
pub(super) fn reports(
    channel: u32,
    command: u8,
    message: &[u8],
) -> Result<Vec<[u8; REPORT]>, SecurityKeyError> {
    let length = u16::try_from(message.len()).ok().filter(|length| usize::from(*length) <= LONGEST);
    let length = length.ok_or(SecurityKeyError::Protocol("a message that is too long"))?;
    let (first, rest) = message.split_at(message.len().min(REPORT - 7));
    let mut report = [0; REPORT];
    report[..4].copy_from_slice(&channel.to_be_bytes());
    report[4] = command | 0x80;
    report[5..7].copy_from_slice(&length.to_be_bytes());
    report[7..7 + first.len()].copy_from_slice(first);
    let mut all = vec![report];
    for (sequence, chunk) in (0_u8..).zip(rest.chunks(REPORT - 5)) {
        let mut report = [0; REPORT];
        report[..4].copy_from_slice(&channel.to_be_bytes());
        report[4] = sequence;
        report[5..5 + chunk.len()].copy_from_slice(chunk);
        all.push(report);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fido_devices_are_security_keys() {
        let folder = tempfile::tempdir().unwrap();
        for (name, descriptor) in [
            ("hidraw0", &[0x05, 0x01, 0x09, 0x06][..]),
            ("hidraw1", &[0x06, 0xD0, 0xF1, 0x09, 0x01]),
        ] {
            let device = folder.path().join(name).join("device");
            std::fs::create_dir_all(&device).unwrap();
            std::fs::write(device.join("report_descriptor"), descriptor).unwrap();
        }
        let found = plugged_in(folder.path(), Path::new("/dev"));
        assert_eq!(found, [PathBuf::from("/dev/hidraw1")]);
        assert!(plugged_in(Path::new("/nowhere"), Path::new("/dev")).is_empty());
    }

    #[test]
    fn messages_are_cut_into_reports() {
        let message: Vec<u8> = (0..200_u8).collect();
        let all = reports(0x0102_0304, CBOR, &message).unwrap();
        assert_eq!(all.len(), 1 + 3, "57, then 59 each");
        assert_eq!(all[0][..7], [1, 2, 3, 4, 0x90, 0, 200]);
        assert_eq!((all[1][4], all[2][4], all[3][4]), (0, 1, 2));
        assert_eq!(all[1][5], 57);
        assert!(reports(1, CBOR, &vec![0; LONGEST + 1]).is_err());
        assert_eq!(reports(1, CBOR, &vec![0; LONGEST]).unwrap().len(), 1 + 128);
    }
}
