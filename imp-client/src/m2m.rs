//! Messages that are files: signed beside themselves (`name.jws` next to `name`), and verified whenever somebody reads them.
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use imp_authenticator::signer::SignError;
use imp_authenticator::tls::CertificateProblem;
use imp_identity::connection::MessageRefusal;
use imp_identity::device::DeviceClass;
use imp_identity::spiffe::SpiffeId;
use imp_message::counter::Exhausted;
use imp_message::memory::{InvalidMemory, NotAdmitted};
use imp_message::{
    Assurance, Authentic, Counter, Expected, Memory, MemoryLimits, Message, NotAuthentic, Order,
    Signature, SignatureError, SigningError, Stream, sign, signature, verify,
};
use jiff::{SignedDuration, Timestamp};

use crate::gateway::{InstallationTrust, class_of};
use crate::machine::Device;
use crate::state::{StateDirectory, StateError};

/// The longest file that is signed or verified, in bytes.
pub const LONGEST_FILE: u64 = 256 << 20;
/// How far the sender's clock may be ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
const SENT: &str = "files-sent.json";
const RECEIVED: &str = "files-received.json";
const LIMITS: MemoryLimits = MemoryLimits { senders: 4096, streams: 1024, silence: None };

/// What a file's signature is to say.
#[derive(Clone, Debug)]
pub struct FileToSign<'a> {
    /// The file.
    pub path: &'a Path,
    /// Whom it is for.
    pub receiver: SpiffeId,
    /// Among which files it has its place.
    pub stream: Stream,
    /// Its media type.
    pub content_type: String,
}

/// What is expected of a file.
#[derive(Clone, Debug)]
pub struct FileToVerify<'a> {
    /// The file.
    pub path: &'a Path,
    /// Its signature; beside it, if absent.
    pub signature: Option<&'a Path>,
    /// Who may have sent it; any machine of the installation, if none.
    pub senders: &'a [SpiffeId],
    /// How old it may be; as old as it likes, if absent.
    pub oldest: Option<SignedDuration>,
    /// Whether it is accepted once only: what is accepted is remembered.
    pub once: bool,
    /// In which order files of one stream are accepted, if once only.
    pub order: Order,
}

/// A file cannot be signed or looked at.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("{} cannot be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its signature cannot be written.
    #[error("{} cannot be written", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is too long.
    #[error("{} is longer than {LONGEST_FILE} bytes", .0.display())]
    TooLong(PathBuf),
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// What was sent or received cannot be read.
    #[error("what was sent before cannot be read")]
    Sent(#[from] serde_json::Error),
    /// What was received cannot be read.
    #[error(transparent)]
    Received(#[from] InvalidMemory),
    /// No sequences are left.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// The key did not sign.
    #[error("the file cannot be signed")]
    Sign(#[from] SigningError<SignError>),
    /// No room to remember another stream.
    #[error("there are more senders or streams than are remembered")]
    Full,
}

/// A file that is not accepted, and why.
#[derive(Debug)]
pub struct FileRefused {
    /// The word.
    pub reason: MessageRefusal,
    /// Whom it says that it is from.
    pub sender: Option<SpiffeId>,
    /// A sentence.
    pub because: String,
}

/// Signs a file as this device, with the next sequence of its stream, and writes the signature beside it.
pub fn sign_file(
    state: &StateDirectory,
    device: &Device,
    file: &FileToSign<'_>,
    now: Timestamp,
) -> Result<PathBuf, FileError> {
    let payload = read(file.path, LONGEST_FILE)?;
    let kept = state.read(SENT)?;
    let mut counter = kept.map(|json| Counter::from_json(&json)).transpose()?.unwrap_or_default();
    let sequence = counter.next(&file.stream, now)?.sequence;
    // Before the signature exists: a sequence is used once, also if the power fails now.
    state.write(SENT, &counter.to_json(true)?)?;
    let message = Message {
        sender: device.identity.spiffe_id.clone(),
        receiver: file.receiver.clone(),
        stream: file.stream.clone(),
        sequence,
        at: now,
        content_type: file.content_type.clone(),
        subject: None,
        assurance: Assurance::Machine,
    };
    let key = |input: &[u8]| device.identity.signer.sign(input);
    let text = sign(&message, &payload, &device.identity.chain, key)?;
    let path = beside(file.path);
    let written = std::fs::write(&path, text + "\n");
    written.map_err(|source| FileError::Write { path: path.clone(), source })?;
    Ok(path)
}

/// Whether a file is what a machine of the installation sent to this one.
pub fn verify_file(
    state: &StateDirectory,
    device: &Device,
    file: &FileToVerify<'_>,
    now: Timestamp,
) -> Result<Result<Authentic, FileRefused>, FileError> {
    let payload = read(file.path, LONGEST_FILE)?;
    let beside = beside(file.path);
    let longest = u64::try_from(signature::LONGEST).unwrap_or(u64::MAX);
    let text = read(file.signature.unwrap_or(&beside), longest + 1)?;
    let text = String::from_utf8_lossy(&text);
    let signature = match Signature::read(text.trim_ascii_end()) {
        Ok(signature) => signature,
        Err(error) => return Ok(Err(unreadable(error))),
    };
    let expected = Expected {
        receiver: &device.identity.spiffe_id,
        senders: (!file.senders.is_empty()).then_some(file.senders),
        subject: None,
        oldest: file.oldest,
        ahead: AHEAD,
    };
    let trust = InstallationTrust(&device.machines);
    let mut authentic = match verify(&signature, &payload, &expected, &trust, now) {
        Ok(authentic) => authentic,
        Err(error) => return Ok(Err(not_authentic(&signature, &error))),
    };
    if class_of(state, device, authentic.sender(), now) == Some(DeviceClass::LegacyGateway) {
        authentic.is_by_legacy_gateway();
    }
    let verdict =
        if file.once { remember(state, &authentic, file.order, now)? } else { authentic.timely() };
    Ok(match verdict {
        Ok(()) => Ok(authentic),
        Err(reason) => Err(FileRefused {
            reason,
            sender: Some(authentic.sender().clone()),
            because: format!("the message is {}", reason.code()),
        }),
    })
}

/// Gives the file its place among those of its stream.
fn remember(
    state: &StateDirectory,
    authentic: &Authentic,
    order: Order,
    now: Timestamp,
) -> Result<Result<(), MessageRefusal>, FileError> {
    let mut memory = match state.read(RECEIVED)? {
        Some(json) => Memory::from_json(&json, LIMITS)?,
        None => Memory::new(LIMITS),
    };
    match memory.admit(authentic, order, now) {
        Ok(_) => {
            state.write(RECEIVED, &memory.to_json(true)?)?;
            Ok(Ok(()))
        }
        Err(NotAdmitted::Refused(reason)) => Ok(Err(reason)),
        Err(NotAdmitted::Resume { .. }) => Ok(Err(MessageRefusal::Replayed)),
        Err(NotAdmitted::Full) => Err(FileError::Full),
    }
}

fn unreadable(error: SignatureError) -> FileRefused {
    FileRefused { reason: MessageRefusal::Malformed, sender: None, because: error.to_string() }
}

fn not_authentic(signature: &Signature, error: &NotAuthentic<CertificateProblem>) -> FileRefused {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    FileRefused {
        reason: error.reason(),
        sender: Some(signature.claim().sender.clone()),
        because: format!("{error}{}", cause.unwrap_or_default()),
    }
}

/// Where the signature of a file is.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".jws");
    PathBuf::from(name)
}

fn read(path: &Path, longest: u64) -> Result<Vec<u8>, FileError> {
    let failed = |source| FileError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(longest + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > longest {
        return Err(FileError::TooLong(path.to_owned()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::testing::{Hospital, now};

    #[test]
    fn a_file_is_accepted_once_and_only_as_it_was_signed() {
        let hospital = Hospital::new();
        let (sender, receiver) = (hospital.device(1), hospital.device(2));
        let folder = tempfile::tempdir().unwrap();
        let state = |name: &str| StateDirectory::open(folder.path().join(name)).unwrap();
        let [there, here] = ["sender", "receiver"].map(state);
        let path = folder.path().join("bundle.json");
        std::fs::write(&path, r#"{"resourceType":"Bundle"}"#).unwrap();
        let to_sign = FileToSign {
            path: &path,
            receiver: receiver.identity.spiffe_id.clone(),
            stream: "bundles".parse().unwrap(),
            content_type: "application/fhir+json".to_owned(),
        };
        let first = sign_file(&there, &sender, &to_sign, now()).unwrap();
        assert_eq!(first, folder.path().join("bundle.json.jws"));
        let kept = folder.path().join("first.jws");
        std::fs::rename(&first, &kept).unwrap();
        sign_file(&there, &sender, &to_sign, now()).unwrap();

        let anybody = FileToVerify {
            path: &path,
            signature: None,
            senders: &[],
            oldest: Some(SignedDuration::from_hours(24)),
            once: true,
            order: Order::Any,
        };
        let judge = |file: &FileToVerify<'_>, at| match verify_file(&here, &receiver, file, at) {
            Ok(Ok(authentic)) => Ok(authentic.sender().clone()),
            Ok(Err(refused)) => Err(refused.reason),
            Err(error) => panic!("{error}"),
        };
        let us = sender.identity.spiffe_id.clone();
        assert_eq!(judge(&anybody, now()), Ok(us.clone()));
        assert_eq!(judge(&anybody, now()), Err(MessageRefusal::Replayed));
        // The one that was signed before may be read after it.
        let earlier = FileToVerify { signature: Some(&kept), ..anybody.clone() };
        let in_order = FileToVerify { order: Order::Strict, ..earlier.clone() };
        assert_eq!(judge(&in_order, now()), Err(MessageRefusal::Reordered));
        let late = now() + SignedDuration::from_hours(25);
        assert_eq!(judge(&earlier, late), Err(MessageRefusal::Late));
        assert_eq!(judge(&earlier, now()), Ok(us));
        assert_eq!(judge(&earlier, now()), Err(MessageRefusal::Replayed));

        let only = [receiver.identity.spiffe_id.clone()];
        let from_another = FileToVerify { senders: &only, ..anybody.clone() };
        assert_eq!(judge(&from_another, now()), Err(MessageRefusal::UnknownSender));
        std::fs::write(&path, r#"{"resourceType":"Bundel"}"#).unwrap();
        assert_eq!(judge(&anybody, now()), Err(MessageRefusal::Altered));
        std::fs::write(&kept, "what is this").unwrap();
        assert_eq!(judge(&earlier, now()), Err(MessageRefusal::Malformed));
    }
}
