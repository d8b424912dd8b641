//! What strangers ask of OCSP.
#![no_main]
use imp_pki::ocsp::{MOST_CERTIFICATES, OcspRequest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(request) = OcspRequest::parse(bytes) else { return };
    assert!(!request.ids().is_empty() && request.ids().len() <= MOST_CERTIFICATES);
    for id in request.ids() {
        let _serial = (id.serial(), id.key());
    }
});
