//! WebAuthn as the relying party sees it: ceremonies, credentials, attestation policy. No tables.
