//! Places where a test can end the process as if the power had failed. A release build has none of it.

/// Every step boundary, in the order in which a workstation comes to it.
pub const POINTS: &[&str] = &[
    "machine:key-created",
    "machine:enrolled",
    "machine:stored",
    "renewal:answered",
    "renewal:stored",
    "roster:verified",
    "roster:stored",
    "enrol:opened",
    "enrol:bound",
    "enrol:captured",
    "enrol:issued",
    "enrol:stored",
    "enrol:confirmed",
    "enrol:receipt-delivered",
    "tap:selected",
    "tap:challenge",
    "tap:connected",
    "tap:requested",
    "tap:responded",
    "tap:captured",
    "tap:compared",
    "tap:submitting",
    "tap:submitted",
    "tap:unlocked",
    "tap:receipt-delivered",
    "offline:decided",
    "offline:written",
    "offline:told",
    "offline:settled",
    "outbox:stored",
    "lock:locked",
    "lock:told",
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
