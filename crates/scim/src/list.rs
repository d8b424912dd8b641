//! Questions for many resources, and their answers page by page (RFC 7644 §3.4.2).
use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::error::{ScimError, ScimType, invalid_syntax, invalid_value};
use crate::filter::Filter;
use crate::patch::field;
use crate::path::AttributePath;
use crate::projection::Projection;
use crate::resource::Resource;
use crate::schema::{Attribute, Kind, ResourceType, Target};

const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// Resources on a page unless the client says otherwise.
const USUAL: usize = 100;

/// What a client asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// Which resources; `None` for all.
    pub filter: Option<Filter>,
    /// In which order; `None` for the order in which they were created.
    pub sort: Option<Sort>,
    /// The first to show, counted from 0.
    pub skip: usize,
    /// How many to show.
    pub count: usize,
    /// What to show of each.
    pub projection: Projection,
}

/// An order.
#[derive(Clone, Debug, PartialEq)]
pub struct Sort {
    /// By which attribute.
    pub by: AttributePath,
    /// Whether the largest come first.
    pub descending: bool,
}

/// The parameters of an address, as they came.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    /// `filter`
    pub filter: Option<String>,
    /// `sortBy`
    pub sort_by: Option<String>,
    /// `sortOrder`
    pub sort_order: Option<String>,
    /// `startIndex`
    pub start_index: Option<i64>,
    /// `count`
    pub count: Option<i64>,
    /// `attributes`
    pub attributes: Option<String>,
    /// `excludedAttributes`
    pub excluded_attributes: Option<String>,
}

impl Query {
    /// Reads the parameters of an address. A page has at most `most` resources.
    pub fn read(parameters: &Parameters, most: usize) -> Result<Self, ScimError> {
        let projection = Projection::read(
            parameters.attributes.as_deref(),
            parameters.excluded_attributes.as_deref(),
        )?;
        Self::with(parameters, projection, most)
    }

    /// Reads the body of a search (RFC 7644 §3.4.3).
    pub fn read_search(body: &Value, most: usize) -> Result<Self, ScimError> {
        let object = body.as_object().ok_or_else(|| invalid_syntax("an object is expected"))?;
        let schemas = field(object, "schemas").and_then(Value::as_array);
        if !schemas.is_some_and(|list| list.iter().any(|it| it == SEARCH)) {
            return Err(invalid_syntax(format!("'schemas' does not name {SEARCH}")));
        }
        let text = |name: &str| optional(object, name, |it| it.as_str().map(str::to_owned));
        let number = |name: &str| optional(object, name, Value::as_i64);
        let list = |name: &str| {
            let strings = |it: &Value| {
                let items = it.as_array()?.iter();
                items.map(|it| it.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
            };
            optional(object, name, strings).map(Option::unwrap_or_default)
        };
        let parameters = Parameters {
            filter: text("filter")?,
            sort_by: text("sortBy")?,
            sort_order: text("sortOrder")?,
            start_index: number("startIndex")?,
            count: number("count")?,
            ..Parameters::default()
        };
        let projection = Projection::of(list("attributes")?, list("excludedAttributes")?)?;
        Self::with(&parameters, projection, most)
    }

    fn with(
        parameters: &Parameters,
        projection: Projection,
        most: usize,
    ) -> Result<Self, ScimError> {
        let filter = parameters.filter.as_deref().map(Filter::parse).transpose()?;
        let descending =
            match parameters.sort_order.as_deref().map(str::to_ascii_lowercase).as_deref() {
                None | Some("ascending") => false,
                Some("descending") => true,
                Some(_) => return Err(invalid_value("sortOrder is ascending or descending")),
            };
        let by = parameters.sort_by.as_deref().map(str::parse).transpose();
        let by =
            by.map_err(|_| ScimError::bad(ScimType::InvalidPath, "sortBy names no attribute"))?;
        // Less than 1 is 1, less than 0 is 0 (RFC 7644 §3.4.2.4).
        let start = usize::try_from(parameters.start_index.unwrap_or(1)).unwrap_or(1).max(1);
        let count = parameters.count.map_or(USUAL, |it| usize::try_from(it).unwrap_or(0));
        Ok(Self {
            filter,
            sort: by.map(|by| Sort { by, descending }),
            skip: start - 1,
            count: count.min(most),
            projection,
        })
    }

    /// Refuses what the resources cannot be asked.
    pub fn check(&self, of: &ResourceType) -> Result<(), ScimError> {
        if let Some(filter) = &self.filter {
            filter.check(of)?;
        }
        match &self.sort {
            Some(sort) if of.resolve(&sort.by).is_none() => {
                let detail = format!("{} has no attribute '{}'", of.name, sort.by);
                Err(ScimError::bad(ScimType::InvalidPath, detail))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the filter or the order looks at this attribute of the resource itself.
    pub fn asks_about(&self, name: &str) -> bool {
        let sorted = self.sort.as_ref().is_some_and(|it| it.by.name.eq_ignore_ascii_case(name));
        sorted || self.filter.as_ref().is_some_and(|it| it.asks_about(name))
    }

    /// Whether every resource is wanted, in the order in which they were created.
    pub const fn is_plain(&self) -> bool {
        self.filter.is_none() && self.sort.is_none()
    }
}

fn optional<T>(
    object: &Resource,
    name: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, ScimError> {
    match field(object, name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let wrong = || invalid_syntax(format!("'{name}' is not what is expected"));
            read(value).ok_or_else(wrong).map(Some)
        }
    }
}

/// What is on the page that a query asks for, found by looking at one resource after the other. It keeps no more of each than
/// its name and what it is sorted by.
#[derive(Debug)]
pub struct Selection<'q, Id> {
    query: &'q Query,
    of: &'static ResourceType,
    found: Vec<(Option<SortKey>, Id)>,
    total: usize,
}

/// What a resource is sorted by.
#[derive(Clone, Debug, PartialEq)]
enum SortKey {
    Text(String),
    Number(i64),
    Truth(bool),
    Instant(Timestamp),
}

impl<'q, Id> Selection<'q, Id> {
    /// Nothing yet.
    pub const fn new(query: &'q Query, of: &'static ResourceType) -> Self {
        Self { query, of, found: vec![], total: 0 }
    }

    /// Looks at the next resource.
    pub fn offer(&mut self, id: Id, resource: &Resource) {
        if self.query.filter.as_ref().is_some_and(|it| !it.fits(resource, self.of)) {
            return;
        }
        let Query { skip, count, sort, .. } = self.query;
        match sort {
            Some(sort) => self.found.push((key(resource, &sort.by, self.of), id)),
            None if (*skip..skip.saturating_add(*count)).contains(&self.total) => {
                self.found.push((None, id));
            }
            None => {}
        }
        self.total += 1;
    }

    /// How many fit, and which of them are on the page.
    pub fn page(mut self) -> (usize, Vec<Id>) {
        let Some(sort) = &self.query.sort else {
            return (self.total, self.found.into_iter().map(|(_, id)| id).collect());
        };
        self.found.sort_by(|(left, _), (right, _)| {
            let order = by_key(left.as_ref(), right.as_ref());
            if sort.descending { order.reverse() } else { order }
        });
        let page = self.found.into_iter().skip(self.query.skip).take(self.query.count);
        (self.total, page.map(|(_, id)| id).collect())
    }
}

/// What has no value is behind what has one, before it in descending order (RFC 7644 §3.4.2.3).
fn by_key(left: Option<&SortKey>, right: Option<&SortKey>) -> Ordering {
    match (left, right) {
        (Some(SortKey::Text(left)), Some(SortKey::Text(right))) => left.cmp(right),
        (Some(SortKey::Number(left)), Some(SortKey::Number(right))) => left.cmp(right),
        (Some(SortKey::Truth(left)), Some(SortKey::Truth(right))) => left.cmp(right),
        (Some(SortKey::Instant(left)), Some(SortKey::Instant(right))) => left.cmp(right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), Some(_)) | (None, None) => Ordering::Equal,
    }
}

fn key(resource: &Resource, by: &AttributePath, of: &ResourceType) -> Option<SortKey> {
    let Target::Attribute { extension, attribute, sub } = of.resolve(by)? else { return None };
    let holder = match extension {
        None => Some(resource),
        Some(schema) => resource.get(schema.id).and_then(Value::as_object),
    };
    let whole = holder?.get(attribute.name)?;
    // Of several values the primary one counts, or else the first.
    let value = whole.as_array().map_or(Some(whole), |items| {
        let primary = items.iter().find(|it| it.get("primary") == Some(&Value::Bool(true)));
        primary.or_else(|| items.first())
    })?;
    let compared = sub.unwrap_or(attribute).compared();
    let value = if value.is_object() { value.get(compared.name)? } else { value };
    key_of(value, compared)
}

fn key_of(value: &Value, attribute: &Attribute) -> Option<SortKey> {
    match value {
        Value::String(text) if attribute.kind == Kind::DateTime => {
            text.parse().ok().map(SortKey::Instant)
        }
        Value::String(text) if attribute.case_exact => Some(SortKey::Text(text.clone())),
        Value::String(text) => Some(SortKey::Text(text.to_lowercase())),
        Value::Number(number) => number.as_i64().map(SortKey::Number),
        Value::Bool(truth) => Some(SortKey::Truth(*truth)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The answer: a page of `total` resources, which begins after `skip` of them.
pub fn list_response(total: usize, skip: usize, page: &[Value]) -> Value {
    json!({
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": skip + 1,
        "itemsPerPage": page.len(),
        "Resources": page,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::USER;

    fn people() -> Vec<Resource> {
        let person = |(name, given): (&str, Option<&str>)| {
            let mut person = json!({ "userName": name });
            if let Some(given) = given {
                person["name"] = json!({ "givenName": given });
            }
            person.as_object().unwrap().clone()
        };
        [("bob", Some("Zoe")), ("ada", None), ("cyd", Some("ann"))].map(person).to_vec()
    }

    fn page(parameters: &Parameters) -> (usize, Vec<usize>) {
        let query = Query::read(parameters, 200).unwrap();
        query.check(&USER).unwrap();
        let mut selection = Selection::new(&query, &USER);
        for (at, person) in people().iter().enumerate() {
            selection.offer(at, person);
        }
        selection.page()
    }

    #[test]
    fn who_has_no_value_comes_last_and_first_in_descending_order() {
        let by = |order| Parameters {
            sort_by: Some("name.givenName".to_owned()),
            sort_order: order,
            ..Parameters::default()
        };
        assert_eq!(page(&by(None)), (3, vec![2, 0, 1]));
        assert_eq!(page(&by(Some("Descending".to_owned()))), (3, vec![1, 0, 2]));
        let by = Parameters {
            sort_by: Some("userName".to_owned()),
            start_index: Some(2),
            count: Some(1),
            ..Parameters::default()
        };
        assert_eq!(page(&by), (3, vec![0]));
    }

    #[test]
    fn a_page_begins_at_one_and_may_be_empty() {
        let of =
            |start_index, count| page(&Parameters { start_index, count, ..Parameters::default() });
        assert_eq!(of(None, None), (3, vec![0, 1, 2]));
        assert_eq!(of(Some(-4), Some(2)), (3, vec![0, 1]));
        assert_eq!(of(Some(3), Some(5)), (3, vec![2]));
        assert_eq!(of(Some(1), Some(-1)), (3, vec![]));
        assert_eq!(of(Some(i64::MAX), Some(i64::MAX)), (3, vec![]));
    }

    #[test]
    fn a_search_is_a_query_in_a_body() {
        let body = json!({
            "schemas": [SEARCH], "filter": "userName eq \"ada\"", "attributes": ["userName"], "startIndex": 1, "count": 500,
        });
        let query = Query::read_search(&body, 200).unwrap();
        assert_eq!(query.count, 200);
        assert!(query.filter.is_some() && query.projection.shows("userName"));
        assert!(!query.projection.shows("name"));
        assert!(Query::read_search(&json!({ "filter": "a pr" }), 200).is_err());
        let odd = json!({ "schemas": [SEARCH], "count": "many" });
        assert_eq!(Query::read_search(&odd, 200).unwrap_err().kind, Some(ScimType::InvalidSyntax));
    }
}
