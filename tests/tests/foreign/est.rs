//! Others' clients enrol by EST (RFC 7030): curl with openssl, and strongSwan's `pki`.
use imp_identity::device::DeviceClass;
use imp_server::command::DeviceChange;
use imp_tests::process::{self, Finished};

use super::pki::Pki;

#[tokio::test(flavor = "multi_thread")]
async fn curl_and_openssl_enrol_and_renew() {
    let pki = Pki::open(|_| ()).await;
    pki.authorities();
    let (status, list) = pki.curl("cacerts", &[]);
    assert_eq!(status, 200);
    std::fs::write(pki.file("list.b64"), list).unwrap();
    pki.done("openssl", &["base64", "-d", "-A", "-in", "list.b64", "-out", "list.p7"]);
    let read = ["pkcs7", "-inform", "der", "-in", "list.p7", "-print_certs"];
    let listed = pki.done("openssl", &read);
    assert_eq!(listed.matches("BEGIN CERTIFICATE").count(), 2, "{listed}");

    let device = pki.device("gw-7", DeviceClass::Gateway).await;
    let own = "DNS:gw-7.hospital.example";
    pki.request("first", &[own]);
    let credential = format!("gw-7:{}", device.code);
    let (status, _) = pki.enrol("simpleenroll", "first", &[]);
    assert_eq!(status, 401, "nothing was shown");
    let (status, said) =
        pki.enrol("simpleenroll", "first", &["--user", "gw-8:7XK2M-00000-11111-22222"]);
    assert_eq!(status, 401, "{said}");
    let (status, said) = pki.enrol("simpleenroll", "first", &["--user", &credential]);
    assert_eq!(status, 200, "{said}");
    verified(&pki, "first.pem");
    let text = pki.done("openssl", &["x509", "-in", "first.pem", "-noout", "-text"]);
    for words in [own, &format!("/device/{}", device.id), "OCSP - URI", "CRL Distribution Points"] {
        assert!(text.contains(words), "{words}: {text}");
    }

    // The next one, with another key, by showing this one.
    let shown = ["--cert", "first.pem", "--key", "first.key"];
    pki.request("second", &[own]);
    let (status, said) = pki.enrol("simplereenroll", "second", &shown);
    assert_eq!(status, 200, "{said}");
    verified(&pki, "second.pem");
    let (status, said) = pki.enrol("client/simplereenroll", "second", &shown);
    assert_eq!(status, 200, "a profile: {said}");
    pki.request("greedy", &[own, "DNS:other.hospital.example"]);
    let (status, said) = pki.enrol("simplereenroll", "greedy", &shown);
    assert_eq!(status, 403, "{said}");
    let (status, _) = pki.enrol("simplereenroll", "second", &["--user", &credential]);
    assert_eq!(status, 403, "a renewal needs a certificate");
    let (status, attributes) = pki.curl("csrattrs", &shown);
    assert_eq!(status, 200);
    std::fs::write(pki.file("attributes.b64"), attributes).unwrap();
    pki.done("openssl", &["base64", "-d", "-A", "-in", "attributes.b64", "-out", "attributes"]);
    let attributes = pki.done("openssl", &["asn1parse", "-inform", "der", "-in", "attributes"]);
    assert!(attributes.contains("prime256v1"), "{attributes}");
    for operation in ["fullcmc", "serverkeygen"] {
        assert_eq!(pki.enrol(operation, "second", &shown).0, 501, "{operation}");
    }
    let refusals = pki.refusals().await;
    for word in ["code-invalid", "other-names", "certificate-needed"] {
        assert!(refusals.iter().any(|refused| refused == word), "{word}: {refusals:?}");
    }

    // Out of use at once.
    pki.change(device.id, DeviceChange::Suspend).await;
    let (status, said) = pki.enrol("simplereenroll", "second", &shown);
    assert_eq!(status, 403, "{said}");
    pki.house.server.stop().await.unwrap();
}

/// A root and, below it, the certificate of a device: files `<name>-root.pem`, `<name>.pem` and `<name>.key`.
fn manufactured(pki: &Pki, name: &str, serial: &str) {
    let (root, key) = (format!("{name}-root.pem"), format!("{name}-root.key"));
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let subject = format!("/O={name}/CN={name} devices");
    let mut arguments = vec!["req", "-x509", "-days", "30", "-subj", &subject];
    arguments.extend(curve);
    arguments.extend(["-keyout", &key, "-out", &root]);
    pki.done("openssl", &arguments);
    let (subject, request) = (format!("/O={name}/serialNumber={serial}"), format!("{name}.csr"));
    let own = format!("{name}.key");
    let mut arguments = vec!["req", "-new", "-subj", &subject, "-keyout", &own, "-out", &request];
    arguments.extend(curve);
    pki.done("openssl", &arguments);
    let (certificate, serials) = (format!("{name}.pem"), format!("{name}.srl"));
    let mut arguments = vec!["x509", "-req", "-in", &request, "-CA", &root, "-CAkey", &key];
    // A file of extensions makes it version 3.
    std::fs::write(pki.file("v3"), "keyUsage=critical,digitalSignature\n").unwrap();
    arguments.extend(["-CAserial", &serials, "-CAcreateserial", "-days", "30", "-extfile", "v3"]);
    arguments.extend(["-out", &certificate]);
    pki.done("openssl", &arguments);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manufacturers_certificate_is_the_first_credential_of_its_own_devices_only() {
    // The roots must be there before the server starts: another house makes them.
    let maker = Pki::open(|_| ()).await;
    for (name, serial) in [("acme", "gw-9"), ("other", "gw-9"), ("stranger", "gw-9")] {
        manufactured(&maker, name, serial);
    }
    let roots = ["acme", "other"].map(|name| maker.file(&format!("{name}-root.pem")));
    let pki = Pki::open(|config| {
        let names = ["Acme", "Other"].map(str::to_owned);
        config.est.manufacturers = names.into_iter().zip(roots).collect();
    })
    .await;
    pki.authorities();
    pki.device("gw-9", DeviceClass::Gateway).await;
    pki.request("first", &["DNS:gw-9.hospital.example"]);
    let shown = |name: &str| {
        ["pem", "key"].map(|kind| maker.file(&format!("{name}.{kind}")).display().to_string())
    };
    let [certificate, key] = shown("acme");
    let (status, said) =
        pki.enrol("simpleenroll", "first", &["--cert", &certificate, "--key", &key]);
    assert_eq!(status, 200, "{said}");
    verified(&pki, "first.pem");
    let (status, _) =
        pki.enrol("simplereenroll", "first", &["--cert", &certificate, "--key", &key]);
    assert_eq!(status, 403, "only our own certificate is renewed");
    // The same number, of another manufacturer; and of one that nobody knows.
    let [certificate, key] = shown("other");
    let (status, said) =
        pki.enrol("simpleenroll", "first", &["--cert", &certificate, "--key", &key]);
    assert_eq!(status, 403, "{said}");
    let [certificate, key] = shown("stranger");
    let refused = pki.run(
        "curl",
        &[
            "--silent",
            "--show-error",
            "--insecure",
            "--cert",
            &certificate,
            "--key",
            &key,
            &format!("{}/.well-known/est/csrattrs", pki.est),
        ],
    );
    assert_ne!(refused.code, Some(0), "{}", refused.stderr);
    for word in ["not-in-inventory", "certificate-needed", "unknown-issuer"] {
        pki.is_refused(word).await;
    }
    // The main listener believes none of them.
    let refused = pki.run(
        "curl",
        &[
            "--silent",
            "--show-error",
            "--insecure",
            "--cert",
            &shown("acme")[0],
            "--key",
            &shown("acme")[1],
            &format!("{}/v1/health", pki.house.issuer()),
        ],
    );
    assert_ne!(refused.code, Some(0), "{}{}", refused.stdout, refused.stderr);
    pki.house.server.stop().await.unwrap();
    maker.house.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn strongswan_enrols_and_renews() {
    let pki = Pki::open(|_| ()).await;
    pki.authorities();
    let root = pki.file("root.pem").display().to_string();
    let shown = ["--url", &pki.est, "--cacert", &root];
    let arguments = [&["--estca"], &shown[..], &["--caout", "ca.pem", "--outform", "pem"]].concat();
    let said = pki.done("pki", &arguments);
    assert!(said.contains("IMP root") && said.contains("IMP issuing"), "{said}");

    let device = pki.device("gw-8", DeviceClass::Gateway).await;
    pki.request("first", &["DNS:gw-8.hospital.example"]);
    pki.request("second", &["DNS:gw-8.hospital.example"]);
    let credential = format!("{}:{}", device.id, device.code);
    let asked = ["--est", "--in", "first.der", "--outform", "pem", "--userpass", &credential];
    let Finished { code, stdout, stderr } = pki.run("pki", &[&asked[..], &shown].concat());
    assert_eq!(code, Some(0), "{stderr}");
    std::fs::write(pki.file("first.pem"), stdout).unwrap();
    verified(&pki, "first.pem");
    let asked = ["--est", "--in", "second.der", "--outform", "pem", "--cert", "first.pem"];
    let asked = [&asked[..], &["--key", "first.key"], &shown].concat();
    let Finished { code, stdout, stderr } = pki.run("pki", &asked);
    assert_eq!(code, Some(0), "{stderr}");
    std::fs::write(pki.file("second.pem"), stdout).unwrap();
    verified(&pki, "second.pem");
    pki.house.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn strongswan_waits_for_the_approval_of_a_second_person() {
    let pki = Pki::open(|config| config.est.retry_seconds = 1).await;
    pki.authorities();
    let root = pki.file("root.pem").display().to_string();
    let device = pki.device("pump-1", DeviceClass::InfusionPump).await;
    pki.request("pump", &[]);
    let credential = format!("{}:{}", device.id, device.code);
    let mut asked = vec!["--est", "--url", &pki.est, "--cacert", &root, "--in", "pump.der"];
    asked.extend(["--outform", "pem", "--userpass", &credential]);
    asked.extend(["--interval", "1", "--maxpolltime", "50"]);
    let mut command = pki.command("pki", &asked);
    let waiting = tokio::task::spawn_blocking(move || process::run(&mut command));
    pki.approve().await;
    let waited = waiting.await.unwrap().unwrap();
    assert_eq!(waited.code, Some(0), "{}", waited.stderr);
    std::fs::write(pki.file("pump.pem"), waited.stdout).unwrap();
    verified(&pki, "pump.pem");
    pki.house.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_enrols_over_an_older_tls() {
    let pki = Pki::open(|_| ()).await;
    let address = pki.est.trim_start_matches("https://");
    for (version, accepted) in [("-tls1_3", true), ("-tls1_2", false)] {
        let finished = pki.run("openssl", &["s_client", "-connect", address, version, "-brief"]);
        assert_eq!(finished.code == Some(0), accepted, "{version}: {}", finished.stderr);
    }
    pki.house.server.stop().await.unwrap();
}

/// Two implementations agree that the certificate leads to the root.
fn verified(pki: &Pki, certificate: &str) {
    let chain = ["-CAfile", "root.pem", "-untrusted", "issuing.pem", certificate];
    let purpose = ["-purpose", "sslclient"];
    pki.done("openssl", &[&["verify", "-x509_strict"], &purpose[..], &chain].concat());
    let whole = [certificate, "issuing.pem"].map(|name| pki.read(name)).concat();
    std::fs::write(pki.file("chain.pem"), whole).unwrap();
    let trusted = ["--verify", "--load-ca-certificate", "root.pem", "--infile", "chain.pem"];
    let said = pki.done("certtool", &trusted);
    assert!(said.contains("Verified. The certificate is trusted."), "{said}");
}
