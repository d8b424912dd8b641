//! A minimal identity provider of SAML 2.0: metadata, requests, signed assertions.
