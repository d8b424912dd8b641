//! What identifiers are called, for those who may know.
use std::collections::{HashMap, HashSet};

use imp_identity::event::{Actor, Event};
use imp_identity::id::{UserId, WorkstationId};
use imp_identity::name::{Label, Username};

use crate::entry::Entry;

/// A person's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The account name.
    pub username: Username,
    /// What people call her.
    pub display_name: Label,
}

/// The names that a reader may see. Places have names for everybody, people only for those who may see them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    people: Option<HashMap<UserId, Person>>,
    workstations: HashMap<WorkstationId, Label>,
}

/// Whom and what some entries mention: whose names are worth looking up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentioned {
    /// Persons who acted or are concerned.
    pub users: HashSet<UserId>,
    /// Workstations that acted or are concerned.
    pub workstations: HashSet<WorkstationId>,
}

impl Names {
    /// For a reader who sees people as identifiers only: nor do texts that people wrote reach her.
    pub fn pseudonymous(workstations: HashMap<WorkstationId, Label>) -> Self {
        Self { people: None, workstations }
    }

    /// For a reader who may see who people are.
    pub fn of_people(
        people: HashMap<UserId, Person>,
        workstations: HashMap<WorkstationId, Label>,
    ) -> Self {
        Self { people: Some(people), workstations }
    }

    /// Whether names of people, and texts that they wrote, may be shown.
    pub const fn shows_people(&self) -> bool {
        self.people.is_some()
    }

    /// The person, if she is known and may be named.
    pub fn person(&self, user: UserId) -> Option<&Person> {
        self.people.as_ref()?.get(&user)
    }

    /// The name of a workstation, if it is known.
    pub fn workstation(&self, workstation: WorkstationId) -> Option<&Label> {
        self.workstations.get(&workstation)
    }
}

impl Mentioned {
    /// Collects from `entries`.
    pub fn by<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut mentioned = Self::default();
        for entry in entries {
            mentioned.users.extend(entry.record.event.user());
            mentioned.workstations.extend(entry.record.event.workstation());
            match entry.record.actor {
                Actor::User(user) => {
                    mentioned.users.insert(user);
                }
                Actor::Workstation(workstation) => {
                    mentioned.workstations.insert(workstation);
                }
                Actor::Operator(_)
                | Actor::Phone(_)
                | Actor::Client(_)
                | Actor::Device(_)
                | Actor::Server => {}
            }
        }
        mentioned
    }
}

/// The members of an event that name people, or hold what somebody wrote: withheld from those who see only identifiers.
#[expect(clippy::too_many_lines, reason = "a line for each type of event")]
pub(super) fn personal_members(event: &Event) -> &'static [&'static str] {
    match event {
        Event::UserCreated { .. } => &["username", "display_name"],
        Event::ErasureRequested { .. }
        | Event::DeviceStateChanged { .. }
        | Event::DeviceEnrolmentRejected { .. }
        | Event::ErasureRefused { .. }
        | Event::CaseClosed { .. }
        | Event::CaseReopened { .. }
        | Event::BreakGlassUsed { .. }
        | Event::StreamChanged { .. } => &["reason"],
        Event::RecordsErased { .. } => &["reason", "requested_by"],
        Event::CaseOpened { .. } => &["title"],
        Event::CaseCommented { .. } => &["comment"],
        Event::BreakGlassReviewed { .. } => &["remark"],
        Event::SearchSaved { .. } => &["name"],
        Event::FindingMade { .. } => &["sentence"],
        Event::ServerInitialised { .. }
        | Event::AdministratorTokenIssued { .. }
        | Event::AdministratorTokenRedeemed { .. }
        | Event::SignInCodeIssued { .. }
        | Event::AccessTokenIssued { .. }
        | Event::UserDisabled { .. }
        | Event::UserEnabled { .. }
        | Event::UserContactChanged { .. }
        | Event::WorkstationInvited { .. }
        | Event::WorkstationEnrolled { .. }
        | Event::WorkstationMoved { .. }
        | Event::WorkstationRevoked { .. }
        | Event::PhoneInvited { .. }
        | Event::PhoneBound { .. }
        | Event::PhoneRevoked { .. }
        | Event::CertificateIssued { .. }
        | Event::EnrolmentOpened { .. }
        | Event::EnrolmentCompleted { .. }
        | Event::ReferenceIssued { .. }
        | Event::ReferenceActivated { .. }
        | Event::ReferenceRevoked { .. }
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
        | Event::PolicyChanged { .. }
        | Event::LogRead { .. }
        | Event::RecordsExpired { .. }
        | Event::ReceiverAdmitted { .. }
        | Event::ReceiverDismissed { .. }
        | Event::StreamCreated { .. }
        | Event::StreamDeleted { .. }
        | Event::EventSetAside { .. }
        | Event::ConsumerSteered { .. }
        | Event::CaseAssigned { .. }
        | Event::SearchDeleted { .. }
        | Event::NoticeSent { .. }
        | Event::UseDisputed { .. }
        | Event::CheckpointRefused { .. }
        | Event::OfflineTapReconciled { .. }
        | Event::SignOnEstablished { .. }
        | Event::SignOnEnded { .. }
        | Event::SignInRefused { .. }
        | Event::CredentialRegistered { .. }
        | Event::CredentialRenamed { .. }
        | Event::CredentialRemoved { .. }
        | Event::SecurityKeyAccepted { .. }
        | Event::ClientRegistered { .. }
        | Event::ClientChanged { .. }
        | Event::ClientRemoved { .. }
        | Event::ClientRefused { .. }
        | Event::GrantMade { .. }
        | Event::GrantRevoked { .. }
        | Event::LogoutSent { .. }
        | Event::ApplicationSessionRevoked { .. }
        | Event::SigningKeyMade { .. }
        | Event::SigningKeyRetired { .. }
        | Event::UserChanged { .. }
        | Event::UserRemoved { .. }
        | Event::GroupCreated { .. }
        | Event::GroupChanged { .. }
        | Event::GroupRemoved { .. }
        | Event::DirectoryImported { .. }
        | Event::AccessPoliciesChanged { .. }
        | Event::AccessRefused { .. }
        | Event::DeviceRegistered { .. }
        | Event::DeviceChanged { .. }
        | Event::DeviceInvited { .. }
        | Event::DeviceEnrolmentRequested { .. }
        | Event::DeviceEnrolmentApproved { .. }
        | Event::DeviceEnrolmentRefused { .. }
        | Event::CertificateRevoked { .. }
        | Event::CertificateReinstated { .. }
        | Event::CertificateExpiring { .. }
        | Event::ServiceCertificateIssued { .. }
        | Event::AuthorityMade { .. }
        | Event::AuthorityCrossSigned { .. }
        | Event::AuthorityRetired { .. }
        | Event::AcmeAccountRegistered { .. }
        | Event::AcmeAccountChanged { .. }
        | Event::ConnectionPolicyChanged { .. }
        | Event::MachineRefused { .. }
        | Event::MessageRefused { .. }
        | Event::ConnectionUnexpected { .. } => &[],
    }
}
