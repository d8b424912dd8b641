//! Taps: `/v1/taps` and `/v1/roster`.
use imp_identity::refusal::Abandonment;
use imp_identity::tap::{Purpose, Step};
use imp_identity::{PhoneId, Refusal, SessionId, TapId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bytes::Base64;

/// `POST /v1/taps` by a workstation: asks for a challenge. Answers 201 [`TapOpened`], or the refusal.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenTap {
    /// The phone that was resolved from the roster.
    #[schema(value_type = Uuid)]
    pub phone: PhoneId,
    /// What for.
    #[schema(value_type = String)]
    pub purpose: Purpose,
    /// The workstation asks ahead of any press: a refusal is answered and not recorded, because nobody tapped.
    #[serde(default)]
    pub ahead: bool,
}

/// A challenge for one tap.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TapOpened {
    /// Names the tap.
    #[schema(value_type = Uuid)]
    pub tap: TapId,
    /// 32 bytes.
    pub challenge: Base64,
    /// First instant at which it no longer counts.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// `POST /v1/taps/{tap}/submission`: the two signed statements. Answers 200 [`TapAccepted`], or 403 with the refusal.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitTap {
    /// The phone's tap statement, `COSE_Sign1`.
    pub statement: Base64,
    /// The workstation's match evidence, `COSE_Sign1`.
    pub evidence: Base64,
}

/// `POST /v1/taps/{tap}/presence`: the phone alone, without a face, for a session that was locked a moment ago at this workstation (the policy's
/// `session.reauthentication`). Answers 200 [`TapAccepted`], or 403 with the refusal.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitPresence {
    /// The phone's presence statement, `COSE_Sign1`.
    pub statement: Base64,
    /// The TLS exporter value of the workstation's session with the phone: 32 bytes.
    pub exporter: Base64,
}

/// The tap was accepted.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TapAccepted {
    /// The session that was opened, resumed, stepped up or ended.
    pub session: Session,
    /// The server's signed receipt, `COSE_Sign1`, for the phone.
    pub receipt: Base64,
}

/// A session, as its workstation sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Names the session.
    #[schema(value_type = Uuid)]
    pub id: SessionId,
    /// Whose it is.
    #[schema(value_type = Uuid)]
    pub user: UserId,
    /// What she signs in as.
    pub username: String,
    /// How she is shown to people.
    pub display_name: String,
    /// First instant at which it no longer counts.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// `active`, `suspended` or `ended`.
    pub state: String,
}

/// `POST /v1/taps/{tap}/abandonment`, and `POST /v1/taps/abandonments` when no tap was opened: reports that the workstation gave up. Answers 204.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AbandonTap {
    /// Drawn by the workstation when no tap was opened, so that a repeated report counts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub tap: Option<TapId>,
    /// The phone that was resolved, if one was.
    #[schema(value_type = Option<Uuid>)]
    pub phone: Option<PhoneId>,
    /// What for.
    #[schema(value_type = String)]
    pub purpose: Purpose,
    /// Why.
    #[schema(value_type = String)]
    pub reason: Abandonment,
    /// What was done until then.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub steps: Vec<Step>,
}

/// `POST /v1/taps/journal`: taps that the workstation decided while the server could not be reached, oldest first, each an entry of its journal
/// (CBOR). Answers 200 [`JournalTaken`]; what was taken in before is answered as it was then.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportJournal {
    /// At most ten.
    pub entries: Vec<Base64>,
}

/// What became of the entries of a journal.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct JournalTaken {
    /// In the order in which they were sent.
    pub entries: Vec<JournalVerdict>,
}

/// What became of one.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct JournalVerdict {
    /// Its place in the journal.
    pub sequence: u64,
    /// The tap.
    #[schema(value_type = Uuid)]
    pub tap: TapId,
    /// The session that stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub refusal: Option<Refusal>,
}

/// `GET /v1/roster`: who may tap at this workstation, signed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignedRoster {
    /// The roster, `COSE_Sign1` by the server.
    pub roster: Base64,
}
