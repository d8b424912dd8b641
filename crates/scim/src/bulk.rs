//! Many changes in one request (RFC 7644 §3.7).
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::error::{ScimError, invalid_syntax, invalid_value};
use crate::patch::field;
use crate::resource::Resource;

const REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
const REFERENCE: &str = "bulkId:";

/// What was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Bulk {
    /// After so many errors nothing more is done; `None`: everything is tried.
    pub fail_on_errors: Option<u64>,
    /// The operations, in the order in which they came.
    pub operations: Vec<BulkOperation>,
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkOperation {
    /// What is done.
    pub method: BulkMethod,
    /// What the client calls a resource that it creates.
    pub bulk_id: Option<String>,
    /// The version that must be the current one.
    pub version: Option<String>,
    /// Below the base, such as `/Users`.
    pub endpoint: String,
    /// Which resource; it may be `bulkId:` and a name.
    pub id: Option<String>,
    /// What POST, PUT and PATCH take.
    pub data: Value,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkMethod {
    /// Creates.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Deletes.
    Delete,
}

/// What came of one operation.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkOutcome {
    /// The HTTP status.
    pub status: u16,
    /// Where the resource is, unless it could not be created.
    pub location: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The error.
    pub error: Option<ScimError>,
}

/// The identifiers of what was created, by what the client calls it.
pub type Created = BTreeMap<String, String>;

impl BulkMethod {
    /// As in HTTP.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl Bulk {
    /// Reads a request with at most `most` operations.
    pub fn read(body: &Value, most: usize) -> Result<Self, ScimError> {
        let object = body.as_object().ok_or_else(|| invalid_syntax("an object is expected"))?;
        let schemas = field(object, "schemas").and_then(Value::as_array);
        if !schemas.is_some_and(|list| list.iter().any(|it| it == REQUEST)) {
            return Err(invalid_syntax(format!("'schemas' does not name {REQUEST}")));
        }
        let fail_on_errors = match field(object, "failOnErrors") {
            None | Some(Value::Null) => None,
            Some(value) => {
                let count = value.as_u64().filter(|it| *it > 0);
                Some(count.ok_or_else(|| invalid_syntax("failOnErrors is a number from 1"))?)
            }
        };
        let operations = field(object, "Operations").and_then(Value::as_array);
        let operations = operations.ok_or_else(|| invalid_syntax("Operations are expected"))?;
        if operations.len() > most {
            return Err(ScimError::new(
                413,
                format!("more than {most} operations (maxOperations)"),
            ));
        }
        let operations =
            operations.iter().map(BulkOperation::read).collect::<Result<Vec<_>, _>>()?;
        let mut names = BTreeSet::new();
        if !operations.iter().filter_map(|it| it.bulk_id.as_ref()).all(|it| names.insert(it)) {
            return Err(invalid_value("a bulkId is there twice"));
        }
        Ok(Self { fail_on_errors, operations })
    }

    /// The order in which the operations can be done: as they came, but what creates a resource is before what speaks of it. What
    /// speaks of each other in a circle comes last, and cannot be resolved.
    pub fn order(&self) -> Vec<usize> {
        let creators: BTreeMap<&str, usize> = self
            .operations
            .iter()
            .enumerate()
            .filter_map(|(at, it)| Some((it.bulk_id.as_deref()?, at)))
            .collect();
        let needs: Vec<BTreeSet<usize>> = self
            .operations
            .iter()
            .map(|it| {
                it.references().iter().filter_map(|name| creators.get(name).copied()).collect()
            })
            .collect();
        let mut order = Vec::with_capacity(needs.len());
        let mut done = BTreeSet::new();
        let mut waiting: Vec<usize> = (0..needs.len()).collect();
        loop {
            let (ready, blocked): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|at| needs[*at].is_subset(&done));
            if ready.is_empty() {
                order.extend(blocked);
                return order;
            }
            done.extend(&ready);
            order.extend(ready);
            waiting = blocked;
        }
    }
}

impl BulkOperation {
    fn read(body: &Value) -> Result<Self, ScimError> {
        let object = body.as_object().ok_or_else(|| invalid_syntax("an operation is an object"))?;
        let text = |name: &str| match field(object, name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if (1..=256).contains(&text.len()) => Ok(Some(text.clone())),
            Some(_) => Err(invalid_syntax(format!("'{name}' must be text of 1 to 256 bytes"))),
        };
        let method = match text("method")?.unwrap_or_default().to_ascii_uppercase().as_str() {
            "POST" => BulkMethod::Post,
            "PUT" => BulkMethod::Put,
            "PATCH" => BulkMethod::Patch,
            "DELETE" => BulkMethod::Delete,
            _ => return Err(invalid_syntax("'method' must be POST, PUT, PATCH or DELETE")),
        };
        let path = text("path")?.ok_or_else(|| invalid_syntax("'path' is needed"))?;
        let rest = path.strip_prefix('/').unwrap_or_default();
        let (endpoint, id) = match rest.split_once('/') {
            Some((endpoint, id)) => (endpoint, Some(id.to_owned())),
            None => (rest, None),
        };
        let bulk_id = text("bulkId")?;
        let fits = match method {
            BulkMethod::Post => id.is_none() && bulk_id.is_some(),
            BulkMethod::Put | BulkMethod::Patch | BulkMethod::Delete => id.is_some(),
        };
        if !fits {
            return Err(invalid_syntax(
                "POST needs a bulkId and no id in its path; the others an id",
            ));
        }
        let data = field(object, "data").cloned().unwrap_or_default();
        if method != BulkMethod::Delete && !data.is_object() {
            return Err(invalid_syntax("'data' is needed"));
        }
        let endpoint = format!("/{endpoint}");
        Ok(Self { method, bulk_id, version: text("version")?, endpoint, id, data })
    }

    /// The names of resources that others create and that this one speaks of.
    fn references(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        collect(&self.data, &mut names);
        names.extend(self.id.as_deref().and_then(|it| it.strip_prefix(REFERENCE)));
        names
    }

    /// The operation with the identifiers of what was created in place of their names. 409 if one was not created.
    pub fn resolved(&self, created: &Created) -> Result<Self, ScimError> {
        let missing = self.references().into_iter().find(|it| !created.contains_key(*it));
        if let Some(name) = missing {
            return Err(ScimError::new(
                409,
                format!("there is no resource '{REFERENCE}{name}' (yet)"),
            ));
        }
        let mut resolved = self.clone();
        resolve(&mut resolved.data, created);
        resolved.id = resolved.id.map(|id| named(&id, created).cloned().unwrap_or(id));
        Ok(resolved)
    }

    /// What the answer says of it.
    pub fn answer(&self, outcome: &BulkOutcome) -> Value {
        let mut answer = Resource::new();
        let mut say = |name: &str, value: Option<Value>| {
            answer.extend(value.map(|value| (name.to_owned(), value)));
        };
        say("method", Some(self.method.code().into()));
        say("bulkId", self.bulk_id.clone().map(Value::from));
        say("location", outcome.location.clone().map(Value::from));
        say("version", outcome.version.clone().map(Value::from));
        say("status", Some(outcome.status.to_string().into()));
        say("response", outcome.error.as_ref().map(ScimError::body));
        Value::Object(answer)
    }
}

fn named<'a>(text: &str, created: &'a Created) -> Option<&'a String> {
    created.get(text.strip_prefix(REFERENCE)?)
}

fn collect<'a>(value: &'a Value, names: &mut BTreeSet<&'a str>) {
    match value {
        Value::String(text) => names.extend(text.strip_prefix(REFERENCE)),
        Value::Array(items) => items.iter().for_each(|it| collect(it, names)),
        Value::Object(parts) => parts.values().for_each(|it| collect(it, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn resolve(value: &mut Value, created: &Created) {
    match value {
        Value::String(text) => {
            if let Some(id) = named(text, created) {
                id.clone_into(text);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|it| resolve(it, created)),
        Value::Object(parts) => parts.values_mut().for_each(|it| resolve(it, created)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The answer to the whole.
pub fn bulk_response(answers: &[Value]) -> Value {
    json!({ "schemas": [RESPONSE], "Operations": answers })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(operations: &Value) -> Result<Bulk, ScimError> {
        Bulk::read(&json!({ "schemas": [REQUEST], "failOnErrors": 1, "Operations": operations }), 4)
    }

    /// RFC 7644 §3.7.2: a group whose member the same request creates, here in the other order.
    #[test]
    fn what_is_spoken_of_is_created_first() {
        let bulk = bulk(&json!([
            {
                "method": "POST", "path": "/Groups", "bulkId": "ytrewq",
                "data": { "displayName": "Tour Guides", "members": [{ "value": "bulkId:qwerty" }] },
            },
            { "method": "post", "path": "/Users", "bulkId": "qwerty", "data": { "userName": "alice" } },
            { "method": "DELETE", "path": "/Users/7", "version": "W/\"1\"" },
        ]));
        let bulk = bulk.unwrap();
        assert_eq!(bulk.fail_on_errors, Some(1));
        assert_eq!(bulk.order(), [1, 2, 0]);
        let group = &bulk.operations[0];
        assert_eq!(group.resolved(&Created::new()).unwrap_err().status, 409);
        let created = Created::from([("qwerty".to_owned(), "92b725cd".to_owned())]);
        let group = group.resolved(&created).unwrap();
        assert_eq!(group.data["members"][0]["value"], "92b725cd");
    }

    #[test]
    fn a_circle_cannot_be_resolved() {
        let person = |name: &str, boss: &str| {
            let data = json!({ "userName": name, "manager": format!("bulkId:{boss}") });
            json!({ "method": "POST", "path": "/Users", "bulkId": name, "data": data })
        };
        let bulk = bulk(&json!([person("a", "b"), person("b", "a"), person("c", "c")])).unwrap();
        assert_eq!(bulk.order(), [0, 1, 2]);
        assert!(bulk.operations.iter().all(|it| it.resolved(&Created::new()).is_err()));
    }

    #[test]
    fn a_request_that_is_none_is_refused() {
        let post = json!({ "method": "POST", "path": "/Users", "bulkId": "a", "data": {} });
        assert_eq!(bulk(&json!(vec![&post; 5])).unwrap_err().status, 413);
        for operations in [
            json!({}),
            json!([1]),
            json!([post, post]),
            json!([{ "method": "GET", "path": "/Users/1" }]),
            json!([{ "method": "POST", "path": "/Users", "data": {} }]),
            json!([{ "method": "PUT", "path": "/Users", "data": {} }]),
            json!([{ "method": "PATCH", "path": "/Users/1" }]),
            json!([{ "method": "DELETE" }]),
        ] {
            assert_eq!(bulk(&operations).unwrap_err().status, 400, "{operations}");
        }
    }

    #[test]
    fn an_answer_says_what_went_wrong() {
        let bulk =
            bulk(&json!([{ "method": "POST", "path": "/Users", "bulkId": "q", "data": {} }]));
        let error = ScimError::bad(crate::ScimType::InvalidValue, "'userName' is required");
        let outcome =
            BulkOutcome { status: 400, location: None, version: None, error: Some(error.clone()) };
        let answer = bulk.unwrap().operations[0].answer(&outcome);
        assert_eq!(
            answer,
            json!({ "method": "POST", "bulkId": "q", "status": "400", "response": error.body() })
        );
    }
}
