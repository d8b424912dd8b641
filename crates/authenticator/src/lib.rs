//! The authenticator protocol: what phone, workstation and server say to each other about a tap, and how the
//! server decides. No input or output: bytes, time and randomness are arguments.
//!
//! From the bottom: [`link`] carries a byte stream in radio frames, [`tls`] says whom to trust, [`channel`]
//! carries [`message`]s over both; [`cose`] signs and checks the bodies of [`statement`], [`evidence`], [`presence`],
//! [`credential`], [`storage`], [`receipt`] and [`roster`]; [`decision`] is the server's verdict on a tap, [`offline`] that of a workstation on its
//! own, and [`journal`] what it writes down of it.
pub mod channel;
pub mod cose;
pub mod credential;
pub mod decision;
pub mod evidence;
pub mod fuzz;
pub mod identifier;
pub mod invitation;
pub mod journal;
pub mod knock;
pub mod link;
pub mod message;
pub mod offline;
pub mod presence;
pub mod receipt;
pub mod roster;
mod salt;
pub mod sign_in;
pub mod signer;
pub mod statement;
pub mod storage;
pub mod tls;
mod wire;

#[cfg(test)]
extern crate self as imp_authenticator;
#[cfg(test)]
mod protocol_tests;
#[cfg(test)]
mod statement_tests;
#[cfg(test)]
mod testing;

pub use channel::{Channel, ChannelError, ChannelEvent};
pub use cose::{StatementError, Unverified};
pub use credential::{ReferenceCredential, UnverifiedReferenceCredential, reference_digest};
pub use decision::{Claims, Knowledge, PresenceClaims, VerifiedPresence, VerifiedTap};
pub use evidence::{
    AttackCheck, AttackOutcome, Comparison, ComparisonOutcome, MatchEvidence,
    UnverifiedMatchEvidence,
};
pub use invitation::InvitationUri;
pub use knock::KnockGate;
pub use link::Statistics;
pub use message::{
    DeclineReason, Declined, Message, PresenceResponse, ReceiptDelivery, ReferenceStored,
    ReleasedReference, StoreReference, TapRequest, TapResponse,
};
pub use presence::{PresenceStatement, UnverifiedPresenceStatement};
pub use receipt::{Receipt, UnverifiedReceipt};
pub use roster::{Roster, RosterEntry, UnverifiedRoster};
pub use salt::{Salt, TemplateKey};
pub use sign_in::{SignInStatement, UnverifiedSignInStatement};
pub use signer::{SignError, Signer, certificate_request};
pub use statement::{TapStatement, UnverifiedTapStatement};
pub use storage::{StorageStatement, UnverifiedStorageStatement};
pub use tls::{MachineIdentity, Peer, TlsError, TrustAnchors};
