//! Looks at everything a tap needs and says in plain words what is wrong and how to mend it.
mod checks;
mod screen;

use std::sync::Arc;

use imp_identity::Clock;
use serde::{Deserialize, Serialize};

use crate::config::ClientConfig;
use crate::state::StateDirectory;

/// What one look found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found.
    pub found: String,
    /// What to do, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Check {
    fn good(name: &str, found: impl Into<String>) -> Self {
        Self { name: name.to_owned(), ok: true, found: found.into(), mend: None }
    }

    fn bad(name: &str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        let (found, mend) = (found.into(), Some(mend.into()));
        Self { name: name.to_owned(), ok: false, found, mend }
    }
}

/// Looks at everything, each look in bounded time.
pub async fn examine(
    config: &ClientConfig,
    state: &StateDirectory,
    clock: Arc<dyn Clock>,
) -> Vec<Check> {
    let mut found = vec![Check::good("configuration", "read, and every key is known")];
    let (enrolment, standing) = checks::enrolment(config, state, clock.clone()).await;
    found.extend(enrolment);
    let (models, engine) = checks::models(config).await;
    found.push(models);
    found.push(checks::camera(config, engine).await);
    found.push(checks::radio(config, state, standing.clone(), clock.now()).await);
    match &standing {
        Some(standing) => found.extend(checks::server(standing, clock).await),
        None => found.push(Check::bad(
            "server",
            "not asked, because this workstation is not enrolled",
            "enrol it first",
        )),
    }
    found.push(screen::desktop(&config.desktop).await);
    found.push(screen::pam());
    found.push(checks::agent(&config.socket(state)).await);
    found
}
