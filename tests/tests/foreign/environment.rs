//! The environment itself.
use std::path::Path;

use imp_tests::{node, python, source_tree};

#[test]
fn every_foreign_package_is_there_in_its_pinned_version() {
    let verdict = python::script("environment.py", &[], b"hello").unwrap();
    assert!(verdict.accepted, "run tests/setup/python.sh; wrong are:\n{}", verdict.said);
}

#[test]
fn a_script_that_rejects_is_told_from_one_that_fails() {
    assert!(!python::script("environment.py", &[], b"goodbye").unwrap().accepted);
    let broken = python::script("no-such-script.py", &[], b"").unwrap_err();
    assert!(matches!(broken, python::PythonError::Broken { .. }), "{broken}");
}

#[test]
fn every_node_package_is_there_in_its_pinned_version() {
    let output = node::command("environment.mjs").unwrap().output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "run tests/setup/node.sh; it said:\n{said}");
    let pinned = source_tree::root().join("tests/foreign/node/package.json");
    let pinned: serde_json::Value =
        serde_json::from_slice(&std::fs::read(pinned).unwrap()).unwrap();
    for (name, version) in pinned["dependencies"].as_object().unwrap() {
        let line = format!("{name} {}", version.as_str().unwrap());
        assert!(
            said.lines().any(|found| found == line),
            "run tests/setup/node.sh: no `{line}` in\n{said}"
        );
    }
}

#[test]
fn every_foreign_program_is_there() {
    let programs = [
        ("/usr/sbin/apache2", "apache2-bin"),
        ("/usr/lib/apache2/modules/mod_auth_openidc.so", "libapache2-mod-auth-openidc"),
        ("/usr/lib/apache2/modules/mod_auth_mellon.so", "libapache2-mod-auth-mellon"),
        ("/usr/bin/chromium", "chromium"),
        ("/usr/bin/xmlsec1", "xmlsec1"),
        ("/usr/sbin/slapd", "slapd"),
        ("/usr/bin/pki", "strongswan-pki"),
        ("/usr/lib/ipsec/plugins/libstrongswan-curl.so", "libstrongswan-extra-plugins"),
        ("/usr/bin/curl", "curl"),
        ("/usr/bin/certtool", "gnutls-bin"),
        ("/usr/bin/softhsm2-util", "softhsm2"),
        ("/usr/bin/dehydrated", "dehydrated"),
        ("/usr/bin/lego", "lego"),
        ("/usr/bin/Xvfb", "xvfb"),
        ("/usr/bin/xdotool", "xdotool"),
        ("/usr/bin/java", "openjdk-17-jre-headless"),
        ("/usr/share/java/jna.jar", "libjna-java"),
    ];
    for (path, package) in programs {
        assert!(Path::new(path).exists(), "no {path}: run tests/setup/debian.sh test ({package})");
    }
}
