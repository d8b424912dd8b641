//! The window of a shared workstation.
fn main() {}
