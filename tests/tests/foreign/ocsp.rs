//! Others ask which certificates count: `openssl ocsp`, `openssl verify -crl_check`, `GnuTLS`'s `ocsptool` and `certtool`, and curl
//! as a cache would.
use imp_identity::device::{CertificateRevocation, DeviceClass};
use imp_server::command::DeviceChange;
use imp_tests::process::Finished;

use super::pki::{Invited, Pki};

/// A house with two devices that have certificates: `good.pem` and `bad.pem`.
async fn house() -> (Pki, [Invited; 2]) {
    let pki = Pki::open(|config| config.devices.crl_partitions = 2).await;
    pki.authorities();
    let mut devices = vec![];
    for name in ["good", "bad"] {
        let device = pki.device(name, DeviceClass::Gateway).await;
        pki.request(name, &[]);
        let credential = format!("{name}:{}", device.code);
        let (status, said) = pki.enrol("simpleenroll", name, &["--user", &credential]);
        assert_eq!(status, 200, "{said}");
        devices.push(device);
    }
    let devices = devices.try_into().unwrap_or_else(|_| panic!("two devices"));
    (pki, devices)
}

/// What `openssl ocsp` says of a certificate.
fn asked(pki: &Pki, more: &[&str]) -> String {
    let url = format!("{}/ocsp", pki.publication);
    let mut arguments = vec!["ocsp", "-issuer", "issuing.pem", "-CAfile", "root.pem"];
    arguments.extend(["-verify_other", "issuing.pem", "-url", &url]);
    arguments.extend(more);
    let Finished { code, stdout, stderr } = pki.run("openssl", &arguments);
    let said = format!("{stdout}{stderr}");
    assert_eq!(code, Some(0), "{said}");
    said
}

/// What `GnuTLS` says of a certificate.
fn asked_gnutls(pki: &Pki, name: &str) -> String {
    let url = format!("--ask={}/ocsp", pki.publication);
    let certificate = format!("{name}.pem");
    let mut arguments = vec![url.as_str(), "--load-issuer", "issuing.pem"];
    arguments.extend(["--load-cert", &certificate, "--load-trust", "issuing.pem"]);
    let Finished { stdout, stderr, .. } = pki.run("ocsptool", &arguments);
    format!("{stdout}{stderr}")
}

/// The list that a certificate names, from where it says.
fn list_of(pki: &Pki, name: &str) {
    let certificate = format!("{name}.pem");
    let text = pki.done("openssl", &["x509", "-in", &certificate, "-noout", "-text"]);
    let list = text
        .split_whitespace()
        .find_map(|word| word.strip_prefix("URI:").filter(|url| url.contains("/crl/")));
    fetch(pki, list.expect("the certificate names its list"), name);
}

fn fetch(pki: &Pki, url: &str, name: &str) {
    let (der, pem) = (format!("{name}.crl"), format!("{name}.crl.pem"));
    pki.done("curl", &["--silent", "--show-error", "--fail", "--output", &der, url]);
    pki.done("openssl", &["crl", "-inform", "der", "-in", &der, "-out", &pem]);
}

/// Whether `openssl verify` believes a certificate beside its list.
fn counts(pki: &Pki, name: &str) -> (bool, String) {
    let (list, certificate) = (format!("{name}.crl.pem"), format!("{name}.pem"));
    let arguments = ["verify", "-crl_check", "-CAfile", "root.pem", "-untrusted", "issuing.pem"];
    let arguments = [&arguments[..], &["-CRLfile", &list, &certificate]].concat();
    let Finished { code, stdout, stderr } = pki.run("openssl", &arguments);
    (code == Some(0), format!("{stdout}{stderr}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_and_gnutls_are_told_how_a_certificate_stands_from_the_next_answer_on() {
    let (pki, [_, device]) = house().await;
    for hash in ["-sha1", "-sha256"] {
        let said = asked(&pki, &[hash, "-cert", "good.pem", "-cert", "bad.pem"]);
        assert!(said.contains("Response verify OK"), "{said}");
        assert!(said.contains("good.pem: good") && said.contains("bad.pem: good"), "{said}");
        assert!(!said.contains("no nonce"), "{said}");
    }
    // Signed before, and kept.
    for _ in 0..2 {
        let said = asked(&pki, &["-no_nonce", "-cert", "bad.pem"]);
        assert!(said.contains("Response verify OK") && said.contains("bad.pem: good"), "{said}");
    }
    let said = asked_gnutls(&pki, "bad");
    assert!(said.contains("Certificate Status: good"), "{said}");
    let said = asked(&pki, &["-serial", "0x4242424242424242"]);
    assert!(said.contains("unknown"), "{said}");

    pki.change(device.id, DeviceChange::Suspend).await;
    let said = asked(&pki, &["-no_nonce", "-cert", "bad.pem"]);
    assert!(said.contains("bad.pem: revoked") && said.contains("certificateHold"), "{said}");
    pki.change(device.id, DeviceChange::Reinstate).await;
    let said = asked(&pki, &["-no_nonce", "-cert", "bad.pem"]);
    assert!(said.contains("bad.pem: good"), "{said}");
    pki.revoke("bad.pem", CertificateRevocation::KeyCompromise).await;
    for nonce in [&["-no_nonce"][..], &[]] {
        let said = asked(&pki, &[nonce, &["-cert", "bad.pem"]].concat());
        assert!(said.contains("Response verify OK"), "{said}");
        assert!(said.contains("bad.pem: revoked") && said.contains("keyCompromise"), "{said}");
    }
    let said = asked_gnutls(&pki, "bad");
    assert!(said.contains("Certificate Status: revoked"), "{said}");
    let said = asked(&pki, &["-no_nonce", "-cert", "good.pem"]);
    assert!(said.contains("good.pem: good"), "{said}");
    pki.house.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_and_gnutls_believe_the_lists() {
    let (pki, [_, device]) = house().await;
    for name in ["good", "bad"] {
        list_of(&pki, name);
        let (believed, said) = counts(&pki, name);
        assert!(believed, "{said}");
    }
    pki.change(device.id, DeviceChange::Retire).await;
    for (name, expected) in [("good", true), ("bad", false)] {
        list_of(&pki, name);
        let (believed, said) = counts(&pki, name);
        assert_eq!(believed, expected, "{said}");
        assert!(expected || said.contains("certificate revoked"), "{said}");
        let list = format!("{name}.crl.pem");
        let verify = ["--verify-crl", "--load-ca-certificate", "issuing.pem", "--infile", &list];
        let said = pki.done("certtool", &verify);
        assert!(said.contains("Verified."), "{said}");
    }
    // The whole list, which names both partitions' certificates.
    let issuing =
        pki.done("openssl", &["x509", "-in", "issuing.pem", "-noout", "-fingerprint", "-sha256"]);
    let digest = issuing.trim().rsplit('=').next().unwrap().replace(':', "").to_lowercase();
    let whole = format!("{}/crl/{}.crl", pki.publication, &digest[..16]);
    fetch(&pki, &whole, "whole");
    let text = pki.done("openssl", &["crl", "-in", "whole.crl.pem", "-noout", "-text"]);
    assert!(text.to_lowercase().contains(&pki.serial("bad.pem")), "{text}");
    assert!(text.contains("Cessation Of Operation"), "{text}");
    let authority = format!("{}/ca/{}.cer", pki.publication, &digest[..16]);
    pki.done("curl", &["--silent", "--fail", "--output", "issuing.cer", &authority]);
    let same = pki.done("openssl", &["x509", "-inform", "der", "-in", "issuing.cer"]);
    assert!(pki.read("issuing.pem").contains(same.lines().nth(1).unwrap()), "{same}");
    let strange = format!("{}/crl/0000000000000000.crl", pki.publication);
    let refused = pki.run("curl", &["--silent", "--fail", "--output", "strange", &strange]);
    assert_ne!(refused.code, Some(0));
    pki.house.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn caches_are_told_how_long_an_answer_counts() {
    let (pki, _) = house().await;
    let question = ["ocsp", "-issuer", "issuing.pem", "-cert", "good.pem", "-no_nonce"];
    pki.done("openssl", &[&question[..], &["-reqout", "question.der"]].concat());
    let encoded = pki.done("openssl", &["base64", "-A", "-in", "question.der"]);
    let escaped = encoded.trim().replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let url = format!("{}/ocsp/{escaped}", pki.publication);
    let heads = |more: &[&str]| {
        let arguments = ["--silent", "--dump-header", "-", "--output", "answer.der"];
        pki.done("curl", &[&arguments[..], more].concat()).to_lowercase()
    };
    let said = heads(&[&url]);
    assert!(said.contains(" 200 ") && said.contains("application/ocsp-response"), "{said}");
    for head in ["cache-control: max-age=", "etag: ", "expires: ", "last-modified: "] {
        assert!(said.contains(head), "{head}: {said}");
    }
    let judged = ["ocsp", "-respin", "answer.der", "-reqin", "question.der"];
    let trust = ["-CAfile", "root.pem", "-verify_other", "issuing.pem", "-issuer", "issuing.pem"];
    let verdict = pki.done("openssl", &[&judged[..], &trust].concat());
    assert!(verdict.contains("Response verify OK"), "{verdict}");
    let tag = said.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let known = format!("If-None-Match: {tag}");
    let said = heads(&["--header", &known, &url]);
    assert!(said.contains(" 304 "), "{said}");
    let posted = [
        "--header",
        "Content-Type: application/ocsp-request",
        "--data-binary",
        "@question.der",
        &format!("{}/ocsp", pki.publication),
    ];
    assert!(heads(&posted).contains("cache-control: no-store"));
    // What cannot be read is answered as OCSP says it, and kept by nobody.
    let said = heads(&[&format!("{}/ocsp/bm9uc2Vuc2U=", pki.publication)]);
    assert!(said.contains(" 200 ") && said.contains("no-store"), "{said}");
    let verdict = pki.run("openssl", &["ocsp", "-respin", "answer.der"]);
    let verdict = format!("{}{}", verdict.stdout, verdict.stderr);
    assert!(verdict.contains("malformedrequest (1)"), "{verdict}");
    pki.house.server.stop().await.unwrap();
}
