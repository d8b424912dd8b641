//! What is said on the socket.
use imp_identity::Secret;
use imp_identity::tap::Purpose;
use serde::{Deserialize, Serialize};

use crate::enrolment::{EnrolCommand, Enrolled, Progress};
use crate::status::StatusReport;
use crate::tap::{Hint, Session, TapCommand, TapReport};

/// What a program asks the agent for: one line, the first of a connection. Closing the connection stops a tap or an enrolment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Request {
    /// Run a tap. Answers [`Answer::Hint`]s, then [`Answer::Tap`].
    Tap(TapCommand),
    /// Lock the desktop. Answers [`Answer::Status`].
    Lock,
    /// Say how the workstation is. Answers [`Answer::Status`].
    Status,
    /// Say how the workstation is, now and whenever that changes. Answers [`Answer::Status`] until the connection is closed.
    Follow,
    /// Show what the camera sees while a tap or an enrolment looks. Answers [`Answer::Frame`] until the connection is closed.
    Preview,
    /// Somebody is here: stops a countdown, and takes the notice away that the desktop has changed hands. Answers [`Answer::Status`].
    Stay,
    /// Enrol a person. Answers [`Answer::Progress`], then [`Answer::Enrolled`].
    Enrol(EnrolCommand),
    /// Use the security key that is put in. Answers [`Answer::Entered`].
    Key(KeyCommand),
    /// Let somebody in, in an emergency. Answers [`Answer::Entered`].
    BreakGlass(BreakGlassCommand),
    /// Get a token for an application of this desktop. Answers [`Answer::Token`].
    Token(TokenCommand),
    /// Say, after a tap, whether whoever is here may use a local account. Answers [`Answer::Hint`]s, then [`Answer::Vouched`].
    Vouch(VouchCommand),
}

/// What the agent answers: any number of hints, progress, statuses or frames, then one of the others, then the connection closes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum Answer {
    /// What the person should do while a tap is under way; replaces the hint before.
    Hint {
        /// One thing.
        hint: Hint,
    },
    /// An enrolment has come so far.
    Progress(Progress),
    /// What the camera sees.
    Frame(Frame),
    /// The tap came to its end.
    Tap(TapReport),
    /// How the workstation is.
    Status(Box<StatusReport>),
    /// The person is enrolled.
    Enrolled(Enrolled),
    /// Somebody was let in, confirmed, or signed out.
    Entered(Entered),
    /// The token.
    Token(Token),
    /// Whoever is here may use this local account, and no other.
    Vouched {
        /// The account that was asked for.
        account: String,
    },
    /// It was not done.
    Failed {
        /// Why, with its causes.
        message: String,
    },
}

/// What somebody asks for who has put her security key in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyCommand {
    /// What for; if absent: unlock for whom the desktop is locked, tap in for anybody else.
    #[serde(default)]
    pub purpose: Option<Purpose>,
    /// The key's PIN; if absent, the key verifies her by itself.
    #[serde(default)]
    pub pin: Option<Secret<String>>,
    /// A touch is to suffice, to unlock a desktop that was locked a moment ago.
    #[serde(default)]
    pub touch: bool,
}

/// What somebody says who has to work and cannot be authenticated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakGlassCommand {
    /// Who she says she is.
    pub username: String,
    /// Why.
    pub reason: String,
}

/// Somebody was let in without a tap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entered {
    /// What for.
    pub purpose: Purpose,
    /// The session that was opened, resumed, stepped up or ended.
    pub session: Session,
}

/// What a PAM module wants to know (`pam-imp`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VouchCommand {
    /// The local account that somebody wants to use (`PAM_USER`).
    pub account: String,
    /// Who asks for it (`PAM_SERVICE`), such as `sudo`.
    pub service: String,
    /// The local account that she uses already (`PAM_RUSER`), if any.
    #[serde(default)]
    pub asker: Option<String>,
}

/// For which application of the desktop a token is wanted (RFC 8693).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenCommand {
    /// The application, as it is registered at the server.
    pub client: String,
    /// What it may do; all that it is registered for, if absent.
    #[serde(default)]
    pub scope: Option<String>,
    /// Where the token is to be shown, if elsewhere than at the server.
    #[serde(default)]
    pub resource: Option<String>,
    /// An ID token instead of an access token.
    #[serde(default)]
    pub id_token: bool,
}

/// A token (RFC 8693 §2.2.1).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Token {
    /// The token.
    pub access_token: Secret<String>,
    /// How it is used: `Bearer`, `DPoP`, or `N_A` for an ID token.
    pub token_type: String,
    /// Seconds for which it counts.
    #[serde(default)]
    pub expires_in: Option<i64>,
    /// What it allows.
    #[serde(default)]
    pub scope: Option<String>,
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.access_token.expose() == other.access_token.expose()
    }
}

/// A small picture of what the camera sees. It is shown and forgotten: nobody writes it anywhere.
#[derive(Clone, Serialize, Deserialize)]
pub struct Frame {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// A JPEG, base64.
    pub jpeg: Secret<String>,
}

impl Frame {
    /// Most bytes of a JPEG that fits into a line.
    pub const MOST_BYTES: usize = 40 * 1024;

    /// A frame of the JPEG `bytes`; `None` if they do not fit into a line.
    pub fn new(width: u32, height: u32, bytes: &[u8]) -> Option<Self> {
        let fits = bytes.len() <= Self::MOST_BYTES;
        let jpeg = || Secret::new(data_encoding::BASE64.encode(bytes));
        fits.then(|| Self { width, height, jpeg: jpeg() })
    }

    /// The JPEG; `None` if it is not base64.
    pub fn bytes(&self) -> Option<Secret<Vec<u8>>> {
        data_encoding::BASE64.decode(self.jpeg.expose().as_bytes()).ok().map(Secret::new)
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.jpeg.expose() == other.jpeg.expose()
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({}×{})", self.width, self.height)
    }
}
