//! What the connection policy is made of: MUD files, tables, documents, signed copies.
#![no_main]
use imp_connection::{Endpoint, Mud, MudMeaning, Policy, SignedPolicy, csv};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(mud) = Mud::parse(bytes) {
        let device: Endpoint = "class:infusion-pump".parse().expect("an endpoint");
        let _import = mud.rules(&MudMeaning::of(device));
    }
    let _read_or_refused = SignedPolicy::parse(bytes);
    if let Ok(policy) = Policy::parse(bytes) {
        let again = Policy::parse(policy.document().as_bytes()).expect("it reads what it writes");
        assert_eq!(again.digest(), policy.digest());
        let rules = csv::read(&csv::write(&policy)).expect("it reads the table that it writes");
        assert_eq!(rules.len(), policy.rules().len());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _read_or_refused = csv::read(text);
    }
});
