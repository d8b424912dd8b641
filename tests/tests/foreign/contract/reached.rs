//! Which operations of a contract were reached, by a recording of requests and answers (HAR 1.2).
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

/// The statuses that each operation answered, with how often.
#[derive(Default)]
pub(super) struct Reached(BTreeMap<String, BTreeMap<u64, usize>>);

/// Every operation of a contract.
pub(super) fn operations(contract: &Value) -> BTreeSet<String> {
    each(contract).map(|(_, _, operation)| name(operation)).collect()
}

/// The operations whose callers show one of some schemes; "" stands for none.
pub(super) fn only(contract: &Value, wanted: impl Fn(&str) -> bool) -> Value {
    let mut contract = contract.clone();
    let paths = contract["paths"].as_object_mut().unwrap();
    for item in paths.values_mut() {
        let item = item.as_object_mut().unwrap();
        item.retain(|_, operation| schemes(operation).iter().any(|scheme| wanted(scheme)));
    }
    paths.retain(|_, item| item.as_object().is_some_and(|item| !item.is_empty()));
    contract
}

fn schemes(operation: &Value) -> Vec<String> {
    let Some(ways) = operation["security"].as_array() else { return vec![String::new()] };
    let schemes = ways.iter().flat_map(|way| way.as_object().into_iter().flat_map(Map::keys));
    schemes.cloned().collect()
}

fn name(operation: &Value) -> String {
    operation["operationId"].as_str().unwrap().to_owned()
}

fn each(contract: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    contract["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap().iter();
        item.map(|(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

impl Reached {
    /// Reads a recording.
    pub(super) fn read(contract: &Value, base: &str, recording: &Value) -> Self {
        let mut reached = Self::default();
        for entry in recording["log"]["entries"].as_array().unwrap() {
            let method = entry["request"]["method"].as_str().unwrap().to_lowercase();
            let url = entry["request"]["url"].as_str().unwrap();
            let path = url.strip_prefix(base).unwrap().split(['?', '#']).next().unwrap();
            // 0 stands for a connection that ended without an answer.
            let status = entry["response"]["status"].as_u64().unwrap();
            if let Some(operation) = find(contract, &method, path).filter(|_| status != 0) {
                let answers = reached.0.entry(operation).or_default();
                *answers.entry(status).or_default() += 1;
            }
        }
        reached
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (operation, statuses) in other.0 {
            let own = self.0.entry(operation).or_default();
            for (status, count) in statuses {
                *own.entry(status).or_default() += count;
            }
        }
    }

    pub(super) fn requests(&self) -> usize {
        self.0.values().flat_map(BTreeMap::values).sum()
    }

    /// Operations that answered at all.
    pub(super) fn answered(&self) -> BTreeSet<String> {
        self.0.keys().cloned().collect()
    }

    /// Operations that answered somebody with something else than that he may not ask.
    pub(super) fn let_in(&self) -> BTreeSet<String> {
        let known = |statuses: &BTreeMap<u64, usize>| {
            statuses.keys().any(|status| !matches!(status, 401 | 403 | 405 | 429))
        };
        self.0
            .iter()
            .filter(|(_, statuses)| known(statuses))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Operations that answered 500 or more.
    pub(super) fn failed(&self) -> BTreeMap<&str, Vec<u64>> {
        let failed = self.0.iter().map(|(name, statuses)| {
            let bad = statuses.keys().copied().filter(|status| *status >= 500).collect();
            (name.as_str(), bad)
        });
        failed.filter(|(_, bad): &(&str, Vec<u64>)| !bad.is_empty()).collect()
    }
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (answered, let_in) = (self.answered().len(), self.let_in().len());
        write!(f, "{answered} operations answered, {let_in} after they knew who asks")
    }
}

/// The operation at an address: the one whose path has most in common with it.
fn find(contract: &Value, method: &str, path: &str) -> Option<String> {
    let asked: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        let same = |(part, own): (&&str, &&str)| part.starts_with('{') || part == own;
        (parts.len() == asked.len() && parts.iter().zip(&asked).all(same))
            .then(|| parts.iter().filter(|part| !part.starts_with('{')).count())
    };
    let candidates = each(contract).filter(|(_, own, _)| *own == method);
    let candidates = candidates.filter_map(|(path, _, operation)| Some((fits(path)?, operation)));
    candidates.max_by_key(|(fit, _)| *fit).map(|(_, operation)| name(operation))
}

#[test]
fn an_address_is_the_operation_that_fits_it_best() {
    let operation = |name: &str| serde_json::json!({ "get": { "operationId": name } });
    let contract = serde_json::json!({ "paths": {
        "/users/{user}": operation("user"), "/users/self": operation("self"),
        "/users/{user}/keys": operation("keys"),
    } });
    let found = |path: &str| find(&contract, "get", path);
    assert_eq!(found("/users/self").as_deref(), Some("self"));
    assert_eq!(found("/users/x%2Fy").as_deref(), Some("user"));
    assert_eq!(found("/users/1/keys").as_deref(), Some("keys"));
    assert_eq!((found("/users"), find(&contract, "post", "/users/1")), (None, None));
}
