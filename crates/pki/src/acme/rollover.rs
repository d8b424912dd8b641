//! Change of an account's key (RFC 8555 §7.3.5): the new key signs which account it is for and which key it replaces; the old
//! one signs that.
use serde_json::Value;

use super::{AccountKey, Envelope, JwsError, ProblemType, Refused};

/// The key is not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RolloverError {
    /// The inner signature does not count.
    #[error("the inner signature, by the new key, does not count")]
    Inner(#[from] JwsError),
    /// The inner header has a nonce, or another address than the outer.
    #[error("the inner header has the address of the request, and no nonce")]
    Header,
    /// It is for another account.
    #[error("the new key is for another account than the one that asks")]
    Account,
    /// The key was changed in the meantime, or was never this.
    #[error("the key that is to be replaced is not the account's")]
    OldKey,
    /// It is the same key.
    #[error("the new key is the old one")]
    SameKey,
    /// Another account has the new key.
    #[error("another account has this key")]
    Taken,
}

impl Refused for RolloverError {
    fn kind(&self) -> ProblemType {
        match self {
            Self::Inner(error) => error.kind(),
            Self::Header | Self::Account | Self::OldKey | Self::SameKey => ProblemType::Malformed,
            Self::Taken => ProblemType::Unauthorized,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Inner(_) | Self::Header => "rollover-malformed",
            Self::Account => "rollover-other-account",
            Self::OldKey => "rollover-raced",
            Self::SameKey => "rollover-same-key",
            Self::Taken => "rollover-key-taken",
        }
    }
}

/// Reads the payload of a request to `url` by `account` (its address), whose key is `current`; answers the new key.
pub fn verify(
    payload: &[u8],
    url: &str,
    account: &str,
    current: &AccountKey,
) -> Result<AccountKey, RolloverError> {
    let inner = Envelope::parse(payload)?;
    let new = inner.key()?;
    if !inner.is_signed_by(&new, inner.algorithm()?) {
        return Err(JwsError::Signature.into());
    }
    if inner.text("url") != Some(url) || inner.header.contains_key("nonce") {
        return Err(RolloverError::Header);
    }
    let said: Value = serde_json::from_slice(&inner.payload).map_err(|_| JwsError::Malformed)?;
    if said["account"].as_str() != Some(account) {
        return Err(RolloverError::Account);
    }
    let old = AccountKey::from_json(&said["oldKey"]).map_err(JwsError::from)?;
    if old != *current {
        return Err(RolloverError::OldKey);
    }
    if new == old { Err(RolloverError::SameKey) } else { Ok(new) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{self, TestKey, URL};
    use super::*;

    const ACCOUNT: &str = "https://ca.example/acme/account/1";

    fn inner(new: &TestKey, old: &TestKey, change: impl FnOnce(&mut Value, &mut Value)) -> Vec<u8> {
        let mut header = json!({"jwk": new.public().to_json(), "url": URL});
        let mut payload = json!({"account": ACCOUNT, "oldKey": old.public().to_json()});
        change(&mut header, &mut payload);
        new.request(header, payload.to_string().as_bytes())
    }

    #[test]
    fn a_key_is_replaced_by_its_account_alone() {
        let (old, new, other) = (testing::p256(), testing::ed25519(), testing::p256());
        let check = |payload: &[u8]| verify(payload, URL, ACCOUNT, old.public());
        assert_eq!(check(&inner(&new, &old, |_, _| ())), Ok(new.public().clone()));
        let raced = check(&inner(&new, &other, |_, _| ()));
        assert_eq!(raced, Err(RolloverError::OldKey));
        assert_eq!(check(&inner(&old, &old, |_, _| ())), Err(RolloverError::SameKey));
        let foreign = check(&inner(&new, &old, |_, payload| payload["account"] = json!("x")));
        assert_eq!(foreign, Err(RolloverError::Account));
        let elsewhere = check(&inner(&new, &old, |header, _| header["url"] = json!("x")));
        assert_eq!(elsewhere, Err(RolloverError::Header));
        let nonced = check(&inner(&new, &old, |header, _| header["nonce"] = json!("x")));
        assert_eq!(nonced, Err(RolloverError::Header));
    }

    #[test]
    fn whoever_does_not_have_the_new_key_cannot_put_it_in() {
        let (old, new) = (testing::p256(), testing::p256());
        let stolen = inner(&old, &old, |header, _| header["jwk"] = new.public().to_json());
        let refused = verify(&stolen, URL, ACCOUNT, old.public());
        assert_eq!(refused, Err(RolloverError::Inner(JwsError::Signature)));
        let garbage = verify(b"{}", URL, ACCOUNT, old.public());
        assert_eq!(garbage, Err(RolloverError::Inner(JwsError::Malformed)));
    }
}
