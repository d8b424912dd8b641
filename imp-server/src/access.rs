//! Who may do what: the operations of the contract, the policies of this installation, and the gate that both make.
use std::collections::HashMap;

use axum::http::Method;
use imp_access::{Access, LoadError};

use crate::config::AccessConfig;

mod files;
mod refusals;
mod routes;

pub use files::{FilesError, Policies};
pub(crate) use refusals::Refusals;
pub(crate) use routes::{Route, Scheme, operations};

/// What stands before every route.
#[derive(Debug)]
pub struct Gate {
    /// The policies.
    pub access: Access,
    /// `access.require_aal2`.
    pub(crate) requires_aal2: bool,
    /// By path, then by method.
    routes: HashMap<String, Vec<(Method, Route)>>,
    pub(crate) refusals: Refusals,
}

/// The gate cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The contract has an operation that cannot be gated.
    #[error("the contract does not describe its operations as expected: {0}")]
    Contract(String),
    /// The files of the policies cannot be read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The policies have faults.
    #[error(transparent)]
    Policies(#[from] LoadError),
}

impl Gate {
    /// Reads the policies for the routes of `contract`.
    pub(crate) fn open(
        config: &AccessConfig,
        contract: &utoipa::openapi::OpenApi,
    ) -> Result<Self, GateError> {
        let routes = routes::read(contract)?;
        let operations: Vec<_> = routes.iter().map(|(_, route)| route.operation.clone()).collect();
        let policies = match &config.policies {
            Some(folder) => Policies::read(folder)?,
            None => Policies::shipped(),
        };
        let access = Access::load(&operations, &policies.policies)?;
        let mut by_path: HashMap<_, Vec<_>> = HashMap::new();
        for ((method, path), route) in routes {
            by_path.entry(path).or_default().push((method, route));
        }
        let (routes, requires_aal2) = (by_path, config.require_aal2);
        Ok(Self { access, requires_aal2, routes, refusals: Refusals::default() })
    }

    /// The operation at a route. `HEAD` asks what `GET` asks.
    pub(crate) fn route(&self, method: &Method, path: &str) -> Option<&Route> {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let at_path = self.routes.get(path)?;
        at_path.iter().find(|(own, _)| own == method).map(|(_, route)| route)
    }
}

#[cfg(test)]
mod tests {
    use imp_access::{Cases, run_cases, uncovered};

    use super::*;
    use crate::http::router::contract;

    #[test]
    fn every_case_of_the_shipped_policies_holds() {
        let (operations, shipped) = (operations(&contract()).unwrap(), Policies::shipped());
        let access = Access::load(&operations, &shipped.policies).unwrap_or_else(|e| panic!("{e}"));
        let cases = Cases::read(&shipped.cases).unwrap_or_else(|e| panic!("{e}: {e:?}"));
        let outcomes = run_cases(&access, &cases).unwrap_or_else(|e| panic!("{e}"));
        let wrong = outcomes.iter().filter(|outcome| !outcome.holds());
        let wrong: Vec<_> = wrong.map(|outcome| format!("\n  {outcome}")).collect();
        assert!(wrong.is_empty(), "{}", wrong.concat());
    }

    /// Refuses a route without an authorization case: see `imp-server/policies/*.toml`.
    #[test]
    fn every_operation_of_the_contract_has_cases() {
        let operations = operations(&contract()).unwrap();
        let missing = uncovered(&operations, &Cases::read(&Policies::shipped().cases).unwrap());
        assert!(missing.is_empty(), "add cases to imp-server/policies/*.toml: {missing:#?}");
    }

    #[test]
    fn an_operation_that_no_policy_names_is_closed() {
        let policies = Policies::shipped();
        let mut operations = operations(&contract()).unwrap();
        let new = imp_access::Operation { id: "brand_new".to_owned(), ..operations[0].clone() };
        operations.push(new);
        let access = Access::load(&operations, &policies.policies).unwrap();
        for who in ["anyone", "administrator", "workstation", "client"] {
            let text = format!("[cases]\nbrand_new = {{ deny = [\"{who}\"] }}\n");
            let file = imp_access::PolicyText { name: "new".to_owned(), text };
            let outcomes = run_cases(&access, &Cases::read(&[file]).unwrap()).unwrap();
            assert!(outcomes[0].holds(), "{}", outcomes[0]);
        }
    }
}
