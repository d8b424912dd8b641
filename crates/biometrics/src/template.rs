//! The biometric reference (ISO/IEC 2382-37) as the phone stores it: mean embeddings, no picture.
use imp_models::ReferenceKind;
use zeroize::Zeroizing;

use crate::embed::{DIMENSIONS, Embedding};

/// First bytes of a serialised template; the last of them is the version of the format.
const MAGIC: [u8; 4] = *b"IMT\x01";
/// Longest name of a model set, in bytes.
const LONGEST_NAME: usize = 64;
/// Longest serialised template, in bytes.
const LONGEST: usize = 4096;
/// Steps of a component: embeddings are stored as 16-bit fixed point.
const UNIT: f32 = 32767.0;

/// A biometric reference of one person; wiped on drop.
#[derive(Clone)]
pub struct Template {
    model_set: String,
    bare: Option<Part>,
    masked: Option<Part>,
}

/// The mean over photographs of one kind.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) mean: Embedding,
    /// Photographs of this kind that were taken, drawn masks not counted.
    pub(crate) photographs: u16,
}

/// The bytes are no template.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum TemplateError {
    /// Longer than any template.
    #[error("a template has at most {LONGEST} bytes")]
    TooLong,
    /// Another format, or another version of it.
    #[error("not a template of this version")]
    Format,
    /// Ends early, goes on too long, or contradicts itself.
    #[error("the template is damaged")]
    Damaged,
}

impl Template {
    /// At least one part is needed to compare with.
    pub(crate) fn new(model_set: String, bare: Option<Part>, masked: Option<Part>) -> Self {
        Self { model_set, bare, masked }
    }

    /// The set of models with which it can be compared, such as `imp-face@1`.
    pub fn model_set(&self) -> &str {
        &self.model_set
    }

    /// Photographs it was made from.
    pub fn photographs(&self) -> u16 {
        let count = |part: &Option<Part>| part.as_ref().map_or(0, |p| p.photographs);
        count(&self.bare).saturating_add(count(&self.masked))
    }

    /// What kind of reference it is: thresholds depend on it.
    pub fn kind(&self) -> ReferenceKind {
        match (&self.bare, self.photographs()) {
            (None, _) => ReferenceKind::MaskedOnly,
            (Some(_), 0 | 1) => ReferenceKind::Single,
            (Some(_), _) => ReferenceKind::Several,
        }
    }

    /// The mean of the bare faces.
    pub(crate) fn bare(&self) -> Option<&Embedding> {
        self.bare.as_ref().map(|p| &p.mean)
    }

    /// The mean of the masked faces, drawn or worn.
    pub(crate) fn masked(&self) -> Option<&Embedding> {
        self.masked.as_ref().map(|p| &p.mean)
    }

    /// The stored form, at most 4096 bytes: magic, name of the model set, and for each part a count of photographs
    /// and 128 components of 16 bits, all big-endian.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
        bytes.extend(MAGIC);
        let name = &self.model_set.as_bytes()[..self.model_set.len().min(LONGEST_NAME)];
        bytes.push(name.len() as u8);
        bytes.extend(name);
        for part in [&self.bare, &self.masked] {
            bytes.push(u8::from(part.is_some()));
            if let Some(part) = part {
                bytes.extend(part.photographs.to_be_bytes());
                for value in part.mean.values() {
                    bytes.extend(((value * UNIT).round() as i16).to_be_bytes());
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
        let mut rest = bytes.strip_prefix(&MAGIC).ok_or(TemplateError::Format)?;
        let length = usize::from(take::<1>(&mut rest)?[0]);
        if length > LONGEST_NAME || length > rest.len() {
            return Err(TemplateError::Damaged);
        }
        let (name, parts) = rest.split_at(length);
        let model_set = std::str::from_utf8(name).map_err(|_| TemplateError::Damaged)?.to_owned();
        rest = parts;
        let (bare, masked) = (part(&mut rest)?, part(&mut rest)?);
        if rest.is_empty() && (bare.is_some() || masked.is_some()) {
            Ok(Self { model_set, bare, masked })
        } else {
            Err(TemplateError::Damaged)
        }
    }
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Template([redacted])")
    }
}

fn part(rest: &mut &[u8]) -> Result<Option<Part>, TemplateError> {
    match take::<1>(rest)? {
        [0] => return Ok(None),
        [1] => {}
        _ => return Err(TemplateError::Damaged),
    }
    let photographs = u16::from_be_bytes(take(rest)?);
    let mut values = Vec::with_capacity(DIMENSIONS);
    for _ in 0..DIMENSIONS {
        values.push(f32::from(i16::from_be_bytes(take(rest)?)) / UNIT);
    }
    let length: f32 = values.iter().map(|v| v * v).sum();
    if (0.9..1.1).contains(&length) {
        Ok(Some(Part { mean: Embedding::normalised(values), photographs }))
    } else {
        Err(TemplateError::Damaged)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], TemplateError> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(TemplateError::Damaged)?;
    *rest = tail;
    Ok(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedding(seed: u32) -> Embedding {
        let value = |i: u32| {
            f32::from((i.wrapping_mul(2_654_435_761).wrapping_add(seed * 977) >> 20) as u16)
                - 2048.0
        };
        Embedding::normalised((0..DIMENSIONS as u32).map(value).collect())
    }

    fn template() -> Template {
        let part = |seed| Part { mean: embedding(seed), photographs: 3 };
        Template::new("imp-face@1".to_owned(), Some(part(1)), Some(part(2)))
    }

    #[test]
    fn a_template_survives_its_stored_form() {
        let bytes = template().to_bytes();
        assert!(bytes.len() < 600);
        let again = Template::from_bytes(&bytes).unwrap();
        assert_eq!(again.model_set(), "imp-face@1");
        assert_eq!(again.photographs(), 6);
        assert_eq!(again.kind(), ReferenceKind::Several);
        for (a, b) in [(template().bare(), again.bare()), (template().masked(), again.masked())] {
            assert!(a.unwrap().similarity(b.unwrap()) > 0.999_99);
        }
        assert_eq!(*again.to_bytes(), *bytes);
    }

    #[test]
    fn every_truncation_and_every_extension_is_refused() {
        let bytes = template().to_bytes();
        for length in 0..bytes.len() {
            Template::from_bytes(&bytes[..length]).unwrap_err();
        }
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert_eq!(Template::from_bytes(&longer).unwrap_err(), TemplateError::Damaged);
        assert_eq!(Template::from_bytes(&vec![0; 5000]).unwrap_err(), TemplateError::TooLong);
    }

    #[test]
    fn altered_bytes_never_panic_and_never_give_a_vector_of_another_length() {
        let bytes = template().to_bytes();
        for index in 0..bytes.len() {
            for change in [1u8, 0x80, 0xFF] {
                let mut altered = bytes.to_vec();
                altered[index] ^= change;
                if let Ok(template) = Template::from_bytes(&altered) {
                    let bare = template.bare().or(template.masked()).unwrap();
                    assert!((bare.similarity(bare) - 1.0).abs() < 1e-3);
                }
            }
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", template()), "Template([redacted])");
    }
}
