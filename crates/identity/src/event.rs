//! What happened: every change of state returns one of these, and the server writes both in one transaction.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::{
    EnrolmentId, EventId, PhoneId, ReferenceId, SessionId, TapId, UserId, WorkstationId,
};
use crate::name::{Label, Username};
use crate::phone::Revocation;
use crate::refusal::{Abandonment, Refusal};
use crate::session::End;
use crate::spiffe::{SpiffeId, TrustDomain};
use crate::tap::{Purpose, Step};
use crate::user::Role;

/// One entry of the event log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Names this record.
    pub id: EventId,
    /// When it was appended.
    pub at: Timestamp,
    /// Who caused it.
    pub actor: Actor,
    /// What happened.
    pub event: Event,
}

/// Who caused an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "id")]
pub enum Actor {
    /// Somebody with a shell on the server, by account name.
    Operator(String),
    /// A signed-in user.
    User(UserId),
    /// A workstation.
    Workstation(WorkstationId),
    /// A phone.
    Phone(PhoneId),
    /// The server itself.
    Server,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
#[expect(missing_docs, reason = "the fields are named for the entities they identify")]
pub enum Event {
    /// The server made its keys.
    ServerInitialised { trust_domain: TrustDomain, ca: Digest },
    /// A one-time administrator token was made; the one before no longer counts.
    AdministratorTokenIssued { expires_at: Timestamp },
    /// The one-time administrator token was used.
    AdministratorTokenRedeemed { user: UserId },
    /// A one-time code for signing in was made for a person.
    SignInCodeIssued { user: UserId, expires_at: Timestamp },
    /// A person was given a bearer token.
    AccessTokenIssued { user: UserId, expires_at: Timestamp },
    /// A user was created.
    UserCreated { user: UserId, username: Username, display_name: Label, role: Role },
    /// A user may no longer be authenticated (RISC).
    UserDisabled { user: UserId },
    /// A user may be authenticated again (RISC).
    UserEnabled { user: UserId },
    /// A code for a workstation was given out.
    WorkstationInvited { workstation: WorkstationId, name: Label },
    /// A workstation used its code.
    WorkstationEnrolled { workstation: WorkstationId, key: Digest },
    /// A workstation is no longer accepted.
    WorkstationRevoked { workstation: WorkstationId, reason: Revocation },
    /// A code for a phone was shown.
    PhoneInvited { phone: PhoneId, user: UserId },
    /// A phone used its code.
    PhoneBound { phone: PhoneId, user: UserId, key: Digest },
    /// A phone is no longer accepted.
    PhoneRevoked { phone: PhoneId, user: UserId, reason: Revocation },
    /// A machine was given a certificate.
    CertificateIssued { machine: SpiffeId, serial: String, expires_at: Timestamp },
    /// A supervised enrolment began, with the user's consent to the named notice.
    EnrolmentOpened {
        enrolment: EnrolmentId,
        user: UserId,
        officer: UserId,
        workstation: WorkstationId,
        phone: PhoneId,
        notice: String,
    },
    /// The phone confirmed the reference.
    EnrolmentCompleted { enrolment: EnrolmentId, user: UserId, phone: PhoneId },
    /// A reference credential was signed.
    ReferenceIssued {
        reference: ReferenceId,
        user: UserId,
        phone: PhoneId,
        enrolment: EnrolmentId,
        officer: UserId,
        model_set: String,
        expires_at: Timestamp,
    },
    /// The phone sealed the reference; it counts from now on.
    ReferenceActivated { reference: ReferenceId, user: UserId, phone: PhoneId },
    /// A reference no longer counts.
    ReferenceRevoked { reference: ReferenceId, user: UserId, reason: Revocation },
    /// A tap was accepted.
    TapAccepted(Box<TapFacts>),
    /// A tap was refused.
    TapRefused {
        tap: TapId,
        workstation: WorkstationId,
        phone: Option<PhoneId>,
        user: Option<UserId>,
        purpose: Option<Purpose>,
        reason: Refusal,
    },
    /// A workstation gave up a tap.
    TapAbandoned {
        tap: TapId,
        workstation: WorkstationId,
        phone: Option<PhoneId>,
        user: Option<UserId>,
        purpose: Purpose,
        reason: Abandonment,
    },
    /// Too many failed comparisons: a wait runs.
    BiometricDelayed { user: UserId, failures: u32, until: Timestamp },
    /// Far too many failed comparisons: the face is disabled until re-bound.
    BiometricDisabled { user: UserId, failures: u32 },
    /// A session was opened (CAEP).
    SessionEstablished {
        session: SessionId,
        user: UserId,
        workstation: WorkstationId,
        expires_at: Timestamp,
    },
    /// A session was locked.
    SessionSuspended { session: SessionId, user: UserId, workstation: WorkstationId },
    /// A session goes on.
    SessionResumed { session: SessionId, user: UserId, workstation: WorkstationId },
    /// A session ended (CAEP).
    SessionRevoked { session: SessionId, user: UserId, workstation: WorkstationId, reason: End },
    /// A new policy is in force.
    PolicyChanged { version: u32 },
}

/// What is recorded of an accepted tap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TapFacts {
    /// The tap.
    pub tap: TapId,
    /// Where.
    pub workstation: WorkstationId,
    /// What she has.
    pub phone: PhoneId,
    /// Who she is.
    pub user: UserId,
    /// What for.
    pub purpose: Purpose,
    /// The session it opened, resumed, stepped up or ended.
    pub session: SessionId,
    /// The models of the comparison, as `name@version`.
    pub model_set: String,
    /// Whether she wore a mask.
    pub mask: bool,
    /// How long each step took.
    pub steps: Vec<Step>,
}

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
const IMP: &str = "urn:imp:event:";

impl Event {
    /// The short name, in kebab case.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ServerInitialised { .. } => "server-initialised",
            Self::AdministratorTokenIssued { .. } => "administrator-token-issued",
            Self::AdministratorTokenRedeemed { .. } => "administrator-token-redeemed",
            Self::SignInCodeIssued { .. } => "sign-in-code-issued",
            Self::AccessTokenIssued { .. } => "access-token-issued",
            Self::UserCreated { .. } => "user-created",
            Self::UserDisabled { .. } => "user-disabled",
            Self::UserEnabled { .. } => "user-enabled",
            Self::WorkstationInvited { .. } => "workstation-invited",
            Self::WorkstationEnrolled { .. } => "workstation-enrolled",
            Self::WorkstationRevoked { .. } => "workstation-revoked",
            Self::PhoneInvited { .. } => "phone-invited",
            Self::PhoneBound { .. } => "phone-bound",
            Self::PhoneRevoked { .. } => "phone-revoked",
            Self::CertificateIssued { .. } => "certificate-issued",
            Self::EnrolmentOpened { .. } => "enrolment-opened",
            Self::EnrolmentCompleted { .. } => "enrolment-completed",
            Self::ReferenceIssued { .. } => "reference-issued",
            Self::ReferenceActivated { .. } => "reference-activated",
            Self::ReferenceRevoked { .. } => "reference-revoked",
            Self::TapAccepted(_) => "tap-accepted",
            Self::TapRefused { .. } => "tap-refused",
            Self::TapAbandoned { .. } => "tap-abandoned",
            Self::BiometricDelayed { .. } => "biometric-delayed",
            Self::BiometricDisabled { .. } => "biometric-disabled",
            Self::SessionEstablished { .. } => "session-established",
            Self::SessionSuspended { .. } => "session-suspended",
            Self::SessionResumed { .. } => "session-resumed",
            Self::SessionRevoked { .. } => "session-revoked",
            Self::PolicyChanged { .. } => "policy-changed",
        }
    }

    /// The type URI: CAEP's and RISC's own where they define one (`OpenID` CAEP 1.0 §3, RISC 1.0 §2), else ours.
    pub fn type_uri(&self) -> String {
        match self.name() {
            name @ ("session-established" | "session-revoked") => format!("{CAEP}{name}"),
            "user-disabled" => format!("{RISC}account-disabled"),
            "user-enabled" => format!("{RISC}account-enabled"),
            name => format!("{IMP}{name}"),
        }
    }

    /// The user whom it concerns, if there is one.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::AdministratorTokenRedeemed { user }
            | Self::SignInCodeIssued { user, .. }
            | Self::AccessTokenIssued { user, .. }
            | Self::UserCreated { user, .. }
            | Self::UserDisabled { user }
            | Self::UserEnabled { user }
            | Self::PhoneInvited { user, .. }
            | Self::PhoneBound { user, .. }
            | Self::PhoneRevoked { user, .. }
            | Self::EnrolmentOpened { user, .. }
            | Self::EnrolmentCompleted { user, .. }
            | Self::ReferenceIssued { user, .. }
            | Self::ReferenceActivated { user, .. }
            | Self::ReferenceRevoked { user, .. }
            | Self::BiometricDelayed { user, .. }
            | Self::BiometricDisabled { user, .. }
            | Self::SessionEstablished { user, .. }
            | Self::SessionSuspended { user, .. }
            | Self::SessionResumed { user, .. }
            | Self::SessionRevoked { user, .. } => Some(*user),
            Self::TapAccepted(facts) => Some(facts.user),
            Self::TapRefused { user, .. } | Self::TapAbandoned { user, .. } => *user,
            Self::ServerInitialised { .. }
            | Self::AdministratorTokenIssued { .. }
            | Self::WorkstationInvited { .. }
            | Self::WorkstationEnrolled { .. }
            | Self::WorkstationRevoked { .. }
            | Self::CertificateIssued { .. }
            | Self::PolicyChanged { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_name_is_the_serialised_tag() {
        let session = SessionId::from(Uuid::from_u128(1));
        let user = UserId::from(Uuid::from_u128(2));
        let workstation = WorkstationId::from(Uuid::from_u128(3));
        for event in [
            Event::UserDisabled { user },
            Event::SessionRevoked { session, user, workstation, reason: End::TapOut },
            Event::PolicyChanged { version: 2 },
            Event::AdministratorTokenIssued { expires_at: Timestamp::UNIX_EPOCH },
        ] {
            let json = serde_json::to_value(&event).unwrap();
            assert_eq!(json["type"], event.name());
            assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
        }
    }

    #[test]
    fn caep_and_risc_events_have_their_standards_names() {
        let user = UserId::from(Uuid::from_u128(2));
        assert_eq!(Event::UserDisabled { user }.type_uri(), format!("{RISC}account-disabled"));
        assert_eq!(Event::PolicyChanged { version: 1 }.type_uri(), "urn:imp:event:policy-changed");
    }
}
