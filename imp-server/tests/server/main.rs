//! The server as its clients see it: over TLS, in one process with the test.
#[cfg(test)]
mod access;
#[cfg(test)]
mod bounds;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod export;
#[cfg(test)]
mod hardening;
#[cfg(test)]
mod hospital;
#[cfg(test)]
mod log;
#[cfg(test)]
mod log_command;
#[cfg(test)]
mod machines;
#[cfg(test)]
mod oauth;
#[cfg(test)]
mod people;
#[cfg(test)]
mod review;
#[cfg(test)]
mod scim;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod tap;
