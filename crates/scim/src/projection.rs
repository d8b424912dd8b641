//! Which attributes are shown (RFC 7644 §3.9).
use serde_json::{Map, Value};

use crate::error::{ScimError, invalid_value};
use crate::path::AttributePath;
use crate::resource::{Resource, schemas_of};
use crate::schema::{Attribute, ResourceType, Returned, Target};

/// The most attributes that are named.
const MOST: usize = 100;

/// Which attributes a client wants to see.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Projection {
    /// All.
    #[default]
    All,
    /// These, and those that are always shown.
    Only(Vec<AttributePath>),
    /// All but these; those that are always shown stay.
    Without(Vec<AttributePath>),
}

impl Projection {
    /// Reads `attributes` and `excludedAttributes`: names with commas between them. The first wins over the second.
    pub fn read(attributes: Option<&str>, excluded: Option<&str>) -> Result<Self, ScimError> {
        let listed = |text: Option<&str>| {
            let names = text.into_iter().flat_map(|it| it.split(','));
            names.map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
        };
        Self::of(listed(attributes), listed(excluded))
    }

    /// The same of lists.
    pub fn of(attributes: Vec<String>, excluded: Vec<String>) -> Result<Self, ScimError> {
        let paths = |names: Vec<String>| {
            if names.len() > MOST {
                return Err(invalid_value(format!("more than {MOST} attributes are named")));
            }
            let path = |name: String| {
                name.parse().map_err(|_| invalid_value(format!("'{name}' names no attribute")))
            };
            names.into_iter().map(path).collect::<Result<Vec<_>, _>>()
        };
        Ok(match (paths(attributes)?, paths(excluded)?) {
            (only, _) if !only.is_empty() => Self::Only(only),
            (_, without) if !without.is_empty() => Self::Without(without),
            (_, _) => Self::All,
        })
    }

    /// Whether an attribute of the resource itself is shown at all.
    pub fn shows(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(paths) => paths.iter().any(|it| it.name.eq_ignore_ascii_case(name)),
            Self::Without(paths) => !paths.iter().any(|it| it.is(name)),
        }
    }

    /// The resource as it is shown, with its schemas.
    pub fn apply(&self, resource: Resource, of: &ResourceType) -> Value {
        let schemas = schemas_of(&resource, of);
        let mut shown = match self {
            Self::All => resource,
            Self::Only(paths) => only(&resource, paths, of),
            Self::Without(paths) => without(resource, paths, of),
        };
        shown.insert("schemas".to_owned(), schemas);
        Value::Object(shown)
    }
}

fn only(resource: &Resource, paths: &[AttributePath], of: &ResourceType) -> Resource {
    let mut shown = Resource::new();
    for attribute in of.attributes().filter(|it| it.returned == Returned::Always) {
        if let Some(value) = resource.get(attribute.name) {
            shown.insert(attribute.name.to_owned(), value.clone());
        }
    }
    for target in paths.iter().filter_map(|path| of.resolve(path)) {
        match target {
            Target::Extension(schema) => {
                shown.extend(resource.get(schema.id).map(|it| (schema.id.to_owned(), it.clone())));
            }
            Target::Attribute { extension: None, attribute, sub } => {
                show(resource, &mut shown, attribute, sub);
            }
            Target::Attribute { extension: Some(schema), attribute, sub } => {
                let Some(from) = resource.get(schema.id).and_then(Value::as_object) else {
                    continue;
                };
                let into = shown.entry(schema.id).or_insert_with(|| Map::new().into());
                if let Some(into) = into.as_object_mut() {
                    show(from, into, attribute, sub);
                }
            }
        }
    }
    shown
}

/// Shows an attribute, or a part of it beside those that are shown already.
fn show(
    from: &Resource,
    into: &mut Resource,
    attribute: &Attribute,
    sub: Option<&'static Attribute>,
) {
    let Some(value) = from.get(attribute.name) else { return };
    let Some(sub) = sub else {
        into.insert(attribute.name.to_owned(), value.clone());
        return;
    };
    let part = |value: &Value, shown: Option<&Value>| {
        let mut parts = shown.and_then(Value::as_object).cloned().unwrap_or_default();
        parts.extend(value.get(sub.name).map(|it| (sub.name.to_owned(), it.clone())));
        Value::Object(parts)
    };
    let shown = into.get(attribute.name);
    let new = value.as_array().map_or_else(
        || part(value, shown),
        |items| {
            let parts = items.iter().enumerate();
            parts.map(|(at, it)| part(it, shown.and_then(|them| them.get(at)))).collect()
        },
    );
    into.insert(attribute.name.to_owned(), new);
}

fn without(mut resource: Resource, paths: &[AttributePath], of: &ResourceType) -> Resource {
    for target in paths.iter().filter_map(|path| of.resolve(path)) {
        match target {
            Target::Extension(schema) => drop(resource.remove(schema.id)),
            Target::Attribute { extension: None, attribute, sub } => {
                hide(&mut resource, attribute, sub);
            }
            Target::Attribute { extension: Some(schema), attribute, sub } => {
                if let Some(parts) = resource.get_mut(schema.id).and_then(Value::as_object_mut) {
                    hide(parts, attribute, sub);
                }
            }
        }
    }
    resource
}

fn hide(from: &mut Resource, attribute: &Attribute, sub: Option<&'static Attribute>) {
    match (sub, from.get_mut(attribute.name)) {
        _ if attribute.returned == Returned::Always => {}
        (None, _) => drop(from.remove(attribute.name)),
        (Some(sub), Some(Value::Array(items))) => {
            for parts in items.iter_mut().filter_map(Value::as_object_mut) {
                parts.remove(sub.name);
            }
        }
        (Some(sub), Some(Value::Object(parts))) => drop(parts.remove(sub.name)),
        (Some(_), _) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{ENTERPRISE_SCHEMA, USER, USER_SCHEMA};
    use serde_json::json;

    fn shown(attributes: &str, excluded: &str) -> Value {
        let ada = json!({
            "id": "1",
            "userName": "ada",
            "name": { "givenName": "Ada", "familyName": "King" },
            "emails": [{ "value": "a@b", "type": "work" }, { "value": "c@d" }],
            ENTERPRISE_SCHEMA: { "department": "Ward 3", "division": "Surgery" },
        });
        let projection = Projection::read(Some(attributes), Some(excluded)).unwrap();
        projection.apply(ada.as_object().unwrap().clone(), &USER)
    }

    #[test]
    fn what_is_asked_for_is_shown_beside_what_always_is() {
        let schemas = json!([USER_SCHEMA, ENTERPRISE_SCHEMA]);
        assert_eq!(
            shown("USERNAME, shoeSize", "id"),
            json!({ "schemas": schemas, "id": "1", "userName": "ada" })
        );
        assert_eq!(
            shown(&format!("name.givenName,emails.value,{ENTERPRISE_SCHEMA}:division"), ""),
            json!({
                "schemas": schemas, "id": "1", "name": { "givenName": "Ada" },
                "emails": [{ "value": "a@b" }, { "value": "c@d" }],
                ENTERPRISE_SCHEMA: { "division": "Surgery" },
            })
        );
    }

    #[test]
    fn what_is_excluded_is_not_shown_unless_it_always_is() {
        let excluded = format!("id,emails.type,name,{ENTERPRISE_SCHEMA}:department");
        assert_eq!(
            shown("", &excluded),
            json!({
                "schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA], "id": "1", "userName": "ada",
                "emails": [{ "value": "a@b" }, { "value": "c@d" }],
                ENTERPRISE_SCHEMA: { "division": "Surgery" },
            })
        );
        assert!(Projection::read(Some("a b"), None).is_err());
    }
}
