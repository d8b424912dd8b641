//! The catalogue: every type of event, once.
//!
//! A new variant of [`Event`] does not compile here until it has an entry, and does not pass the tests until it has a
//! sample, which then goes through every envelope, export and consumer.
use imp_identity::Event;

mod applications;
mod connections;
mod devices;
mod directory;
mod event_type;
mod fields;
mod later;
mod log;
mod machines;
mod people;
mod reference;
mod retention;
mod review;
mod sign_on;
mod streams;
mod tap;

pub use event_type::{EarlyErasure, EventType, Field, PersonalContent, Retention};
pub use reference::reference;

/// The whole catalogue, in the order of the reference.
pub fn catalogue() -> &'static [&'static EventType] {
    CATALOGUE
}

/// The type of that name.
pub fn find(name: &str) -> Option<&'static EventType> {
    CATALOGUE.iter().copied().find(|kind| kind.name == name)
}

/// Lists the types, and finds the one of an event.
macro_rules! types {
    ($($variant:ident => $entry:path,)+) => {
        static CATALOGUE: &[&EventType] = &[$(&$entry),+];

        /// The type of an event.
        pub const fn event_type(event: &Event) -> &'static EventType {
            match event {
                $(Event::$variant { .. } => &$entry,)+
            }
        }
    };
}
types! {
    ServerInitialised => people::SERVER_INITIALISED,
    AdministratorTokenIssued => people::ADMINISTRATOR_TOKEN_ISSUED,
    AdministratorTokenRedeemed => people::ADMINISTRATOR_TOKEN_REDEEMED,
    SignInCodeIssued => people::SIGN_IN_CODE_ISSUED,
    AccessTokenIssued => people::ACCESS_TOKEN_ISSUED,
    UserCreated => people::USER_CREATED,
    UserDisabled => people::USER_DISABLED,
    UserEnabled => people::USER_ENABLED,
    UserContactChanged => people::USER_CONTACT_CHANGED,
    PolicyChanged => people::POLICY_CHANGED,
    WorkstationInvited => machines::WORKSTATION_INVITED,
    WorkstationEnrolled => machines::WORKSTATION_ENROLLED,
    WorkstationMoved => machines::WORKSTATION_MOVED,
    WorkstationRevoked => machines::WORKSTATION_REVOKED,
    PhoneInvited => machines::PHONE_INVITED,
    PhoneBound => machines::PHONE_BOUND,
    PhoneRevoked => machines::PHONE_REVOKED,
    CertificateIssued => machines::CERTIFICATE_ISSUED,
    EnrolmentOpened => machines::ENROLMENT_OPENED,
    EnrolmentCompleted => machines::ENROLMENT_COMPLETED,
    ReferenceIssued => machines::REFERENCE_ISSUED,
    ReferenceActivated => machines::REFERENCE_ACTIVATED,
    ReferenceRevoked => machines::REFERENCE_REVOKED,
    TapAccepted => tap::TAP_ACCEPTED,
    TapRefused => tap::TAP_REFUSED,
    TapAbandoned => tap::TAP_ABANDONED,
    BiometricDelayed => tap::BIOMETRIC_DELAYED,
    BiometricDisabled => tap::BIOMETRIC_DISABLED,
    SessionEstablished => tap::SESSION_ESTABLISHED,
    SessionSuspended => tap::SESSION_SUSPENDED,
    SessionResumed => tap::SESSION_RESUMED,
    SessionReauthenticated => sign_on::SESSION_REAUTHENTICATED,
    SessionRevoked => tap::SESSION_REVOKED,
    LogRead => log::LOG_READ,
    ErasureRequested => log::ERASURE_REQUESTED,
    ErasureRefused => log::ERASURE_REFUSED,
    RecordsErased => log::RECORDS_ERASED,
    RecordsExpired => log::RECORDS_EXPIRED,
    CheckpointRefused => log::CHECKPOINT_REFUSED,
    ReceiverAdmitted => streams::RECEIVER_ADMITTED,
    ReceiverDismissed => streams::RECEIVER_DISMISSED,
    StreamCreated => streams::STREAM_CREATED,
    StreamChanged => streams::STREAM_CHANGED,
    StreamDeleted => streams::STREAM_DELETED,
    EventSetAside => streams::EVENT_SET_ASIDE,
    ConsumerSteered => streams::CONSUMER_STEERED,
    CaseOpened => review::CASE_OPENED,
    CaseAssigned => review::CASE_ASSIGNED,
    CaseCommented => review::CASE_COMMENTED,
    CaseClosed => review::CASE_CLOSED,
    CaseReopened => review::CASE_REOPENED,
    SearchSaved => review::SEARCH_SAVED,
    SearchDeleted => review::SEARCH_DELETED,
    FindingMade => review::FINDING_MADE,
    NoticeSent => review::NOTICE_SENT,
    UseDisputed => review::USE_DISPUTED,
    OfflineTapReconciled => later::OFFLINE_TAP_RECONCILED,
    BreakGlassUsed => later::BREAK_GLASS_USED,
    ConnectionUnexpected => later::CONNECTION_UNEXPECTED,
    DeviceRegistered => devices::DEVICE_REGISTERED,
    DeviceChanged => devices::DEVICE_CHANGED,
    DeviceStateChanged => devices::DEVICE_STATE_CHANGED,
    DeviceInvited => devices::DEVICE_INVITED,
    DeviceEnrolmentRequested => devices::DEVICE_ENROLMENT_REQUESTED,
    DeviceEnrolmentApproved => devices::DEVICE_ENROLMENT_APPROVED,
    DeviceEnrolmentRejected => devices::DEVICE_ENROLMENT_REJECTED,
    DeviceEnrolmentRefused => devices::DEVICE_ENROLMENT_REFUSED,
    CertificateRevoked => devices::CERTIFICATE_REVOKED,
    CertificateReinstated => devices::CERTIFICATE_REINSTATED,
    CertificateExpiring => devices::CERTIFICATE_EXPIRING,
    ServiceCertificateIssued => devices::SERVICE_CERTIFICATE_ISSUED,
    AuthorityMade => devices::AUTHORITY_MADE,
    AuthorityCrossSigned => devices::AUTHORITY_CROSS_SIGNED,
    AuthorityRetired => devices::AUTHORITY_RETIRED,
    AcmeAccountRegistered => devices::ACME_ACCOUNT_REGISTERED,
    AcmeAccountChanged => devices::ACME_ACCOUNT_CHANGED,
    ConnectionPolicyChanged => connections::CONNECTION_POLICY_CHANGED,
    MachineRefused => connections::MACHINE_REFUSED,
    MessageRefused => connections::MESSAGE_REFUSED,
    SignOnEstablished => sign_on::SIGN_ON_ESTABLISHED,
    SignOnEnded => sign_on::SIGN_ON_ENDED,
    SignInRefused => sign_on::SIGN_IN_REFUSED,
    CredentialRegistered => sign_on::CREDENTIAL_REGISTERED,
    CredentialRenamed => sign_on::CREDENTIAL_RENAMED,
    CredentialRemoved => sign_on::CREDENTIAL_REMOVED,
    SecurityKeyAccepted => sign_on::SECURITY_KEY_ACCEPTED,
    BreakGlassReviewed => sign_on::BREAK_GLASS_REVIEWED,
    ClientRegistered => applications::CLIENT_REGISTERED,
    ClientChanged => applications::CLIENT_CHANGED,
    ClientRemoved => applications::CLIENT_REMOVED,
    ClientRefused => applications::CLIENT_REFUSED,
    GrantMade => applications::GRANT_MADE,
    GrantRevoked => applications::GRANT_REVOKED,
    LogoutSent => applications::LOGOUT_SENT,
    ApplicationSessionRevoked => applications::APPLICATION_SESSION_REVOKED,
    SigningKeyMade => applications::SIGNING_KEY_MADE,
    SigningKeyRetired => applications::SIGNING_KEY_RETIRED,
    UserChanged => directory::USER_CHANGED,
    UserRemoved => directory::USER_REMOVED,
    GroupCreated => directory::GROUP_CREATED,
    GroupChanged => directory::GROUP_CHANGED,
    GroupRemoved => directory::GROUP_REMOVED,
    DirectoryImported => directory::DIRECTORY_IMPORTED,
    AccessPoliciesChanged => directory::ACCESS_POLICIES_CHANGED,
    AccessRefused => directory::ACCESS_REFUSED,
}

#[cfg(test)]
mod tests;
