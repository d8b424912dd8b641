//! What the server accepts of a browser's authenticator, verified by @simplewebauthn/server and by python-fido2.
use imp_tests::python;
use serde_json::json;

use super::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn two_foreign_verifiers_accept_what_we_accept_and_nothing_altered() {
    let house = House::open().await;
    let ceremonies = house.folder.path().join("ceremonies.json");
    let code = house.nurse("nurse").await;
    let settings = json!({ "issuer": house.issuer(), "code": code, "ceremonies": ceremonies });
    house.run("webauthn.mjs", &settings, 3).await;
    let document = std::fs::read(&ceremonies).unwrap();
    let verdict = python::script("fido.py", &[], &document).unwrap();
    assert!(verdict.accepted, "python-fido2 refuses: {}", verdict.said);
    let verdict = python::script("fido.py", &["altered"], &document).unwrap();
    assert!(!verdict.accepted, "python-fido2 takes anything: {}", verdict.said);
}
