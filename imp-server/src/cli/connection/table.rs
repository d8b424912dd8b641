//! Files of rules.
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use imp_connection::{MAX_BYTES, Policy, Rule, csv};

use crate::cli::output::{Failure, failure};

/// Reads the rules of a file: a document when it begins as JSON does, else a table.
pub(super) fn read(file: &Path) -> Result<Vec<Rule>, Failure> {
    let text = text(file)?;
    if text.trim_start().starts_with('{') {
        return Ok(Policy::parse(text.as_bytes())?.rules().to_vec());
    }
    Ok(csv::read(&text)?)
}

/// The text of a file, or of stdin for `-`.
pub(super) fn text(file: &Path) -> Result<String, Failure> {
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    let mut text = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin().take(most).read_to_string(&mut text)?;
    } else {
        let named = |error| failure(format!("{} cannot be read: {error}", file.display()));
        let opened = std::fs::File::open(file).map_err(named)?;
        opened.take(most).read_to_string(&mut text).map_err(named)?;
    }
    Ok(text)
}

/// The rules of a policy with others; one of the same name is replaced.
pub(super) fn added(policy: &Policy, rules: Vec<Rule>) -> Vec<Rule> {
    let all = policy.rules().iter().cloned().chain(rules);
    let by_name: BTreeMap<_, _> = all.map(|rule| (rule.id.clone(), rule)).collect();
    by_name.into_values().collect()
}
