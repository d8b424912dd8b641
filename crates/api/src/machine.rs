//! Machines: enrolling a workstation, binding a phone, renewing certificates.
use imp_identity::invitation::Code;
use imp_identity::spiffe::SpiffeId;
use imp_identity::{PhoneId, UserId, WorkstationId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bytes::Base64;

/// `POST /v1/workstations/enrolment` with a one-time code, over TLS pinned to the CA's fingerprint. Answers 201 [`WorkstationEnrolled`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolWorkstation {
    /// The one-time code.
    #[schema(value_type = String)]
    pub code: Code,
    /// A PKCS#10 request (RFC 2986) in DER; the server decides the names.
    pub certificate_request: Base64,
}

/// What a workstation needs to begin.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WorkstationEnrolled {
    /// Names the workstation.
    #[schema(value_type = Uuid)]
    pub workstation: WorkstationId,
    /// How it is shown to people.
    pub name: String,
    /// Its certificate and whom to trust.
    pub credentials: Credentials,
}

/// `POST /v1/phones/binding` with a one-time code, over TLS pinned to the CA's fingerprint. Answers 201 [`PhoneBound`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BindPhone {
    /// The one-time code.
    #[schema(value_type = String)]
    pub code: Code,
    /// A PKCS#10 request (RFC 2986) in DER; the server decides the names.
    pub certificate_request: Base64,
}

/// What a phone needs to begin.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PhoneBound {
    /// Names the phone.
    #[schema(value_type = Uuid)]
    pub phone: PhoneId,
    /// Whose it is.
    #[schema(value_type = Uuid)]
    pub user: UserId,
    /// How she is shown to people.
    pub display_name: String,
    /// 32 bytes: the key of the rotating identifier on the air.
    pub identifier_key: Base64,
    /// Its certificate and whom to trust.
    pub credentials: Credentials,
}

/// `POST /v1/certificates/renewal` by a machine whose certificate still counts. Answers 200 [`Credentials`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewCertificate {
    /// A PKCS#10 request (RFC 2986) in DER for the same key.
    pub certificate_request: Base64,
}

/// A machine's certificate and whom it trusts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = MachineCredentials)]
pub struct Credentials {
    /// The machine's name.
    #[schema(value_type = String)]
    pub spiffe_id: SpiffeId,
    /// The certificate, then its issuers up to but without the root, in DER.
    pub certificate_chain: Vec<Base64>,
    /// The roots of the trust domain, in DER.
    pub trust_anchors: Vec<Base64>,
    /// The server's statement keys (P-256 `SubjectPublicKeyInfo` in DER): they sign reference credentials, rosters and receipts.
    pub statement_keys: Vec<Base64>,
    /// The key of the server's log, as a verifier key of C2SP signed-note: `<name>+<hash>+<base64>`. Absent from servers that keep no log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_key: Option<String>,
    /// The server's signed receipt of this certificate, `COSE_Sign1`. Absent from servers that keep no log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Base64>,
    /// When to renew.
    #[schema(value_type = String, format = DateTime)]
    pub renew_after: Timestamp,
    /// First instant at which the certificate no longer counts.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}
