//! Supervised enrolment: `/v1/enrolments`, by a workstation with an officer's bearer token.
use imp_identity::{Digest, EnrolmentId, PhoneId, ReferenceId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bytes::Base64;

/// `POST /v1/enrolments`: begins, and invites the user's next phone. Answers 201 [`EnrolmentOpened`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenEnrolment {
    /// Who is enrolled, by username.
    pub username: String,
    /// The version of the notice that she read and agreed to.
    pub notice: String,
}

/// An enrolment has begun.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EnrolmentOpened {
    /// Names the enrolment.
    #[schema(value_type = Uuid)]
    pub enrolment: EnrolmentId,
    /// Who is enrolled.
    #[schema(value_type = Uuid)]
    pub user: UserId,
    /// How she is shown to people.
    pub display_name: String,
    /// The phone to be bound.
    #[schema(value_type = Uuid)]
    pub phone: PhoneId,
    /// What the phone scans: `imp:bind?server=…&ca=…&code=…`.
    pub invitation: String,
    /// First instant at which it can no longer be completed.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// `GET /v1/enrolments/{enrolment}`: whether the phone is bound yet.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EnrolmentStatus {
    /// The phone was bound.
    pub phone_bound: bool,
    /// 32 bytes, once bound: the key of the phone's rotating identifier.
    pub identifier_key: Option<Base64>,
    /// The phone confirmed the reference.
    pub completed: bool,
}

/// `POST /v1/enrolments/{enrolment}/reference`: has a reference signed by its digest. Answers 201 [`ReferenceIssued`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueReference {
    /// SHA-256(salt ‖ template).
    #[schema(value_type = String)]
    pub digest: Digest,
    /// The models that made it, as `name@version`.
    pub model_set: String,
}

/// The signed reference credential.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReferenceIssued {
    /// Names the reference.
    #[schema(value_type = Uuid)]
    pub reference: ReferenceId,
    /// The credential, `COSE_Sign1` by the server.
    pub credential: Base64,
}

/// `POST /v1/enrolments/{enrolment}/confirmation`: the phone holds the reference. Answers 200 [`EnrolmentCompleted`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmReference {
    /// The phone's storage statement, `COSE_Sign1`.
    pub statement: Base64,
}

/// The enrolment is complete.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EnrolmentCompleted {
    /// The server's signed receipt, `COSE_Sign1`, for the phone.
    pub receipt: Base64,
}

/// `POST /v1/phones/self/erasure` by a phone: its reference is gone. Answers 200 [`EnrolmentCompleted`].
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseReference {
    /// Which one; whatever is on the phone, when it cannot tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub reference: Option<ReferenceId>,
}
