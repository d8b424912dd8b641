//! The server as its clients see it: over TLS, in one process with the test.
#[cfg(test)]
mod bounds;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod hospital;
#[cfg(test)]
mod log;
#[cfg(test)]
mod machines;
#[cfg(test)]
mod people;
mod review;
#[cfg(test)]
mod tap;
