//! Taking people over from the configured directory: reading, planning, carrying out.
use imp_identity::Actor;
use imp_ldap::{Found, Plan, PlanError, ReadError, Settings};
use imp_storage::StorageError;

use crate::app::{self, App};
use crate::command::{self, Imported};
use crate::config::{DirectoryError, credentials};

/// Nothing was taken over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// There is nothing to take over.
    #[error("no directory is configured: see [directory.ldap] in imp-server.example.toml")]
    None,
    /// See the source.
    #[error("the configuration of the directory cannot be used")]
    Config(#[from] DirectoryError),
    /// See the source.
    #[error("the directory was not read")]
    Read(#[from] ReadError),
    /// See the source.
    #[error("nothing was taken over")]
    Plan(#[from] PlanError),
    /// See the source.
    #[error("could not store what was taken over")]
    Storage(#[from] StorageError),
}

/// What is in the directory, and what that changes here.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// What is to be done.
    pub(crate) plan: Plan,
    /// What was read; the people are in the plan.
    pub(crate) found: Found,
}

/// Reads the directory and plans; changes nothing.
pub(crate) async fn prepare(app: &App) -> Result<Prepared, ImportError> {
    let settings = settings(app)?;
    let mut found = imp_ldap::read(settings, &credentials(settings)?).await?;
    let known = command::known_people(&app.storage).await?;
    let people = std::mem::take(&mut found.people);
    Ok(Prepared { plan: imp_ldap::plan(people, &known, settings)?, found })
}

/// Reads the directory and takes people over. That nothing could be is said in the log, too.
pub(crate) async fn import(app: &App, actor: &Actor) -> Result<(Prepared, Imported), ImportError> {
    let name = settings(app)?.name.clone();
    let mut rng = app::rng();
    match prepare(app).await {
        Ok(prepared) => {
            let context = &mut app.context(&mut rng);
            let imported = command::import_directory(context, actor, &name, &prepared.plan).await?;
            Ok((prepared, imported))
        }
        Err(error) => {
            let problem = Some(because(&error));
            let context = &mut app.context(&mut rng);
            command::record_import(context, actor, &name, Imported::default(), problem).await?;
            Err(error)
        }
    }
}

fn settings(app: &App) -> Result<&Settings, ImportError> {
    app.config.directory.ldap.as_ref().ok_or(ImportError::None)
}

/// The error in one line; those of the directory's own library stay in the server's log.
fn because(error: &ImportError) -> String {
    match error {
        ImportError::Read(why) => format!("{error}: {why}"),
        ImportError::Plan(why) => format!("{error}: {why}"),
        ImportError::None | ImportError::Config(_) | ImportError::Storage(_) => error.to_string(),
    }
}
