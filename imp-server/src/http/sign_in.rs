//! Signing people on in browsers: the pages, and what they ask of the server.
pub(crate) mod cookie;
