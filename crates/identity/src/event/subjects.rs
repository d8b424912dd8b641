//! Whom and what an event concerns: what the log is searched by.
use uuid::Uuid;

use super::{Actor, Event, Outcome, Record};
use crate::id::{PhoneId, UserId, WorkstationId};
use crate::spiffe::Machine;

impl Record {
    /// The user who acted, if a user did.
    pub const fn actor_user(&self) -> Option<UserId> {
        match self.actor {
            Actor::User(user) => Some(user),
            Actor::Operator(_) | Actor::Workstation(_) | Actor::Phone(_) | Actor::Server => None,
        }
    }
}

impl Event {
    /// The user whom it concerns, if there is one.
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
            | Self::SessionRevoked { user, .. }
            | Self::NoticeSent { user, .. }
            | Self::UseDisputed { user, .. }
            | Self::OfflineTapReconciled { user, .. }
            | Self::BreakGlassUsed { user, .. }
            | Self::CaseAssigned { assignee: user, .. } => Some(*user),
            Self::TapAccepted(facts) => Some(facts.user),
            Self::TapRefused { user, .. }
            | Self::TapAbandoned { user, .. }
            | Self::LogRead { user, .. }
            | Self::CaseOpened { user, .. }
            | Self::ErasureRequested { user, .. }
            | Self::ErasureRefused { user, .. }
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
            | Self::ConnectionUnexpected { .. } => None,
        }
    }

    /// The workstation where it happened or which it concerns, if there is one.
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
            | Self::SessionRevoked { workstation, .. }
            | Self::OfflineTapReconciled { workstation, .. }
            | Self::BreakGlassUsed { workstation, .. } => Some(*workstation),
            Self::TapAccepted(facts) => Some(facts.workstation),
            Self::CertificateIssued { machine, .. }
            | Self::ConnectionUnexpected { machine, .. } => match machine.machine {
                Machine::Workstation(workstation) => Some(workstation),
                Machine::Phone(_) => None,
            },
            Self::LogRead { workstation, .. }
            | Self::CaseOpened { workstation, .. }
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
            | Self::CheckpointRefused { .. } => None,
        }
    }

    /// The phone or other device that took part, if one did.
    pub fn device(&self) -> Option<Uuid> {
        if let Self::FindingMade { device, .. } = self {
            return *device;
        }
        self.phone().map(PhoneId::as_uuid)
    }

    fn phone(&self) -> Option<PhoneId> {
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
            | Self::ConnectionUnexpected { machine, .. } => match machine.machine {
                Machine::Phone(phone) => Some(phone),
                Machine::Workstation(_) => None,
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
            | Self::BreakGlassUsed { .. } => None,
        }
    }

    /// What came of it, where something was asked for and decided.
    pub const fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::TapAccepted(_) => Some(Outcome::Accepted),
            Self::TapRefused { .. }
            | Self::ErasureRefused { .. }
            | Self::CheckpointRefused { .. } => Some(Outcome::Refused),
            Self::TapAbandoned { .. } => Some(Outcome::Abandoned),
            Self::OfflineTapReconciled { outcome, .. }
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
            | Self::BreakGlassUsed { .. } => None,
        }
    }
}
