use super::*;
use crate::testing::{Authority, Profile, clock, now, sample};
use jiff::ToSpan as _;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
};
use rcgen::{IsCa, KeyPair, KeyUsagePurpose};

/// A manufacturer with a root, an issuing authority below it, and devices.
struct Maker {
    root: Vec<u8>,
    intermediate: Vec<u8>,
    issuer: rcgen::Issuer<'static, KeyPair>,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    // "No well-defined expiration date" (802.1AR-2018 §8.7).
    params.not_after = rcgen::date_time_ymd(9999, 12, 31);
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

impl Maker {
    fn new(name: &str) -> Self {
        let (top, middle) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let root = authority(&format!("{name} root"));
        let signed = root.self_signed(&top).unwrap();
        let above = rcgen::Issuer::new(root, top);
        let below = authority(&format!("{name} devices"));
        let intermediate = below.signed_by(&middle, &above).unwrap();
        Self {
            root: signed.der().to_vec(),
            intermediate: intermediate.der().to_vec(),
            issuer: rcgen::Issuer::new(below, middle),
        }
    }

    fn manufacturer(&self, name: &str) -> Manufacturer {
        Manufacturer { name: name.to_owned(), roots: vec![self.root.clone()] }
    }

    fn device(&self, change: impl FnOnce(&mut CertificateParams)) -> Vec<Vec<u8>> {
        let mut device = params("pump");
        device.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        change(&mut device);
        let signed = device.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap();
        vec![signed.der().to_vec(), self.intermediate.clone()]
    }
}

fn numbered(number: &str) -> impl FnOnce(&mut CertificateParams) {
    let serial_number = DnType::CustomDnType(vec![2, 5, 4, 5]);
    move |device| device.distinguished_name.push(serial_number, number)
}

fn ders(chain: &[Vec<u8>]) -> Vec<CertificateDer<'static>> {
    chain.iter().map(|der| CertificateDer::from(der.clone())).collect()
}

#[test]
fn a_device_is_known_by_its_manufacturer_and_serial_number() {
    let (acme, other) = (Maker::new("Acme"), Maker::new("Other"));
    let house = Authority::new("hospital.example");
    let makers = [other.manufacturer("Other"), acme.manufacturer("Acme")];
    let doorkeeper = Doorkeeper::new(&house.anchors, &makers).unwrap();
    let who = |chain: &[Vec<u8>]| {
        let chain = ders(chain);
        let (end_entity, issuers) = chain.split_first().unwrap();
        let accepted = doorkeeper.verify_client_cert(end_entity, issuers, unix_time(now()));
        assert_eq!(accepted.is_ok(), doorkeeper.who(&chain, now()).is_some());
        doorkeeper.who(&chain, now())
    };
    let made = |manufacturer: &str, serial_number: Option<&str>| {
        let serial_number = serial_number.map(str::to_owned);
        let manufacturer = manufacturer.to_owned();
        Some(Newcomer::Manufactured(Manufactured { manufacturer, serial_number }))
    };
    assert_eq!(who(&acme.device(numbered("SN-7"))), made("Acme", Some("SN-7")));
    assert_eq!(who(&other.device(numbered("SN-7"))), made("Other", Some("SN-7")));
    assert_eq!(who(&acme.device(|_| {})), made("Acme", None));
    let machine = house.machine(&sample::phone_name(), &Profile::phone());
    let Some(Newcomer::Machine(peer)) = who(&machine.chain) else { panic!("it is ours") };
    assert_eq!(peer.spiffe_id, sample::phone_name());
    assert_eq!(who(&Maker::new("Acme").device(numbered("SN-7"))), None, "another Acme");
    let foreign = Authority::new("hospital.example");
    let foreign = foreign.machine(&sample::phone_name(), &Profile::phone());
    assert_eq!(who(&foreign.chain), None);
}

#[test]
fn a_machine_of_ours_may_leave_its_issuer_out() {
    let house = Authority::new("hospital.example");
    let machine = house.machine(&sample::phone_name(), &Profile::phone());
    let (alone, issuers) = machine.chain.split_at(1);
    let doorkeeper = Doorkeeper::new(&house.anchors, &[]).unwrap();
    let who = || doorkeeper.who(&ders(alone), now());
    assert_eq!(who().is_some(), issuers.is_empty());
    doorkeeper.know_issuers(issuers.to_vec());
    assert!(
        matches!(who(), Some(Newcomer::Machine(peer)) if peer.spiffe_id == sample::phone_name())
    );
    let foreign = Authority::new("hospital.example");
    let foreign = foreign.machine(&sample::phone_name(), &Profile::phone());
    assert_eq!(doorkeeper.who(&ders(&foreign.chain), now()), None);
}

#[test]
fn what_is_wrong_with_a_device_is_told() {
    let acme = Maker::new("Acme");
    let house = Authority::new("hospital.example");
    let doorkeeper = Doorkeeper::new(&house.anchors, &[acme.manufacturer("Acme")]).unwrap();
    let told = |chain: &[Vec<u8>]| {
        let chain = ders(chain);
        let (end_entity, issuers) = chain.split_first().unwrap();
        let refused = doorkeeper.verify_client_cert(end_entity, issuers, unix_time(now()));
        CertificateProblem::of(&refused.unwrap_err())
    };
    let old = |device: &mut CertificateParams| device.not_after = rcgen::date_time_ymd(2021, 1, 1);
    assert_eq!(told(&acme.device(old)), Some(CertificateProblem::Expired));
    let serves = |device: &mut CertificateParams| {
        device.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    assert_eq!(told(&acme.device(serves)), Some(CertificateProblem::WrongKind));
    let stranger = Maker::new("Stranger").device(numbered("SN-7"));
    assert_eq!(told(&stranger), Some(CertificateProblem::UntrustedIssuer));
    let orphan = acme.device(|_| {})[..1].to_vec();
    assert_eq!(told(&orphan), Some(CertificateProblem::UntrustedIssuer), "no intermediate");
}

#[test]
fn the_path_is_judged_alone() {
    let acme = Maker::new("Acme");
    let chain = acme.device(|_| {});
    let roots = [acme.root.clone()];
    assert_eq!(verify_manufacturer_path(&chain, &roots, now()), Ok(()));
    let early = now() - (24 * 365 * 20).hours();
    let judged = verify_manufacturer_path(&chain, &roots, early);
    assert_eq!(judged, Err(CertificateProblem::NotYetValid));
    for (chain, roots) in [(&chain[..0], &roots[..]), (&chain[..], &roots[..0])] {
        assert!(verify_manufacturer_path(chain, roots, now()).is_err());
    }
}

#[test]
fn a_listener_for_newcomers_can_be_made() {
    let house = Authority::new("hospital.example");
    let doorkeeper = Arc::new(Doorkeeper::new(&house.anchors, &[]).unwrap());
    let (chain, signer) = house.server("imp.hospital.example");
    let config = enrolment_server(chain, signer, doorkeeper, clock()).unwrap();
    assert_eq!(config.alpn_protocols, [b"http/1.1".to_vec()]);
    let unreadable = Manufacturer { name: "Acme".to_owned(), roots: vec![vec![1, 2, 3]] };
    assert!(matches!(Doorkeeper::new(&house.anchors, &[unreadable]), Err(TlsError::Anchors)));
}
