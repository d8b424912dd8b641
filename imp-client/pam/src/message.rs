//! What is said on the agent's socket, as far as this module says it (`Request::Vouch`, `Answer::Vouched` of `imp-socket`): a line of JSON each.
use serde::{Deserialize, Serialize};

/// May whoever is here use this account?
#[derive(Debug, Serialize)]
#[serde(tag = "do", rename = "vouch")]
pub(crate) struct Question<'a> {
    /// The local account (`PAM_USER`).
    pub(crate) account: &'a str,
    /// Who asks for it (`PAM_SERVICE`).
    pub(crate) service: &'a str,
    /// The account that she uses already (`PAM_RUSER`), if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) asker: Option<&'a str>,
}

/// What the agent says. Other answers are not for this module, and no reason to go on.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub(crate) enum Answer {
    /// The one that lets in, for the account it names.
    Vouched {
        /// It must be the one that was asked for.
        account: String,
    },
    /// The tap goes on.
    Hint {},
    /// Nobody is vouched for.
    Failed {
        /// Why.
        message: String,
    },
}
