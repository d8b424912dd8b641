//! Everybody who may ask: people of each role, machines, applications, receivers, and nobody.
use std::path::PathBuf;
use std::process::Command;

use imp_identity::user::Role;
use imp_tests::process;
use serde_json::{Value, json};

use crate::foreign::house::{House, person};
use crate::foreign::openid::machine;
use crate::foreign::scim::provisioning_token;

/// By what the server knows who asks.
pub(super) enum Shows {
    Header(&'static str, String),
    /// A certificate and its key, in PEM.
    Certificate(PathBuf, PathBuf),
}

/// Somebody who asks.
pub(super) struct Caller {
    pub(super) name: &'static str,
    pub(super) shows: Shows,
    /// The schemes of the contract that are meant for such a caller; "" where none is needed.
    pub(super) schemes: &'static [&'static str],
    /// Whether to ask as much as there is time for.
    pub(super) everything: bool,
}

/// All of them.
pub(super) async fn all(house: &House) -> Vec<Caller> {
    let bearer = |token: &str| Shows::Header("Authorization", format!("Bearer {token}"));
    let caller = |name, shows, schemes| Caller { name, shows, schemes, everything: false };
    let administrator = Caller {
        name: "administrator",
        shows: bearer(&house.token),
        schemes: &["", "person", "machine", "client", "receiver"],
        everything: true,
    };
    let auditor = token_of(house, "arthur", Role::Auditor).await;
    let officer = token_of(house, "olga", Role::Officer).await;
    let folder = house.folder.path();
    machine(house).await;
    let workstation = Shows::Certificate(folder.join("machine.pem"), folder.join("machine.key"));
    let receiver = json!({ "name": "Watcher", "kinds": ["session-established"] });
    let receiver = house.ask("/v1/receivers", Some(receiver)).await;
    vec![
        caller("receiver", bearer(receiver["token"].as_str().unwrap()), &["receiver"]),
        caller("application", bearer(&provisioning_token(house).await), &["client"]),
        caller("workstation", workstation, &["machine"]),
        caller("device", device(house).await, &["machine"]),
        // As a page of our own asks: else browsers' routes refuse before they read anything.
        caller("nobody", Shows::Header("Origin", house.issuer()), &[""]),
        caller("auditor", bearer(&auditor), &["person"]),
        caller("officer", bearer(&officer), &["person"]),
        administrator,
    ]
}

async fn token_of(house: &House, name: &str, role: Role) -> String {
    let user = house.ask("/v1/users", Some(json!(person(name, role)))).await;
    let path = format!("/v1/users/{}/sign-in-code", user["id"].as_str().unwrap());
    let code = house.ask(&path, Some(json!({}))).await["code"].clone();
    let signed_in = house.ask("/v1/sign-in", Some(json!({ "code": code }))).await;
    signed_in["token"].as_str().unwrap().to_owned()
}

/// A device with a key that OpenSSL made, which a technician enrolled with a one-time code.
async fn device(house: &House) -> Shows {
    let folder = house.folder.path();
    let (key, request) = (folder.join("device.key"), folder.join("device.csr"));
    let mut command = Command::new("openssl");
    command.args(["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    command.args(["-nodes", "-subj", "/CN=pump", "-outform", "DER", "-keyout"]).arg(&key);
    command.arg("-out").arg(&request);
    assert_eq!(process::run(&mut command).unwrap().code, Some(0));
    let described = json!({ "name": "Analyser 7", "class": "analyser" });
    let device = house.ask("/v1/devices", Some(described)).await;
    let path = format!("/v1/devices/{}/invitation", device["id"].as_str().unwrap());
    let invited = house.ask(&path, Some(Value::Null)).await;
    let body = imp_api::Base64::from(std::fs::read(request).unwrap());
    let body = json!({ "code": invited["code"], "certificate_request": body });
    let enrolled = house.ask("/v1/devices/enrolment", Some(body)).await;
    let chain: Vec<imp_api::Base64> =
        serde_json::from_value(enrolled["certificate_chain"].clone()).unwrap();
    let pem = |der: &imp_api::Base64| {
        let text = data_encoding::BASE64_MIME.encode(&der.0);
        format!("-----BEGIN CERTIFICATE-----\r\n{text}-----END CERTIFICATE-----\r\n")
    };
    let certificate = folder.join("device.pem");
    std::fs::write(&certificate, chain.iter().map(pem).collect::<String>()).unwrap();
    Shows::Certificate(certificate, key)
}
