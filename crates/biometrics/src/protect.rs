//! The stored form of a biometric reference: renewable and unlinkable (ISO/IEC 24745).
//!
//! Each mean embedding is rotated by a secret orthogonal map of its own, drawn for this enrolment. The map keeps every
//! angle, so decisions do not change; without the key the numbers are those of a random direction, and two templates of one
//! person have nothing in common. The template names its key by a commitment that the reference's digest covers: a
//! phone that could choose the key could turn the enrolled face into anybody's.
mod key;
mod rotation;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

pub use key::TemplateKey;
use key::Use;
use rotation::Rotation;

use crate::PIPELINE;
use crate::capture::Capture;
use crate::compare::{CompareError, Outcome, Verification};
use crate::embed::{DIMENSIONS, Embedding};
use crate::engine::Engine;
use crate::template::{Part, Template};

/// First bytes of the stored form; the last of them is the version of the format.
const MAGIC: [u8; 4] = *b"IMT\x02";
/// The same of a form that was in use before templates were protected.
const UNPROTECTED: [u8; 4] = *b"IMT\x01";
/// Longest name of a model set, in bytes.
const LONGEST_NAME: usize = 64;
/// Longest stored form, in bytes.
const LONGEST: usize = 4096;
/// Bytes of the commitment.
const COMMITMENT: usize = 32;
/// Steps of a component: they are stored as 16-bit fixed point.
const UNIT: f64 = 32767.0;
/// Steps of the spread, 0–2.
const SPREAD_UNIT: f32 = 32767.0;

/// A biometric reference that only its key makes comparable; wiped on drop.
#[derive(Clone)]
pub struct ProtectedTemplate {
    model_set: String,
    pipeline: u32,
    /// What [`Use::Commitment`] derives from the key.
    commitment: Zeroizing<Vec<u8>>,
    bare: Option<Rotated>,
    masked: Option<Rotated>,
}

/// One part, rotated.
#[derive(Clone)]
struct Rotated {
    photographs: u16,
    /// In steps of [`SPREAD_UNIT`], hidden: it is somebody's as well.
    spread: u16,
    components: Zeroizing<Vec<i16>>,
}

/// The bytes are no template.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum TemplateError {
    /// Longer than any template.
    #[error("a template has at most {LONGEST} bytes")]
    TooLong,
    /// Made before templates were protected.
    #[error("the template is of a time before templates were protected: enrol again")]
    Unprotected,
    /// Another format, or another version of it.
    #[error("not a template of this version")]
    Format,
    /// Ends early, goes on too long, or contradicts itself.
    #[error("the template is damaged")]
    Damaged,
}

impl Template {
    /// Hides the template behind `key`, which must have been drawn for it alone.
    pub fn protect(&self, key: &TemplateKey) -> ProtectedTemplate {
        ProtectedTemplate {
            model_set: self.model_set().to_owned(),
            pipeline: PIPELINE,
            commitment: key.derive(Use::Commitment, COMMITMENT),
            bare: self.part(false).map(|part| Rotated::new(part, key, Use::Bare)),
            masked: self.part(true).map(|part| Rotated::new(part, key, Use::Masked)),
        }
    }
}

impl ProtectedTemplate {
    /// The set of models with which it can be compared, such as `imp-face@1`.
    pub fn model_set(&self) -> &str {
        &self.model_set
    }

    /// The number of the pipeline with which it can be compared ([`PIPELINE`]).
    pub fn pipeline(&self) -> u32 {
        self.pipeline
    }

    /// Whether `key` is the one it was protected with; takes the same time for every answer.
    pub fn is_of(&self, key: &TemplateKey) -> bool {
        self.commitment.ct_eq(&key.derive(Use::Commitment, COMMITMENT)).into()
    }

    /// The template as it was; with a wrong key, one of no person. For audits; who decides uses
    /// [`Engine::compare_protected`].
    pub fn open(&self, key: &TemplateKey) -> Template {
        let part = |part: &Option<Rotated>, purpose| {
            part.as_ref().map(|rotated| rotated.undone(key, purpose))
        };
        let (bare, masked) = (part(&self.bare, Use::Bare), part(&self.masked, Use::Masked));
        Template::new(self.model_set.clone(), bare, masked)
    }

    /// The stored form, at most 4096 bytes: magic, name of the model set, number of the pipeline, commitment, and for each
    /// part a count of photographs, their hidden spread and 128 components of 16 bits, all big-endian.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
        bytes.extend(MAGIC);
        let name = &self.model_set.as_bytes()[..self.model_set.len().min(LONGEST_NAME)];
        bytes.push(name.len() as u8);
        bytes.extend(name);
        bytes.extend(self.pipeline.to_be_bytes());
        bytes.extend(self.commitment.iter());
        for part in [&self.bare, &self.masked] {
            bytes.push(u8::from(part.is_some()));
            if let Some(part) = part {
                bytes.extend(part.photographs.to_be_bytes());
                bytes.extend(part.spread.to_be_bytes());
                for component in part.components.iter() {
                    bytes.extend(component.to_be_bytes());
                }
            }
        }
        bytes
    }

    /// Reads the stored form; accepts nothing but it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TemplateError> {
        if bytes.len() > LONGEST {
            return Err(TemplateError::TooLong);
        }
        if bytes.starts_with(&UNPROTECTED) {
            return Err(TemplateError::Unprotected);
        }
        let mut rest = bytes.strip_prefix(&MAGIC).ok_or(TemplateError::Format)?;
        let length = usize::from(take::<1>(&mut rest)?[0]);
        let (name, parts) = rest.split_at_checked(length).ok_or(TemplateError::Damaged)?;
        let name = std::str::from_utf8(name).ok().filter(|name| name.len() <= LONGEST_NAME);
        let model_set = name.ok_or(TemplateError::Damaged)?.to_owned();
        rest = parts;
        let pipeline = u32::from_be_bytes(take(&mut rest)?);
        let (commitment, parts) =
            rest.split_at_checked(COMMITMENT).ok_or(TemplateError::Damaged)?;
        let commitment = Zeroizing::new(commitment.to_vec());
        rest = parts;
        let (bare, masked) = (Rotated::read(&mut rest)?, Rotated::read(&mut rest)?);
        if rest.is_empty() && (bare.is_some() || masked.is_some()) {
            Ok(Self { model_set, pipeline, commitment, bare, masked })
        } else {
            Err(TemplateError::Damaged)
        }
    }
}

impl Engine {
    /// Decides whether `capture` shows the person of `template`, which only its own `key` opens. With another key nobody
    /// matches; that takes as long, and looks as any other person's face does.
    pub fn compare_protected(
        &self,
        capture: &Capture,
        template: &ProtectedTemplate,
        key: &TemplateKey,
    ) -> Result<Verification, CompareError> {
        if template.pipeline != PIPELINE {
            return Err(CompareError::Pipeline { reference: template.pipeline });
        }
        let fits = template.is_of(key);
        let mut verification = self.compare(capture, &template.open(key))?;
        if !fits {
            // A phone that may try keys finds one that turns the template into the face before the camera.
            verification.similarity = verification.similarity.min(0.0);
            verification.outcome = Outcome::NonMatch;
        }
        Ok(verification)
    }
}

impl std::fmt::Debug for ProtectedTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProtectedTemplate([redacted])")
    }
}

impl Rotated {
    fn new(part: &Part, key: &TemplateKey, purpose: Use) -> Self {
        let mut values = Zeroizing::new([0f64; DIMENSIONS]);
        for (value, component) in values.iter_mut().zip(part.mean.values()) {
            *value = f64::from(*component);
        }
        Rotation::new(key, purpose).apply(values.as_mut_slice());
        let fixed = values.iter().map(|value| (value * UNIT).round() as i16);
        Self {
            photographs: part.photographs,
            spread: (part.spread * SPREAD_UNIT).round() as u16 ^ pad(key, purpose),
            components: Zeroizing::new(fixed.collect()),
        }
    }

    fn undone(&self, key: &TemplateKey, purpose: Use) -> Part {
        let mut values = Zeroizing::new([0f64; DIMENSIONS]);
        for (value, component) in values.iter_mut().zip(self.components.iter()) {
            *value = f64::from(*component) / UNIT;
        }
        Rotation::new(key, purpose).undo(values.as_mut_slice());
        let mean = Embedding::normalised(values.iter().map(|value| *value as f32).collect());
        let spread = f32::from(self.spread ^ pad(key, purpose)) / SPREAD_UNIT;
        Part { mean, photographs: self.photographs, spread }
    }

    fn read(rest: &mut &[u8]) -> Result<Option<Self>, TemplateError> {
        match take::<1>(rest)? {
            [0] => return Ok(None),
            [1] => {}
            _ => return Err(TemplateError::Damaged),
        }
        let photographs = u16::from_be_bytes(take(rest)?);
        let spread = u16::from_be_bytes(take(rest)?);
        let mut components = Zeroizing::new(Vec::with_capacity(DIMENSIONS));
        for _ in 0..DIMENSIONS {
            components.push(i16::from_be_bytes(take(rest)?));
        }
        let square = |component: &i16| (f64::from(*component) / UNIT).powi(2);
        let length: f64 = components.iter().map(square).sum();
        if (0.9..1.1).contains(&length) {
            Ok(Some(Self { photographs, spread, components }))
        } else {
            Err(TemplateError::Damaged)
        }
    }
}

/// What hides the spread of one part.
fn pad(key: &TemplateKey, purpose: Use) -> u16 {
    let bytes = key.derive(Use::Spread, 4);
    let at = if purpose == Use::Masked { 2 } else { 0 };
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], TemplateError> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(TemplateError::Damaged)?;
    *rest = tail;
    Ok(*head)
}

#[cfg(test)]
mod tests;
