//! What we write, read by somebody else's parser; and broken on purpose, to see that the parser would notice.
mod deliveries;
mod environment;
mod exports;
mod saml;
mod tlog;
