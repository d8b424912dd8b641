//! Machines: how they enrol, what a certificate opens, and what it does not.
use std::sync::Arc;

use imp_api::admin::InviteWorkstation;
use imp_api::machine::RenewCertificate;
use imp_api::tap::OpenTap;
use imp_api::{Client, ClientError};
use imp_authenticator::tls::first_meeting;
use imp_authenticator::{InvitationUri, Signer, certificate_request};
use imp_identity::Digest;
use imp_identity::device::CertificateRevocation;
use imp_identity::phone::Revocation;
use imp_identity::tap::Purpose;
use imp_server::store::Tables as _;
use jiff::{SignedDuration, ToSpan as _};

use crate::hospital::{Hospital, problem, signer};

#[tokio::test]
async fn a_workstation_enrols_once_with_its_code() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let body = InviteWorkstation { name: "Ward 3".to_owned(), unit: None, site: None };
    let invited = administrator.invite_workstation(&body).await.unwrap();
    let code = invited.invitation.parse::<InvitationUri>().unwrap().code;
    let key = signer();
    let first = hospital.enrol(&code, &key).await.unwrap();
    assert_eq!(first.name, "Ward 3");
    // The answer may get lost: the same machine may ask again, another may not.
    assert_eq!(hospital.enrol(&code, &key).await.unwrap().workstation, first.workstation);
    assert_eq!(problem(hospital.enrol(&code, &signer()).await), "code-invalid");
    let machine = hospital.machine(key, first.credentials);
    assert_eq!(machine.client.sessions().await.unwrap().sessions, []);
    assert!(!machine.client.roster().await.unwrap().roster.0.is_empty());
}

#[tokio::test]
async fn a_code_that_is_wrong_or_too_old_enrols_nobody() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let wrong = "AAAAA-AAAAA-AAAAA-AAAAA".parse().unwrap();
    assert_eq!(problem(hospital.enrol(&wrong, &signer()).await), "code-invalid");
    assert_eq!(problem(hospital.bind(&wrong, &signer()).await), "code-invalid");
    let body = InviteWorkstation { name: "Ward 3".to_owned(), unit: None, site: None };
    let invited = administrator.invite_workstation(&body).await.unwrap();
    let code = invited.invitation.parse::<InvitationUri>().unwrap().code;
    hospital.clock.advance(invited.expires_at.duration_since(imp_now(&hospital)));
    assert_eq!(problem(hospital.enrol(&code, &signer()).await), "code-expired");
}

#[tokio::test]
async fn a_phone_is_bound_at_the_enrolment_desk() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (_, workstation) = hospital.workstation(&administrator).await;
    let desk = hospital.desk(&administrator, &workstation, "nina").await;
    let waiting = desk.officer.enrolment(desk.opened.enrolment).await.unwrap();
    assert!(!waiting.phone_bound && !waiting.completed && waiting.identifier_key.is_none());
    let (bound, phone) = hospital.phone(&desk).await;
    assert_eq!((bound.phone, bound.user), (desk.opened.phone, desk.opened.user));
    let status = desk.officer.enrolment(desk.opened.enrolment).await.unwrap();
    assert_eq!(status.identifier_key, Some(bound.identifier_key));
    // Nothing was stored on it yet.
    assert_eq!(problem(phone.client.erase_reference(None).await), "nothing-to-erase");
}

#[tokio::test]
async fn endpoints_of_machines_are_closed_to_others() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (_, workstation) = hospital.workstation(&administrator).await;
    let desk = hospital.desk(&administrator, &workstation, "nina").await;
    let (bound, phone) = hospital.phone(&desk).await;
    let tap = OpenTap { phone: bound.phone, purpose: Purpose::TapIn, ahead: false };
    for (client, code) in [
        (&hospital.stranger(), "certificate-required"),
        (&administrator, "certificate-required"),
        (&phone.client, "wrong-machine"),
    ] {
        assert_eq!(problem(client.open_tap(&tap).await), code);
        assert_eq!(problem(client.sessions().await), code);
        assert_eq!(problem(client.roster().await), code);
    }
    assert_eq!(problem(workstation.client.erase_reference(None).await), "wrong-machine");
    // An officer without a workstation, a workstation without an officer.
    let id = desk.opened.enrolment;
    assert_eq!(problem(workstation.client.enrolment(id).await), "sign-in-required");
    assert_eq!(problem(administrator.enrolment(id).await), "certificate-required");
}

#[tokio::test]
async fn a_revoked_machine_is_refused_at_once() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (id, workstation) = hospital.workstation(&administrator).await;
    let desk = hospital.desk(&administrator, &workstation, "nina").await;
    let (bound, phone) = hospital.phone(&desk).await;
    workstation.client.sessions().await.unwrap();
    administrator.revoke_workstation(id, Revocation::Lost).await.unwrap();
    administrator.revoke_phone(bound.phone, Revocation::Lost).await.unwrap();
    assert_eq!(problem(workstation.client.sessions().await), "machine-revoked");
    assert_eq!(problem(phone.client.erase_reference(None).await), "machine-revoked");
    let again = administrator.revoke_workstation(id, Revocation::Lost).await;
    assert_eq!(problem(again), "revoked-already");
    let phones = administrator.phones(bound.user).await.unwrap().phones;
    assert_eq!(phones.iter().map(|p| p.state.as_str()).collect::<Vec<_>>(), ["revoked"]);
    // Others are told, too: by OCSP and in the lists.
    let app = hospital.server.app();
    let mut reading = app.storage.read().await.unwrap();
    for machine in [&workstation, &phone] {
        let rows = reading.certificates().of(&machine.credentials.spiffe_id).await.unwrap();
        let reasons: Vec<_> = rows.iter().map(|row| row.withdrawal.unwrap().reason).collect();
        assert_eq!(reasons, [CertificateRevocation::KeyCompromise]);
    }
}

#[tokio::test]
async fn an_expired_certificate_opens_nothing() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (_, workstation) = hospital.workstation(&administrator).await;
    workstation.client.sessions().await.unwrap();
    hospital.clock.advance(SignedDuration::from_hours(7 * 24));
    // On the connection that was opened in time, and on a new one.
    assert_eq!(problem(workstation.client.sessions().await), "certificate-expired");
    let again = hospital.machine(workstation.signer.clone(), workstation.credentials.clone());
    assert!(matches!(again.client.sessions().await, Err(ClientError::Unreachable(_))));
}

#[tokio::test]
async fn a_certificate_is_renewed_for_the_same_key_only() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (_, workstation) = hospital.workstation(&administrator).await;
    hospital.clock.advance(SignedDuration::from_hours(6 * 24));
    assert!(workstation.credentials.renew_after < imp_now(&hospital));
    let other = workstation.client.renew_certificate(&renewed(&signer())).await;
    assert_eq!(problem(other), "machine-other-key");
    let own = renewed(&workstation.signer);
    let credentials = workstation.client.renew_certificate(&own).await.unwrap();
    assert_eq!(credentials.spiffe_id, workstation.credentials.spiffe_id);
    assert_eq!(credentials.expires_at, imp_now(&hospital) + 168.hours());
    hospital.clock.advance(SignedDuration::from_hours(2 * 24));
    let again = hospital.machine(workstation.signer.clone(), credentials);
    again.client.sessions().await.unwrap();
    assert_eq!(problem(hospital.stranger().renew_certificate(&own).await), "certificate-required");
    let nonsense = RenewCertificate { certificate_request: vec![1, 2, 3].into() };
    let refused = again.client.renew_certificate(&nonsense).await;
    assert_eq!(problem(refused), "certificate-request-invalid");
}

#[tokio::test]
async fn another_fingerprint_does_not_meet_this_server() {
    let hospital = Hospital::open().await;
    let tls = first_meeting(Digest::of(&[b"another"]), hospital.clock.clone()).unwrap();
    let client = Client::new(hospital.server.url(), tls).unwrap();
    assert!(matches!(client.roster().await, Err(ClientError::Unreachable(_))));
}

fn imp_now(hospital: &Hospital) -> jiff::Timestamp {
    imp_identity::Clock::now(hospital.clock.as_ref())
}

fn renewed(key: &Arc<dyn Signer>) -> RenewCertificate {
    RenewCertificate { certificate_request: certificate_request(key).unwrap().into() }
}
