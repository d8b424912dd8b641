//! Whole ceremonies with the authenticator in software.
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use data_encoding::BASE64;
use imp_identity::authentication::{Aal, Authentication, Method, SignInRefusal};
use imp_identity::credential::{Credential, CredentialKind};
use imp_identity::{CredentialId, UserId};
use jiff::{Timestamp, ToSpan as _};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use crate::metadata::{Metadata, MetadataError};
use crate::testing::{AttestationStatement, SoftwareAuthenticator, Traits};
use crate::*;

const ORIGIN: &str = "https://id.hospital.example:8443";
const MODEL: Uuid = Uuid::from_u128(0x2fc0_579f_8113_47ea_b116_bb5a_8db9_202a);

fn now() -> Timestamp {
    // Certificates are checked with the machine's clock by the library, so ours are of this day, too.
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn party(attestation: Attestation) -> RelyingParty {
    RelyingParty::new(&Url::parse(ORIGIN).unwrap(), attestation)
}

fn ada() -> UserId {
    UserId::from(Uuid::from_u128(7))
}

fn begin(party: &RelyingParty, existing: &[Vec<u8>]) -> Begun {
    let (username, display_name) = ("ada".parse().unwrap(), "Ada".parse().unwrap());
    let who =
        Registrant { user: ada(), username: &username, display_name: &display_name, existing };
    party.begin_registration(who, Authenticator::Any).unwrap()
}

fn credential(registered: Registered) -> Credential {
    Credential {
        id: CredentialId::from(Uuid::from_u128(1)),
        user: ada(),
        handle: registered.handle,
        name: "Key".parse().unwrap(),
        kind: registered.kind,
        aaguid: registered.aaguid,
        attested: registered.attested,
        public_part: registered.public_part,
        registered_at: now(),
        used_at: None,
    }
}

fn register(party: &RelyingParty, traits: Traits) -> (SoftwareAuthenticator, Credential) {
    let begun = begin(party, &[]);
    let (key, answer) = SoftwareAuthenticator::create(ORIGIN, &begun.options, traits);
    (key, credential(party.finish_registration(answer, &begun.state).unwrap()))
}

fn sign(
    party: &RelyingParty,
    key: &mut SoftwareAuthenticator,
    credential: &Credential,
) -> Result<Authenticated, AuthenticationError> {
    let begun = party.begin_authentication(Mediation::Modal).unwrap();
    let answer = Assertion::read(key.get(ORIGIN, &begun.options)).unwrap();
    assert_eq!(answer.handle(), credential.handle);
    party.finish_authentication(&answer, &begun.state, credential, now())
}

#[test]
fn what_can_be_copied_is_a_passkey_and_software() {
    let party = party(Attestation::None);
    let (mut key, credential) =
        register(&party, Traits { backup_eligible: true, ..Traits::default() });
    assert_eq!(credential.kind, CredentialKind::Passkey);
    let signed = sign(&party, &mut key, &credential).unwrap();
    let methods = vec![Method::SoftwareKey, Method::Presence, Method::Pin];
    let expected = Authentication::new(now(), methods, Aal::Aal2).resisting_phishing();
    assert_eq!(signed.authentication, expected);
}

#[test]
fn a_key_that_nobody_vouches_for_is_not_called_hardware() {
    let party = party(Attestation::None);
    let (mut key, credential) = register(&party, Traits { aaguid: MODEL, ..Traits::default() });
    assert_eq!((credential.kind, credential.attested), (CredentialKind::SecurityKey, false));
    assert_eq!(credential.aaguid, Some(MODEL));
    let signed = sign(&party, &mut key, &credential).unwrap();
    assert_eq!(signed.authentication.aal, Aal::Aal2);
    assert!(signed.authentication.methods.contains(&Method::SoftwareKey));
}

#[test]
fn registrations_ask_for_discoverable_credentials_that_verify() {
    let options = begin(&party(Attestation::None), &[vec![9; 16]]).options;
    let options = &options["publicKey"];
    let selection = &options["authenticatorSelection"];
    assert_eq!(selection["residentKey"], "required");
    assert_eq!(selection["userVerification"], "required");
    assert_eq!(options["attestation"], "none");
    assert_eq!(options["rp"]["id"], "id.hospital.example");
    assert_eq!(options["excludeCredentials"].as_array().unwrap().len(), 1);
    let begun = party(Attestation::None).begin_authentication(Mediation::Conditional).unwrap();
    assert_eq!(begun.options["mediation"], "conditional");
    assert_eq!(begun.options["publicKey"]["allowCredentials"], json!([]), "nobody is named");
    assert_eq!(begun.options["publicKey"]["userVerification"], "required");
}

#[test]
fn an_authenticator_that_does_not_verify_is_refused() {
    let party = party(Attestation::None);
    let begun = begin(&party, &[]);
    let careless = Traits { verifies: false, ..Traits::default() };
    let (_, answer) = SoftwareAuthenticator::create(ORIGIN, &begun.options, careless);
    let refused = party.finish_registration(answer, &begun.state).unwrap_err();
    assert!(matches!(refused, RegistrationError::NotVerified), "{refused:?}");
    let (mut key, credential) = register(&party, Traits::default());
    key.traits.verifies = false;
    let refused = sign(&party, &mut key, &credential).unwrap_err();
    assert_eq!(refused.refusal(), SignInRefusal::NotVerified, "{refused:?}");
}

#[test]
fn a_counter_that_goes_backwards_is_refused() {
    let party = party(Attestation::None);
    let (mut key, mut credential) = register(&party, Traits::default());
    credential.public_part = sign(&party, &mut key, &credential).unwrap().public_part;
    key.counter = 0;
    let refused = sign(&party, &mut key, &credential).unwrap_err();
    assert_eq!(refused.refusal(), SignInRefusal::Counter, "{refused:?}");
    sign(&party, &mut key, &credential).unwrap();
}

#[test]
fn other_origins_other_questions_and_other_people_are_refused() {
    let party = party(Attestation::None);
    let (mut key, credential) = register(&party, Traits::default());
    let begun = party.begin_authentication(Mediation::Modal).unwrap();
    for origin in
        ["https://id.hospital.example", "https://evil.example", "http://id.hospital.example:8443"]
    {
        let answer = Assertion::read(key.get(origin, &begun.options)).unwrap();
        let refused = party.finish_authentication(&answer, &begun.state, &credential, now());
        assert_eq!(refused.unwrap_err().refusal(), SignInRefusal::Signature, "{origin}");
    }
    let other = party.begin_authentication(Mediation::Modal).unwrap();
    let answer = Assertion::read(key.get(ORIGIN, &other.options)).unwrap();
    let refused = party.finish_authentication(&answer, &begun.state, &credential, now());
    assert_eq!(refused.unwrap_err().refusal(), SignInRefusal::Signature);
    key.pretend(Uuid::from_u128(8));
    let refused = sign(&party, &mut key, &credential).unwrap_err();
    assert!(matches!(refused, AuthenticationError::OtherUser), "{refused:?}");
}

#[test]
fn another_key_does_not_sign_for_a_credential() {
    let party = party(Attestation::None);
    let (_, credential) = register(&party, Traits::default());
    let (mut other, _) = register(&party, Traits::default());
    let begun = party.begin_authentication(Mediation::Modal).unwrap();
    let mut answer = other.get(ORIGIN, &begun.options);
    let id = data_encoding::BASE64URL_NOPAD.encode(&credential.handle);
    answer["id"] = Value::from(id.clone());
    answer["rawId"] = Value::from(id);
    let answer = Assertion::read(answer).unwrap();
    let refused = party.finish_authentication(&answer, &begun.state, &credential, now());
    assert_eq!(refused.unwrap_err().refusal(), SignInRefusal::Signature);
}

#[test]
fn answers_that_cannot_be_read_are_told_apart() {
    assert!(Assertion::read(json!({ "id": 7 })).is_err());
    let party = party(Attestation::None);
    let begun = begin(&party, &[]);
    let refused = party.finish_registration(json!({}), &begun.state).unwrap_err();
    assert!(matches!(refused, RegistrationError::Malformed(_)), "{refused:?}");
}

#[test]
fn an_origin_that_is_an_address_has_no_credentials() {
    let party =
        RelyingParty::new(&Url::parse("https://127.0.0.1:8443").unwrap(), Attestation::None);
    assert!(!party.is_available());
    let refused = party.begin_authentication(Mediation::Modal).unwrap_err();
    assert!(matches!(refused, BeginError::NoName), "{refused:?}");
}

/// A maker of authenticators: a root, and the key and certificate of its model.
struct Maker {
    root: Vec<u8>,
    batch: Vec<u8>,
    pair: EcdsaKeyPair,
}

impl Maker {
    fn new(aaguid: Uuid) -> Self {
        let root_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        root.distinguished_name.push(DnType::CommonName, "Maker's root");
        let root_certificate = root.self_signed(&root_key).unwrap();
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut batch = CertificateParams::default();
        batch.is_ca = IsCa::ExplicitNoCa;
        batch.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        for (name, value) in [
            (DnType::CountryName, "IT"),
            (DnType::OrganizationName, "Maker"),
            (DnType::OrganizationalUnitName, "Authenticator Attestation"),
            (DnType::CommonName, "Model 1"),
        ] {
            batch.distinguished_name.push(name, value);
        }
        // id-fido-gen-ce-aaguid (WebAuthn L3 §8.2.1): an octet string within
        let named = [&[4, 16], aaguid.as_bytes().as_slice()].concat();
        let oid = [1, 3, 6, 1, 4, 1, 45724, 1, 1, 4];
        batch.custom_extensions.push(CustomExtension::from_oid_content(&oid, named));
        let issuer = Issuer::from_params(&root, &root_key);
        let batch = batch.signed_by(&key, &issuer).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.serialized_der())
            .unwrap();
        Self { root: root_certificate.der().to_vec(), batch: batch.der().to_vec(), pair }
    }

    fn attest(&self, signed: &[u8]) -> AttestationStatement {
        let signature = self.pair.sign(&SystemRandom::new(), signed).unwrap();
        AttestationStatement {
            signature: signature.as_ref().to_vec(),
            certificate: self.batch.clone(),
        }
    }

    fn register(
        &self,
        party: &RelyingParty,
        aaguid: Uuid,
    ) -> Result<Registered, RegistrationError> {
        let begun = begin(party, &[]);
        assert_eq!(begun.options["publicKey"]["attestation"], "direct");
        let traits = Traits { aaguid, ..Traits::default() };
        let attest = |signed: &[u8]| self.attest(signed);
        let (_, answer) =
            SoftwareAuthenticator::attested(ORIGIN, &begun.options, traits, Some(&attest));
        party.finish_registration(answer, &begun.state)
    }
}

/// Who publishes lists of models.
struct Publisher {
    root: Vec<u8>,
    chain: Vec<String>,
    key: EncodingKey,
}

impl Publisher {
    fn new(name: &str) -> Self {
        let root_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root_certificate = root.self_signed(&root_key).unwrap();
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let leaf = CertificateParams::new([name.to_owned()]).unwrap();
        let issuer = Issuer::from_params(&root, &root_key);
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        Self {
            root: root_certificate.der().to_vec(),
            chain: vec![BASE64.encode(leaf.der())],
            key: EncodingKey::from_ec_der(key.serialized_der()),
        }
    }

    fn publish(&self, maker: &Maker, status: &str) -> String {
        let header = Header { x5c: Some(self.chain.clone()), ..Header::new(Algorithm::ES256) };
        let list = json!({
            "legalHeader": "…", "no": 15, "nextUpdate": "2026-12-01",
            "entries": [
                { "aaguid": MODEL, "timeOfLastStatusChange": "2026-01-01",
                  "metadataStatement": { "description": "Model 1",
                    "attestationRootCertificates": [BASE64.encode(&maker.root)] },
                  "statusReports": [{ "status": status }] },
                { "aaid": "4e4e#4005", "statusReports": [] },
            ],
        });
        encode(&header, &list, &self.key).unwrap()
    }
}

#[test]
fn attested_models_are_hardware_and_aal3() {
    let (maker, publisher) = (Maker::new(MODEL), Publisher::new("mds.fidoalliance.org"));
    let list = publisher.publish(&maker, "FIDO_CERTIFIED_L1");
    let metadata = Metadata::read(&list, &publisher.root, now()).unwrap();
    assert_eq!((metadata.number, metadata.models.len()), (15, 1));
    assert!(!metadata.is_stale(now()) && metadata.is_stale(now() + 240.hours()));
    let models = Models::of(&metadata, &[], &[]);
    assert_eq!(models.name(MODEL), Some("Model 1"));
    for attestation in [Attestation::Required(models.clone()), Attestation::Preferred(models)] {
        let party = party(attestation);
        let registered = maker.register(&party, MODEL).unwrap();
        assert!(registered.attested);
        assert_eq!(registered.aaguid, Some(MODEL));
    }
}

#[test]
fn an_attested_key_that_stays_in_one_piece_is_aal3() {
    let (maker, publisher) = (Maker::new(MODEL), Publisher::new("mds.fidoalliance.org"));
    let list = publisher.publish(&maker, "FIDO_CERTIFIED_L1");
    let models = Models::of(&Metadata::read(&list, &publisher.root, now()).unwrap(), &[], &[]);
    let party = party(Attestation::Required(models));
    let begun = begin(&party, &[]);
    let attest = |signed: &[u8]| maker.attest(signed);
    let traits = Traits { aaguid: MODEL, ..Traits::default() };
    let (mut key, answer) =
        SoftwareAuthenticator::attested(ORIGIN, &begun.options, traits, Some(&attest));
    let credential = credential(party.finish_registration(answer, &begun.state).unwrap());
    let signed = sign(&party, &mut key, &credential).unwrap().authentication;
    assert_eq!(signed.aal, Aal::Aal3);
    assert!(signed.methods.contains(&Method::HardwareKey));
}

#[test]
fn a_newer_list_of_models_counts_from_now_on() {
    let (maker, publisher) = (Maker::new(MODEL), Publisher::new("mds.fidoalliance.org"));
    let list = publisher.publish(&maker, "FIDO_CERTIFIED_L1");
    let models = Models::of(&Metadata::read(&list, &publisher.root, now()).unwrap(), &[], &[]);
    let party = party(Attestation::Required(Models::default()));
    let refused = maker.register(&party, MODEL).unwrap_err();
    assert!(matches!(refused, RegistrationError::ModelRefused), "{refused:?}");
    party.ask_of_makers(Attestation::Required(models));
    maker.register(&party, MODEL).unwrap();
}

#[test]
fn a_touch_is_presence_and_not_an_authentication() {
    let party = party(Attestation::None);
    let (mut key, credential) = register(&party, Traits::default());
    key.traits.verifies = false;
    let mut touch = |credential: &Credential| {
        let begun = party.begin_touch(std::slice::from_ref(credential)).unwrap();
        let options = &begun.options["publicKey"];
        assert_eq!(options["userVerification"], "discouraged");
        assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1);
        (Assertion::read(key.get(ORIGIN, &begun.options)).unwrap(), begun.state)
    };
    let (answer, state) = touch(&credential);
    let touched = party.finish_touch(&answer, &state, &credential).unwrap();
    assert_eq!(touched.methods, [Method::SoftwareKey, Method::Presence]);
    let moved = Credential { public_part: touched.public_part, ..credential.clone() };
    let again = party.finish_touch(&answer, &state, &moved).unwrap_err();
    assert!(matches!(again, AuthenticationError::Counter), "its counter moved: {again:?}");
    let (answer, _) = touch(&moved);
    let other = party.finish_touch(&answer, &state, &moved).unwrap_err();
    assert!(matches!(other, AuthenticationError::Refused(_)), "another question: {other:?}");

    // Neither the question of a sign-in nor its check is content with it.
    let begun = party.begin_authentication(Mediation::Modal).unwrap();
    let answer = Assertion::read(key.get(ORIGIN, &begun.options)).unwrap();
    let refused = party.finish_authentication(&answer, &begun.state, &moved, now()).unwrap_err();
    assert!(matches!(refused, AuthenticationError::NotVerified), "{refused:?}");
}

#[test]
fn models_that_are_unknown_denied_or_broken_are_refused_where_a_model_is_required() {
    let (maker, publisher) = (Maker::new(MODEL), Publisher::new("mds.fidoalliance.org"));
    let read = |status: &str| {
        Metadata::read(&publisher.publish(&maker, status), &publisher.root, now()).unwrap()
    };
    let good = read("FIDO_CERTIFIED");
    let other = Uuid::from_u128(3);
    for models in [
        Models::of(&read("ATTESTATION_KEY_COMPROMISE"), &[], &[]),
        Models::of(&good, &[other], &[]),
        Models::of(&good, &[], &[MODEL]),
    ] {
        assert!(models.is_empty());
        let refused = maker.register(&party(Attestation::Required(models.clone())), MODEL);
        let refused = refused.unwrap_err();
        assert!(matches!(refused, RegistrationError::ModelRefused), "{refused:?}");
        let unknown = maker.register(&party(Attestation::Preferred(models)), MODEL).unwrap();
        assert!(!unknown.attested, "it is registered as unknown");
    }
    let party = party(Attestation::Required(Models::of(&good, &[], &[])));
    let stranger = Maker::new(MODEL).register(&party, MODEL).unwrap_err();
    assert!(matches!(stranger, RegistrationError::ModelRefused), "{stranger:?}");
    let begun = begin(&party, &[]);
    let (_, silent) = SoftwareAuthenticator::create(ORIGIN, &begun.options, Traits::default());
    let silent = party.finish_registration(silent, &begun.state).unwrap_err();
    assert!(matches!(silent, RegistrationError::ModelRefused), "{silent:?}");
}

#[test]
fn lists_of_models_need_the_right_signer() {
    let (maker, publisher) = (Maker::new(MODEL), Publisher::new("mds.fidoalliance.org"));
    let list = publisher.publish(&maker, "FIDO_CERTIFIED");
    let stranger = Publisher::new("mds.fidoalliance.org");
    let refused = Metadata::read(&list, &stranger.root, now()).unwrap_err();
    assert!(matches!(refused, MetadataError::Chain(_)), "{refused:?}");
    let misnamed = Publisher::new("evil.example");
    let refused =
        Metadata::read(&misnamed.publish(&maker, "FIDO_CERTIFIED"), &misnamed.root, now());
    assert!(matches!(refused, Err(MetadataError::Chain(_))));
    let (head, rest) = list.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let forged = format!("{head}.{}.{signature}", data_encoding::BASE64URL_NOPAD.encode(b"{}"));
    let refused = Metadata::read(&forged, &publisher.root, now()).unwrap_err();
    assert!(matches!(refused, MetadataError::Token(_)), "{refused:?}");
    assert!(matches!(Metadata::read(&list, b"no certificate", now()), Err(MetadataError::Root)));
    assert!(matches!(
        Metadata::read("a.b.c", &publisher.root, now()),
        Err(MetadataError::Token(_))
    ));
}
