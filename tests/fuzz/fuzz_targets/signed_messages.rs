//! What a gateway is sent: frames, MLLP, signatures.
#![no_main]
use imp_message::fuzz::{frames, mllp, texts};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    frames(bytes);
    mllp(bytes);
    texts(bytes);
});
