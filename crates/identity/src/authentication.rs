//! How somebody was authenticated, and how sure that makes us (SP 800-63B-4).
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A way of being authenticated, as tokens name it in `amr` (RFC 8176 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Her face was compared.
    #[serde(rename = "face")]
    Face,
    /// A key that cannot leave its hardware signed.
    #[serde(rename = "hwk")]
    HardwareKey,
    /// A key in software signed.
    #[serde(rename = "swk")]
    SoftwareKey,
    /// The authenticator asked for a PIN, or for whatever else unlocks it.
    #[serde(rename = "pin")]
    Pin,
    /// Somebody was present at the authenticator.
    #[serde(rename = "user")]
    Presence,
    /// A one-time code that was handed over by an officer.
    #[serde(rename = "otp")]
    Code,
    /// More than one factor took part.
    #[serde(rename = "mfa")]
    MultiFactor,
    /// Nobody: an emergency. Not in the registry of RFC 8176.
    #[serde(rename = "urn:imp:amr:break-glass")]
    BreakGlass,
}

crate::name::codes! { Method:
    Face = "face",
    HardwareKey = "hwk",
    SoftwareKey = "swk",
    Pin = "pin",
    Presence = "user",
    Code = "otp",
    MultiFactor = "mfa",
    BreakGlass = "urn:imp:amr:break-glass",
}

/// How much an authentication assures (SP 800-63B-4 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aal {
    /// Some factor.
    Aal1,
    /// Two factors.
    Aal2,
    /// Two factors, one of them a hardware key that was attested and that phishing cannot use.
    Aal3,
}

crate::name::codes! { Aal: Aal1 = "aal1", Aal2 = "aal2", Aal3 = "aal3" }

/// One authentication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// When.
    pub at: Timestamp,
    /// How, in ascending order and each once.
    pub methods: Vec<Method>,
    /// How much it assures.
    pub aal: Aal,
    /// Whether a page that only looks like ours could not have used it (SP 800-63B-4 §3.2.5). The methods do not tell: a
    /// passkey is bound to our origin, a phone that scanned a code is not.
    #[serde(default)]
    pub phishing_resistant: bool,
}

/// By what somebody tried to sign in without a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// A passkey, in a browser.
    Passkey,
    /// A security key, at a workstation.
    SecurityKey,
    /// A phone that scanned a code in a browser.
    Phone,
    /// The desktop that the browser stands on.
    Workstation,
    /// A one-time code.
    Code,
    /// An emergency, at a workstation.
    BreakGlass,
}

crate::name::codes! { Means:
    Passkey = "passkey",
    SecurityKey = "security-key",
    Phone = "phone",
    Workstation = "workstation",
    Code = "code",
    BreakGlass = "break-glass",
}

/// Why somebody who tried to sign in without a tap was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignInRefusal {
    /// The credential, the phone or the code is not known.
    Unknown,
    /// What was signed is not what was asked, or the signature is wrong.
    Signature,
    /// What was asked has expired, or was answered before.
    Expired,
    /// The authenticator did not verify who holds it.
    NotVerified,
    /// The authenticator's counter went backwards: it may have been copied (WebAuthn L3 §6.1.1).
    Counter,
    /// The user is disabled.
    UserDisabled,
    /// Nobody is signed in at the workstation, or somebody else.
    NoSession,
    /// The answer came from another browser than the question.
    OtherBrowser,
    /// Policy does not allow it.
    Policy,
    /// Too many have failed: a wait runs.
    Delayed,
}

crate::name::codes! { SignInRefusal:
    Unknown = "unknown",
    Signature = "signature",
    Expired = "expired",
    NotVerified = "not-verified",
    Counter = "counter",
    UserDisabled = "user-disabled",
    NoSession = "no-session",
    OtherBrowser = "other-browser",
    Policy = "policy",
    Delayed = "delayed",
}

impl Authentication {
    /// An authentication by these methods; sorts them, drops doubles, and adds `mfa` when `aal` says that there were two factors.
    pub fn new(at: Timestamp, mut methods: Vec<Method>, aal: Aal) -> Self {
        if aal >= Aal::Aal2 {
            methods.push(Method::MultiFactor);
        }
        methods.sort_unstable();
        methods.dedup();
        Self { at, methods, aal, phishing_resistant: false }
    }

    /// The same, bound to our name so that phishing cannot use it.
    #[must_use]
    pub fn resisting_phishing(self) -> Self {
        Self { phishing_resistant: true, ..self }
    }

    /// What a tap is: the phone's key and the face, AAL2 (SP 800-63B-4 §2.2.1). The phone signs for one workstation, over
    /// a channel with that workstation's certificate.
    pub fn tap(at: Timestamp) -> Self {
        Self::new(at, vec![Method::Face, Method::HardwareKey], Aal::Aal2).resisting_phishing()
    }

    /// The same one, after a single factor let her in again: she was really authenticated at `at`, and what was shown since is
    /// one factor. So an application that wants two, something newer, or resistance to phishing, has her step up.
    #[must_use]
    pub fn renewed_by_one_factor(&self, methods: Vec<Method>) -> Self {
        Self::new(self.at, methods, Aal::Aal1)
    }

    /// What an entry in an emergency is: nobody proved anything.
    pub fn emergency(at: Timestamp) -> Self {
        Self::new(at, vec![Method::BreakGlass], Aal::Aal1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_is_two_factors() {
        let tap = Authentication::tap(Timestamp::UNIX_EPOCH);
        assert_eq!(tap.methods, [Method::Face, Method::HardwareKey, Method::MultiFactor]);
        let json = serde_json::to_value(&tap.methods).unwrap();
        assert_eq!(json, serde_json::json!(["face", "hwk", "mfa"]));
    }
}
