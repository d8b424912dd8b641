//! Cookies of one server.
use std::collections::BTreeMap;

/// They are all of one host, so that only the rules that a browser applies when it takes one matter here.
#[derive(Debug, Default)]
pub(super) struct Jar(BTreeMap<String, String>);

impl Jar {
    /// Takes a cookie as a browser does: one with the prefix `__Host-` that is not of this host alone is dropped
    /// (RFC 6265bis §4.1.3.2).
    pub(super) fn take(&mut self, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie");
        let attributes: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
        let has = |attribute: &str| attributes.iter().any(|own| own == attribute);
        let host = has("secure")
            && has("path=/")
            && !attributes.iter().any(|own| own.starts_with("domain"));
        assert!(!name.starts_with("__Host-") || host, "a browser would drop {name}");
        if has("max-age=0") {
            self.0.remove(name);
        } else {
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    /// `Cookie`.
    pub(super) fn header(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    pub(super) fn has(&self, prefix: &str) -> bool {
        self.0.keys().any(|name| name.starts_with(prefix))
    }
}
