//! What we write, read by somebody else's parser; and broken on purpose, to see that the parser would notice.
mod apache;
mod contract;
mod deliveries;
mod directory;
mod environment;
mod exports;
mod house;
mod openid;
mod openidconnect;
mod saml;
mod scim;
mod tlog;
mod webauthn;
