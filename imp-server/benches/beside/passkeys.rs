//! How many assertions of passkeys one core verifies in a second. The authenticator in software signs beforehand.
use std::time::{Duration, Instant};

use imp_identity::clock::SystemClock;
use imp_identity::credential::Credential;
use imp_identity::{Clock as _, CredentialId, UserId};
use imp_webauthn::testing::{SoftwareAuthenticator, Traits};
use imp_webauthn::{Assertion, Attestation, Authenticator, Mediation, Registrant, RelyingParty};
use url::Url;
use uuid::Uuid;

use super::Failure;

const ORIGIN: &str = "https://id.hospital.example";
/// Signed before they are verified.
const BATCH: usize = 200;

/// Prints the rate.
pub(super) fn run(time: Duration) -> Result<(), Failure> {
    let party = RelyingParty::new(&Url::parse(ORIGIN)?, Attestation::None);
    let (username, display_name) = ("ada".parse()?, "Ada".parse()?);
    let user = UserId::from(Uuid::from_u128(7));
    let who = Registrant { user, username: &username, display_name: &display_name, existing: &[] };
    let begun = party.begin_registration(who, Authenticator::Any)?;
    let (mut key, answer) =
        SoftwareAuthenticator::create(ORIGIN, &begun.options, Traits::default());
    let registered = party.finish_registration(answer, &begun.state)?;
    let now = SystemClock.now();
    let mut credential = Credential {
        id: CredentialId::from(Uuid::from_u128(1)),
        user,
        handle: registered.handle,
        name: "Key".parse()?,
        kind: registered.kind,
        aaguid: registered.aaguid,
        attested: registered.attested,
        public_part: registered.public_part,
        registered_at: now,
        used_at: None,
    };
    let (mut verified, mut took) = (0_u32, Duration::ZERO);
    while took < time {
        let mut signed = Vec::with_capacity(BATCH);
        for _ in 0..BATCH {
            let begun = party.begin_authentication(Mediation::Modal)?;
            signed.push((Assertion::read(key.get(ORIGIN, &begun.options))?, begun.state));
        }
        let start = Instant::now();
        for (answer, state) in &signed {
            let proven = party.finish_authentication(answer, state, &credential, now)?;
            credential.public_part = proven.public_part;
            verified += 1;
        }
        took += start.elapsed();
    }
    println!(
        "WebAuthn assertions verified  {:>8.0} /s on one core",
        f64::from(verified) / took.as_secs_f64()
    );
    Ok(())
}
