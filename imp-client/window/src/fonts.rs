//! The letters: `DejaVu` Sans, with Latin, Greek and the signs that are used, in the program, so that every workstation shows the same.
use std::sync::Arc;

use eframe::egui::{FontData, FontDefinitions, FontFamily};

/// `fonts/README.md` says where they come from, under which licence, and their digests.
const REGULAR: &[u8] = include_bytes!("../fonts/DejaVuSans.ttf");
const BOLD: &[u8] = include_bytes!("../fonts/DejaVuSans-Bold.ttf");

/// The family of what is large.
pub(crate) fn bold() -> FontFamily {
    FontFamily::Name("bold".into())
}

/// All families.
pub(crate) fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    for (name, bytes) in [("regular", REGULAR), ("bold", BOLD)] {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    let families = [
        (FontFamily::Proportional, "regular"),
        (FontFamily::Monospace, "regular"),
        (bold(), "bold"),
    ];
    for (family, name) in families {
        fonts.families.insert(family, vec![name.to_owned()]);
    }
    fonts
}
