//! Reads `tests/data/x509-limbo`.
use data_encoding::{BASE64, HEXLOWER};
use imp_tests::source_tree;
use jiff::Timestamp;
use serde_json::Value;

/// One path, and what must become of it.
pub(super) struct Case {
    pub(super) id: String,
    /// Whether a server shows it, or a client.
    pub(super) by_server: bool,
    /// Whether its usages allow that a client shows it.
    pub(super) for_clients: bool,
    /// Whether it must be accepted.
    pub(super) good: bool,
    /// What a verifier may leave out, says the suite: it must have none of these for sure.
    pub(super) features: Vec<String>,
    pub(super) at: Timestamp,
    /// The server's name, or its address.
    pub(super) name: Option<String>,
    pub(super) roots: Vec<Vec<u8>>,
    pub(super) issuers: Vec<Vec<u8>>,
    pub(super) leaf: Vec<u8>,
}

impl Case {
    pub(super) fn needs(&self, feature: &str) -> bool {
        self.features.iter().any(|it| it == feature)
    }

    /// The leaf, then the issuers.
    pub(super) fn chain(&self) -> Vec<Vec<u8>> {
        std::iter::once(self.leaf.clone()).chain(self.issuers.iter().cloned()).collect()
    }
}

pub(super) fn digest() -> String {
    HEXLOWER.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &packed()).as_ref())
}

pub(super) fn cases() -> Vec<Case> {
    let text = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&packed(), 1 << 23);
    let values: Vec<Value> = serde_json::from_slice(&text.unwrap()).unwrap();
    values.iter().map(case).collect()
}

fn packed() -> Vec<u8> {
    std::fs::read(source_tree::root().join("tests/data/x509-limbo/limbo.json.zlib")).unwrap()
}

fn case(value: &Value) -> Case {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    let list = |name: &str| -> Vec<String> {
        let items = value[name].as_array().unwrap().iter();
        items.map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    let der = |name: &str| {
        list(name).iter().map(|text| BASE64.decode(text.as_bytes()).unwrap()).collect()
    };
    // Cases without a time are good for a thousand years.
    let at = text("at").unwrap_or_else(|| "2026-11-02T07:00:00Z".to_owned());
    Case {
        id: text("id").unwrap(),
        by_server: value["kind"] == "SERVER",
        for_clients: value["client"] == true,
        good: value["expected"] == "SUCCESS",
        features: list("features"),
        at: at.parse().unwrap(),
        name: text("name"),
        roots: der("roots"),
        issuers: der("issuers"),
        leaf: BASE64.decode(text("leaf").unwrap().as_bytes()).unwrap(),
    }
}
