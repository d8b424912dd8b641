//! The engine, through its public face.
#[cfg(test)]
mod degraded;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod measured;
#[cfg(test)]
mod odd;
#[cfg(test)]
mod protect;
#[cfg(test)]
mod quality;
#[cfg(test)]
mod research;
#[cfg(test)]
mod worn;
