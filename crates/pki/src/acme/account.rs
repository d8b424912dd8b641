//! Accounts (RFC 8555 §7.1.2, §7.3).
use serde_json::Value;

use super::{ProblemType, Refused};

/// The most contacts of an account.
const CONTACTS: usize = 4;

/// Whether an account counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    /// It counts.
    Valid,
    /// Its client gave it up.
    Deactivated,
    /// An administrator took it away.
    Revoked,
}

/// What a client says of a new account.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAccount {
    /// How to reach whoever runs the client: `mailto:` addresses.
    pub contacts: Vec<String>,
    /// Whether no account is to be made, only found.
    pub only_existing: bool,
    /// The external account binding, unread.
    pub binding: Option<Value>,
}

/// What a client wants to be changed of its account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// Other contacts.
    pub contacts: Option<Vec<String>>,
    /// Whether it is given up.
    pub deactivate: bool,
}

/// The account is not made or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Not an account.
    #[error("the request is not a JSON object of an account")]
    Malformed,
    /// An address is malformed.
    #[error("a contact is `mailto:` and one address, and there are at most {CONTACTS}")]
    Contact,
    /// An address is of another kind.
    #[error("only mail addresses are supported as contacts")]
    ContactKind,
    /// Only `deactivated` may be said.
    #[error("the only status that a client sets is `deactivated`")]
    Status,
    /// There is none, and the client wanted none to be made.
    #[error("there is no account with this key")]
    Unknown,
    /// It does not count any more.
    #[error("the account was deactivated or revoked")]
    Gone,
}

impl Refused for AccountError {
    fn kind(&self) -> ProblemType {
        match self {
            Self::Malformed | Self::Status => ProblemType::Malformed,
            Self::Contact => ProblemType::InvalidContact,
            Self::ContactKind => ProblemType::UnsupportedContact,
            Self::Unknown => ProblemType::AccountDoesNotExist,
            Self::Gone => ProblemType::Unauthorized,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Malformed | Self::Status => "account-malformed",
            Self::Contact | Self::ContactKind => "account-contact",
            Self::Unknown => "account-unknown",
            Self::Gone => "account-gone",
        }
    }
}

impl AccountStatus {
    /// As in `status`, and as stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Deactivated => "deactivated",
            Self::Revoked => "revoked",
        }
    }
}

impl std::str::FromStr for AccountStatus {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        let all = [Self::Valid, Self::Deactivated, Self::Revoked];
        all.into_iter().find(|status| status.code() == text).ok_or(AccountError::Status)
    }
}

impl NewAccount {
    /// Reads the payload of a request for an account. There are no terms of service to agree to.
    pub fn parse(payload: &[u8]) -> Result<Self, AccountError> {
        let payload = object(payload)?;
        Ok(Self {
            contacts: contacts(&payload)?.unwrap_or_default(),
            only_existing: payload["onlyReturnExisting"].as_bool().unwrap_or_default(),
            binding: payload.get("externalAccountBinding").cloned(),
        })
    }
}

impl AccountChange {
    /// Reads the payload of a request about an account; an empty one changes nothing (POST-as-GET).
    pub fn parse(payload: &[u8]) -> Result<Self, AccountError> {
        if payload.is_empty() {
            return Ok(Self::default());
        }
        let payload = object(payload)?;
        let deactivate = match payload.get("status").map(Value::as_str) {
            None => false,
            Some(Some("deactivated")) => true,
            Some(_) => return Err(AccountError::Status),
        };
        Ok(Self { contacts: contacts(&payload)?, deactivate })
    }
}

fn object(payload: &[u8]) -> Result<Value, AccountError> {
    let payload: Value = serde_json::from_slice(payload).map_err(|_| AccountError::Malformed)?;
    if payload.is_object() { Ok(payload) } else { Err(AccountError::Malformed) }
}

/// Contacts (§7.3): one address each, without header fields.
fn contacts(payload: &Value) -> Result<Option<Vec<String>>, AccountError> {
    let Some(value) = payload.get("contact") else { return Ok(None) };
    let list = value.as_array().ok_or(AccountError::Malformed)?;
    if list.len() > CONTACTS {
        return Err(AccountError::Contact);
    }
    let contact = |value: &Value| {
        let text = value.as_str().ok_or(AccountError::Malformed)?;
        let address = text.strip_prefix("mailto:").ok_or(AccountError::ContactKind)?;
        let fits = address.len() <= 254
            && address.bytes().all(|b| b.is_ascii_graphic() && !b",?%<>\"".contains(&b))
            && address.split_once('@').is_some_and(|(user, host)| {
                !user.is_empty() && !host.is_empty() && !host.contains('@')
            });
        if fits { Ok(text.to_owned()) } else { Err(AccountError::Contact) }
    };
    list.iter().map(contact).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read() {
        let read = |text: &str| NewAccount::parse(text.as_bytes());
        let account =
            read(r#"{"termsOfServiceAgreed":true,"contact":["mailto:it@hospital.example"]}"#);
        assert_eq!(account.unwrap().contacts, ["mailto:it@hospital.example"]);
        assert!(read(r#"{"onlyReturnExisting":true}"#).unwrap().only_existing);
        for (text, why) in [
            ("[]", AccountError::Malformed),
            (r#"{"contact":"mailto:a@b"}"#, AccountError::Malformed),
            (r#"{"contact":["tel:1"]}"#, AccountError::ContactKind),
            (r#"{"contact":["mailto:a@b,c@d"]}"#, AccountError::Contact),
            (r#"{"contact":["mailto:a@b?subject=x"]}"#, AccountError::Contact),
            (r#"{"contact":["mailto:a"]}"#, AccountError::Contact),
        ] {
            assert_eq!(read(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_client_may_only_give_its_account_up() {
        let read = |text: &str| AccountChange::parse(text.as_bytes());
        assert_eq!(read(""), Ok(AccountChange::default()));
        assert!(read(r#"{"status":"deactivated"}"#).unwrap().deactivate);
        assert_eq!(read(r#"{"status":"valid"}"#), Err(AccountError::Status));
        assert_eq!(read(r#"{"contact":[]}"#).unwrap().contacts, Some(vec![]));
    }
}
