//! Whether a signed message is authentic: by a machine that we trust, for us, as it was sent, and of now.
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use imp_identity::Digest;
use imp_identity::connection::MessageRefusal;
use imp_identity::spiffe::SpiffeId;
use jiff::{SignedDuration, Timestamp};

use crate::signature::{Assurance, Message, Signature, SignatureError, signing_input};
use crate::stream::Stream;

/// Whose certificate a chain is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatory {
    /// The machine that the certificate names.
    pub spiffe_id: SpiffeId,
    /// Its key: a P-256 `SubjectPublicKeyInfo` in DER (RFC 5480 §2).
    pub public_key: Vec<u8>,
}

/// Who knows whether a certificate is good.
pub trait Trust {
    /// Why it is not.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Whose certificate the first of `chain` (DER, without the root) is, if it was good at the instant `at`.
    fn signatory(&self, chain: &[Vec<u8>], at: Timestamp) -> Result<Signatory, Self::Error>;
}

/// What the receiver expects.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Who we are.
    pub receiver: &'a SpiffeId,
    /// Who may have sent it; anybody whose certificate is good, if absent.
    pub senders: Option<&'a [SpiffeId]>,
    /// What the signature must stand for beside the payload, exactly.
    pub subject: Option<&'a str>,
    /// How long ago it may have been signed; without end, if absent.
    pub oldest: Option<SignedDuration>,
    /// How far the sender's clock may be ahead of ours.
    pub ahead: SignedDuration,
}

/// A message that is authentic. That it was not there before, the [`crate::Memory`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentic {
    message: Message,
    digest: Digest,
    timely: Result<(), MessageRefusal>,
}

/// Why a signature does not make a message authentic.
#[derive(Debug, thiserror::Error)]
pub enum NotAuthentic<E: std::error::Error + Send + Sync + 'static> {
    /// The signature cannot be read.
    #[error("the signature cannot be read")]
    Signature(#[source] SignatureError),
    /// Its certificate is not one that we trust.
    #[error("the sender's certificate is not trusted")]
    Certificate(#[source] E),
    /// The certificate is that of another machine than the header names.
    #[error("the message names another sender than its certificate")]
    OtherSender,
    /// The sender is not one of those that are expected here.
    #[error("the sender is not expected here")]
    UnexpectedSender,
    /// It is for somebody else.
    #[error("the message is for another receiver")]
    OtherReceiver,
    /// It stands for something else.
    #[error("the signature is about something else")]
    OtherSubject,
    /// Payload and digest do not fit.
    #[error("the message is not the one that was signed")]
    Payload,
    /// The signature does not fit.
    #[error("the signature does not verify")]
    Key,
}

/// A message that is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is refused: {}", .reason.code())]
pub struct Refused {
    /// Why.
    pub reason: MessageRefusal,
    /// Who it says that it is from, as far as that can be read.
    pub sender: Option<SpiffeId>,
}

impl<E: std::error::Error + Send + Sync + 'static> NotAuthentic<E> {
    /// The word for it.
    pub const fn reason(&self) -> MessageRefusal {
        match self {
            Self::Signature(_) => MessageRefusal::Malformed,
            Self::Certificate(_) | Self::OtherSender | Self::UnexpectedSender => {
                MessageRefusal::UnknownSender
            }
            Self::OtherReceiver => MessageRefusal::Misdirected,
            Self::OtherSubject | Self::Payload | Self::Key => MessageRefusal::Altered,
        }
    }
}

impl Authentic {
    /// Who sent it.
    pub const fn sender(&self) -> &SpiffeId {
        &self.message.sender
    }

    /// What else the signature says.
    pub const fn message(&self) -> &Message {
        &self.message
    }

    /// Among which messages it has its place.
    pub const fn stream(&self) -> &Stream {
        &self.message.stream
    }

    /// Its payload's digest.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// For whom it was signed.
    pub const fn assurance(&self) -> Assurance {
        self.message.assurance
    }

    /// The sender is known to sign for a device behind it, whatever it says of itself.
    pub const fn is_by_legacy_gateway(&mut self) {
        self.message.assurance = Assurance::LegacyGateway;
    }

    /// Whether it is of now: [`MessageRefusal::Late`] or [`MessageRefusal::Early`] if not. The memory asks, after it has looked whether the
    /// message is an old acquaintance: that is what says more.
    pub const fn timely(&self) -> Result<(), MessageRefusal> {
        self.timely
    }

    /// That it is not accepted, for this reason.
    pub fn refused(&self, reason: MessageRefusal) -> Refused {
        Refused { reason, sender: Some(self.message.sender.clone()) }
    }
}

/// Whether `signature` makes `payload` an authentic message for whom `expected` says. The certificate must have been good when the message
/// says that it was signed: [`Expected::oldest`] bounds for how long an expired one still counts.
pub fn verify<T: Trust>(
    signature: &Signature,
    payload: &[u8],
    expected: &Expected<'_>,
    trust: &T,
    now: Timestamp,
) -> Result<Authentic, NotAuthentic<T::Error>> {
    let message = &signature.message;
    let at = message.at.min(now);
    let signatory = trust.signatory(&signature.chain, at).map_err(NotAuthentic::Certificate)?;
    if signatory.spiffe_id != message.sender {
        return Err(NotAuthentic::OtherSender);
    }
    if Digest::of(&[payload]) != signature.digest {
        return Err(NotAuthentic::Payload);
    }
    if !is_by(&signatory.public_key, signature, payload) {
        return Err(NotAuthentic::Key);
    }
    if expected.senders.is_some_and(|senders| !senders.contains(&message.sender)) {
        return Err(NotAuthentic::UnexpectedSender);
    }
    if *expected.receiver != message.receiver {
        return Err(NotAuthentic::OtherReceiver);
    }
    if expected.subject != message.subject.as_deref() {
        return Err(NotAuthentic::OtherSubject);
    }
    let timely = timely(message.at, expected, now);
    Ok(Authentic { message: message.clone(), digest: signature.digest, timely })
}

fn timely(at: Timestamp, expected: &Expected<'_>, now: Timestamp) -> Result<(), MessageRefusal> {
    let age = now.duration_since(at);
    if age < -expected.ahead {
        Err(MessageRefusal::Early)
    } else if expected.oldest.is_some_and(|oldest| age > oldest) {
        Err(MessageRefusal::Late)
    } else {
        Ok(())
    }
}

/// DER of a P-256 `SubjectPublicKeyInfo` up to the point's 65 bytes (RFC 5480 §2.1.1).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

fn is_by(public_key: &[u8], signature: &Signature, payload: &[u8]) -> bool {
    let Some(point) = public_key.strip_prefix(&SPKI_PREFIX) else { return false };
    let input = signing_input(&signature.header, payload);
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(&input, &signature.value).is_ok()
}

#[cfg(test)]
mod tests;
