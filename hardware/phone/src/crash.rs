//! Places where a test can end the process as if the battery had failed. A release build has none of it.

/// Every step boundary, in the order in which a phone comes to it.
pub const POINTS: &[&str] = &[
    "bind:key-made",
    "bind:answered",
    "bind:stored",
    "serve:connected",
    "serve:established",
    "store:received",
    "store:key-stored",
    "store:sealed",
    "store:stored",
    "store:acknowledged",
    "tap:requested",
    "tap:signed",
    "tap:responded",
    "receipt:received",
    "receipt:stored",
    "erase:marked",
    "erase:key-deleted",
    "erase:template-key-deleted",
    "erase:told",
];

#[cfg(feature = "emulator")]
mod armed {
    use std::sync::OnceLock;

    static AT: OnceLock<String> = OnceLock::new();

    /// Has the process abort at `point`, one of [`super::POINTS`]; says whether there is such a point.
    pub fn arm(point: &str) -> bool {
        super::POINTS.contains(&point) && AT.set(point.to_owned()).is_ok()
    }

    pub(crate) fn point(name: &str) {
        debug_assert!(super::POINTS.contains(&name), "{name} is not listed");
        if AT.get().is_some_and(|at| at == name) {
            std::process::abort();
        }
    }
}

#[cfg(feature = "emulator")]
pub use armed::arm;
#[cfg(feature = "emulator")]
pub(crate) use armed::point;

#[cfg(not(feature = "emulator"))]
pub(crate) const fn point(_name: &str) {}
