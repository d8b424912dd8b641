//! What devices send to be enrolled: EST bodies, certificate requests, ACME's signed requests and what is in them.
#![no_main]
use imp_pki::CertificateRequest;

use imp_pki::acme::{NewOrder, Request};
use imp_pki::est;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(der) = est::decode(bytes) {
        assert_eq!(est::decode(est::encode(&der).as_bytes()).as_deref(), Ok(der.as_slice()));
        let _proven_or_refused = CertificateRequest::verify_device(&der);
    }
    let _proven_or_refused = CertificateRequest::verify(bytes);
    let _proven_or_refused = CertificateRequest::verify_device(bytes);
    let _read_or_refused = Request::parse(bytes);
    let _read_or_refused = NewOrder::parse(bytes);
});
