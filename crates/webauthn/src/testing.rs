//! An authenticator in software, and the browser in front of it: to test relying parties with. It answers as a browser's
//! `toJSON` does (WebAuthn L3 §5.1, §6.3).
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SystemRandom, fill};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use minicbor::Encoder;
use serde_json::{Value, json};
use uuid::Uuid;

/// What a [`SoftwareAuthenticator`] is like.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    /// The model that it names.
    pub aaguid: Uuid,
    /// Whether its credentials can be copied.
    pub backup_eligible: bool,
    /// Whether it verifies who holds it.
    pub verifies: bool,
    /// Whether it counts what it signs.
    pub counts: bool,
}

impl Default for Traits {
    /// Stays where it is, verifies, counts, and does not say what it is.
    fn default() -> Self {
        Self { aaguid: Uuid::nil(), backup_eligible: false, verifies: true, counts: true }
    }
}

/// One credential in software.
#[derive(Debug)]
pub struct SoftwareAuthenticator {
    /// What it is like; change it between two uses.
    pub traits: Traits,
    /// How much it has signed.
    pub counter: u32,
    pair: EcdsaKeyPair,
    handle: Vec<u8>,
    user: Vec<u8>,
}

/// Signs for a model in the name of its maker; the argument is authenticator data and the digest of the client data.
pub type Attest<'a> = &'a dyn Fn(&[u8]) -> AttestationStatement;

/// What a maker says of its model (WebAuthn L3 §8.2, packed).
#[derive(Clone, Debug)]
pub struct AttestationStatement {
    /// ECDSA over P-256 with SHA-256, in ASN.1.
    pub signature: Vec<u8>,
    /// The certificate of the key, in DER.
    pub certificate: Vec<u8>,
}

impl SoftwareAuthenticator {
    /// Registers a credential: `navigator.credentials.create` with these options on a page of `origin`.
    ///
    /// # Panics
    /// When the options are not of a registration.
    pub fn create(origin: &str, options: &Value, traits: Traits) -> (Self, Value) {
        Self::attested(origin, options, traits, None)
    }

    /// The same, with an attestation.
    ///
    /// # Panics
    /// When the options are not of a registration.
    #[expect(clippy::expect_used, reason = "for tests")]
    pub fn attested(
        origin: &str,
        options: &Value,
        traits: Traits,
        attest: Option<Attest<'_>>,
    ) -> (Self, Value) {
        let options = &options["publicKey"];
        let mut handle = vec![0; 32];
        fill(&mut handle).expect("randomness");
        let user = text(&options["user"]["id"]);
        let user = BASE64URL_NOPAD.decode(user.as_bytes()).expect("base64url");
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let new = Self { traits, counter: 0, pair, handle, user };
        let data = new.authenticator_data(text(&options["rp"]["id"]), true);
        let client = client_data("webauthn.create", origin, text(&options["challenge"]));
        let signed = [data.as_slice(), digest(&SHA256, client.as_bytes()).as_ref()].concat();
        let statement = attest.map(|attest| attest(&signed));
        let id = BASE64URL_NOPAD.encode(&new.handle);
        let answer = json!({
            "id": id, "rawId": id, "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": { "credProps": { "rk": true } },
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(client.as_bytes()),
                "attestationObject": BASE64URL_NOPAD.encode(&attestation_object(&data, statement)),
                "transports": ["internal"],
            },
        });
        (new, answer)
    }

    /// Signs: `navigator.credentials.get` with these options on a page of `origin`.
    ///
    /// # Panics
    /// When the options are not of an authentication.
    #[expect(clippy::expect_used, reason = "for tests")]
    pub fn get(&mut self, origin: &str, options: &Value) -> Value {
        let options = &options["publicKey"];
        if self.traits.counts {
            self.counter += 1;
        }
        let data = self.authenticator_data(text(&options["rpId"]), false);
        let client = client_data("webauthn.get", origin, text(&options["challenge"]));
        let signed = [data.as_slice(), digest(&SHA256, client.as_bytes()).as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).expect("a signature");
        let id = BASE64URL_NOPAD.encode(&self.handle);
        json!({
            "id": id, "rawId": id, "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(client.as_bytes()),
                "authenticatorData": BASE64URL_NOPAD.encode(&data),
                "signature": BASE64URL_NOPAD.encode(signature.as_ref()),
                "userHandle": BASE64URL_NOPAD.encode(&self.user),
            },
        })
    }

    /// Says that the credential is somebody else's.
    pub fn pretend(&mut self, user: Uuid) {
        self.user = user.as_bytes().to_vec();
    }

    /// Authenticator data (WebAuthn L3 §6.1), with the credential at its registration.
    fn authenticator_data(&self, rp_id: &str, registration: bool) -> Vec<u8> {
        let mut data = digest(&SHA256, rp_id.as_bytes()).as_ref().to_vec();
        let flag = |set: bool, bit: u8| u8::from(set) << bit;
        data.push(
            flag(true, 0)
                | flag(self.traits.verifies, 2)
                | flag(self.traits.backup_eligible, 3)
                | flag(self.traits.backup_eligible, 4)
                | flag(registration, 6),
        );
        data.extend(self.counter.to_be_bytes());
        if registration {
            data.extend(self.traits.aaguid.as_bytes());
            data.extend(u16::try_from(self.handle.len()).unwrap_or(u16::MAX).to_be_bytes());
            data.extend(&self.handle);
            data.extend(self.cose_key());
        }
        data
    }

    /// The public key (RFC 9053 §7.1.1), in the order of CTAP2's canonical CBOR.
    #[expect(clippy::expect_used, reason = "writing to a vector cannot fail")]
    fn cose_key(&self) -> Vec<u8> {
        let point = self.pair.public_key().as_ref();
        let mut encoder = Encoder::new(vec![]);
        let written = encoder.map(5).and_then(|e| {
            e.i8(1)?.i8(2)?.i8(3)?.i8(-7)?.i8(-1)?.i8(1)?;
            e.i8(-2)?.bytes(&point[1..33])?.i8(-3)?.bytes(&point[33..65])
        });
        written.expect("CBOR");
        encoder.into_writer()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What the browser says of the page (WebAuthn L3 §5.8.1).
fn client_data(kind: &str, origin: &str, challenge: &str) -> String {
    json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false })
        .to_string()
}

#[expect(clippy::expect_used, reason = "writing to a vector cannot fail")]
fn attestation_object(data: &[u8], statement: Option<AttestationStatement>) -> Vec<u8> {
    let mut encoder = Encoder::new(vec![]);
    encoder.map(3).and_then(|e| e.str("fmt")).expect("CBOR");
    match statement {
        None => {
            encoder.str("none").and_then(|e| e.str("attStmt")?.map(0)).expect("CBOR");
        }
        Some(AttestationStatement { signature, certificate }) => {
            let written = encoder.str("packed").and_then(|e| {
                e.str("attStmt")?.map(3)?.str("alg")?.i8(-7)?;
                e.str("sig")?.bytes(&signature)?.str("x5c")?.array(1)?.bytes(&certificate)
            });
            written.expect("CBOR");
        }
    }
    encoder.str("authData").and_then(|e| e.bytes(data)).expect("CBOR");
    encoder.into_writer()
}
