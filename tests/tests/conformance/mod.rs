//! The test plans of the OpenID Foundation's conformance suite for providers, each module as one test with its name, against a
//! real server over HTTPS. Where a module checks what we deliberately do otherwise, its test says so.
//!
//! Everywhere the client sends a PKCE challenge, since requests without one are refused (RFC 9700 §2.1.1). ID tokens are signed
//! with ES256, not RS256: the server has no RSA key, so that a certification of the Config profile, which asks for RS256, is out
//! of reach.
mod backchannel_logout;
mod plans;
mod provider;
mod relying_party;
mod requests;
mod rp_initiated_logout;
mod scopes;
mod sessions;
mod tokens;
mod userinfo;
