//! Devices: the inventory, a technician's code, a second person, and what becomes of certificates.
use imp_api::device::{
    DecideEnrolment, DescribeDevice, Device, DeviceApproval, DeviceApprovals, DeviceEnrolled,
    DeviceEnrolment, DeviceInvited, DeviceShown, Devices, EnrolDevice, ExpiryForecast, RenewDevice,
    RevokeCertificate, SetDeviceState,
};
use imp_api::machine::Credentials;
use imp_api::{Base64, Client};
use imp_authenticator::certificate_request;
use imp_identity::DeviceId;
use imp_identity::device::{CertificateRevocation, DeviceClass, Lifecycle};
use imp_identity::invitation::Code;
use imp_identity::user::Role;
use jiff::SignedDuration;
use serde_json::json;

use crate::hospital::{Hospital, Machine, problem, signer};

fn described(name: &str, class: DeviceClass) -> DescribeDevice {
    DescribeDevice {
        name: name.to_owned(),
        class,
        manufacturer: Some("Acme".to_owned()),
        model: None,
        serial_number: Some(name.to_owned()),
        udi: None,
        unit: Some("Ward 3".to_owned()),
        location: None,
        zone: None,
        mds2: None,
        names: vec![],
    }
}

async fn registered(administrator: &Client, name: &str, class: DeviceClass) -> Device {
    administrator.post("v1/devices", &described(name, class)).await.unwrap()
}

async fn invited(administrator: &Client, id: DeviceId) -> Code {
    let path = format!("v1/devices/{id}/invitation");
    administrator.post::<DeviceInvited>(&path, &json!({})).await.unwrap().code
}

fn credentials(enrolled: DeviceEnrolled) -> Credentials {
    Credentials {
        spiffe_id: enrolled.spiffe_id,
        certificate_chain: enrolled.certificate_chain,
        trust_anchors: enrolled.trust_anchors,
        statement_keys: enrolled.statement_keys,
        log_key: None,
        receipt: None,
        renew_after: enrolled.renew_after,
        expires_at: enrolled.expires_at,
    }
}

/// A device of the inventory that has enrolled.
pub(crate) async fn enrolled(
    hospital: &Hospital,
    administrator: &Client,
    name: &str,
    class: DeviceClass,
) -> (Device, Machine) {
    let device = registered(administrator, name, class).await;
    let code = invited(administrator, device.id).await;
    let key = signer();
    let certificate_request = Base64(certificate_request(&key).unwrap());
    let body = EnrolDevice { code, certificate_request };
    let answer = hospital.stranger().enrol_device(&body).await.unwrap();
    let DeviceEnrolment::Enrolled(enrolled) = answer else { panic!("{answer:?}") };
    let machine = hospital.machine(key, credentials(*enrolled));
    (device, machine)
}

#[tokio::test]
async fn a_device_enrols_with_a_code_renews_and_is_held_with_its_certificates() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let device = registered(&administrator, "mirth", DeviceClass::Server).await;
    let twice = administrator.post::<Device>("v1/devices", &device.description).await;
    assert_eq!(problem(twice), "device-taken");
    let code = invited(&administrator, device.id).await;
    let key = signer();
    let certificate_request = Base64(certificate_request(&key).unwrap());
    let body = EnrolDevice { code, certificate_request: certificate_request.clone() };
    let answer = hospital.stranger().enrol_device(&body).await.unwrap();
    let DeviceEnrolment::Enrolled(enrolled) = answer else { panic!("{answer:?}") };
    assert_eq!(enrolled.spiffe_id, device.spiffe_id);
    assert_eq!(enrolled.certificate_chain.len(), 2);
    let machine = hospital.machine(key, credentials(*enrolled));
    let renewal = RenewDevice { certificate_request };
    let renewed = machine.client.renew_device(&renewal).await.unwrap();
    assert!(matches!(renewed, DeviceEnrolment::Enrolled(_)));
    let path = format!("v1/devices/{}", device.id);
    let shown: DeviceShown = administrator.get(&path).await.unwrap();
    assert_eq!((shown.device.state, shown.certificates.len()), (Lifecycle::Active, 2));
    let forecast: ExpiryForecast = administrator.get("v1/devices/forecast?days=30").await.unwrap();
    assert_eq!(forecast.expiring.len(), 1, "the device, not each of its certificates");

    let set = |state| SetDeviceState { state, reason: "odd traffic".to_owned() };
    let state = format!("{path}/state");
    administrator.post::<Device>(&state, &set(Lifecycle::Quarantined)).await.unwrap();
    assert_eq!(problem(machine.client.renew_device(&renewal).await), "machine-revoked");
    let shown: DeviceShown = administrator.get(&path).await.unwrap();
    let hold = Some(CertificateRevocation::CertificateHold);
    assert!(shown.certificates.iter().all(|certificate| certificate.revocation == hold));
    administrator.post::<Device>(&state, &set(Lifecycle::Active)).await.unwrap();
    machine.client.renew_device(&renewal).await.unwrap();
    let again = administrator.post::<Device>(&state, &set(Lifecycle::Active)).await;
    assert_eq!(problem(again), "device-state");
}

#[tokio::test]
async fn a_pump_waits_until_a_second_person_approves() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (_, token) = hospital.person(&administrator, "olga", Role::Officer).await;
    let officer = hospital.stranger().with_token(token);
    let (_, token) = hospital.person(&administrator, "sam", Role::Staff).await;
    let staff = hospital.stranger().with_token(token);
    let pump = registered(&administrator, "Pump 7", DeviceClass::InfusionPump).await;
    let code = invited(&administrator, pump.id).await;
    let key = signer();
    let certificate_request = Base64(certificate_request(&key).unwrap());
    let body = EnrolDevice { code, certificate_request };
    let stranger = hospital.stranger();
    let answer = stranger.enrol_device(&body).await.unwrap();
    let DeviceEnrolment::AwaitingApproval(awaiting) = answer else { panic!("{answer:?}") };
    let waiting: DeviceApprovals = officer.get("v1/device-enrolments").await.unwrap();
    assert_eq!(waiting.approvals.len(), 1);
    assert_eq!(waiting.approvals[0].device, pump.id);

    let path = format!("v1/device-enrolments/{}/decision", awaiting.approval);
    let yes = DecideEnrolment { approve: true, reason: None };
    let own = administrator.post::<DeviceApproval>(&path, &yes).await;
    assert_eq!(problem(own), "enrolment-own-device");
    let other = staff.post::<DeviceApproval>(&path, &yes).await;
    assert_eq!(problem(other), "role-insufficient");
    let decided: DeviceApproval = officer.post(&path, &yes).await.unwrap();
    assert_eq!(decided.state, "approved");
    assert_eq!(problem(officer.post::<DeviceApproval>(&path, &yes).await), "enrolment-decided");
    let answer = stranger.enrol_device(&body).await.unwrap();
    let DeviceEnrolment::Enrolled(enrolled) = answer else { panic!("{answer:?}") };

    let shown: DeviceShown = officer.get(&format!("v1/devices/{}", pump.id)).await.unwrap();
    let serial = &shown.certificates[0].serial;
    let path = format!("v1/certificates/{serial}/revocation");
    let lost = RevokeCertificate { reason: CertificateRevocation::KeyCompromise };
    officer.post_nothing(&path, &lost).await.unwrap();
    let certificate_request = body.certificate_request.clone();
    let machine = hospital.machine(key, credentials(*enrolled));
    let renewal = RenewDevice { certificate_request };
    assert_eq!(problem(machine.client.renew_device(&renewal).await), "machine-revoked");
    assert_eq!(problem(stranger.enrol_device(&body).await), "enrolment-refused");
}

#[tokio::test]
async fn a_page_of_devices_is_of_a_class_and_a_code_is_forgotten_in_time() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let server = registered(&administrator, "mirth", DeviceClass::Server).await;
    registered(&administrator, "A 1", DeviceClass::Analyser).await;
    let found: Devices = administrator.get("v1/devices?class=server").await.unwrap();
    assert_eq!(found.devices, std::slice::from_ref(&server));
    let mut wrong = described("x", DeviceClass::Server);
    wrong.names = vec!["*.hospital.example".to_owned()];
    let wrong = administrator.post::<Device>("v1/devices", &wrong).await;
    assert_eq!(problem(wrong), "device-invalid");
    let code = invited(&administrator, server.id).await;
    hospital.clock.advance(SignedDuration::from_hours(24));
    let key = signer();
    let certificate_request = Base64(certificate_request(&key).unwrap());
    let late = hospital.stranger().enrol_device(&EnrolDevice { code, certificate_request }).await;
    assert_eq!(problem(late), "code-expired");
}
