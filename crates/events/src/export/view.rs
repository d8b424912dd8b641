//! One entry as every format needs it: who acted, who and what took part, what changed, and the rest as facts.
use imp_identity::event::{Actor, Event, Outcome, Reading};
use imp_identity::id::{ClientId, DeviceId, PhoneId, UserId, WorkstationId};
use imp_identity::spiffe::{Machine, SpiffeId};
use jiff::Timestamp;
use serde_json::Value;

use super::Source;
use super::names::{Names, Person, personal_members};
use crate::catalogue::{EventType, event_type};
use crate::entry::Entry;
use crate::mapping::{Indicator, Severity, dicom};

/// An entry, its type, and what its reader may see.
pub(super) struct View<'a> {
    pub(super) entry: &'a Entry,
    pub(super) kind: &'static EventType,
    pub(super) source: &'a Source,
    pub(super) names: &'a Names,
}

/// Who or what takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party<'a> {
    /// A person.
    User(UserId),
    /// A workstation.
    Workstation(WorkstationId),
    /// A phone.
    Phone(PhoneId),
    /// An application.
    Client(ClientId),
    /// A machine of the inventory.
    Device(DeviceId),
    /// Somebody with a shell on the server, by account name if that may be shown.
    Operator(Option<&'a str>),
    /// The server.
    Server,
}

/// What an event is about, besides persons and machines.
pub(super) struct Object {
    /// What it is, in the words of the log.
    pub(super) kind: &'static str,
    /// Its identifier.
    pub(super) id: String,
}

impl<'a> View<'a> {
    pub(super) fn new(entry: &'a Entry, source: &'a Source, names: &'a Names) -> Self {
        Self { entry, kind: event_type(&entry.record.event), source, names }
    }

    pub(super) const fn event(&self) -> &'a Event {
        &self.entry.record.event
    }

    pub(super) const fn at(&self) -> Timestamp {
        self.entry.record.at
    }

    /// Who caused it.
    pub(super) fn actor(&self) -> Party<'a> {
        match &self.entry.record.actor {
            Actor::Operator(account) => {
                Party::Operator(self.names.shows_people().then_some(account.as_str()))
            }
            Actor::User(user) => Party::User(*user),
            Actor::Workstation(workstation) => Party::Workstation(*workstation),
            Actor::Phone(phone) => Party::Phone(*phone),
            Actor::Client(client) => Party::Client(*client),
            Actor::Device(device) => Party::Device(*device),
            Actor::Server => Party::Server,
        }
    }

    /// Whether somebody signs in or out here: then the person concerned takes part, and is not only written about.
    pub(super) fn is_authentication(&self) -> bool {
        self.kind.export.audit.event == dicom::USER_AUTHENTICATION
            || matches!(self.event(), Event::BreakGlassUsed { .. })
    }

    /// The persons and machines that took part, the actor first, each once; the server is not among them unless it acted.
    pub(super) fn participants(&self) -> Vec<Party<'a>> {
        let mut parties = vec![self.actor()];
        if self.is_authentication() || matches!(self.event(), Event::EnrolmentOpened { .. }) {
            let event = self.event();
            let user = event.user().map(Party::User);
            let machines = [event.workstation().map(Party::Workstation), self.phone()];
            for party in user.into_iter().chain(machines.into_iter().flatten()) {
                if !parties.contains(&party) {
                    parties.push(party);
                }
            }
        }
        parties
    }

    /// The persons and machines that it is about without their taking part.
    pub(super) fn concerned(&self) -> Vec<Party<'a>> {
        let event = self.event();
        let all = [
            event.user().map(Party::User),
            event.workstation().map(Party::Workstation),
            self.phone(),
        ];
        let part = self.participants();
        all.into_iter().flatten().filter(|party| !part.contains(party)).collect()
    }

    fn phone(&self) -> Option<Party<'a>> {
        let event = self.event();
        let device = event.device()?;
        let is_phone = event.phone().is_some() || matches!(event, Event::FindingMade { .. });
        Some(if is_phone {
            Party::Phone(PhoneId::from(device))
        } else {
            Party::Device(DeviceId::from(device))
        })
    }

    /// Whether it was `party` who asked for what happened.
    pub(super) fn is_requestor(&self, party: Party<'_>) -> bool {
        match self.event().user() {
            Some(user) if self.is_authentication() => party == Party::User(user),
            Some(_) | None => party == self.actor(),
        }
    }

    /// Whether it succeeded: what the type says, unless the event itself says otherwise.
    pub(super) fn indicator(&self) -> Indicator {
        let usual = self.kind.export.audit.outcome;
        match (self.event().outcome(), usual) {
            (None, _) | (Some(Outcome::Accepted), Indicator::Success) => usual,
            (Some(Outcome::Refused | Outcome::Abandoned), Indicator::Success) => {
                Indicator::MinorFailure
            }
            (Some(Outcome::Accepted), _) => Indicator::Success,
            (Some(Outcome::Refused | Outcome::Abandoned), _) => usual,
        }
    }

    pub(super) fn succeeded(&self) -> bool {
        self.indicator() == Indicator::Success
    }

    pub(super) const fn severity(&self) -> Severity {
        self.kind.export.severity
    }

    /// Why it came out as it did, where the event has a code or a sentence for it that the reader may see.
    pub(super) fn reason(&self) -> Option<String> {
        let event = self.event();
        if let Event::TapRefused { reason, .. } = event {
            return Some(format!("{}: {}", reason.code(), reason.explain()));
        }
        if let Event::TapAbandoned { reason, .. } = event {
            return Some(format!("{}: {}", reason.code(), reason.explain()));
        }
        if let Event::SessionRevoked { reason, .. } = event {
            return Some(reason.code().to_owned());
        }
        if let Event::EventSetAside { why, .. } | Event::CheckpointRefused { why, .. } = event {
            return Some(why.clone());
        }
        let Event::ErasureRefused { reason, .. } = event else { return None };
        self.names.shows_people().then(|| reason.to_string())
    }

    /// What it is about, if that is neither a person nor a machine.
    #[expect(clippy::too_many_lines, reason = "a line for each type of event")]
    pub(super) fn object(&self) -> Option<Object> {
        let object = |kind, id: String| Some(Object { kind, id });
        let uuid = |kind, id: uuid::Uuid| object(kind, format!("urn:uuid:{id}"));
        match self.event() {
            Event::TapAccepted(facts) => uuid("session", facts.session.as_uuid()),
            Event::SessionEstablished { session, .. }
            | Event::SessionSuspended { session, .. }
            | Event::SessionResumed { session, .. }
            | Event::SessionReauthenticated { session, .. }
            | Event::SessionRevoked { session, .. }
            | Event::SecurityKeyAccepted { session, .. }
            | Event::BreakGlassReviewed { session, .. } => uuid("session", session.as_uuid()),
            Event::TapRefused { tap, .. }
            | Event::TapAbandoned { tap, .. }
            | Event::OfflineTapReconciled { tap, .. } => uuid("tap", tap.as_uuid()),
            Event::EnrolmentOpened { enrolment, .. }
            | Event::EnrolmentCompleted { enrolment, .. } => uuid("enrolment", enrolment.as_uuid()),
            Event::ReferenceIssued { reference, .. }
            | Event::ReferenceActivated { reference, .. }
            | Event::ReferenceRevoked { reference, .. } => uuid("reference", reference.as_uuid()),
            Event::CertificateIssued { serial, .. }
            | Event::ServiceCertificateIssued { serial, .. }
            | Event::CertificateRevoked { serial, .. }
            | Event::CertificateReinstated { serial, .. }
            | Event::CertificateExpiring { serial, .. } => {
                object("certificate", format!("urn:imp:certificate:{serial}"))
            }
            Event::ConsumerSteered { consumer, .. } => {
                object("consumer", format!("urn:imp:consumer:{consumer}"))
            }
            Event::AccessPoliciesChanged { policies } => {
                object("policy", format!("urn:imp:policies:{policies}"))
            }
            Event::PolicyChanged { version } => {
                object("policy", format!("urn:imp:policy:{version}"))
            }
            Event::ReceiverAdmitted { receiver, .. } | Event::ReceiverDismissed { receiver } => {
                uuid("receiver", receiver.as_uuid())
            }
            Event::StreamCreated { stream, .. }
            | Event::StreamChanged { stream, .. }
            | Event::StreamDeleted { stream, .. } => uuid("stream", stream.as_uuid()),
            Event::CaseOpened { case, .. }
            | Event::CaseAssigned { case, .. }
            | Event::CaseCommented { case, .. }
            | Event::CaseClosed { case, .. }
            | Event::CaseReopened { case, .. }
            | Event::UseDisputed { case, .. } => uuid("case", case.as_uuid()),
            Event::SearchSaved { search, .. } | Event::SearchDeleted { search } => {
                uuid("search", search.as_uuid())
            }
            Event::NoticeSent { notice, .. } => uuid("notice", notice.as_uuid()),
            Event::ErasureRequested { erasure, .. }
            | Event::ErasureRefused { erasure, .. }
            | Event::RecordsErased { erasure, .. } => uuid("erasure", erasure.as_uuid()),
            Event::EventSetAside { index, .. } | Event::FindingMade { cause: index, .. } => {
                object("entry", self.entry_name(*index))
            }
            Event::SignOnEstablished { sign_on, .. }
            | Event::SignOnEnded { sign_on, .. }
            | Event::LogoutSent { sign_on, .. }
            | Event::ApplicationSessionRevoked { sign_on, .. } => {
                uuid("sign-on", sign_on.as_uuid())
            }
            Event::CredentialRegistered { credential, .. }
            | Event::CredentialRenamed { credential, .. }
            | Event::CredentialRemoved { credential, .. } => {
                uuid("credential", credential.as_uuid())
            }
            Event::ClientRegistered { client, .. }
            | Event::ClientChanged { client, .. }
            | Event::ClientRemoved { client } => uuid("client", client.as_uuid()),
            Event::ClientRefused { client, .. } => match client {
                Some(client) => uuid("client", client.as_uuid()),
                None => object("server", self.source.server()),
            },
            Event::GrantMade { grant, .. } | Event::GrantRevoked { grant, .. } => {
                uuid("grant", grant.as_uuid())
            }
            Event::SigningKeyMade { key, .. } | Event::SigningKeyRetired { key } => {
                object("key", format!("urn:imp:key:{key}"))
            }
            Event::GroupCreated { group, .. }
            | Event::GroupChanged { group, .. }
            | Event::GroupRemoved { group } => uuid("group", group.as_uuid()),
            Event::DeviceRegistered { device, .. }
            | Event::DeviceChanged { device, .. }
            | Event::DeviceStateChanged { device, .. }
            | Event::DeviceInvited { device, .. }
            | Event::DeviceEnrolmentRequested { device, .. }
            | Event::DeviceEnrolmentApproved { device, .. }
            | Event::DeviceEnrolmentRejected { device, .. } => uuid("device", device.as_uuid()),
            Event::DeviceEnrolmentRefused { device, .. } => match device {
                Some(device) => uuid("device", device.as_uuid()),
                None => object("server", self.source.server()),
            },
            Event::AuthorityMade { certificate, .. }
            | Event::AuthorityCrossSigned { certificate, .. }
            | Event::AuthorityRetired { certificate, .. } => {
                object("authority", format!("urn:imp:authority:{certificate}"))
            }
            Event::AcmeAccountRegistered { account }
            | Event::AcmeAccountChanged { account, .. } => uuid("acme-account", account.as_uuid()),
            Event::ConnectionPolicyChanged { version, .. } => {
                object("connection-policy", format!("urn:imp:connection-policy:{version}"))
            }
            Event::RecordsExpired { .. }
            | Event::LogRead { .. }
            | Event::CheckpointRefused { .. } => object("log", self.source.log()),
            Event::ServerInitialised { .. } => object("server", self.source.server()),
            Event::AdministratorTokenIssued { .. }
            | Event::AdministratorTokenRedeemed { .. }
            | Event::SignInCodeIssued { .. }
            | Event::AccessTokenIssued { .. }
            | Event::UserCreated { .. }
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
            | Event::BiometricDelayed { .. }
            | Event::BiometricDisabled { .. }
            | Event::BreakGlassUsed { .. }
            | Event::SignInRefused { .. }
            | Event::UserChanged { .. }
            | Event::UserRemoved { .. }
            | Event::DirectoryImported { .. }
            | Event::AccessRefused { .. }
            | Event::MachineRefused { .. }
            | Event::MessageRefused { .. }
            | Event::ConnectionUnexpected { .. } => self.account_or_machine(),
        }
    }

    /// Types about nothing but a person or a machine: the account or the machine is what changes.
    fn account_or_machine(&self) -> Option<Object> {
        let event = self.event();
        let workstation = event.workstation().map(Party::Workstation);
        let machine = self.phone().or(workstation).filter(|_| !self.is_authentication());
        let party = machine.or_else(|| event.user().map(Party::User))?;
        Some(Object { kind: party.kind(), id: self.uri(party) })
    }

    /// Names an entry of this log.
    pub(super) fn entry_name(&self, index: u64) -> String {
        format!("{}:{index}", self.source.log())
    }

    /// What somebody asked of the log, if that is what happened: identifiers and times, never names.
    pub(super) fn question(&self) -> Option<&'a str> {
        let Event::LogRead { question, means, .. } = self.event() else { return None };
        (*means != Reading::Own).then_some(question.as_str())
    }

    /// Everything that the event says besides the person and machines concerned, as text.
    pub(super) fn facts(&self) -> Vec<(String, String)> {
        let Value::Object(members) = self.shown_event() else { return Vec::new() };
        let shown = |name: &str| !["type", "user", "workstation", "phone"].contains(&name);
        let members = members.into_iter().filter(|(name, value)| shown(name) && !value.is_null());
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        members.map(|(name, value)| (name, text(value))).collect()
    }

    /// The event as the log has it, without what the reader may not see.
    pub(super) fn shown_event(&self) -> Value {
        // Events are plain data with string keys: they always serialise.
        let mut event = serde_json::to_value(self.event()).unwrap_or_default();
        if let Value::Object(members) = &mut event
            && !self.names.shows_people()
        {
            for name in personal_members(self.event()) {
                members.remove(*name);
            }
        }
        event
    }

    /// The names of the person, if she may be named.
    pub(super) fn person(&self, party: Party<'_>) -> Option<&'a Person> {
        match party {
            Party::User(user) => self.names.person(user),
            Party::Workstation(_)
            | Party::Phone(_)
            | Party::Client(_)
            | Party::Device(_)
            | Party::Operator(_)
            | Party::Server => None,
        }
    }

    /// What the party is called, if that is known and may be shown.
    pub(super) fn name(&self, party: Party<'a>) -> Option<&'a str> {
        match party {
            Party::User(user) => Some(self.names.person(user)?.display_name.as_str()),
            Party::Workstation(workstation) => Some(self.names.workstation(workstation)?.as_str()),
            Party::Operator(account) => account,
            Party::Server => Some(&self.source.host),
            Party::Phone(_) | Party::Client(_) | Party::Device(_) => None,
        }
    }

    /// Names the party for every system: a `urn:uuid`, or the name in its certificate.
    pub(super) fn uri(&self, party: Party<'_>) -> String {
        let machine = |machine| {
            SpiffeId { trust_domain: self.source.trust_domain.clone(), machine }.to_string()
        };
        match party {
            Party::User(user) => format!("urn:uuid:{user}"),
            Party::Client(client) => format!("urn:uuid:{client}"),
            Party::Device(device) => machine(Machine::Device(device)),
            Party::Workstation(workstation) => machine(Machine::Workstation(workstation)),
            Party::Phone(phone) => machine(Machine::Phone(phone)),
            Party::Operator(Some(account)) => format!("urn:imp:operator:{account}"),
            Party::Operator(None) => "urn:imp:operator".to_owned(),
            Party::Server => self.source.server(),
        }
    }

    /// The bare identifier of the party.
    pub(super) fn id(&self, party: Party<'_>) -> String {
        match party {
            Party::User(user) => user.to_string(),
            Party::Workstation(workstation) => workstation.to_string(),
            Party::Phone(phone) => phone.to_string(),
            Party::Client(client) => client.to_string(),
            Party::Device(device) => device.to_string(),
            Party::Operator(account) => account.unwrap_or("operator").to_owned(),
            Party::Server => self.source.server(),
        }
    }

    /// The type's name as a heading: `Tap accepted`.
    pub(super) fn title(&self) -> String {
        let words = self.kind.name.replace('-', " ");
        let mut letters = words.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }
}

impl Party<'_> {
    /// What it is, in one word.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Workstation(_) => "workstation",
            Self::Phone(_) => "phone",
            Self::Client(_) => "application",
            Self::Device(_) => "device",
            Self::Operator(_) => "operator",
            Self::Server => "server",
        }
    }
}
