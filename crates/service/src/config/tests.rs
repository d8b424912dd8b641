use super::*;
use serde::Deserialize;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Example {
    name: String,
    http: Http,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Http {
    port: u16,
    names: Vec<String>,
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = written("name = 'ward'\n[http]\nport = 1\n");
    let env = [("IMP_X__HTTP__PORT", "7"), ("IMP_X__HTTP__NAMES", "['a', 'b']"), ("PATH", "/bin")];
    let config: Example = load(Some(file.path()), "IMP_X", variables(&env)).unwrap();
    let http = Http { port: 7, names: vec!["a".to_owned(), "b".to_owned()] };
    assert_eq!(config, Example { name: "ward".to_owned(), http });
    assert_eq!(load::<Example>(None, "IMP_X", variables(&[])).unwrap(), Example::default());
}

#[test]
fn an_unknown_key_is_refused_with_file_line_and_what_is_expected() {
    let file = written("name = 'ward'\n[http]\nprot = 1\n");
    let error = load::<Example>(Some(file.path()), "IMP_X", variables(&[])).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&format!("{}:3: `prot`", file.path().display())), "{text}");
    assert!(text.contains("unknown field `prot`") && text.contains("`port`"), "{text}");
}

#[test]
fn a_wrong_value_is_refused_with_its_key() {
    let file = written("[http]\nport = 'many'\n");
    let error = load::<Example>(Some(file.path()), "IMP_X", variables(&[])).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(":2: `port`") && text.contains("u16"), "{text}");
}

#[test]
fn a_wrong_variable_is_named() {
    for (variable, value) in [("IMP_X__HTTP__PORT", "many"), ("IMP_X__HTTP__PROT", "1")] {
        let env = variables(&[("IMP_X__NAME", "ward"), (variable, value)]);
        let error = load::<Example>(None, "IMP_X", env).unwrap_err();
        assert!(error.to_string().contains(&format!("{variable}: ")), "{error}");
    }
    let error = load::<Example>(None, "IMP_X", variables(&[("IMP_X__", "1")])).unwrap_err();
    assert!(error.to_string().contains("SECTION__KEY"), "{error}");
}

#[test]
fn what_is_wrong_in_the_file_is_told_with_its_line_whatever_the_environment_says() {
    let file = written("\n[http]\nport = 'many'\n");
    let env = variables(&[("IMP_X__NAME", "ward")]);
    let error = load::<Example>(Some(file.path()), "IMP_X", env).unwrap_err();
    assert!(matches!(error, ConfigError::File { line: 3, .. }), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = load::<Example>(Some(Path::new("/nowhere/imp.toml")), "IMP_X", variables(&[]));
    assert!(error.unwrap_err().to_string().contains("/nowhere/imp.toml"));
}

fn variables(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> + use<> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>().into_iter()
}

fn written(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}
