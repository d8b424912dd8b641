//! Configuration: defaults, then one TOML file, then the environment.
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// Largest configuration file that is read, in bytes.
pub const LARGEST_FILE: u64 = 1024 * 1024;

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be opened or read.
    #[error("the configuration file {} cannot be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is larger than [`LARGEST_FILE`].
    #[error("the configuration file {} is larger than {LARGEST_FILE} bytes", .0.display())]
    TooLarge(PathBuf),
    /// The file is not TOML, or says something that is not expected.
    #[error("{}:{line}: {key}{message}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key in backquotes with a colon, or nothing.
        key: String,
        /// What is wrong, and what is expected.
        message: String,
    },
    /// An environment variable says something that is not expected.
    #[error("environment variable {variable}: {message}")]
    Environment {
        /// The variable, or the variables.
        variable: String,
        /// What is wrong, and what is expected.
        message: String,
    },
}

/// Reads the configuration: `T`'s defaults, overridden by `file`, overridden by variables such as
/// `<env_prefix>__HTTP__LISTEN` for the key `listen` in the table `http`.
///
/// A variable's value is read as TOML when it is a number, a truth value, an array, a table or a quoted string, and
/// as text otherwise. `T` refuses unknown keys if it says `#[serde(deny_unknown_fields)]`, as all of ours do.
pub fn load<T: DeserializeOwned + Default>(
    file: Option<&Path>,
    env_prefix: &str,
    env: impl Iterator<Item = (String, String)>,
) -> Result<T, ConfigError> {
    let overrides = overrides(env_prefix, env)?;
    let Some(path) = file else {
        return if overrides.is_empty() {
            Ok(T::default())
        } else {
            with_overrides(&Table::new(), &overrides)
        };
    };
    let text = read(path)?;
    if overrides.is_empty() {
        return toml::from_str(&text).map_err(|error| in_file(path, &text, &error));
    }
    let table = toml::from_str(&text).map_err(|error| in_file(path, &text, &error))?;
    with_overrides(&table, &overrides).map_err(|error| {
        // What is wrong in the file itself is told with its line.
        match toml::from_str::<T>(&text) {
            Err(in_the_file) => in_file(path, &text, &in_the_file),
            Ok(_) => error,
        }
    })
}

struct Override {
    variable: String,
    path: Vec<String>,
    value: Value,
}

fn overrides(
    prefix: &str,
    env: impl Iterator<Item = (String, String)>,
) -> Result<Vec<Override>, ConfigError> {
    let prefix = format!("{prefix}__");
    let mut overrides = vec![];
    for (variable, text) in env {
        let Some(rest) = variable.strip_prefix(&prefix) else { continue };
        let path: Vec<_> = rest.split("__").map(str::to_ascii_lowercase).collect();
        if path.iter().any(String::is_empty) {
            let message = format!("a name such as {prefix}SECTION__KEY is expected");
            return Err(ConfigError::Environment { variable, message });
        }
        overrides.push(Override { value: value(&text), variable, path });
    }
    overrides.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(overrides)
}

/// Reads one value as TOML, or as text.
fn value(text: &str) -> Value {
    let parsed = toml::from_str::<Table>(&format!("value = {text}")).ok();
    let parsed = parsed.filter(|table| table.len() == 1).and_then(|mut t| t.remove("value"));
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn with_overrides<T: DeserializeOwned>(
    file: &Table,
    overrides: &[Override],
) -> Result<T, ConfigError> {
    let error = match merged(file, overrides.iter())?.try_into::<T>() {
        Ok(config) => return Ok(config),
        Err(error) => error,
    };
    // The variable without which it would be right is the one that is wrong.
    let culprit = overrides.iter().find(|culprit| {
        let others = overrides.iter().filter(|other| other.path != culprit.path);
        merged(file, others).is_ok_and(|table| table.try_into::<T>().is_ok())
    });
    let variable = match culprit {
        Some(culprit) => culprit.variable.clone(),
        None => overrides.iter().map(|o| o.variable.as_str()).collect::<Vec<_>>().join(", "),
    };
    Err(ConfigError::Environment { variable, message: one_line(&error.to_string()) })
}

fn merged<'a>(
    file: &Table,
    overrides: impl Iterator<Item = &'a Override>,
) -> Result<Table, ConfigError> {
    let mut table = file.clone();
    for Override { variable, path, value } in overrides {
        let Some((key, sections)) = path.split_last() else { continue };
        let mut section = &mut table;
        for name in sections {
            let entry = section.entry(name).or_insert_with(|| Value::Table(Table::new()));
            section = entry.as_table_mut().ok_or_else(|| ConfigError::Environment {
                variable: variable.clone(),
                message: format!("`{name}` is not a section"),
            })?;
        }
        section.insert(key.clone(), value.clone());
    }
    Ok(table)
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > LARGEST_FILE {
        return Err(ConfigError::TooLarge(path.to_owned()));
    }
    std::fs::read_to_string(path).map_err(failed)
}

/// Names the line and its key, but never the value: it may be a secret.
fn in_file(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
    let key = text.lines().nth(line - 1).and_then(|line| line.split_once('='));
    let key = key.map_or_else(String::new, |(key, _)| format!("`{}`: ", key.trim()));
    ConfigError::File { path: path.to_owned(), line, key, message: one_line(error.message()) }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
