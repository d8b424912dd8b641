//! Token revocation (RFC 7009). A request has the form of [`crate::introspect::TokenQuestion`].
use imp_identity::ClientId;

/// Whether a client may revoke a token: its own. That of another client, like one that does not exist, is answered with success
/// and stays (§2.2), so that nobody learns which tokens there are.
pub fn may_revoke(client: ClientId, owner: ClientId) -> bool {
    client == owner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_revoke_their_own_tokens() {
        let id = |number| ClientId::from(uuid::Uuid::from_u128(number));
        assert!(may_revoke(id(1), id(1)) && !may_revoke(id(1), id(2)));
    }
}
