//! What happened: every change of state returns one of these, and the server writes both in one transaction.
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

mod names;
mod subjects;

use crate::authentication::{Means, Method, SignInRefusal};
use crate::case::Conclusion;
use crate::connection::{MachineRefusal, MessageRefusal};
use crate::credential::CredentialKind;
use crate::device::{CertificateRevocation, DeviceClass, EnrolmentMeans, Lifecycle, OwnService};
use crate::digest::Digest;
use crate::grant::GrantEnd;
use crate::id::{
    AcmeAccountId, ApprovalId, CaseId, ClientId, CredentialId, DeviceId, EnrolmentId, ErasureId,
    EventId, GrantId, GroupId, NoticeId, PhoneId, ReceiverId, ReferenceId, SearchId, SessionId,
    SignOnId, StreamId, TapId, UserId, WorkstationId,
};
use crate::name::{Label, Remark, Username};
use crate::phone::Revocation;
use crate::refusal::{Abandonment, Refusal};
use crate::session::{End, OneFactor};
use crate::sign_on::SignOnEnd;
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
    /// An application, with a token of its own.
    Client(ClientId),
    /// A machine of the inventory.
    Device(DeviceId),
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
    /// A user's e-mail address was set or removed. The address is not said.
    UserContactChanged { user: UserId },
    /// A code for a workstation was given out.
    WorkstationInvited { workstation: WorkstationId, name: Label },
    /// A workstation used its code.
    WorkstationEnrolled { workstation: WorkstationId, key: Digest },
    /// A workstation stands elsewhere.
    WorkstationMoved { workstation: WorkstationId, unit: Option<Label>, site: Option<Label> },
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
    /// Somebody let herself in again at her locked desktop with one factor, within the session's time.
    SessionReauthenticated {
        session: SessionId,
        user: UserId,
        workstation: WorkstationId,
        means: OneFactor,
    },
    /// A session ended (CAEP).
    SessionRevoked { session: SessionId, user: UserId, workstation: WorkstationId, reason: End },
    /// A new policy is in force.
    PolicyChanged { version: u32 },
    /// Somebody read the log: what she asked, and whom or what she asked about.
    LogRead {
        means: Reading,
        question: String,
        user: Option<UserId>,
        workstation: Option<WorkstationId>,
        case: Option<CaseId>,
    },
    /// An administrator asks that one record, or all about a person, be erased; the leaves stay.
    ErasureRequested {
        erasure: ErasureId,
        index: Option<u64>,
        user: Option<UserId>,
        reason: Remark,
    },
    /// An auditor refused to erase them.
    ErasureRefused { erasure: ErasureId, index: Option<u64>, user: Option<UserId>, reason: Remark },
    /// These records were erased: what an actor asked for, another approved.
    RecordsErased { erasure: ErasureId, entries: Vec<u64>, reason: Remark, requested_by: Actor },
    /// Records of one kind are past their retention: all with `from <= index < until` were erased.
    RecordsExpired { of: String, from: u64, until: u64, erased: u64 },
    /// A receiver of security events was given a token, with which it manages its own streams.
    ReceiverAdmitted { receiver: ReceiverId, name: Label },
    /// A receiver's token counts no longer; its streams are deleted.
    ReceiverDismissed { receiver: ReceiverId },
    /// A stream of events was made; with a receiver, at the request of that receiver.
    StreamCreated {
        stream: StreamId,
        name: Label,
        delivery: Delivery,
        receiver: Option<ReceiverId>,
    },
    /// A stream goes on, pauses or stops, or is otherwise changed; with a receiver, at its request.
    StreamChanged {
        stream: StreamId,
        status: StreamStatus,
        reason: Option<Remark>,
        receiver: Option<ReceiverId>,
    },
    /// A stream was deleted; with a receiver, at its request.
    StreamDeleted { stream: StreamId, receiver: Option<ReceiverId> },
    /// A consumer cannot digest an entry, which was set aside: somebody must look.
    EventSetAside { consumer: String, index: u64, why: String },
    /// Somebody paused or resumed a consumer, or had it shown entries again from an index.
    ConsumerSteered { consumer: String, steering: Steering, from: Option<u64> },
    /// A case was opened, about these entries.
    CaseOpened {
        case: CaseId,
        number: u64,
        title: Label,
        user: Option<UserId>,
        workstation: Option<WorkstationId>,
        entries: Vec<u64>,
    },
    /// Somebody is to work on a case.
    CaseAssigned { case: CaseId, assignee: UserId },
    /// Somebody wrote into a case, and added these entries to it.
    CaseCommented { case: CaseId, comment: Remark, entries: Vec<u64> },
    /// A case is closed, for this reason.
    CaseClosed { case: CaseId, conclusion: Conclusion, reason: Remark },
    /// A closed case was opened again.
    CaseReopened { case: CaseId, reason: Remark },
    /// A question was saved under a name.
    SearchSaved { search: SearchId, name: Label, shared: bool, question: String },
    /// A saved question was deleted.
    SearchDeleted { search: SearchId },
    /// A rule found that an entry deserves a look, and says why in a sentence.
    FindingMade {
        rule: String,
        cause: u64,
        user: Option<UserId>,
        workstation: Option<WorkstationId>,
        device: Option<Uuid>,
        sentence: String,
    },
    /// The person concerned was told what was done in her name on one day.
    NoticeSent { notice: NoticeId, user: UserId, day: Date, uses: u32, channel: Channel },
    /// She says that it was not she: a case is open.
    UseDisputed { user: UserId, index: u64, case: CaseId, notice: Option<NoticeId> },
    /// A witness refused our checkpoint, or we refused one: the log may have been split or rolled back.
    CheckpointRefused { origin: String, size: u64, witness: String, why: String },
    /// A workstation reported a tap that it decided while the server was out of reach.
    OfflineTapReconciled {
        tap: TapId,
        workstation: WorkstationId,
        phone: PhoneId,
        user: UserId,
        purpose: Purpose,
        decided_at: Timestamp,
        outcome: Outcome,
    },
    /// Somebody entered without the usual proof, in an emergency, and said why.
    BreakGlassUsed {
        user: UserId,
        workstation: WorkstationId,
        reason: Remark,
        #[serde(default)]
        session: Option<SessionId>,
        #[serde(default)]
        second: Option<UserId>,
    },
    /// A machine talked, or tried to talk, to a peer that nobody expects.
    ConnectionUnexpected { machine: SpiffeId, peer: String, outcome: Outcome },
    /// A device stands in the inventory.
    DeviceRegistered { device: DeviceId, class: DeviceClass, name: Label },
    /// What the inventory says of a device was changed. The values are not said.
    DeviceChanged { device: DeviceId, attributes: Vec<String> },
    /// A device is in another state of its life.
    DeviceStateChanged { device: DeviceId, state: Lifecycle, reason: Remark },
    /// A one-time token for enrolling a device was made; the one before no longer counts.
    DeviceInvited { device: DeviceId, expires_at: Timestamp },
    /// A device asked for a certificate that a second person must approve.
    DeviceEnrolmentRequested { device: DeviceId, approval: ApprovalId, means: EnrolmentMeans },
    /// Somebody approved that a device is given a certificate.
    DeviceEnrolmentApproved { device: DeviceId, approval: ApprovalId },
    /// Somebody decided that a device is not given a certificate.
    DeviceEnrolmentRejected { device: DeviceId, approval: ApprovalId, reason: Remark },
    /// A device asked for a certificate and was refused.
    DeviceEnrolmentRefused { device: Option<DeviceId>, means: EnrolmentMeans, reason: String },
    /// A certificate counts no longer, or is held.
    CertificateRevoked { machine: SpiffeId, serial: String, reason: CertificateRevocation },
    /// A certificate that was held counts again.
    CertificateReinstated { machine: SpiffeId, serial: String },
    /// A machine's last certificate expires soon, and nobody has renewed it.
    CertificateExpiring { machine: SpiffeId, serial: String, expires_at: Timestamp },
    /// A service of the server was given a certificate.
    ServiceCertificateIssued { service: OwnService, serial: String, expires_at: Timestamp },
    /// A certificate authority was made.
    AuthorityMade { certificate: Digest, subject: String },
    /// A certificate authority was signed by another root too.
    AuthorityCrossSigned { certificate: Digest, subject: String },
    /// A certificate authority issues no more.
    AuthorityRetired { certificate: Digest, subject: String },
    /// An ACME account was registered.
    AcmeAccountRegistered { account: AcmeAccountId },
    /// An ACME account was changed.
    AcmeAccountChanged { account: AcmeAccountId, change: String },
    /// Another policy says which connections are expected.
    ConnectionPolicyChanged { version: u32, policy: Digest },
    /// A machine refused a peer that it does not trust.
    MachineRefused { at: SpiffeId, peer: String, reason: MachineRefusal },
    /// A machine refused a message.
    MessageRefused { receiver: SpiffeId, sender: String, reason: MessageRefusal },
    /// A browser was signed on; with a session, by the desktop that it stands on.
    SignOnEstablished {
        sign_on: SignOnId,
        user: UserId,
        workstation: Option<WorkstationId>,
        session: Option<SessionId>,
        methods: Vec<Method>,
        expires_at: Timestamp,
    },
    /// A browser is no longer signed on.
    SignOnEnded {
        sign_on: SignOnId,
        user: UserId,
        workstation: Option<WorkstationId>,
        reason: SignOnEnd,
    },
    /// Somebody tried to sign in without a tap, and was refused.
    SignInRefused {
        user: Option<UserId>,
        workstation: Option<WorkstationId>,
        means: Means,
        reason: SignInRefusal,
    },
    /// A passkey or security key was registered for a user.
    CredentialRegistered {
        credential: CredentialId,
        user: UserId,
        kind: CredentialKind,
        aaguid: Option<Uuid>,
    },
    /// A user's passkey or security key has another name. The name is not said.
    CredentialRenamed { credential: CredentialId, user: UserId },
    /// A user's passkey or security key counts no longer.
    CredentialRemoved { credential: CredentialId, user: UserId, reason: Revocation },
    /// A passkey or security key was accepted at a workstation, in place of phone and face.
    SecurityKeyAccepted {
        credential: CredentialId,
        user: UserId,
        workstation: WorkstationId,
        purpose: Purpose,
        session: SessionId,
    },
    /// Somebody judged an entry in an emergency afterwards.
    BreakGlassReviewed {
        session: SessionId,
        user: UserId,
        workstation: WorkstationId,
        justified: bool,
        remark: Remark,
    },
    /// An application was registered, to which people may be signed on.
    ClientRegistered { client: ClientId, name: Label },
    /// The registration of an application was changed, or its secret replaced.
    ClientChanged { client: ClientId, name: Label },
    /// An application is no longer registered; what it was granted counts no longer.
    ClientRemoved { client: ClientId },
    /// An application could not prove who it is, or asked for what it may not have.
    ClientRefused { client: Option<ClientId>, reason: String },
    /// A user was signed on to an application.
    GrantMade {
        grant: GrantId,
        user: UserId,
        client: ClientId,
        workstation: Option<WorkstationId>,
        scopes: Vec<String>,
    },
    /// What an application was granted in a user's name counts no longer.
    GrantRevoked { grant: GrantId, user: UserId, client: ClientId, reason: GrantEnd },
    /// An application was told that a user is signed out, or could not be told.
    LogoutSent { sign_on: SignOnId, client: ClientId, user: UserId, outcome: Outcome },
    /// A user's session at one application is over, and the application is told by this event: `session` and `subject` are what it
    /// calls the session and her.
    ApplicationSessionRevoked {
        sign_on: SignOnId,
        client: ClientId,
        user: UserId,
        session: String,
        subject: String,
        reason: SignOnEnd,
    },
    /// A key was made with which tokens will be signed.
    SigningKeyMade { key: String, algorithm: String },
    /// Tokens that this key signed count no longer.
    SigningKeyRetired { key: String },
    /// A user's attributes were changed. Their values are not said, but for the role.
    UserChanged { user: UserId, attributes: Vec<String>, role: Option<Role> },
    /// A user is gone from the directory; she cannot be enabled again.
    UserRemoved { user: UserId },
    /// A group was created.
    GroupCreated { group: GroupId, name: Label },
    /// A group has another name or other members.
    GroupChanged { group: GroupId, name: Option<Label>, added: Vec<UserId>, removed: Vec<UserId> },
    /// A group is gone.
    GroupRemoved { group: GroupId },
    /// People were taken over from another directory, or could not be.
    DirectoryImported {
        source: String,
        created: u32,
        changed: u32,
        disabled: u32,
        problem: Option<String>,
    },
    /// Other authorization policies are in force.
    AccessPoliciesChanged { policies: Digest },
    /// A user asked for what she may not do.
    AccessRefused { user: UserId, action: String },
}

/// What came of what was asked, where an event says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was allowed.
    Accepted,
    /// It was refused.
    Refused,
    /// It was given up before there was anything to decide.
    Abandoned,
}

crate::name::codes! { Outcome: Accepted = "accepted", Refused = "refused", Abandoned = "abandoned" }

/// How the log was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// A search.
    Search,
    /// The timeline of one person or workstation.
    Timeline,
    /// An export to a file.
    Export,
    /// A live stream, from when it was opened.
    Stream,
    /// One record, by its index.
    Record,
    /// A case, with the entries that it is about.
    Case,
    /// A person's own uses.
    Own,
}

crate::name::codes! { Reading:
    Search = "search",
    Timeline = "timeline",
    Export = "export",
    Stream = "stream",
    Record = "record",
    Case = "case",
    Own = "own",
}

/// How a stream reaches its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// SETs, pushed over HTTP (RFC 8935).
    Push,
    /// SETs, fetched over HTTP (RFC 8936).
    Poll,
    /// Signed JSON, posted to a URL.
    Webhook,
    /// NATS `JetStream`.
    Nats,
    /// Audit messages in syslog over TLS (RFC 5425).
    Syslog,
}

crate::name::codes! { Delivery:
    Push = "push",
    Poll = "poll",
    Webhook = "webhook",
    Nats = "nats",
    Syslog = "syslog",
}

/// Whether a stream delivers (SSF 1.0 §8.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StreamStatus {
    /// It delivers.
    Enabled,
    /// It keeps events for later.
    Paused,
    /// It neither delivers nor keeps.
    Disabled,
}

crate::name::codes! { StreamStatus: Enabled = "enabled", Paused = "paused", Disabled = "disabled" }

/// What was done to a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Steering {
    /// It is shown nothing until it is resumed.
    Paused,
    /// It goes on where it was.
    Resumed,
    /// It is shown everything again from an index on.
    Replayed,
    /// It is shown again what was set aside.
    Retried,
}

crate::name::codes! { Steering:
    Paused = "paused",
    Resumed = "resumed",
    Replayed = "replayed",
    Retried = "retried",
}

/// How a notice reaches the person concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// E-mail.
    Mail,
    /// Her phone.
    Phone,
}

crate::name::codes! { Channel: Mail = "mail", Phone = "phone" }

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
