//! Who may use whom.
use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};
use imp_tests::source_tree;

const ALLOWED: &[(&str, &[&str])] = &[
    ("imp-identity", &[]),
    ("imp-leaving", &[]),
    ("imp-models", &[]),
    ("imp-storage", &[]),
    ("imp-translog", &[]),
    ("imp-authenticator", &["imp-identity"]),
    ("imp-events", &["imp-identity"]),
    ("imp-pki", &["imp-identity"]),
    ("imp-api", &["imp-identity"]),
    ("imp-access", &["imp-identity"]),
    ("imp-connection", &["imp-identity"]),
    ("imp-message", &["imp-identity"]),
    ("imp-ldap", &["imp-identity"]),
    ("imp-oauth", &["imp-identity"]),
    ("imp-saml", &["imp-identity"]),
    ("imp-scim", &["imp-identity"]),
    ("imp-webauthn", &["imp-identity"]),
    ("imp-delivery", &["imp-identity", "imp-events"]),
    ("imp-review", &["imp-identity", "imp-events"]),
    ("imp-biometrics", &["imp-identity", "imp-models"]),
    ("imp-rendering", &["imp-biometrics"]),
    ("imp-evaluation", &["imp-models", "imp-biometrics", "imp-rendering"]),
    ("imp-hardware", &["imp-identity", "imp-authenticator"]),
    ("imp-socket", &["imp-identity"]),
    (
        "imp-phone",
        &["imp-identity", "imp-authenticator", "imp-hardware", "imp-api", "imp-translog"],
    ),
    (
        "imp-phone-bindings",
        &[
            "imp-identity",
            "imp-authenticator",
            "imp-hardware",
            "imp-api",
            "imp-translog",
            "imp-phone",
        ],
    ),
    ("imp-service", &["imp-identity", "imp-api"]),
    ("pam-imp", &[]),
    ("imp-window", &["imp-identity", "imp-socket"]),
    (
        "imp-client",
        &[
            "imp-identity",
            "imp-authenticator",
            "imp-api",
            "imp-biometrics",
            "imp-connection",
            "imp-evaluation",
            "imp-hardware",
            "imp-leaving",
            "imp-message",
            "imp-models",
            "imp-rendering",
            "imp-service",
            "imp-socket",
            "imp-translog",
        ],
    ),
    (
        "imp-server",
        &[
            "imp-identity",
            "imp-authenticator",
            "imp-pki",
            "imp-api",
            "imp-storage",
            "imp-service",
            "imp-events",
            "imp-translog",
            "imp-delivery",
            "imp-review",
            "imp-access",
            "imp-connection",
            "imp-ldap",
            "imp-oauth",
            "imp-saml",
            "imp-scim",
            "imp-webauthn",
        ],
    ),
];

/// What the workspace depends on, without asking the network.
pub(super) fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(source_tree::root().join("Cargo.toml"))
        .other_options(["--offline", "--locked", "--filter-platform=host-tuple"].map(str::to_owned))
        .exec()
        .unwrap()
}

#[test]
fn packages_use_only_what_the_architecture_allows() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let ours: BTreeSet<&str> =
        metadata.workspace_packages().iter().map(|package| package.name.as_str()).collect();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        if name == "imp-tests" {
            continue;
        }
        let may = allowed.get(name).unwrap_or_else(|| panic!("{name} has no line in the table"));
        // What only tests use does not end up in a program.
        let built =
            package.dependencies.iter().filter(|used| used.kind != DependencyKind::Development);
        for used in built {
            let used = used.name.as_str();
            assert!(
                !ours.contains(used) || used == name || may.contains(&used),
                "{name} may not use {used}"
            );
        }
    }
}

#[test]
fn the_table_is_the_one_in_the_documentation() {
    let page = std::fs::read_to_string(source_tree::root().join("docs/architecture.md")).unwrap();
    for (package, may) in ALLOWED {
        let shown = if may.is_empty() {
            "nothing of ours".to_owned()
        } else {
            may.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        };
        let row = format!("| `{package}` | {shown} |");
        assert!(page.contains(&row), "docs/architecture.md lacks: {row}");
    }
}

#[test]
fn the_server_cannot_look_at_a_face() {
    let metadata = metadata();
    let reached = closure(&metadata, "imp-server");
    for eye in ["imp-biometrics", "imp-models", "imp-hardware", "tract-onnx", "opencv", "image"] {
        assert!(!reached.contains(eye), "imp-server reaches {eye}");
    }
    // The same walk does find what is there, so the assertion above can fail.
    assert!(closure(&metadata, "imp-client").contains("tract-onnx"));
}

#[test]
fn what_only_asks_the_agent_stays_small() {
    let metadata = metadata();
    for package in ["imp-socket", "imp-window"] {
        let reached = closure(&metadata, package);
        for heavy in
            ["imp-biometrics", "imp-hardware", "imp-api", "tract-onnx", "reqwest", "rustls"]
        {
            assert!(!reached.contains(heavy), "{package} reaches {heavy}");
        }
    }
    assert!(closure(&metadata, "imp-window").contains("imp-socket"));
    // It runs in `sudo`: nothing that starts threads or speaks with networks.
    let in_sudo = closure(&metadata, "pam-imp");
    for heavy in ["imp-socket", "tokio", "rustls", "tracing", "jiff", "tract-onnx"] {
        assert!(!in_sudo.contains(heavy), "pam-imp reaches {heavy}");
    }
}

/// Every package that ends up in a build of `name`: without dev-dependencies.
fn closure(metadata: &Metadata, name: &str) -> BTreeSet<String> {
    let nodes: BTreeMap<&PackageId, _> =
        metadata.resolve.as_ref().unwrap().nodes.iter().map(|node| (&node.id, node)).collect();
    let start = metadata.workspace_packages().into_iter().find(|p| p.name.as_str() == name);
    let mut open = vec![&start.unwrap().id];
    let mut seen: BTreeSet<&PackageId> = open.iter().copied().collect();
    while let Some(id) = open.pop() {
        for used in &nodes[id].deps {
            let builds = used.dep_kinds.iter().any(|k| k.kind != DependencyKind::Development);
            if builds && seen.insert(&used.pkg) {
                open.push(&used.pkg);
            }
        }
    }
    seen.into_iter().map(|id| metadata[id].name.to_string()).collect()
}
