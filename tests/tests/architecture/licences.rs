//! Every licence of what we depend upon is one that `deny.toml` allows.
use imp_tests::source_tree;

use super::dependencies::metadata;

#[test]
fn every_dependency_has_a_permissive_licence() {
    let text = std::fs::read_to_string(source_tree::root().join("deny.toml")).unwrap();
    let deny: toml::Table = text.parse().unwrap();
    let allowed: Vec<&str> =
        deny["licenses"]["allow"].as_array().unwrap().iter().filter_map(|l| l.as_str()).collect();
    let refused: Vec<String> = metadata()
        .packages
        .iter()
        .filter_map(|package| {
            let licence = package.license.as_deref().unwrap_or("none");
            let allowed = [allowed.as_slice(), &excepted(&deny, &package.name)].concat();
            (!permits(licence, &allowed)).then(|| format!("{}: {licence}", package.name))
        })
        .collect();
    assert_eq!(refused, Vec::<String>::new());
}

#[test]
fn licence_expressions_are_read_as_spdx_means_them() {
    let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"];
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("MIT AND GPL-3.0-only", false),
        ("GPL-3.0-only/MIT", true),
        ("ISC AND (GPL-2.0-only OR MIT)", true),
        ("ISC AND (GPL-2.0-only OR Apache-2.0)", false),
        ("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only", true),
        ("none", false),
    ] {
        assert_eq!(permits(expression, &allowed), expected, "{expression}");
    }
}

/// The licences that `deny.toml` allows for one package alone.
fn excepted<'a>(deny: &'a toml::Table, package: &str) -> Vec<&'a str> {
    let exceptions = deny["licenses"]["exceptions"].as_array().into_iter().flatten();
    let of_package = exceptions.filter(|exception| exception["crate"].as_str() == Some(package));
    of_package
        .flat_map(|exception| exception["allow"].as_array().into_iter().flatten())
        .filter_map(|licence| licence.as_str())
        .collect()
}

/// Whether an SPDX expression can be met with `allowed` licences alone.
fn permits(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let permitted = any(&mut rest, allowed);
    permitted && rest.is_empty()
}

fn any(rest: &mut &[&str], allowed: &[&str]) -> bool {
    let mut permitted = all(rest, allowed);
    while rest.first() == Some(&"OR") {
        *rest = &rest[1..];
        permitted |= all(rest, allowed);
    }
    permitted
}

fn all(rest: &mut &[&str], allowed: &[&str]) -> bool {
    let mut permitted = one(rest, allowed);
    while rest.first() == Some(&"AND") {
        *rest = &rest[1..];
        permitted &= one(rest, allowed);
    }
    permitted
}

fn one(rest: &mut &[&str], allowed: &[&str]) -> bool {
    let Some((first, after)) = rest.split_first() else { return false };
    *rest = after;
    if *first == "(" {
        let permitted = any(rest, allowed);
        *rest = rest.get(1..).unwrap_or_default();
        return permitted;
    }
    let mut licence = (*first).to_owned();
    if let ["WITH", exception, ..] = *rest {
        licence = format!("{licence} WITH {exception}");
        *rest = &rest[2..];
    }
    allowed.contains(&licence.as_str())
}
