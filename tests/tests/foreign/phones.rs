//! Phones that are not ours, at real servers and workstations, on the emulated radio: an app in Kotlin that binds our library, and a
//! phone in Python that somebody wrote who knows only what `docs/reference` says.
mod attacker;
mod kotlin;
mod life;
mod python;
mod swift;
