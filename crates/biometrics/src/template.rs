//! The biometric reference (ISO/IEC 2382-37) as it is compared, in memory only: mean embeddings, no picture. What is stored
//! is a [`ProtectedTemplate`](crate::ProtectedTemplate).
use imp_models::ReferenceKind;

use crate::embed::Embedding;

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
    /// How far they lie from their mean: the mean of one minus the cosine, 0–2.
    pub(crate) spread: f32,
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

    /// How far the photographs of one kind (masked ones with those under drawn masks) lie from their mean: the mean of one
    /// minus the cosine, 0 where they are all alike or one alone; `None` where there is none.
    pub fn spread(&self, masked: bool) -> Option<f32> {
        self.part(masked).map(|part| part.spread)
    }

    /// What kind of reference it is: thresholds depend on it.
    pub fn kind(&self) -> ReferenceKind {
        match (&self.bare, self.photographs()) {
            (None, _) => ReferenceKind::MaskedOnly,
            (Some(_), 0 | 1) => ReferenceKind::Single,
            (Some(_), _) => ReferenceKind::Several,
        }
    }

    /// The part of bare faces, or of masked ones.
    pub(crate) fn part(&self, masked: bool) -> Option<&Part> {
        if masked { self.masked.as_ref() } else { self.bare.as_ref() }
    }

    /// The mean of the bare faces.
    pub fn bare(&self) -> Option<&Embedding> {
        self.bare.as_ref().map(|p| &p.mean)
    }

    /// The mean of the masked faces, drawn or worn.
    pub fn masked(&self) -> Option<&Embedding> {
        self.masked.as_ref().map(|p| &p.mean)
    }
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Template([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(photographs: u16) -> Part {
        Part { mean: Embedding::normalised(vec![1.0, 2.0]), photographs, spread: 0.0 }
    }

    fn template(bare: Option<Part>, masked: Option<Part>) -> Template {
        Template::new("imp-face@1".to_owned(), bare, masked)
    }

    #[test]
    fn the_kind_follows_from_the_photographs() {
        assert_eq!(template(Some(part(1)), Some(part(0))).kind(), ReferenceKind::Single);
        assert_eq!(template(Some(part(3)), Some(part(0))).kind(), ReferenceKind::Several);
        assert_eq!(template(Some(part(1)), Some(part(1))).kind(), ReferenceKind::Several);
        assert_eq!(template(None, Some(part(2))).kind(), ReferenceKind::MaskedOnly);
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", template(Some(part(1)), None)), "Template([redacted])");
    }
}
