//! The rules that `docs/architecture.md` states, held.
mod dependencies;
mod emulators;
mod licences;
mod signatures;
mod sources;
