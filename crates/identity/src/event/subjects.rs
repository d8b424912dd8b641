//! Whom and what an event concerns: what the log is searched by.
use uuid::Uuid;

use super::{Actor, Event, Outcome, Record};
use crate::id::{ClientId, DeviceId, PhoneId, UserId, WorkstationId};
use crate::spiffe::Machine;

impl Record {
    /// The user who acted, if a user did.
    pub const fn actor_user(&self) -> Option<UserId> {
        match self.actor {
            Actor::User(user) => Some(user),
            Actor::Operator(_)
            | Actor::Workstation(_)
            | Actor::Phone(_)
            | Actor::Client(_)
            | Actor::Device(_)
            | Actor::Server => None,
        }
    }
}

impl Event {
    /// The user whom it concerns, if there is one.
    #[expect(clippy::too_many_lines, reason = "a line for each type of event")]
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::AdministratorTokenRedeemed { user }
            | Self::SignInCodeIssued { user, .. }
            | Self::AccessTokenIssued { user, .. }
            | Self::UserCreated { user, .. }
            | Self::UserDisabled { user }
            | Self::UserEnabled { user }
            | Self::UserContactChanged { user }
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
            | Self::SessionReauthenticated { user, .. }
            | Self::SessionRevoked { user, .. }
            | Self::NoticeSent { user, .. }
            | Self::UseDisputed { user, .. }
            | Self::OfflineTapReconciled { user, .. }
            | Self::BreakGlassUsed { user, .. }
            | Self::SignOnEstablished { user, .. }
            | Self::SignOnEnded { user, .. }
            | Self::CredentialRegistered { user, .. }
            | Self::CredentialRenamed { user, .. }
            | Self::CredentialRemoved { user, .. }
            | Self::SecurityKeyAccepted { user, .. }
            | Self::BreakGlassReviewed { user, .. }
            | Self::GrantMade { user, .. }
            | Self::GrantRevoked { user, .. }
            | Self::LogoutSent { user, .. }
            | Self::ApplicationSessionRevoked { user, .. }
            | Self::UserChanged { user, .. }
            | Self::UserRemoved { user }
            | Self::AccessRefused { user, .. }
            | Self::CaseAssigned { assignee: user, .. } => Some(*user),
            Self::TapAccepted(facts) => Some(facts.user),
            Self::TapRefused { user, .. }
            | Self::TapAbandoned { user, .. }
            | Self::LogRead { user, .. }
            | Self::CaseOpened { user, .. }
            | Self::ErasureRequested { user, .. }
            | Self::ErasureRefused { user, .. }
            | Self::SignInRefused { user, .. }
            | Self::FindingMade { user, .. } => *user,
            Self::ServerInitialised { .. }
            | Self::AdministratorTokenIssued { .. }
            | Self::WorkstationInvited { .. }
            | Self::WorkstationEnrolled { .. }
            | Self::WorkstationMoved { .. }
            | Self::WorkstationRevoked { .. }
            | Self::CertificateIssued { .. }
            | Self::PolicyChanged { .. }
            | Self::RecordsErased { .. }
            | Self::RecordsExpired { .. }
            | Self::ReceiverAdmitted { .. }
            | Self::ReceiverDismissed { .. }
            | Self::StreamCreated { .. }
            | Self::StreamChanged { .. }
            | Self::StreamDeleted { .. }
            | Self::EventSetAside { .. }
            | Self::ConsumerSteered { .. }
            | Self::CaseCommented { .. }
            | Self::CaseClosed { .. }
            | Self::CaseReopened { .. }
            | Self::SearchSaved { .. }
            | Self::SearchDeleted { .. }
            | Self::CheckpointRefused { .. }
            | Self::ClientRegistered { .. }
            | Self::ClientChanged { .. }
            | Self::ClientRemoved { .. }
            | Self::ClientRefused { .. }
            | Self::SigningKeyMade { .. }
            | Self::SigningKeyRetired { .. }
            | Self::GroupCreated { .. }
            | Self::GroupChanged { .. }
            | Self::GroupRemoved { .. }
            | Self::DirectoryImported { .. }
            | Self::AccessPoliciesChanged { .. }
            | Self::DeviceRegistered { .. }
            | Self::DeviceChanged { .. }
            | Self::DeviceStateChanged { .. }
            | Self::DeviceInvited { .. }
            | Self::DeviceEnrolmentRequested { .. }
            | Self::DeviceEnrolmentApproved { .. }
            | Self::DeviceEnrolmentRejected { .. }
            | Self::DeviceEnrolmentRefused { .. }
            | Self::CertificateRevoked { .. }
            | Self::CertificateReinstated { .. }
            | Self::CertificateExpiring { .. }
            | Self::ServiceCertificateIssued { .. }
            | Self::AuthorityMade { .. }
            | Self::AuthorityCrossSigned { .. }
            | Self::AuthorityRetired { .. }
            | Self::AcmeAccountRegistered { .. }
            | Self::AcmeAccountChanged { .. }
            | Self::ConnectionPolicyChanged { .. }
            | Self::MachineRefused { .. }
            | Self::MessageRefused { .. }
            | Self::ConnectionUnexpected { .. } => None,
        }
    }

    /// The workstation where it happened or which it concerns, if there is one.
    #[expect(clippy::too_many_lines, reason = "a line for each type of event")]
    pub fn workstation(&self) -> Option<WorkstationId> {
        match self {
            Self::WorkstationInvited { workstation, .. }
            | Self::WorkstationEnrolled { workstation, .. }
            | Self::WorkstationMoved { workstation, .. }
            | Self::WorkstationRevoked { workstation, .. }
            | Self::EnrolmentOpened { workstation, .. }
            | Self::TapRefused { workstation, .. }
            | Self::TapAbandoned { workstation, .. }
            | Self::SessionEstablished { workstation, .. }
            | Self::SessionSuspended { workstation, .. }
            | Self::SessionResumed { workstation, .. }
            | Self::SessionReauthenticated { workstation, .. }
            | Self::SessionRevoked { workstation, .. }
            | Self::OfflineTapReconciled { workstation, .. }
            | Self::SecurityKeyAccepted { workstation, .. }
            | Self::BreakGlassReviewed { workstation, .. }
            | Self::BreakGlassUsed { workstation, .. } => Some(*workstation),
            Self::TapAccepted(facts) => Some(facts.workstation),
            Self::CertificateIssued { machine, .. }
            | Self::CertificateRevoked { machine, .. }
            | Self::CertificateReinstated { machine, .. }
            | Self::CertificateExpiring { machine, .. }
            | Self::ConnectionUnexpected { machine, .. } => match machine.machine {
                Machine::Workstation(workstation) => Some(workstation),
                Machine::Phone(_) | Machine::Device(_) => None,
            },
            Self::LogRead { workstation, .. }
            | Self::CaseOpened { workstation, .. }
            | Self::SignOnEstablished { workstation, .. }
            | Self::SignOnEnded { workstation, .. }
            | Self::SignInRefused { workstation, .. }
            | Self::GrantMade { workstation, .. }
            | Self::FindingMade { workstation, .. } => *workstation,
            Self::ServerInitialised { .. }
            | Self::AdministratorTokenIssued { .. }
            | Self::AdministratorTokenRedeemed { .. }
            | Self::SignInCodeIssued { .. }
            | Self::AccessTokenIssued { .. }
            | Self::UserCreated { .. }
            | Self::UserDisabled { .. }
            | Self::UserEnabled { .. }
            | Self::UserContactChanged { .. }
            | Self::PhoneInvited { .. }
            | Self::PhoneBound { .. }
            | Self::PhoneRevoked { .. }
            | Self::EnrolmentCompleted { .. }
            | Self::ReferenceIssued { .. }
            | Self::ReferenceActivated { .. }
            | Self::ReferenceRevoked { .. }
            | Self::BiometricDelayed { .. }
            | Self::BiometricDisabled { .. }
            | Self::PolicyChanged { .. }
            | Self::ErasureRequested { .. }
            | Self::ErasureRefused { .. }
            | Self::RecordsErased { .. }
            | Self::RecordsExpired { .. }
            | Self::ReceiverAdmitted { .. }
            | Self::ReceiverDismissed { .. }
            | Self::StreamCreated { .. }
            | Self::StreamChanged { .. }
            | Self::StreamDeleted { .. }
            | Self::EventSetAside { .. }
            | Self::ConsumerSteered { .. }
            | Self::CaseAssigned { .. }
            | Self::CaseCommented { .. }
            | Self::CaseClosed { .. }
            | Self::CaseReopened { .. }
            | Self::SearchSaved { .. }
            | Self::SearchDeleted { .. }
            | Self::NoticeSent { .. }
            | Self::UseDisputed { .. }
            | Self::CredentialRegistered { .. }
            | Self::CredentialRenamed { .. }
            | Self::CredentialRemoved { .. }
            | Self::ClientRegistered { .. }
            | Self::ClientChanged { .. }
            | Self::ClientRemoved { .. }
            | Self::ClientRefused { .. }
            | Self::GrantRevoked { .. }
            | Self::LogoutSent { .. }
            | Self::ApplicationSessionRevoked { .. }
            | Self::SigningKeyMade { .. }
            | Self::SigningKeyRetired { .. }
            | Self::UserChanged { .. }
            | Self::UserRemoved { .. }
            | Self::GroupCreated { .. }
            | Self::GroupChanged { .. }
            | Self::GroupRemoved { .. }
            | Self::DirectoryImported { .. }
            | Self::AccessPoliciesChanged { .. }
            | Self::AccessRefused { .. }
            | Self::DeviceRegistered { .. }
            | Self::DeviceChanged { .. }
            | Self::DeviceStateChanged { .. }
            | Self::DeviceInvited { .. }
            | Self::DeviceEnrolmentRequested { .. }
            | Self::DeviceEnrolmentApproved { .. }
            | Self::DeviceEnrolmentRejected { .. }
            | Self::DeviceEnrolmentRefused { .. }
            | Self::ServiceCertificateIssued { .. }
            | Self::AuthorityMade { .. }
            | Self::AuthorityCrossSigned { .. }
            | Self::AuthorityRetired { .. }
            | Self::AcmeAccountRegistered { .. }
            | Self::AcmeAccountChanged { .. }
            | Self::ConnectionPolicyChanged { .. }
            | Self::MachineRefused { .. }
            | Self::MessageRefused { .. }
            | Self::CheckpointRefused { .. } => None,
        }
    }

    /// The phone or other device that took part, if one did.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others have a phone or nothing")]
    pub fn device(&self) -> Option<Uuid> {
        match self {
            Self::FindingMade { device, .. } => *device,
            Self::DeviceEnrolmentRefused { device, .. } => device.map(DeviceId::as_uuid),
            Self::DeviceRegistered { device, .. }
            | Self::DeviceChanged { device, .. }
            | Self::DeviceStateChanged { device, .. }
            | Self::DeviceInvited { device, .. }
            | Self::DeviceEnrolmentRequested { device, .. }
            | Self::DeviceEnrolmentApproved { device, .. }
            | Self::DeviceEnrolmentRejected { device, .. } => Some(device.as_uuid()),
            Self::CertificateIssued { machine, .. }
            | Self::CertificateRevoked { machine, .. }
            | Self::CertificateReinstated { machine, .. }
            | Self::CertificateExpiring { machine, .. }
            | Self::ConnectionUnexpected { machine, .. }
            | Self::MachineRefused { at: machine, .. }
            | Self::MessageRefused { receiver: machine, .. } => match machine.machine {
                Machine::Phone(phone) => Some(phone.as_uuid()),
                Machine::Device(device) => Some(device.as_uuid()),
                Machine::Workstation(_) => None,
            },
            _ => self.phone().map(PhoneId::as_uuid),
        }
    }

    /// The phone that took part, if one did.
    #[expect(clippy::too_many_lines, reason = "a line for each type of event")]
    pub fn phone(&self) -> Option<PhoneId> {
        match self {
            Self::PhoneInvited { phone, .. }
            | Self::PhoneBound { phone, .. }
            | Self::PhoneRevoked { phone, .. }
            | Self::EnrolmentOpened { phone, .. }
            | Self::EnrolmentCompleted { phone, .. }
            | Self::ReferenceIssued { phone, .. }
            | Self::ReferenceActivated { phone, .. }
            | Self::OfflineTapReconciled { phone, .. } => Some(*phone),
            Self::TapAccepted(facts) => Some(facts.phone),
            Self::TapRefused { phone, .. } | Self::TapAbandoned { phone, .. } => *phone,
            Self::CertificateIssued { machine, .. }
            | Self::CertificateRevoked { machine, .. }
            | Self::CertificateReinstated { machine, .. }
            | Self::CertificateExpiring { machine, .. }
            | Self::ConnectionUnexpected { machine, .. } => match machine.machine {
                Machine::Phone(phone) => Some(phone),
                Machine::Workstation(_) | Machine::Device(_) => None,
            },
            Self::ServerInitialised { .. }
            | Self::AdministratorTokenIssued { .. }
            | Self::AdministratorTokenRedeemed { .. }
            | Self::SignInCodeIssued { .. }
            | Self::AccessTokenIssued { .. }
            | Self::UserCreated { .. }
            | Self::UserDisabled { .. }
            | Self::UserEnabled { .. }
            | Self::UserContactChanged { .. }
            | Self::WorkstationInvited { .. }
            | Self::WorkstationEnrolled { .. }
            | Self::WorkstationMoved { .. }
            | Self::WorkstationRevoked { .. }
            | Self::ReferenceRevoked { .. }
            | Self::BiometricDelayed { .. }
            | Self::BiometricDisabled { .. }
            | Self::SessionEstablished { .. }
            | Self::SessionSuspended { .. }
            | Self::SessionResumed { .. }
            | Self::SessionReauthenticated { .. }
            | Self::SessionRevoked { .. }
            | Self::PolicyChanged { .. }
            | Self::LogRead { .. }
            | Self::ErasureRequested { .. }
            | Self::ErasureRefused { .. }
            | Self::RecordsErased { .. }
            | Self::RecordsExpired { .. }
            | Self::ReceiverAdmitted { .. }
            | Self::ReceiverDismissed { .. }
            | Self::StreamCreated { .. }
            | Self::StreamChanged { .. }
            | Self::StreamDeleted { .. }
            | Self::EventSetAside { .. }
            | Self::ConsumerSteered { .. }
            | Self::CaseOpened { .. }
            | Self::CaseAssigned { .. }
            | Self::CaseCommented { .. }
            | Self::CaseClosed { .. }
            | Self::CaseReopened { .. }
            | Self::SearchSaved { .. }
            | Self::SearchDeleted { .. }
            | Self::FindingMade { .. }
            | Self::NoticeSent { .. }
            | Self::UseDisputed { .. }
            | Self::CheckpointRefused { .. }
            | Self::SignOnEstablished { .. }
            | Self::SignOnEnded { .. }
            | Self::SignInRefused { .. }
            | Self::CredentialRegistered { .. }
            | Self::CredentialRenamed { .. }
            | Self::CredentialRemoved { .. }
            | Self::SecurityKeyAccepted { .. }
            | Self::BreakGlassReviewed { .. }
            | Self::ClientRegistered { .. }
            | Self::ClientChanged { .. }
            | Self::ClientRemoved { .. }
            | Self::ClientRefused { .. }
            | Self::GrantMade { .. }
            | Self::GrantRevoked { .. }
            | Self::LogoutSent { .. }
            | Self::ApplicationSessionRevoked { .. }
            | Self::SigningKeyMade { .. }
            | Self::SigningKeyRetired { .. }
            | Self::UserChanged { .. }
            | Self::UserRemoved { .. }
            | Self::GroupCreated { .. }
            | Self::GroupChanged { .. }
            | Self::GroupRemoved { .. }
            | Self::DirectoryImported { .. }
            | Self::AccessPoliciesChanged { .. }
            | Self::AccessRefused { .. }
            | Self::DeviceRegistered { .. }
            | Self::DeviceChanged { .. }
            | Self::DeviceStateChanged { .. }
            | Self::DeviceInvited { .. }
            | Self::DeviceEnrolmentRequested { .. }
            | Self::DeviceEnrolmentApproved { .. }
            | Self::DeviceEnrolmentRejected { .. }
            | Self::DeviceEnrolmentRefused { .. }
            | Self::ServiceCertificateIssued { .. }
            | Self::AuthorityMade { .. }
            | Self::AuthorityCrossSigned { .. }
            | Self::AuthorityRetired { .. }
            | Self::AcmeAccountRegistered { .. }
            | Self::AcmeAccountChanged { .. }
            | Self::ConnectionPolicyChanged { .. }
            | Self::MachineRefused { .. }
            | Self::MessageRefused { .. }
            | Self::BreakGlassUsed { .. } => None,
        }
    }

    /// The application to which it is said, and to no other, if it is said to one.
    pub const fn said_to(&self) -> Option<ClientId> {
        if let Self::ApplicationSessionRevoked { client, .. } = self { Some(*client) } else { None }
    }

    /// What came of it, where something was asked for and decided.
    #[expect(clippy::too_many_lines, reason = "a line for each type of event")]
    pub const fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::TapAccepted(_)
            | Self::SecurityKeyAccepted { .. }
            | Self::SessionReauthenticated { .. } => Some(Outcome::Accepted),
            Self::TapRefused { .. }
            | Self::ErasureRefused { .. }
            | Self::SignInRefused { .. }
            | Self::ClientRefused { .. }
            | Self::AccessRefused { .. }
            | Self::DeviceEnrolmentRefused { .. }
            | Self::MachineRefused { .. }
            | Self::MessageRefused { .. }
            | Self::CheckpointRefused { .. } => Some(Outcome::Refused),
            Self::TapAbandoned { .. } => Some(Outcome::Abandoned),
            Self::OfflineTapReconciled { outcome, .. }
            | Self::LogoutSent { outcome, .. }
            | Self::ConnectionUnexpected { outcome, .. } => Some(*outcome),
            Self::ServerInitialised { .. }
            | Self::AdministratorTokenIssued { .. }
            | Self::AdministratorTokenRedeemed { .. }
            | Self::SignInCodeIssued { .. }
            | Self::AccessTokenIssued { .. }
            | Self::UserCreated { .. }
            | Self::UserDisabled { .. }
            | Self::UserEnabled { .. }
            | Self::UserContactChanged { .. }
            | Self::WorkstationInvited { .. }
            | Self::WorkstationEnrolled { .. }
            | Self::WorkstationMoved { .. }
            | Self::WorkstationRevoked { .. }
            | Self::PhoneInvited { .. }
            | Self::PhoneBound { .. }
            | Self::PhoneRevoked { .. }
            | Self::CertificateIssued { .. }
            | Self::EnrolmentOpened { .. }
            | Self::EnrolmentCompleted { .. }
            | Self::ReferenceIssued { .. }
            | Self::ReferenceActivated { .. }
            | Self::ReferenceRevoked { .. }
            | Self::BiometricDelayed { .. }
            | Self::BiometricDisabled { .. }
            | Self::SessionEstablished { .. }
            | Self::SessionSuspended { .. }
            | Self::SessionResumed { .. }
            | Self::SessionRevoked { .. }
            | Self::PolicyChanged { .. }
            | Self::LogRead { .. }
            | Self::ErasureRequested { .. }
            | Self::RecordsErased { .. }
            | Self::RecordsExpired { .. }
            | Self::ReceiverAdmitted { .. }
            | Self::ReceiverDismissed { .. }
            | Self::StreamCreated { .. }
            | Self::StreamChanged { .. }
            | Self::StreamDeleted { .. }
            | Self::EventSetAside { .. }
            | Self::ConsumerSteered { .. }
            | Self::CaseOpened { .. }
            | Self::CaseAssigned { .. }
            | Self::CaseCommented { .. }
            | Self::CaseClosed { .. }
            | Self::CaseReopened { .. }
            | Self::SearchSaved { .. }
            | Self::SearchDeleted { .. }
            | Self::FindingMade { .. }
            | Self::NoticeSent { .. }
            | Self::UseDisputed { .. }
            | Self::SignOnEstablished { .. }
            | Self::SignOnEnded { .. }
            | Self::CredentialRegistered { .. }
            | Self::CredentialRenamed { .. }
            | Self::CredentialRemoved { .. }
            | Self::BreakGlassReviewed { .. }
            | Self::ClientRegistered { .. }
            | Self::ClientChanged { .. }
            | Self::ClientRemoved { .. }
            | Self::GrantMade { .. }
            | Self::GrantRevoked { .. }
            | Self::ApplicationSessionRevoked { .. }
            | Self::SigningKeyMade { .. }
            | Self::SigningKeyRetired { .. }
            | Self::UserChanged { .. }
            | Self::UserRemoved { .. }
            | Self::GroupCreated { .. }
            | Self::GroupChanged { .. }
            | Self::GroupRemoved { .. }
            | Self::DirectoryImported { .. }
            | Self::AccessPoliciesChanged { .. }
            | Self::DeviceRegistered { .. }
            | Self::DeviceChanged { .. }
            | Self::DeviceStateChanged { .. }
            | Self::DeviceInvited { .. }
            | Self::DeviceEnrolmentRequested { .. }
            | Self::DeviceEnrolmentApproved { .. }
            | Self::DeviceEnrolmentRejected { .. }
            | Self::CertificateRevoked { .. }
            | Self::CertificateReinstated { .. }
            | Self::CertificateExpiring { .. }
            | Self::ServiceCertificateIssued { .. }
            | Self::AuthorityMade { .. }
            | Self::AuthorityCrossSigned { .. }
            | Self::AuthorityRetired { .. }
            | Self::AcmeAccountRegistered { .. }
            | Self::AcmeAccountChanged { .. }
            | Self::ConnectionPolicyChanged { .. }
            | Self::BreakGlassUsed { .. } => None,
        }
    }
}
