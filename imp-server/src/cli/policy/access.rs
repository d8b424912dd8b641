//! `policy check`, `policy test`, `policy schema`, `policy write`: the authorization policies. They need no database.
use std::path::{Path, PathBuf};

use imp_access::{Access, Cases, Operation, run_cases, uncovered};

use crate::access::{self, Policies};
use crate::cli::output::{self, Failure, failure};
use crate::config::Config;

/// Reads and checks the policies of a folder.
pub(super) fn check(folder: &Path) -> Result<(), Failure> {
    let (access, _) = read(&Policies::read(folder)?)?;
    let (count, digest) = (access.policies(), access.digest());
    Ok(output::line(format!("{count} policies, no fault; SHA-256 {digest}"))?)
}

/// Asks every case of a folder, of the configured one, or of what is shipped; and names the operations without any.
pub(super) fn test(config: &Config, folder: Option<PathBuf>) -> Result<(), Failure> {
    let policies = match folder.or_else(|| config.access.policies.clone()) {
        Some(folder) => Policies::read(&folder)?,
        None => Policies::shipped(),
    };
    let (access, operations) = read(&policies)?;
    let cases = Cases::read(&policies.cases)?;
    let outcomes = run_cases(&access, &cases)?;
    let wrong: Vec<_> = outcomes.iter().filter(|outcome| !outcome.holds()).collect();
    for outcome in &wrong {
        output::line(format!("WRONG  {outcome}"))?;
    }
    let missing = uncovered(&operations, &cases);
    for operation in &missing {
        output::line(format!("MISSING  {operation} in any case"))?;
    }
    let (asked, held) = (outcomes.len(), outcomes.len() - wrong.len());
    output::line(format!("{held} of {asked} cases hold; {} operations", operations.len()))?;
    if wrong.is_empty() && missing.is_empty() {
        Ok(())
    } else {
        Err(failure("the policies do not do what their cases say".to_owned()))
    }
}

/// Prints the schema that policies are checked against.
pub(super) fn schema() -> Result<(), Failure> {
    let access = Access::load(&operations()?, &[])?;
    Ok(output::line(access.schema())?)
}

/// Writes the shipped policies and cases into a folder, to be edited.
pub(super) fn write(folder: &Path) -> Result<(), Failure> {
    Policies::shipped().write(folder)?;
    Ok(output::line(format!(
        "wrote the shipped policies; set access.policies to {}",
        folder.display()
    ))?)
}

fn read(policies: &Policies) -> Result<(Access, Vec<Operation>), Failure> {
    let operations = operations()?;
    Ok((Access::load(&operations, &policies.policies)?, operations))
}

fn operations() -> Result<Vec<Operation>, Failure> {
    Ok(access::operations(&crate::http::router::contract())?)
}
