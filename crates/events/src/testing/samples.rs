//! One event of every type, and the same with everything missing that may be missing.
use imp_identity::authentication::{Means, Method, SignInRefusal};
use imp_identity::case::Conclusion;
use imp_identity::credential::CredentialKind;
use imp_identity::digest::Digest;
use imp_identity::event::{Channel, Delivery, Outcome, Reading, Steering, StreamStatus, TapFacts};
use imp_identity::grant::GrantEnd;
use imp_identity::id::Id;
use imp_identity::name::{Label, Remark};
use imp_identity::phone::Revocation;
use imp_identity::refusal::{Abandonment, Refusal};
use imp_identity::session::{End, OneFactor};
use imp_identity::sign_on::SignOnEnd;
use imp_identity::spiffe::{Machine, SpiffeId, TrustDomain};
use imp_identity::tap::{Purpose, Step};
use imp_identity::user::Role;
use imp_identity::{Actor, Event};
use jiff::Timestamp;
use jiff::civil::date;
use uuid::Uuid;

mod devices;

use devices::{connections, devices};

/// When the first sample happened: 2026-03-02T06:00:00Z.
pub const MACHINE_TIME: Timestamp = Timestamp::constant(1_772_431_200, 0);

const LATER: Timestamp = Timestamp::constant(1_772_460_000, 0);

/// A fixed identifier.
pub(super) fn id<T>(number: u8) -> Id<T> {
    Id::from(Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 | u128::from(number)))
}

/// Every event.
pub fn events() -> Vec<Event> {
    [
        installation(),
        people(),
        machines(),
        enrolment(),
        taps(),
        sessions(),
        log(),
        streams(),
        review(),
        sign_on(),
        applications(),
        directory(),
        devices(),
        connections(),
        later(),
    ]
    .concat()
}

fn installation() -> Vec<Event> {
    vec![
        Event::ServerInitialised { trust_domain: trust_domain(), ca: Digest::of(&[b"root"]) },
        Event::AdministratorTokenIssued { expires_at: LATER },
        Event::AdministratorTokenRedeemed { user: id(0xa1) },
        Event::PolicyChanged { version: 2 },
    ]
}

fn people() -> Vec<Event> {
    let user = id(0xa2);
    vec![
        Event::UserCreated {
            user,
            username: valid("ada"),
            display_name: label("Ada \"=1+1\" Löfgren, Müller|Søn"),
            role: Role::Staff,
        },
        Event::SignInCodeIssued { user, expires_at: LATER },
        Event::AccessTokenIssued { user, expires_at: LATER },
        Event::UserDisabled { user },
        Event::UserEnabled { user },
        Event::UserContactChanged { user },
    ]
}

fn machines() -> Vec<Event> {
    let (workstation, phone, user) = (id(0xb1), id(0xc1), id(0xa2));
    let machine = |machine| SpiffeId { trust_domain: trust_domain(), machine };
    let certificate = |name| Event::CertificateIssued {
        machine: machine(name),
        serial: "1f:a0".to_owned(),
        expires_at: LATER,
    };
    vec![
        Event::WorkstationInvited { workstation, name: label("Lab 3, left") },
        Event::WorkstationEnrolled { workstation, key: Digest::of(&[b"workstation"]) },
        certificate(Machine::Workstation(workstation)),
        Event::WorkstationMoved {
            workstation,
            unit: Some(label("Laboratory")),
            site: Some(label("Main building")),
        },
        Event::WorkstationMoved { workstation, unit: None, site: None },
        Event::PhoneInvited { phone, user },
        Event::PhoneBound { phone, user, key: Digest::of(&[b"phone"]) },
        certificate(Machine::Phone(phone)),
        Event::PhoneRevoked { phone, user, reason: Revocation::Lost },
        Event::WorkstationRevoked { workstation, reason: Revocation::Administrator },
    ]
}

fn enrolment() -> Vec<Event> {
    let (user, phone, reference, enrolment) = (id(0xa2), id(0xc1), id(0xd1), id(0xd2));
    vec![
        Event::EnrolmentOpened {
            enrolment,
            user,
            officer: id(0xa3),
            workstation: id(0xb1),
            phone,
            notice: "2026-01".to_owned(),
        },
        Event::ReferenceIssued {
            reference,
            user,
            phone,
            enrolment,
            officer: id(0xa3),
            model_set: "face@1".to_owned(),
            expires_at: LATER,
        },
        Event::ReferenceActivated { reference, user, phone },
        Event::EnrolmentCompleted { enrolment, user, phone },
        Event::ReferenceRevoked { reference, user, reason: Revocation::Erased },
    ]
}

fn taps() -> Vec<Event> {
    let (tap, workstation, user) = (id(0xe1), id(0xb1), id(0xa2));
    let steps = vec![Step { name: "ble-connect".to_owned(), micros: 240_000 }];
    vec![
        Event::TapAccepted(Box::new(TapFacts {
            tap,
            workstation,
            phone: id(0xc1),
            user,
            purpose: Purpose::TapIn,
            session: id(0xe2),
            model_set: "face@1".to_owned(),
            mask: true,
            steps,
        })),
        Event::TapRefused {
            tap,
            workstation,
            phone: Some(id(0xc1)),
            user: Some(user),
            purpose: Some(Purpose::Unlock),
            reason: Refusal::ComparisonFailed,
        },
        Event::TapRefused {
            tap,
            workstation,
            phone: None,
            user: None,
            purpose: None,
            reason: Refusal::ChallengeUnknown,
        },
        Event::TapAbandoned {
            tap,
            workstation,
            phone: Some(id(0xc1)),
            user: Some(user),
            purpose: Purpose::TapIn,
            reason: Abandonment::ALL[0],
        },
        Event::TapAbandoned {
            tap,
            workstation,
            phone: None,
            user: None,
            purpose: Purpose::TapOut,
            reason: Abandonment::ALL[1],
        },
        Event::BiometricDelayed { user, failures: 5, until: LATER },
        Event::BiometricDisabled { user, failures: 50 },
    ]
}

fn sessions() -> Vec<Event> {
    let (session, user, workstation) = (id(0xe2), id(0xa2), id(0xb1));
    vec![
        Event::SessionEstablished { session, user, workstation, expires_at: LATER },
        Event::SessionSuspended { session, user, workstation },
        Event::SessionResumed { session, user, workstation: id(0xb2) },
        Event::SessionRevoked { session, user, workstation, reason: End::TapOut },
    ]
}

fn log() -> Vec<Event> {
    let reason = remark("Recorded by mistake:\nthe wrong \"Ada\".");
    vec![
        Event::LogRead {
            means: Reading::Search,
            question: r#"{"kinds":["tap-refused"]}"#.to_owned(),
            user: Some(id(0xa2)),
            workstation: Some(id(0xb1)),
            case: Some(id(0xf1)),
        },
        Event::LogRead {
            means: Reading::Export,
            question: "{}".to_owned(),
            user: None,
            workstation: None,
            case: None,
        },
        Event::ErasureRequested {
            erasure: id(0xe1),
            index: Some(4),
            user: None,
            reason: reason.clone(),
        },
        Event::ErasureRefused {
            erasure: id(0xe1),
            index: None,
            user: Some(id(0xa2)),
            reason: reason.clone(),
        },
        Event::RecordsErased {
            erasure: id(0xe1),
            entries: vec![4, 9],
            reason,
            requested_by: Actor::User(id(0xa1)),
        },
        Event::RecordsExpired { of: "tap-refused".to_owned(), from: 0, until: 1 << 40, erased: 3 },
        Event::CheckpointRefused {
            origin: "hospital.example/log".to_owned(),
            size: 1 << 40,
            witness: "witness.example".to_owned(),
            why: "another root at the same size".to_owned(),
        },
    ]
}

fn streams() -> Vec<Event> {
    let (stream, receiver) = (id(0xf2), id(0xf5));
    vec![
        Event::ReceiverAdmitted { receiver, name: label("SIEM") },
        Event::StreamCreated {
            stream,
            name: label("SIEM"),
            delivery: Delivery::Push,
            receiver: None,
        },
        Event::StreamChanged {
            stream,
            status: StreamStatus::Paused,
            reason: Some(remark("The receiver is being moved.")),
            receiver: Some(receiver),
        },
        Event::StreamChanged {
            stream,
            status: StreamStatus::Enabled,
            reason: None,
            receiver: None,
        },
        Event::EventSetAside {
            consumer: "stream-siem".to_owned(),
            index: 7,
            why: "the receiver answered 400".to_owned(),
        },
        Event::ConsumerSteered {
            consumer: "stream-siem".to_owned(),
            steering: Steering::Replayed,
            from: Some(7),
        },
        Event::ConsumerSteered {
            consumer: "stream-siem".to_owned(),
            steering: Steering::Paused,
            from: None,
        },
        Event::StreamDeleted { stream, receiver: None },
        Event::ReceiverDismissed { receiver },
    ]
}

fn review() -> Vec<Event> {
    let (case, search, user) = (id(0xf1), id(0xf3), id(0xa2));
    vec![
        Event::CaseOpened {
            case,
            number: 1,
            title: label("Taps at two sites"),
            user: Some(user),
            workstation: Some(id(0xb1)),
            entries: vec![17, 19],
        },
        Event::CaseOpened {
            case: id(0xf5),
            number: 2,
            title: label("Night of 2 March"),
            user: None,
            workstation: None,
            entries: vec![],
        },
        Event::CaseAssigned { case, assignee: id(0xa4) },
        Event::CaseCommented {
            case,
            comment: remark("She was on call.\nSeen by the porter."),
            entries: vec![23],
        },
        Event::CaseClosed {
            case,
            conclusion: Conclusion::Legitimate,
            reason: remark("Explained."),
        },
        Event::CaseReopened { case, reason: remark("The porter was wrong.") },
        Event::SearchSaved {
            search,
            name: label("Refused at night"),
            shared: true,
            question: "{}".to_owned(),
        },
        Event::SearchDeleted { search },
        finding(true),
        finding(false),
        Event::NoticeSent {
            notice: id(0xf4),
            user,
            day: date(2026, 3, 2),
            uses: 12,
            channel: Channel::Mail,
        },
        Event::UseDisputed { user, index: 17, case, notice: Some(id(0xf4)) },
        Event::UseDisputed { user, index: 18, case, notice: None },
    ]
}

fn finding(known: bool) -> Event {
    Event::FindingMade {
        rule: "impossible-travel".to_owned(),
        cause: 17,
        user: known.then(|| id(0xa2)),
        workstation: known.then(|| id(0xb1)),
        device: known.then(|| id::<()>(0xc1).as_uuid()),
        sentence: "Two taps, 40 km and 3 minutes apart.".to_owned(),
    }
}

fn sign_on() -> Vec<Event> {
    let (user, workstation, session) = (id(0xa2), id(0xb1), id(0xe1));
    let (sign_on, credential) = (id(0x31), id(0x32));
    vec![
        Event::SignOnEstablished {
            sign_on,
            user,
            workstation: Some(workstation),
            session: Some(session),
            methods: vec![Method::Face, Method::HardwareKey],
            expires_at: LATER,
        },
        Event::SignOnEstablished {
            sign_on,
            user,
            workstation: None,
            session: None,
            methods: vec![],
            expires_at: LATER,
        },
        Event::SignOnEnded {
            sign_on,
            user,
            workstation: Some(workstation),
            reason: SignOnEnd::SessionSuspended,
        },
        Event::SignOnEnded { sign_on, user, workstation: None, reason: SignOnEnd::SignedOut },
        Event::SignInRefused {
            user: Some(user),
            workstation: Some(workstation),
            means: Means::SecurityKey,
            reason: SignInRefusal::Counter,
        },
        Event::SignInRefused {
            user: None,
            workstation: None,
            means: Means::Passkey,
            reason: SignInRefusal::Unknown,
        },
        Event::CredentialRegistered {
            credential,
            user,
            kind: CredentialKind::SecurityKey,
            aaguid: Some(Uuid::from_u128(0xaa)),
        },
        Event::CredentialRegistered {
            credential,
            user,
            kind: CredentialKind::Passkey,
            aaguid: None,
        },
        Event::CredentialRenamed { credential, user },
        Event::CredentialRemoved { credential, user, reason: Revocation::Lost },
        Event::SecurityKeyAccepted {
            credential,
            user,
            workstation,
            purpose: Purpose::TapIn,
            session,
        },
        Event::SessionReauthenticated { session, user, workstation, means: OneFactor::Phone },
        Event::BreakGlassReviewed {
            session,
            user,
            workstation,
            justified: true,
            remark: remark("The phone was in the sluice room."),
        },
    ]
}

fn applications() -> Vec<Event> {
    let (user, client, grant) = (id(0xa2), id(0x33), id(0x34));
    vec![
        Event::ClientRegistered { client, name: label("Laboratory") },
        Event::ClientChanged { client, name: label("Laboratory") },
        Event::ClientRefused { client: Some(client), reason: "secret".to_owned() },
        Event::ClientRefused { client: None, reason: "unknown".to_owned() },
        Event::GrantMade {
            grant,
            user,
            client,
            workstation: Some(id(0xb1)),
            scopes: vec!["openid".to_owned(), "profile".to_owned()],
        },
        Event::GrantMade { grant, user, client, workstation: None, scopes: vec![] },
        Event::GrantRevoked { grant, user, client, reason: GrantEnd::RefreshReused },
        Event::LogoutSent { sign_on: id(0x31), client, user, outcome: Outcome::Accepted },
        Event::ApplicationSessionRevoked {
            sign_on: id(0x31),
            client,
            user,
            session: "sid-of-the-laboratory".to_owned(),
            subject: "sub-of-the-laboratory".to_owned(),
            reason: SignOnEnd::SessionSuspended,
        },
        Event::SigningKeyMade { key: "k1".to_owned(), algorithm: "ES256".to_owned() },
        Event::SigningKeyRetired { key: "k1".to_owned() },
        Event::ClientRemoved { client },
    ]
}

fn directory() -> Vec<Event> {
    let (user, group) = (id(0xa2), id(0x35));
    vec![
        Event::UserChanged {
            user,
            attributes: vec!["display_name".to_owned(), "role".to_owned()],
            role: Some(Role::Officer),
        },
        Event::UserChanged { user, attributes: vec!["unit".to_owned()], role: None },
        Event::GroupCreated { group, name: label("Night shift") },
        Event::GroupChanged {
            group,
            name: Some(label("Nights")),
            added: vec![user],
            removed: vec![id(0xa3)],
        },
        Event::GroupChanged { group, name: None, added: vec![], removed: vec![user] },
        Event::GroupRemoved { group },
        Event::DirectoryImported {
            source: "ad".to_owned(),
            created: 3,
            changed: 2,
            disabled: 1,
            problem: None,
        },
        Event::DirectoryImported {
            source: "ad".to_owned(),
            created: 0,
            changed: 0,
            disabled: 0,
            problem: Some("more than a tenth of the people would leave".to_owned()),
        },
        Event::AccessPoliciesChanged { policies: Digest::of(&[b"permit"]) },
        Event::AccessRefused { user, action: "disable_user".to_owned() },
        Event::UserRemoved { user },
    ]
}

fn later() -> Vec<Event> {
    let machine = Machine::Workstation(id(0xb1));
    let machine = SpiffeId { trust_domain: trust_domain(), machine };
    vec![
        Event::OfflineTapReconciled {
            tap: id(0xe3),
            workstation: id(0xb1),
            phone: id(0xc1),
            user: id(0xa2),
            purpose: Purpose::TapIn,
            decided_at: MACHINE_TIME,
            outcome: Outcome::Accepted,
        },
        Event::BreakGlassUsed {
            user: id(0xa2),
            workstation: id(0xb1),
            reason: remark("Cardiac arrest in bed 4."),
            session: Some(id(0xe1)),
            second: Some(id(0xa3)),
        },
        Event::BreakGlassUsed {
            user: id(0xa2),
            workstation: id(0xb1),
            reason: remark("Cardiac arrest in bed 4."),
            session: None,
            second: None,
        },
        Event::ConnectionUnexpected {
            machine,
            peer: "[2001:db8::7]:11112".to_owned(),
            outcome: Outcome::Refused,
        },
    ]
}

fn trust_domain() -> TrustDomain {
    valid("hospital.example")
}

fn label(text: &str) -> Label {
    valid(text)
}

fn remark(text: &str) -> Remark {
    valid(text)
}

#[expect(clippy::expect_used, reason = "constants of tests")]
fn valid<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a constant that a test reads")
}
