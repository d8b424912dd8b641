//! OAuth 2.0 and OpenID Connect as the provider sees them: requests, clients, tokens and proofs. No input or output.
