#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| imp_translog::fuzz::trees(bytes));
