//! What an entry says, in a plain sentence: for people who review, in whatever window they read it.
use imp_identity::authentication::Method;
use imp_identity::event::{Actor, Event, Reading, Record, TapFacts};
use imp_identity::name::Label;
use imp_identity::session::OneFactor;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::tap::Purpose;
use imp_identity::{CaseId, UserId, WorkstationId};

/// What people and things are called. Whoever may not know a name is told something else, such as the identifier.
pub trait Called {
    /// A person.
    fn person(&self, user: UserId) -> String;
    /// A workstation.
    fn workstation(&self, workstation: WorkstationId) -> String;
    /// A case, such as `case 7`.
    fn case(&self, case: CaseId) -> String;
}

/// What happened, in one sentence without the full stop.
pub fn sentence(record: &Record, called: &impl Called) -> String {
    let mut told = Teller { by: actor(&record.actor, called), called }.tell(&record.event);
    if let (Event::ConnectionUnexpected { machine, .. }, Actor::Device(reporter)) =
        (&record.event, &record.actor)
        && machine.machine != Machine::Device(*reporter)
    {
        // A gateway may be mistaken, or lie.
        told = format!("{told} (as device {reporter} reports)");
    }
    // What people and peers wrote may hold lines; a sentence is one.
    told.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Who acted, in words.
pub fn actor(actor: &Actor, called: &impl Called) -> String {
    match actor {
        Actor::Operator(account) => format!("operator {account}"),
        Actor::User(user) => called.person(*user),
        Actor::Workstation(workstation) => {
            format!("workstation {}", called.workstation(*workstation))
        }
        Actor::Phone(_) => "a phone".to_owned(),
        Actor::Client(_) => "an application".to_owned(),
        Actor::Device(_) => "a device".to_owned(),
        Actor::Server => "the server".to_owned(),
    }
}

/// Ways of authentication in a row.
fn listed(methods: &[Method]) -> String {
    let codes: Vec<_> = methods.iter().map(|method| method.code()).collect();
    codes.join(", ")
}

struct Teller<'a, C> {
    /// Who acted.
    by: String,
    called: &'a C,
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each tells its part and leaves the rest to the next; a test asks for every type"
)]
impl<C: Called> Teller<'_, C> {
    fn tell(&self, event: &Event) -> String {
        self.of_people(event)
            .or_else(|| self.of_machines(event))
            .or_else(|| self.of_taps(event))
            .or_else(|| self.of_sessions(event))
            .or_else(|| self.of_the_log(event))
            .or_else(|| self.of_review(event))
            .or_else(|| self.of_sign_on(event))
            .or_else(|| self.of_applications(event))
            .or_else(|| self.of_directory(event))
            .or_else(|| self.of_devices(event))
            .or_else(|| self.of_connections(event))
            .unwrap_or_else(|| event.name().replace('-', " "))
    }

    fn of_people(&self, event: &Event) -> Option<String> {
        let by = &self.by;
        let person = |user: &UserId| self.called.person(*user);
        Some(match event {
            Event::ServerInitialised { trust_domain, .. } => {
                format!("the server of {trust_domain} made its keys")
            }
            Event::AdministratorTokenIssued { .. } => format!("{by} made an administrator token"),
            Event::AdministratorTokenRedeemed { user } => {
                format!("{} used the administrator token", person(user))
            }
            Event::SignInCodeIssued { user, .. } => {
                format!("{by} made a sign-in code for {}", person(user))
            }
            Event::AccessTokenIssued { user, .. } => format!("{} signed in", person(user)),
            Event::UserCreated { user, role, .. } => {
                format!("{by} created the {role} {}", person(user))
            }
            Event::UserDisabled { user } => format!("{by} disabled {}", person(user)),
            Event::UserEnabled { user } => format!("{by} enabled {}", person(user)),
            Event::UserContactChanged { user } => {
                format!("{by} changed where notices to {} go", person(user))
            }
            Event::BiometricDelayed { user, failures, until } => {
                format!(
                    "{} must wait until {until:.0} after {failures} failed comparisons",
                    person(user)
                )
            }
            Event::BiometricDisabled { user, failures } => {
                format!(
                    "the face of {} was disabled after {failures} failed comparisons",
                    person(user)
                )
            }
            Event::EnrolmentOpened { user, officer, workstation, .. } => format!(
                "{} began to enrol {} at {}",
                person(officer),
                person(user),
                self.called.workstation(*workstation)
            ),
            Event::EnrolmentCompleted { user, .. } => format!("{} was enrolled", person(user)),
            Event::ReferenceIssued { user, officer, .. } => {
                format!("a reference of {} was signed for {}", person(user), person(officer))
            }
            Event::ReferenceActivated { user, .. } => {
                format!("the phone of {} keeps her reference", person(user))
            }
            Event::ReferenceRevoked { user, reason, .. } => {
                format!("a reference of {} counts no more: {}", person(user), words(reason.code()))
            }
            Event::PolicyChanged { version } => {
                format!("{by} put policy version {version} in force")
            }
            _ => return None,
        })
    }

    fn of_machines(&self, event: &Event) -> Option<String> {
        let by = &self.by;
        let person = |user: &UserId| self.called.person(*user);
        let place = |workstation: &WorkstationId| self.called.workstation(*workstation);
        Some(match event {
            Event::WorkstationInvited { name, .. } => {
                format!("{by} invited the workstation {name}")
            }
            Event::WorkstationEnrolled { workstation, .. } => {
                format!("{} was enrolled", place(workstation))
            }
            Event::WorkstationMoved { workstation, unit, site } => {
                let (unit, site) = (name_or_none(unit.as_ref()), name_or_none(site.as_ref()));
                format!("{by} moved {} to unit {unit}, site {site}", place(workstation))
            }
            Event::WorkstationRevoked { workstation, reason } => {
                format!("{by} revoked {}: {}", place(workstation), words(reason.code()))
            }
            Event::PhoneInvited { user, .. } => format!("a phone for {} was invited", person(user)),
            Event::PhoneBound { user, .. } => format!("a phone was bound to {}", person(user)),
            Event::PhoneRevoked { user, reason, .. } => {
                format!("{by} revoked a phone of {}: {}", person(user), words(reason.code()))
            }
            Event::CertificateIssued { machine, .. } => {
                format!("{} was given a certificate", self.machine(machine))
            }
            Event::ConnectionUnexpected { machine, peer, outcome } => {
                format!(
                    "{} talked to {peer}, which nobody expects: {outcome}",
                    self.machine(machine)
                )
            }
            _ => return None,
        })
    }

    fn of_taps(&self, event: &Event) -> Option<String> {
        let person = |user: &UserId| self.called.person(*user);
        let place = |workstation: &WorkstationId| self.called.workstation(*workstation);
        let somebody = |user: &Option<UserId>| user.as_ref().map_or("somebody".to_owned(), person);
        Some(match event {
            Event::TapAccepted(facts) => self.tap(facts),
            Event::TapRefused { workstation, user, purpose, reason, .. } => {
                let tap = purpose.map_or("tap", Purpose::code);
                let (who, at) = (somebody(user), place(workstation));
                format!("{tap} of {who} at {at} was refused: {}", words(reason.code()))
            }
            Event::TapAbandoned { workstation, user, purpose, reason, .. } => {
                let (who, at) = (somebody(user), place(workstation));
                format!("{purpose} of {who} at {at} was given up: {}", words(reason.code()))
            }
            Event::OfflineTapReconciled {
                workstation, user, purpose, decided_at, outcome, ..
            } => {
                let (who, at) = (person(user), place(workstation));
                format!("{purpose} of {who} at {at}, offline at {decided_at:.0}, was {outcome}")
            }
            Event::BreakGlassUsed { user, workstation, reason, .. } => {
                let (who, at) = (person(user), place(workstation));
                format!("{who} broke the glass at {at}: {reason}")
            }
            _ => return None,
        })
    }

    fn tap(&self, facts: &TapFacts) -> String {
        let who = self.called.person(facts.user);
        let at = self.called.workstation(facts.workstation);
        let did = match facts.purpose {
            Purpose::TapIn => "tapped in",
            Purpose::Unlock => "unlocked her session",
            Purpose::StepUp => "confirmed an act",
            Purpose::TapOut => "tapped out",
        };
        let mask = if facts.mask { ", masked" } else { "" };
        format!("{who} {did} at {at}{mask}")
    }

    fn of_sessions(&self, event: &Event) -> Option<String> {
        let (user, workstation, what) = match event {
            Event::SessionEstablished { user, workstation, .. } => {
                (user, workstation, "began".to_owned())
            }
            Event::SessionSuspended { user, workstation, .. } => {
                (user, workstation, "was locked".to_owned())
            }
            Event::SessionResumed { user, workstation, .. } => {
                (user, workstation, "went on".to_owned())
            }
            Event::SessionRevoked { user, workstation, reason, .. } => {
                (user, workstation, format!("ended: {}", words(reason.code())))
            }
            _ => return None,
        };
        let (who, at) = (self.called.person(*user), self.called.workstation(*workstation));
        Some(format!("the session of {who} at {at} {what}"))
    }

    fn of_the_log(&self, event: &Event) -> Option<String> {
        let by = &self.by;
        Some(match event {
            Event::LogRead { means, user, workstation, case, .. } => {
                let mut text = match means {
                    Reading::Search => format!("{by} searched the log"),
                    Reading::Timeline => format!("{by} read a timeline"),
                    Reading::Export => format!("{by} exported from the log"),
                    Reading::Stream => format!("{by} followed the log"),
                    Reading::Record => format!("{by} read one record"),
                    Reading::Case => format!("{by} read a case file"),
                    Reading::Own => format!("{by} read her own uses"),
                };
                if let Some(user) = user {
                    text.extend([" about ", &self.called.person(*user)]);
                }
                if let Some(workstation) = workstation {
                    text.extend([" at ", &self.called.workstation(*workstation)]);
                }
                if let Some(case) = case {
                    text.extend([" for ", &self.called.case(*case)]);
                }
                text
            }
            Event::ErasureRequested { index, user, reason, .. } => {
                format!("{by} asks for the erasure of {}: {reason}", self.erased(*index, *user))
            }
            Event::ErasureRefused { index, user, reason, .. } => {
                format!("{by} refused the erasure of {}: {reason}", self.erased(*index, *user))
            }
            Event::RecordsErased { entries, reason, requested_by, .. } => {
                let (count, asked) = (entries.len(), actor(requested_by, self.called));
                format!("{by} approved the erasure of {count} records, as {asked} asked: {reason}")
            }
            Event::ReceiverAdmitted { name, .. } => format!("{by} admitted the receiver {name}"),
            Event::ReceiverDismissed { .. } => format!("{by} dismissed a receiver"),
            Event::RecordsExpired { of, from, until, erased } => {
                format!(
                    "{erased} records of {of} from entry {from} to before {until} were past their time and erased"
                )
            }
            Event::CheckpointRefused { origin, size, witness, why } => {
                format!(
                    "a checkpoint of {origin} with {size} entries was refused, witness {witness}: {why}"
                )
            }
            Event::StreamCreated { name, delivery, .. } => {
                format!("{by} made the stream {name}, by {delivery}")
            }
            Event::StreamChanged { status, reason, .. } => {
                let why = reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
                format!("{by} set a stream to {status}{why}")
            }
            Event::StreamDeleted { .. } => format!("{by} deleted a stream"),
            Event::EventSetAside { consumer, index, why } => {
                format!("{consumer} cannot take entry {index}, which was set aside: {why}")
            }
            Event::ConsumerSteered { consumer, steering, from } => {
                let from = from.map_or(String::new(), |from| format!(" from entry {from}"));
                format!("{by} {steering} the consumer {consumer}{from}")
            }
            _ => return None,
        })
    }

    fn of_sign_on(&self, event: &Event) -> Option<String> {
        let by = &self.by;
        let person = |user: &UserId| self.called.person(*user);
        Some(match event {
            Event::SignOnEstablished { user, methods, .. } => {
                format!("{} signed on a browser by {}", person(user), listed(methods))
            }
            Event::SignOnEnded { user, reason, .. } => {
                format!("{} is no longer signed on a browser: {reason}", person(user))
            }
            Event::SignInRefused { user, means, reason, .. } => format!(
                "{} was refused by {means}: {reason}",
                user.as_ref().map_or_else(|| "somebody".to_owned(), person)
            ),
            Event::CredentialRegistered { user, kind, .. } => {
                format!("{by} registered a {kind} of {}", person(user))
            }
            Event::CredentialRenamed { user, .. } => {
                format!("{by} renamed a passkey or security key of {}", person(user))
            }
            Event::CredentialRemoved { user, reason, .. } => {
                format!("{by} removed a passkey or security key of {}: {reason}", person(user))
            }
            Event::SecurityKeyAccepted { user, workstation, purpose, .. } => format!(
                "{} was let in with a security key at {} ({purpose})",
                person(user),
                self.called.workstation(*workstation)
            ),
            Event::SessionReauthenticated { user, workstation, means, .. } => {
                let with = match means {
                    OneFactor::Phone => "her phone",
                    OneFactor::SecurityKey => "her security key",
                };
                format!(
                    "{} opened her desktop at {} again with {with} alone",
                    person(user),
                    self.called.workstation(*workstation)
                )
            }
            Event::BreakGlassReviewed { user, justified, remark, .. } => format!(
                "{by} judged the emergency access of {} as {}: {remark}",
                person(user),
                if *justified { "justified" } else { "not justified" }
            ),
            _ => return None,
        })
    }

    fn of_applications(&self, event: &Event) -> Option<String> {
        let by = &self.by;
        let person = |user: &UserId| self.called.person(*user);
        Some(match event {
            Event::ClientRegistered { name, .. } => {
                format!("{by} registered the application {name}")
            }
            Event::ClientChanged { name, .. } => format!("{by} changed the application {name}"),
            Event::ClientRemoved { .. } => format!("{by} removed an application"),
            Event::ClientRefused { reason, .. } => format!("an application was refused: {reason}"),
            Event::GrantMade { user, scopes, .. } => {
                format!("{} was signed on to an application for {}", person(user), scopes.join(" "))
            }
            Event::GrantRevoked { user, reason, .. } => format!(
                "what an application was granted by {} counts no longer: {reason}",
                person(user)
            ),
            Event::LogoutSent { user, outcome, .. } => {
                format!("an application was told that {} is signed out: {outcome}", person(user))
            }
            Event::ApplicationSessionRevoked { user, reason, .. } => format!(
                "an application is told that the session of {} is over: {}",
                person(user),
                words(reason.code())
            ),
            Event::SigningKeyMade { algorithm, .. } => {
                format!("a key for signing tokens was made ({algorithm})")
            }
            Event::SigningKeyRetired { .. } => "a key for signing tokens was retired".to_owned(),
            _ => return None,
        })
    }

    fn of_directory(&self, event: &Event) -> Option<String> {
        let by = &self.by;
        let person = |user: &UserId| self.called.person(*user);
        Some(match event {
            Event::UserChanged { user, attributes, .. } => {
                format!("{by} changed {} of {}", attributes.join(", "), person(user))
            }
            Event::UserRemoved { user } => format!("{by} removed {}", person(user)),
            Event::GroupCreated { name, .. } => format!("{by} created the group {name}"),
            Event::GroupChanged { added, removed, .. } => {
                format!("{by} changed a group: {} added, {} removed", added.len(), removed.len())
            }
            Event::GroupRemoved { .. } => format!("{by} removed a group"),
            Event::DirectoryImported { source, created, changed, disabled, problem } => {
                match problem {
                    Some(problem) => format!("nothing was taken over from {source}: {problem}"),
                    None => format!(
                        "{created} people joined, {changed} changed and {disabled} left by {source}"
                    ),
                }
            }
            Event::AccessPoliciesChanged { .. } => {
                format!("{by} put other authorization policies in force")
            }
            Event::AccessRefused { user, action } => {
                format!("{} was refused: {action}", person(user))
            }
            _ => return None,
        })
    }

    fn of_devices(&self, event: &Event) -> Option<String> {
        let by = &self.by;
        Some(match event {
            Event::DeviceRegistered { class, name, .. } => {
                format!("{by} registered the {class} {name}")
            }
            Event::DeviceChanged { attributes, .. } => {
                format!("{by} changed {} of a device", attributes.join(", "))
            }
            Event::DeviceStateChanged { state, reason, .. } => {
                format!("{by} made a device {state}: {reason}")
            }
            Event::DeviceInvited { .. } => format!("{by} made a one-time token for a device"),
            Event::DeviceEnrolmentRequested { means, .. } => {
                format!("a device asked for a certificate by {means}; somebody must approve it")
            }
            Event::DeviceEnrolmentApproved { .. } => {
                format!("{by} approved a device's certificate")
            }
            Event::DeviceEnrolmentRejected { reason, .. } => {
                format!("{by} rejected a device's certificate: {reason}")
            }
            Event::DeviceEnrolmentRefused { means, reason, .. } => {
                format!("a device was refused a certificate by {means}: {reason}")
            }
            Event::CertificateRevoked { machine, reason, .. } => {
                format!("the certificate of {} was revoked: {reason}", self.machine(machine))
            }
            Event::CertificateReinstated { machine, .. } => {
                format!("the certificate of {} counts again", self.machine(machine))
            }
            Event::CertificateExpiring { machine, expires_at, .. } => format!(
                "the certificate of {} expires at {expires_at}, and was not renewed",
                self.machine(machine)
            ),
            Event::ServiceCertificateIssued { service, .. } => {
                format!("the server's {service} was given a certificate")
            }
            Event::AuthorityMade { subject, .. } => {
                format!("{by} made the certificate authority {subject}")
            }
            Event::AuthorityCrossSigned { subject, .. } => {
                format!("{by} cross-signed the certificate authority {subject}")
            }
            Event::AuthorityRetired { subject, .. } => {
                format!("{by} retired the certificate authority {subject}")
            }
            Event::AcmeAccountRegistered { .. } => "an ACME account was registered".to_owned(),
            Event::AcmeAccountChanged { change, .. } => {
                format!("an ACME account was changed: {}", words(change))
            }
            _ => return None,
        })
    }

    fn of_connections(&self, event: &Event) -> Option<String> {
        let by = &self.by;
        Some(match event {
            Event::ConnectionPolicyChanged { version, .. } => {
                format!("{by} put version {version} of the connection policy in force")
            }
            Event::MachineRefused { at, peer, reason } => {
                format!("{} refused {peer}: {reason}", self.machine(at))
            }
            Event::MessageRefused { receiver, sender, reason } => {
                format!("{} refused a message of {sender}: {reason}", self.machine(receiver))
            }
            _ => return None,
        })
    }

    fn of_review(&self, event: &Event) -> Option<String> {
        let by = &self.by;
        let case = |case: &CaseId| self.called.case(*case);
        Some(match event {
            Event::CaseOpened { number, title, .. } => {
                format!("{by} opened case {number}: {title}")
            }
            Event::CaseAssigned { case: id, assignee } => {
                format!("{by} assigned {} to {}", case(id), self.called.person(*assignee))
            }
            Event::CaseCommented { case: id, comment, entries } => {
                let added = match entries.as_slice() {
                    [] => String::new(),
                    [index] => format!(" (with entry {index})"),
                    many => format!(" (with {} entries)", many.len()),
                };
                format!("{by} wrote in {}{added}: {comment}", case(id))
            }
            Event::CaseClosed { case: id, conclusion, reason } => {
                format!("{by} closed {} as {conclusion}: {reason}", case(id))
            }
            Event::CaseReopened { case: id, reason } => {
                format!("{by} reopened {}: {reason}", case(id))
            }
            Event::SearchSaved { name, shared, .. } => {
                let shared = if *shared { "shared " } else { "" };
                format!("{by} saved the {shared}search {name}")
            }
            Event::SearchDeleted { .. } => format!("{by} removed a saved search"),
            Event::FindingMade { rule, cause, sentence, .. } => {
                format!("rule {rule} found in entry {cause}: {sentence}")
            }
            Event::NoticeSent { user, day, uses, channel, .. } => {
                format!(
                    "{} was told by {channel} of {uses} uses on {day}",
                    self.called.person(*user)
                )
            }
            Event::UseDisputed { user, index, case: id, .. } => {
                let who = self.called.person(*user);
                format!("{who} says that entry {index} was not she: {}", case(id))
            }
            _ => return None,
        })
    }

    /// What is to be erased: one entry's record, or what is known of a person.
    fn erased(&self, index: Option<u64>, user: Option<UserId>) -> String {
        match (index, user) {
            (Some(index), _) => format!("the record of entry {index}"),
            (None, Some(user)) => format!("the records about {}", self.called.person(user)),
            (None, None) => "records".to_owned(),
        }
    }

    fn machine(&self, machine: &SpiffeId) -> String {
        match machine.machine {
            Machine::Workstation(workstation) => self.called.workstation(workstation),
            Machine::Phone(_) => "a phone".to_owned(),
            Machine::Device(_) => "a device".to_owned(),
        }
    }
}

fn name_or_none(label: Option<&Label>) -> &str {
    label.map_or("none", Label::as_str)
}

/// A code in words.
fn words(code: &str) -> String {
    code.replace('-', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    struct Plainly;

    impl Called for Plainly {
        fn person(&self, _: UserId) -> String {
            "Nurse Rossi".to_owned()
        }
        fn workstation(&self, _: WorkstationId) -> String {
            "ward-3-desk".to_owned()
        }
        fn case(&self, _: CaseId) -> String {
            "case 7".to_owned()
        }
    }

    #[test]
    fn every_type_of_event_has_a_sentence_of_its_own() {
        let samples = testing::samples();
        for entry in &samples {
            let said = sentence(&entry.record, &Plainly);
            assert_ne!(said, entry.record.event.name().replace('-', " "), "{said}");
            assert!(!said.contains(char::is_control) && said.len() > 10, "{said}");
        }
        let said: Vec<_> = samples.iter().map(|entry| sentence(&entry.record, &Plainly)).collect();
        assert!(
            said.iter().any(|s| s == "Nurse Rossi tapped in at ward-3-desk, masked"),
            "{said:#?}"
        );
    }

    #[test]
    fn a_gateway_that_reports_of_others_is_named() {
        let samples = testing::samples();
        let unexpected = |entry: &&crate::Entry| {
            matches!(entry.record.event, Event::ConnectionUnexpected { .. })
        };
        let mut record = samples.iter().find(unexpected).unwrap().record.clone();
        let gateway: imp_identity::DeviceId =
            "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        record.actor = Actor::Device(gateway);
        let said = sentence(&record, &Plainly);
        assert!(said.ends_with(&format!("(as device {gateway} reports)")), "{said}");
        record.actor = Actor::Server;
        assert!(!sentence(&record, &Plainly).contains("reports"));
    }
}
