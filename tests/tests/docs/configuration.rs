//! Every key that can be configured is explained.
use imp_tests::source_tree::root;

const PARTS: &[(&str, &[&str])] = &[
    (
        "imp-server/imp-server.example.toml",
        &["imp-server/src/config.rs", "crates/service/src/telemetry.rs"],
    ),
    (
        "imp-client/client.example.toml",
        &["imp-client/src/config.rs", "crates/service/src/telemetry.rs"],
    ),
];

#[test]
fn every_configuration_key_is_explained() {
    let page = std::fs::read_to_string(root().join("docs/reference/configuration.md")).unwrap();
    for (example, sources) in PARTS {
        assert!(page.contains(&format!("{{{{#include ../../{example}}}}}")), "{example}");
        let text = std::fs::read_to_string(root().join(example)).unwrap();
        let mut found = 0;
        for source in *sources {
            for key in keys(&std::fs::read_to_string(root().join(source)).unwrap()) {
                let explained = text.lines().any(|line| {
                    let line = line.trim_start_matches(['#', '!', ' ']);
                    line.starts_with(&format!("{key} =")) || line == format!("[{key}]")
                });
                assert!(explained, "{example} does not explain `{key}`");
                found += 1;
            }
        }
        assert!(found > 10, "only {found} keys were found");
    }
}

/// The fields of the structs that are read from a file.
fn keys(source: &str) -> Vec<&str> {
    let structs = source.split("#[derive(").skip(1).filter(|part| {
        part.split(")]").next().is_some_and(|derives| derives.contains("Deserialize"))
            && part.contains("pub struct")
    });
    structs
        .filter_map(|part| part.split("pub struct").nth(1)?.split("\n}").next())
        .flat_map(|body| {
            body.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split(':').next())
        })
        .collect()
}
