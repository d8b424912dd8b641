//! Looks for secrets in bytes that left a place they must not leave, in every form in which they could be written.
//!
//! A secret is turned into [`Form`]s: as it is, as floats of several widths, quantised, as CBOR or JSON arrays. The bytes under
//! suspicion are looked at as they are and decoded from base64, base64url and hex, twice. A secret counts as found
//! when one window of one form occurs, so that a part of it is enough.
mod forms;
mod memory;
mod views;

use std::collections::{BTreeMap, BTreeSet, HashSet};

pub use forms::{bytes_forms, embedding_forms, picture_forms, reference_forms};
pub use memory::{process_memory_holds, readable_regions};

/// One way in which a secret could be written.
pub struct Form {
    /// For the message of a failing test.
    pub name: String,
    /// The whole secret in this form.
    pub bytes: Vec<u8>,
    /// How many bytes in a row are proof.
    pub window: usize,
    /// The distance between the windows that are looked for.
    pub step: usize,
}

impl Form {
    /// The windows that are looked for.
    pub fn windows(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.windows(self.window).step_by(self.step).filter(|window| tells(window))
    }
}

/// The names of the forms of which a part is in `suspicious`.
pub fn found<'a>(forms: &'a [Form], suspicious: &[u8]) -> BTreeSet<&'a str> {
    let views = views::of(suspicious);
    let mut by_window: BTreeMap<usize, Vec<&Form>> = BTreeMap::new();
    for form in forms {
        by_window.entry(form.window).or_default().push(form);
    }
    let mut found = BTreeSet::new();
    for (window, forms) in by_window {
        let seen: HashSet<&[u8]> = views.iter().flat_map(|view| view.windows(window)).collect();
        for form in forms {
            if form.bytes.windows(window).step_by(form.step).any(|w| seen.contains(w) && tells(w)) {
                found.insert(form.name.as_str());
            }
        }
    }
    found
}

/// Whether a window proves anything: one of few different bytes (a white wall) does not.
fn tells(window: &[u8]) -> bool {
    window.iter().collect::<BTreeSet<_>>().len() * 2 >= window.len().min(12)
}

#[cfg(test)]
mod tests;
