//! Debian's Apache before pages: `mod_auth_openidc` and `mod_auth_mellon`, as people install them, and a browser that visits.
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use imp_tests::process::{self, Running};
use serde_json::json;

use super::house::{House, certificate, free_port, shots, template};

const PAGE: &str = "<!doctype html><title>Protected</title><p>You are <strong id=\"user\"><!--#echo var=\"REMOTE_USER\" --></strong>";

/// A folder in which Apache's own account can read.
fn open_to_all(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The base64 within PEM.
fn inside(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}

fn write(folder: &Path, name: &str, filled: &[(&str, &str)]) {
    let text = template(&format!("apache/{name}"));
    let text = filled.iter().fold(text, |text, (key, value)| text.replace(key, value));
    assert!(!text.contains("\"@") && !text.contains(" @"), "{text}");
    fs::write(folder.join(name), text).unwrap();
}

/// Waits until somebody listens.
fn await_port(port: u16, running: &mut Running, folder: &Path) {
    let connected = process::eventually(process::PATIENCE, || {
        if !running.is_running() {
            let log = fs::read_to_string(folder.join("error.log")).unwrap_or_default();
            panic!("Apache ended: {}\n{log}", running.said());
        }
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    assert!(connected.is_some(), "Apache does not listen");
}

#[tokio::test(flavor = "multi_thread")]
async fn apache_lets_in_whom_the_server_knows_by_openid_and_by_saml() {
    let house = House::open().await;
    let folder = house.folder.path().join("apache");
    open_to_all(house.folder.path());
    for made in [&folder, &folder.join("pages/openid"), &folder.join("pages/saml")] {
        open_to_all(made);
    }
    for page in ["openid/index.shtml", "saml/index.shtml"] {
        fs::write(folder.join("pages").join(page), PAGE).unwrap();
    }
    fs::write(folder.join("pages/bye.html"), "<!doctype html><title>Bye</title><h1>Bye</h1>")
        .unwrap();
    certificate(&folder, "apache");
    certificate(&folder, "sp");
    fs::write(folder.join("root.pem"), fs::read(house.root()).unwrap()).unwrap();

    let (port, plain) = (free_port(), free_port());
    let apache = format!("https://localhost:{port}");
    let client = house
        .register(&json!({
            "client_name": "Apache",
            "redirect_uris": [format!("{apache}/openid/redirect")],
            "post_logout_redirect_uris": [format!("{apache}/bye.html")],
            "backchannel_logout_uri": format!("http://127.0.0.1:{plain}/openid/redirect?logout=backchannel"),
            "scope": "openid profile",
        }))
        .await;
    let pem = fs::read_to_string(folder.join("sp.pem")).unwrap();
    let port_text = port.to_string();
    let plain_text = plain.to_string();
    let names =
        [("@PORT@", &*port_text), ("@PLAIN@", &plain_text), ("@CERTIFICATE@", &inside(&pem))];
    write(&folder, "sp.xml", &names);
    let sp = folder.join("sp.xml");
    let sp = sp.to_str().unwrap();
    house.command_line(&["saml", "add", "Apache by SAML", "--metadata", sp]);
    let metadata =
        house.http.get(format!("{}/saml/metadata", house.server.url())).send().await.unwrap();
    fs::write(folder.join("idp.xml"), metadata.text().await.unwrap()).unwrap();

    // Apache does not serve as root; who is not root cannot become somebody else.
    let account =
        if rustix::process::geteuid().is_root() { "User www-data\nGroup www-data" } else { "" };
    let filled = [
        ("@FOLDER@", folder.to_str().unwrap()),
        ("@USER@", account),
        ("@PORT@", &port_text),
        ("@PLAIN@", &plain_text),
        ("@ISSUER@", &house.issuer()),
        ("@CLIENT@", client["client_id"].as_str().unwrap()),
        ("@SECRET@", client["client_secret"].as_str().unwrap()),
        ("@PASSPHRASE@", "of this test alone"),
    ];
    let filled = filled.map(|(key, value)| {
        (key, if key == "@PASSPHRASE@" { format!("\"{value}\"") } else { value.to_owned() })
    });
    let filled: Vec<(&str, &str)> =
        filled.iter().map(|(key, value)| (*key, value.as_str())).collect();
    write(&folder, "apache2.conf", &filled);
    let mut command = Command::new("/usr/sbin/apache2");
    command.arg("-DFOREGROUND").arg("-f").arg(folder.join("apache2.conf"));
    let mut running = Running::start("apache2", &mut command).unwrap();
    await_port(port, &mut running, &folder);

    let code = house.nurse("nurse").await;
    let settings =
        json!({ "apache": apache, "code": code, "username": "nurse", "shots": shots("apache") });
    let log = || fs::read_to_string(folder.join("error.log")).unwrap_or_default();
    house.run_explained("apache.mjs", &settings, 6, log).await;
    running.stop().unwrap();
}
