//! What an event is called: in the log, and as the `OpenID` profiles have it.
use super::Event;

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
const IMP: &str = "urn:imp:event:";

impl Event {
    /// The short name, in kebab case.
    #[expect(clippy::too_many_lines, reason = "a line for each type of event")]
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
            Self::UserContactChanged { .. } => "user-contact-changed",
            Self::WorkstationInvited { .. } => "workstation-invited",
            Self::WorkstationEnrolled { .. } => "workstation-enrolled",
            Self::WorkstationMoved { .. } => "workstation-moved",
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
            Self::SessionReauthenticated { .. } => "session-reauthenticated",
            Self::SessionResumed { .. } => "session-resumed",
            Self::SessionRevoked { .. } => "session-revoked",
            Self::PolicyChanged { .. } => "policy-changed",
            Self::LogRead { .. } => "log-read",
            Self::ErasureRequested { .. } => "erasure-requested",
            Self::ErasureRefused { .. } => "erasure-refused",
            Self::RecordsErased { .. } => "records-erased",
            Self::RecordsExpired { .. } => "records-expired",
            Self::ReceiverAdmitted { .. } => "receiver-admitted",
            Self::ReceiverDismissed { .. } => "receiver-dismissed",
            Self::StreamCreated { .. } => "stream-created",
            Self::StreamChanged { .. } => "stream-changed",
            Self::StreamDeleted { .. } => "stream-deleted",
            Self::EventSetAside { .. } => "event-set-aside",
            Self::ConsumerSteered { .. } => "consumer-steered",
            Self::CaseOpened { .. } => "case-opened",
            Self::CaseAssigned { .. } => "case-assigned",
            Self::CaseCommented { .. } => "case-commented",
            Self::CaseClosed { .. } => "case-closed",
            Self::CaseReopened { .. } => "case-reopened",
            Self::SearchSaved { .. } => "search-saved",
            Self::SearchDeleted { .. } => "search-deleted",
            Self::FindingMade { .. } => "finding-made",
            Self::NoticeSent { .. } => "notice-sent",
            Self::UseDisputed { .. } => "use-disputed",
            Self::CheckpointRefused { .. } => "checkpoint-refused",
            Self::OfflineTapReconciled { .. } => "offline-tap-reconciled",
            Self::BreakGlassUsed { .. } => "break-glass-used",
            Self::ConnectionUnexpected { .. } => "connection-unexpected",
            Self::DeviceRegistered { .. } => "device-registered",
            Self::DeviceChanged { .. } => "device-changed",
            Self::DeviceStateChanged { .. } => "device-state-changed",
            Self::DeviceInvited { .. } => "device-invited",
            Self::DeviceEnrolmentRequested { .. } => "device-enrolment-requested",
            Self::DeviceEnrolmentApproved { .. } => "device-enrolment-approved",
            Self::DeviceEnrolmentRejected { .. } => "device-enrolment-rejected",
            Self::DeviceEnrolmentRefused { .. } => "device-enrolment-refused",
            Self::CertificateRevoked { .. } => "certificate-revoked",
            Self::CertificateReinstated { .. } => "certificate-reinstated",
            Self::CertificateExpiring { .. } => "certificate-expiring",
            Self::ServiceCertificateIssued { .. } => "service-certificate-issued",
            Self::AuthorityMade { .. } => "authority-made",
            Self::AuthorityCrossSigned { .. } => "authority-cross-signed",
            Self::AuthorityRetired { .. } => "authority-retired",
            Self::AcmeAccountRegistered { .. } => "acme-account-registered",
            Self::AcmeAccountChanged { .. } => "acme-account-changed",
            Self::ConnectionPolicyChanged { .. } => "connection-policy-changed",
            Self::MachineRefused { .. } => "machine-refused",
            Self::MessageRefused { .. } => "message-refused",
            Self::SignOnEstablished { .. } => "sign-on-established",
            Self::SignOnEnded { .. } => "sign-on-ended",
            Self::SignInRefused { .. } => "sign-in-refused",
            Self::CredentialRegistered { .. } => "credential-registered",
            Self::CredentialRenamed { .. } => "credential-renamed",
            Self::CredentialRemoved { .. } => "credential-removed",
            Self::SecurityKeyAccepted { .. } => "security-key-accepted",
            Self::BreakGlassReviewed { .. } => "break-glass-reviewed",
            Self::ClientRegistered { .. } => "client-registered",
            Self::ClientChanged { .. } => "client-changed",
            Self::ClientRemoved { .. } => "client-removed",
            Self::ClientRefused { .. } => "client-refused",
            Self::GrantMade { .. } => "grant-made",
            Self::GrantRevoked { .. } => "grant-revoked",
            Self::LogoutSent { .. } => "logout-sent",
            Self::ApplicationSessionRevoked { .. } => "application-session-revoked",
            Self::SigningKeyMade { .. } => "signing-key-made",
            Self::SigningKeyRetired { .. } => "signing-key-retired",
            Self::UserChanged { .. } => "user-changed",
            Self::UserRemoved { .. } => "user-removed",
            Self::GroupCreated { .. } => "group-created",
            Self::GroupChanged { .. } => "group-changed",
            Self::GroupRemoved { .. } => "group-removed",
            Self::DirectoryImported { .. } => "directory-imported",
            Self::AccessPoliciesChanged { .. } => "access-policies-changed",
            Self::AccessRefused { .. } => "access-refused",
        }
    }

    /// The type URI: CAEP's and RISC's own where they define one (`OpenID` CAEP 1.0 §3, RISC 1.0 §2), else ours.
    pub fn type_uri(&self) -> String {
        match self.name() {
            name @ ("session-established" | "session-revoked") => format!("{CAEP}{name}"),
            "sign-on-ended" | "application-session-revoked" => format!("{CAEP}session-revoked"),
            "user-disabled" => format!("{RISC}account-disabled"),
            "user-enabled" => format!("{RISC}account-enabled"),
            name => format!("{IMP}{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;
    use uuid::Uuid;

    #[test]
    fn caep_and_risc_events_have_their_standards_names() {
        let user = UserId::from(Uuid::from_u128(2));
        assert_eq!(Event::UserDisabled { user }.type_uri(), format!("{RISC}account-disabled"));
        assert_eq!(Event::PolicyChanged { version: 1 }.type_uri(), "urn:imp:event:policy-changed");
    }
}
