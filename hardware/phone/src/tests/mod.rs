//! Conversations over the emulated radio with workstations of a small hospital, whose certificates and signatures are
//! made by the same code as the server's.
mod binding;
mod enrolment;
mod erasure;
mod hospital;
mod log;
#[cfg(feature = "emulator")]
mod misbehaviour;
mod serving;
mod tap;
mod uses;
mod vault;
