//! What the QR code at the enrolment desk says, and what a workstation's installer is given.
use std::fmt;
use std::str::FromStr;

use imp_identity::Digest;
use imp_identity::invitation::Code;

/// The longest server address, in bytes.
const SERVER: usize = 512;

/// `imp:bind?server=…&ca=…&code=…` for a phone, `imp:enrol?…` for a workstation.
///
/// `Display` writes the one-time code in clear: it is the code's way to its owner.
#[derive(Clone, Debug)]
pub struct InvitationUri {
    /// What for.
    pub purpose: InvitationPurpose,
    /// The server's address, such as `https://imp.hospital.example:8443`.
    pub server: String,
    /// SHA-256 of the root certificate's DER.
    pub ca: Digest,
    /// The one-time code.
    pub code: Code,
}

/// What an invitation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationPurpose {
    /// Bind a phone to a user.
    Bind,
    /// Enrol a workstation.
    Enrol,
}

/// The text is not an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInvitation {
    /// It does not begin with `imp:bind?` or `imp:enrol?`.
    #[error("not an invitation: `imp:bind?…` or `imp:enrol?…` is expected")]
    Scheme,
    /// A part is missing, twice there, or unknown.
    #[error("not an invitation: exactly `server`, `ca` and `code` are expected")]
    Parts,
    /// The server is not an `https://` address.
    #[error("the invitation's server is not an https:// address")]
    Server,
    /// The fingerprint is not 64 hexadecimal digits.
    #[error("the invitation's CA fingerprint is not 64 hexadecimal digits")]
    Ca,
    /// The one-time code has been mistyped.
    #[error("the invitation's one-time code is not complete")]
    Code,
}

impl FromStr for InvitationUri {
    type Err = InvalidInvitation;

    fn from_str(text: &str) -> Result<Self, InvalidInvitation> {
        let (purpose, query) = match text.trim().split_once('?') {
            Some(("imp:bind", query)) => (InvitationPurpose::Bind, query),
            Some(("imp:enrol", query)) => (InvitationPurpose::Enrol, query),
            Some(_) | None => return Err(InvalidInvitation::Scheme),
        };
        let [mut server, mut ca, mut code] = [None; 3];
        for part in query.split('&') {
            let (key, value) = part.split_once('=').ok_or(InvalidInvitation::Parts)?;
            let place = match key {
                "server" => &mut server,
                "ca" => &mut ca,
                "code" => &mut code,
                _ => return Err(InvalidInvitation::Parts),
            };
            if place.replace(value).is_some() {
                return Err(InvalidInvitation::Parts);
            }
        }
        let (Some(server), Some(ca), Some(code)) = (server, ca, code) else {
            return Err(InvalidInvitation::Parts);
        };
        Ok(Self {
            purpose,
            server: percent_decode(server)
                .filter(|server| is_https(server))
                .ok_or(InvalidInvitation::Server)?,
            ca: ca.parse().map_err(|_| InvalidInvitation::Ca)?,
            code: code.parse().map_err(|_| InvalidInvitation::Code)?,
        })
    }
}

impl fmt::Display for InvitationUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let purpose = match self.purpose {
            InvitationPurpose::Bind => "bind",
            InvitationPurpose::Enrol => "enrol",
        };
        write!(f, "imp:{purpose}?server=")?;
        for byte in self.server.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        write!(f, "&ca={}&code={}", self.ca, self.code.expose())
    }
}

fn is_https(server: &str) -> bool {
    let host = server.strip_prefix("https://").unwrap_or_default();
    !host.is_empty() && server.len() <= SERVER && host.bytes().all(|b| b.is_ascii_graphic())
}

/// Undoes percent-encoding (RFC 3986 §2.1).
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "imp:bind?server=https%3A%2F%2F127.0.0.1%3A8443\
        &ca=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855&code=7XK2M-00000-ABCDE-ZZZZZ";

    #[test]
    fn an_invitation_is_read_as_it_was_written() {
        let invitation: InvitationUri = GOOD.parse().unwrap();
        assert_eq!(invitation.purpose, InvitationPurpose::Bind);
        assert_eq!(invitation.server, "https://127.0.0.1:8443");
        assert_eq!(invitation.ca, Digest::of(&[]));
        assert_eq!(invitation.to_string(), GOOD);
        let enrol = GOOD.replace("imp:bind", "imp:enrol");
        assert_eq!(enrol.parse::<InvitationUri>().unwrap().purpose, InvitationPurpose::Enrol);
        assert!(!format!("{invitation:?}").contains("7XK2M"), "the code is not for logs");
    }

    #[test]
    fn what_is_wrong_with_an_invitation_is_said() {
        for (from, to, error) in [
            ("imp:bind", "imp:pay", InvalidInvitation::Scheme),
            ("imp:bind?", "https://x/", InvalidInvitation::Scheme),
            ("&code", "&cod", InvalidInvitation::Parts),
            ("&code=", "&x=1&code=", InvalidInvitation::Parts),
            ("&ca=", "&ca=1&ca=", InvalidInvitation::Parts),
            ("https", "http", InvalidInvitation::Server),
            ("%3A", "%3", InvalidInvitation::Server),
            ("%3A", "%00", InvalidInvitation::Server),
            ("%3A", "%+1", InvalidInvitation::Server),
            ("%3A", "%é", InvalidInvitation::Server),
            ("e3b0", "e3b", InvalidInvitation::Ca),
            ("7XK2M", "7XK2", InvalidInvitation::Code),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_eq!(text.parse::<InvitationUri>().err(), Some(error), "{text}");
        }
        let long = GOOD.replace("127", &"a".repeat(600));
        assert_eq!(long.parse::<InvitationUri>().err(), Some(InvalidInvitation::Server));
    }
}
