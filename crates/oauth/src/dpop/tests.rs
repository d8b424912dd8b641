use serde_json::{Value, json};

use super::*;
use crate::jose::{Algorithm, SigningKey};
use imp_identity::Secret;

// RFC 9449 §5.1: a token request. iat is 1562262616.
const TOKEN_PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
// RFC 9449 §7.1: a request with an access token. iat is 1562262618.
const RESOURCE_PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
const ACCESS_TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

#[test]
fn the_proofs_of_rfc_9449_hold() {
    let expected = Expected {
        method: "POST",
        url: "https://server.example.com/token",
        access_token: None,
        nonces: None,
        now: at(1_562_262_616),
    };
    assert_eq!(verify(TOKEN_PROOF, &expected).unwrap().jkt.to_string(), JKT);
    let expected = Expected {
        method: "GET",
        url: "https://resource.example.org/protectedresource",
        access_token: Some(ACCESS_TOKEN),
        nonces: None,
        now: at(1_562_262_618),
    };
    assert_eq!(verify(RESOURCE_PROOF, &expected).unwrap().jkt.to_string(), JKT);
    assert_eq!(ath(ACCESS_TOKEN), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
    let other = Expected { access_token: Some("other"), ..expected };
    assert_eq!(verify(RESOURCE_PROOF, &other), Err(DpopError::AccessToken));
}

const URL: &str = "https://imp.example/oauth/token";

fn key() -> SigningKey {
    SigningKey::from_pkcs8(
        Algorithm::Es256,
        SigningKey::generate(Algorithm::Es256).unwrap().expose(),
    )
    .unwrap()
}

fn check(header: &Value, claims: &Value, nonces: Option<&NonceKey>) -> Result<Proof, DpopError> {
    let key = key();
    let mut full = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": key.public().to_json()});
    for (name, value) in header.as_object().unwrap() {
        full[name] = value.clone();
    }
    let mut body = json!({"jti": "1", "htm": "POST", "htu": URL, "iat": 1000});
    for (name, value) in claims.as_object().unwrap() {
        body[name] = value.clone();
    }
    let proof = key.sign_parts(&full, &body).unwrap();
    verify(
        &proof,
        &Expected { method: "POST", url: URL, access_token: None, nonces, now: at(1000) },
    )
}

#[test]
fn a_proof_counts_for_its_request_and_its_time_only() {
    check(&json!({}), &json!({}), None).unwrap();
    check(
        &json!({}),
        &json!({"htu": "HTTPS://imp.example:443/oauth/./token?x=1#y", "iat": 999.5}),
        None,
    )
    .unwrap();
    let other = key().public().to_json();
    for (header, claims, why) in [
        (json!({"typ": "JWT"}), json!({}), DpopError::Type),
        (json!({"typ": null}), json!({}), DpopError::Type),
        (json!({"jwk": null}), json!({}), DpopError::Key),
        (json!({"jwk": {"kty": "oct", "k": "AA"}}), json!({}), DpopError::Key),
        (json!({"jwk": other}), json!({}), DpopError::Token(JwsError::Signature)),
        (json!({"alg": "none"}), json!({}), DpopError::Token(JwsError::Algorithm)),
        (json!({"alg": "HS256"}), json!({}), DpopError::Token(JwsError::Algorithm)),
        (json!({"alg": "EdDSA"}), json!({}), DpopError::Token(JwsError::Signature)),
        (json!({"crit": ["x"]}), json!({}), DpopError::Token(JwsError::Critical)),
        (json!({}), json!({"htm": "GET"}), DpopError::Request),
        (json!({}), json!({"htm": "post"}), DpopError::Request),
        (json!({}), json!({"htu": "https://imp.example/oauth/tokens"}), DpopError::Request),
        (json!({}), json!({"htu": "/oauth/token"}), DpopError::Request),
        (json!({}), json!({"iat": 939}), DpopError::Time),
        (json!({}), json!({"iat": 1011}), DpopError::Time),
        (json!({}), json!({"iat": 1e300}), DpopError::Time),
        (json!({}), json!({"iat": Timestamp::MAX.as_second()}), DpopError::Time),
        (json!({}), json!({"iat": Timestamp::MIN.as_second()}), DpopError::Time),
        (json!({}), json!({"jti": ""}), DpopError::Jti),
        (json!({}), json!({"jti": "x".repeat(257)}), DpopError::Jti),
        (json!({}), json!({"htm": 1}), DpopError::Token(JwsError::Claims)),
    ] {
        assert_eq!(check(&header, &claims, None), Err(why), "{header} {claims}");
    }
}

#[test]
fn where_nonces_are_wanted_a_proof_needs_one() {
    let nonces = NonceKey::new(&Secret::new([7; 32]));
    assert_eq!(check(&json!({}), &json!({}), Some(&nonces)), Err(DpopError::Nonce));
    assert_eq!(check(&json!({}), &json!({"nonce": "x"}), Some(&nonces)), Err(DpopError::Nonce));
    check(&json!({}), &json!({"nonce": nonces.nonce(at(1000))}), Some(&nonces)).unwrap();
    assert_eq!(OAuthError::from(DpopError::Nonce).code, ErrorCode::UseDpopNonce);
}

#[test]
fn the_same_proof_has_the_same_name() {
    let one = check(&json!({}), &json!({}), None).unwrap();
    let two = check(&json!({}), &json!({}), None).unwrap();
    // Another key may use the same jti.
    assert_ne!(one.replay, two.replay);
    assert_eq!(one.until, at(1070));
}

proptest::proptest! {
    #[test]
    fn any_header_is_read_or_refused(text: String) {
        let expected = Expected { method: "POST", url: URL, access_token: None, nonces: None, now: at(0) };
        assert!(verify(&text, &expected).is_err());
    }
}
