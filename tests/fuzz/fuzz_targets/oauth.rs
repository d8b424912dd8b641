//! What applications and strangers send to the OpenID provider.
#![no_main]
use std::sync::LazyLock;

use imp_oauth::Form;
use imp_oauth::authorize::{ClaimsRequest, validate};
use imp_oauth::client::{Metadata, Presented};
use imp_oauth::introspect::TokenQuestion;
use imp_oauth::jose::Compact;
use imp_oauth::logout::LogoutRequest;
use imp_oauth::token::TokenRequest;
use libfuzzer_sys::fuzz_target;

static CLIENT: LazyLock<Metadata> = LazyLock::new(|| {
    let text = br#"{"client_name": "a", "redirect_uris": ["https://a.example/"], "scope": "openid profile"}"#;
    Metadata::parse(text).expect("metadata")
});

fuzz_target!(|bytes: &[u8]| {
    // What is taken as registered can be stored and read back.
    if let Ok(metadata) = Metadata::parse(bytes) {
        let stored = serde_json::to_vec(&metadata).expect("JSON");
        assert_eq!(Metadata::parse(&stored).expect("the same"), metadata);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _read_or_refused = Compact::parse(text);
        let _read_or_refused = ClaimsRequest::parse(text);
        let _read_or_refused = Presented::read(&Form::default(), Some(text));
    }
    let Ok(form) = Form::parse(bytes) else { return };
    let id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("an identifier");
    let _taken_or_refused = validate(&form, id, &CLIENT, "https://imp.example");
    let _read_or_refused = TokenRequest::parse(&form);
    let _read_or_refused = Presented::read(&form, None);
    let _read_or_refused = TokenQuestion::parse(&form);
    let _read_or_refused = LogoutRequest::parse(&form);
});
