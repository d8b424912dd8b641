//! Devices, each behind the smallest trait that its emulator can play.
//!
//! - [`ble`]: the radio between phone and workstation, and the [`ble::Conversation`] that runs over it;
//! - [`camera`]: what a face is seen with;
//! - [`desktop`]: the screens that are locked and opened;
//! - [`keystore`]: where machine keys and what is sealed under them live;
//! - [`security_key`]: what somebody holds who does not tap.
//!
//! Emulators are behind the feature `emulator`, which a release build refuses.
#[cfg(all(feature = "emulator", not(debug_assertions)))]
compile_error!(
    "the feature `emulator` replaces radios and cameras by scripts: it must not be in a release build"
);

pub mod ble;
pub mod camera;
#[cfg(feature = "desktop")]
pub mod desktop;
pub mod keystore;
pub mod security_key;
