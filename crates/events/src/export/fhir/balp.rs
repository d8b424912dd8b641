//! Which events are interactions that IHE BALP has a profile for.
use imp_identity::Event;
use imp_identity::event::Actor;

use super::super::view::View;
use crate::mapping::Action;

/// What was done to a resource of the server, as FHIR's `restful-interaction` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interaction {
    /// Something was created.
    Create,
    /// Something was changed.
    Update,
    /// Something was deleted.
    Delete,
    /// Something was asked.
    Search,
}

impl Interaction {
    /// The interaction, if it went over the HTTP interface and succeeded: BALP has no profile for anything else. Operators
    /// work on the database, and the server on itself.
    pub(super) fn of(view: &View<'_>) -> Option<Self> {
        match view.entry.record.actor {
            Actor::User(_)
            | Actor::Workstation(_)
            | Actor::Phone(_)
            | Actor::Client(_)
            | Actor::Device(_)
                if view.succeeded() =>
            {
                Self::by_type(view)
            }
            Actor::User(_)
            | Actor::Workstation(_)
            | Actor::Phone(_)
            | Actor::Client(_)
            | Actor::Device(_)
            | Actor::Operator(_)
            | Actor::Server => None,
        }
    }

    #[expect(clippy::too_many_lines, reason = "a line for each type of event")]
    fn by_type(view: &View<'_>) -> Option<Self> {
        match view.event() {
            // Without the question there is no query to profile.
            Event::LogRead { .. } => view.question().map(|_| Self::Search),
            Event::UserCreated { .. }
            | Event::SignInCodeIssued { .. }
            | Event::WorkstationInvited { .. }
            | Event::PhoneInvited { .. }
            | Event::CertificateIssued { .. }
            | Event::EnrolmentOpened { .. }
            | Event::ReferenceIssued { .. }
            | Event::ErasureRequested { .. }
            | Event::ReceiverAdmitted { .. }
            | Event::StreamCreated { .. }
            | Event::CaseOpened { .. }
            | Event::CaseCommented { .. }
            | Event::SearchSaved { .. }
            | Event::CredentialRegistered { .. }
            | Event::ClientRegistered { .. }
            | Event::SigningKeyMade { .. }
            | Event::GroupCreated { .. }
            | Event::DeviceRegistered { .. }
            | Event::DeviceInvited { .. }
            | Event::ServiceCertificateIssued { .. }
            | Event::AuthorityMade { .. }
            | Event::AcmeAccountRegistered { .. }
            | Event::UseDisputed { .. } => Some(Self::Create),
            Event::UserDisabled { .. }
            | Event::UserEnabled { .. }
            | Event::UserContactChanged { .. }
            | Event::WorkstationEnrolled { .. }
            | Event::WorkstationMoved { .. }
            | Event::WorkstationRevoked { .. }
            | Event::PhoneBound { .. }
            | Event::PhoneRevoked { .. }
            | Event::EnrolmentCompleted { .. }
            | Event::ReferenceActivated { .. }
            | Event::ReferenceRevoked { .. }
            | Event::PolicyChanged { .. }
            | Event::StreamChanged { .. }
            | Event::ConsumerSteered { .. }
            | Event::CaseAssigned { .. }
            | Event::CaseClosed { .. }
            | Event::CredentialRenamed { .. }
            | Event::BreakGlassReviewed { .. }
            | Event::ClientChanged { .. }
            | Event::UserChanged { .. }
            | Event::GroupChanged { .. }
            | Event::AccessPoliciesChanged { .. }
            | Event::DeviceChanged { .. }
            | Event::DeviceStateChanged { .. }
            | Event::DeviceEnrolmentApproved { .. }
            | Event::DeviceEnrolmentRejected { .. }
            | Event::CertificateReinstated { .. }
            | Event::AuthorityCrossSigned { .. }
            | Event::AcmeAccountChanged { .. }
            | Event::ConnectionPolicyChanged { .. }
            | Event::CaseReopened { .. } => Some(Self::Update),
            Event::RecordsErased { .. }
            | Event::ReceiverDismissed { .. }
            | Event::StreamDeleted { .. }
            | Event::CredentialRemoved { .. }
            | Event::ClientRemoved { .. }
            | Event::SigningKeyRetired { .. }
            | Event::UserRemoved { .. }
            | Event::GroupRemoved { .. }
            | Event::CertificateRevoked { .. }
            | Event::AuthorityRetired { .. }
            | Event::SearchDeleted { .. } => Some(Self::Delete),
            Event::ServerInitialised { .. }
            | Event::AdministratorTokenIssued { .. }
            | Event::AdministratorTokenRedeemed { .. }
            | Event::AccessTokenIssued { .. }
            | Event::TapAccepted(_)
            | Event::TapRefused { .. }
            | Event::TapAbandoned { .. }
            | Event::BiometricDelayed { .. }
            | Event::BiometricDisabled { .. }
            | Event::SessionEstablished { .. }
            | Event::SessionSuspended { .. }
            | Event::SessionResumed { .. }
            | Event::SessionReauthenticated { .. }
            | Event::SessionRevoked { .. }
            | Event::ErasureRefused { .. }
            | Event::RecordsExpired { .. }
            | Event::EventSetAside { .. }
            | Event::FindingMade { .. }
            | Event::NoticeSent { .. }
            | Event::CheckpointRefused { .. }
            | Event::OfflineTapReconciled { .. }
            | Event::BreakGlassUsed { .. }
            | Event::SignOnEstablished { .. }
            | Event::SignOnEnded { .. }
            | Event::SignInRefused { .. }
            | Event::SecurityKeyAccepted { .. }
            | Event::ClientRefused { .. }
            | Event::GrantMade { .. }
            | Event::GrantRevoked { .. }
            | Event::LogoutSent { .. }
            | Event::ApplicationSessionRevoked { .. }
            | Event::DirectoryImported { .. }
            | Event::AccessRefused { .. }
            | Event::DeviceEnrolmentRequested { .. }
            | Event::DeviceEnrolmentRefused { .. }
            | Event::CertificateExpiring { .. }
            | Event::MachineRefused { .. }
            | Event::MessageRefused { .. }
            | Event::ConnectionUnexpected { .. } => None,
        }
    }

    /// The canonical URL of the profile.
    pub(super) const fn profile(self) -> &'static str {
        match self {
            Self::Create => {
                "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Create"
            }
            Self::Update => {
                "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Update"
            }
            Self::Delete => {
                "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Delete"
            }
            Self::Search => {
                "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Query"
            }
        }
    }

    /// The code in `http://hl7.org/fhir/restful-interaction`.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Search => "search",
        }
    }

    /// The action that the profile fixes.
    pub(super) const fn action(self) -> Action {
        match self {
            Self::Create => Action::Create,
            Self::Update => Action::Update,
            Self::Delete => Action::Delete,
            Self::Search => Action::Execute,
        }
    }
}
