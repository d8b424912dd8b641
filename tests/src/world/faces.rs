//! The photographs, and the networks that look at them.
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use imp_biometrics::{Engine, Image, MaskStyle};
use imp_models::ModelStore;

use crate::source_tree;

/// Nurse A as she is enrolled.
pub const ADA_ENROLLED: &[&str] = &["obama.jpg", "obama2.jpg"];
/// Nurse A at the workstation, on another day.
pub const ADA: &str = "obama3.jpg";
/// Nurse B.
pub const BEA: &str = "biden.jpg";
/// Somebody whom the hospital does not know.
pub const STRANGER: &str = "astronaut.png";

/// Where the photograph called `name` is.
pub fn path(name: &str) -> PathBuf {
    source_tree::root().join("tests/data/faces").join(name)
}

/// The photograph called `name`.
pub fn photograph(name: &str) -> Image {
    Image::open(&path(name)).expect("the photograph comes with the project")
}

/// The networks, loaded once a process.
pub fn engine() -> Arc<Engine> {
    static ENGINE: OnceLock<Arc<Engine>> = OnceLock::new();
    let load = || {
        let store = ModelStore::open(source_tree::root().join("models")).expect("models");
        let threads = NonZeroUsize::new(2).unwrap_or(NonZeroUsize::MIN);
        Arc::new(Engine::load(&store, threads).expect("models"))
    };
    Arc::clone(ENGINE.get_or_init(load))
}

/// Writes the photograph `name` with a surgical mask drawn on it into `folder`.
pub fn masked(name: &str, folder: &Path) -> PathBuf {
    let drawn = engine().draw_mask(&photograph(name), MaskStyle::Surgical, 7);
    write(&drawn.expect("the photograph shows one face"), folder, &format!("masked-{name}"))
}

/// Writes `image` into `folder` as a PNG.
pub fn write(image: &Image, folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name).with_extension("png");
    std::fs::write(&path, image.to_png().expect("a picture can be written"))
        .expect("the folder can be written");
    path
}
