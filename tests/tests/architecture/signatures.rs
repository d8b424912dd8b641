//! Where certificates are signed, each place with the event by which its certificates stand in the log. Whoever adds a place says
//! here how the log learns of it, and `tests/tests/machines/every_certificate.rs` asks each.
use std::collections::BTreeSet;

use imp_tests::source_tree::{files, shown};

/// What signs a certificate.
const SIGNS: &[&str] = &[
    ".issuer.issue(",
    "Issuer::root(",
    "root.issuing(",
    "root.cross_sign(",
    ".self_signed(",
    ".signed_by(&key",
];

/// The file, and what the log says.
const PLACES: &[(&str, &str)] = &[
    ("crates/pki/src/issuer.rs", "the signature itself: for the callers below"),
    ("crates/saml/src/key.rs", "none: SAML's keys stand in certificates that they sign themselves"),
    ("imp-server/src/ca.rs", "certificate-issued: workstations and phones"),
    ("imp-server/src/ca/devices.rs", "certificate-issued: devices"),
    ("imp-server/src/ca/directory.rs", "authority-made: the root and the first issuing authority"),
    ("imp-server/src/ca/listener.rs", "service-certificate-issued: the listeners"),
    ("imp-server/src/ca/ocsp.rs", "service-certificate-issued: who answers by OCSP"),
    ("imp-server/src/ca/rollover.rs", "authority-made: the next issuing authority"),
    ("imp-server/src/cli/ca.rs", "authority-cross-signed"),
];

#[test]
fn every_place_that_signs_a_certificate_is_known_with_its_event() {
    let mut found = BTreeSet::new();
    for folder in ["crates", "imp-server/src", "imp-client/src", "hardware/src"] {
        for path in files(folder) {
            let name = shown(&path);
            let is_test = ["/tests", "/testing", "/benches", "/fuzz"];
            let is_rust = path.extension().is_some_and(|it| it == "rs");
            if !is_rust || is_test.iter().any(|part| name.contains(part)) {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            if SIGNS.iter().any(|call| code.contains(call)) {
                found.insert(name);
            }
        }
    }
    let known: BTreeSet<String> = PLACES.iter().map(|(file, _)| (*file).to_owned()).collect();
    assert_eq!(found, known, "say in this file how the log learns of what is signed there");
    for (file, said) in PLACES.iter().filter(|(_, said)| !said.starts_with("the ")) {
        let event = said.split(':').next().unwrap_or_default();
        assert!(event == "none" || imp_events::catalogue::find(event).is_some(), "{file}: {event}");
    }
}
