//! The engine, through its public face.
#[cfg(test)]
mod engine;
#[cfg(test)]
mod protect;
#[cfg(test)]
mod research;
