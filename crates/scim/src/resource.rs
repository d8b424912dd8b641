//! Resources: JSON objects whose attributes are named and formed as their schema says.
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::error::{ScimError, invalid_syntax, invalid_value};
use crate::schema::{Attribute, Kind, Mutability, ResourceType};

/// A resource. Attributes without a value are absent: neither null nor an empty list (RFC 7643 §2.5).
pub type Resource = Map<String, Value>;

/// The longest text of one value, in bytes.
const LONGEST: usize = 8192;
/// The most values of one attribute.
const MOST: usize = 10_000;

/// Takes from what a client sent the attributes of the schema: under their names, whatever the case in which they came, in their
/// types. What only the server sets, and what the schema does not know, is passed over (RFC 7644 §3.3).
pub fn read(body: &Value, of: &ResourceType) -> Result<Resource, ScimError> {
    let object = body.as_object().ok_or_else(|| invalid_syntax("an object is expected"))?;
    let mut resource = Resource::new();
    for (name, value) in object {
        if name.eq_ignore_ascii_case("schemas") {
            check_schemas(value, of)?;
        } else if let Some(extension) = of.extension(name) {
            let read = parts(value, extension.attributes, extension.id)?;
            put(&mut resource, extension.id, read.map(Value::Object))?;
        } else if let Some(attribute) = of.attribute(name)
            && attribute.mutability != Mutability::ReadOnly
        {
            put(&mut resource, attribute.name, whole(value, attribute)?)?;
        }
    }
    Ok(resource)
}

/// Refuses a resource that lacks what it must have.
pub fn require(resource: &Resource, of: &ResourceType) -> Result<(), ScimError> {
    let missing = of.attributes().find(|it| {
        it.required && it.mutability != Mutability::ReadOnly && !resource.contains_key(it.name)
    });
    match missing {
        Some(attribute) => Err(invalid_value(format!("'{}' is required", attribute.name))),
        None => Ok(()),
    }
}

/// What a resource has for schemas: its own, and those of the extensions that it has.
pub fn schemas_of(resource: &Resource, of: &ResourceType) -> Value {
    let extensions = of.extensions.iter().map(|it| it.id).filter(|it| resource.contains_key(*it));
    std::iter::once(of.schema.id).chain(extensions).collect()
}

fn put(into: &mut Resource, name: &str, value: Option<Value>) -> Result<(), ScimError> {
    let Some(value) = value else { return Ok(()) };
    match into.insert(name.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(invalid_syntax(format!("'{name}' is there twice"))),
    }
}

fn check_schemas(value: &Value, of: &ResourceType) -> Result<(), ScimError> {
    let wanted = of.schema.id;
    let listed = value.as_array().is_some_and(|list| {
        list.iter().any(|it| it.as_str().is_some_and(|it| it.eq_ignore_ascii_case(wanted)))
    });
    if listed { Ok(()) } else { Err(invalid_syntax(format!("'schemas' does not name {wanted}"))) }
}

/// An attribute's value, or values.
pub(crate) fn whole(
    value: &Value,
    attribute: &'static Attribute,
) -> Result<Option<Value>, ScimError> {
    if !attribute.multi_valued {
        return one(value, attribute);
    }
    // Some clients send a single value where a list is expected.
    let single = std::slice::from_ref(value);
    let items = value.as_array().map_or(single, Vec::as_slice);
    if items.len() > MOST {
        return Err(invalid_value(format!("'{}' has more than {MOST} values", attribute.name)));
    }
    let mut read = Vec::with_capacity(items.len());
    for item in items {
        read.extend(one(item, attribute)?);
    }
    if primaries(&read) > 1 {
        let detail = format!("only one value of '{}' can be primary", attribute.name);
        return Err(invalid_value(detail));
    }
    Ok(if read.is_empty() { None } else { Some(Value::Array(read)) })
}

fn primaries(values: &[Value]) -> usize {
    values.iter().filter(|it| it.get("primary") == Some(&Value::Bool(true))).count()
}

/// One value of an attribute.
pub(crate) fn one(
    value: &Value,
    attribute: &'static Attribute,
) -> Result<Option<Value>, ScimError> {
    let name = attribute.name;
    let wrong = || invalid_value(format!("'{name}' must be {}", expected(attribute.kind)));
    if value.is_null() {
        return Ok(None);
    }
    let read = match attribute.kind {
        Kind::Complex => return complex(value, attribute),
        Kind::String | Kind::Reference | Kind::Binary => {
            let text = value.as_str().ok_or_else(wrong)?;
            if text.len() > LONGEST {
                return Err(invalid_value(format!("'{name}' is longer than {LONGEST} bytes")));
            }
            if text.is_empty() {
                return Ok(None);
            }
            Value::from(text)
        }
        Kind::Boolean => boolean(value).ok_or_else(wrong)?.into(),
        Kind::Integer => value.as_i64().ok_or_else(wrong)?.into(),
        Kind::DateTime => {
            let at = value.as_str().and_then(|it| it.parse::<Timestamp>().ok());
            at.ok_or_else(wrong)?.to_string().into()
        }
    };
    Ok(Some(read))
}

fn complex(value: &Value, attribute: &'static Attribute) -> Result<Option<Value>, ScimError> {
    // Some clients send the value itself where an object with `value` is expected.
    if let (Value::String(_), Some(main)) = (value, attribute.sub("value")) {
        let read = one(value, main)?;
        return Ok(read.map(|it| Value::Object(Map::from_iter([(main.name.to_owned(), it)]))));
    }
    Ok(parts(value, attribute.subs, attribute.name)?.map(Value::Object))
}

/// The parts of a complex value, or the attributes of an extension; `None` when there is none.
fn parts(
    value: &Value,
    known: &'static [Attribute],
    name: &str,
) -> Result<Option<Resource>, ScimError> {
    if value.is_null() {
        return Ok(None);
    }
    let object = value.as_object();
    let object = object.ok_or_else(|| invalid_value(format!("'{name}' must be an object")))?;
    let mut read = Resource::new();
    for (key, value) in object {
        let found = known.iter().find(|it| it.name.eq_ignore_ascii_case(key));
        let Some(attribute) = found else { continue };
        if attribute.mutability != Mutability::ReadOnly {
            put(&mut read, attribute.name, whole(value, attribute)?)?;
        }
    }
    Ok(if read.is_empty() { None } else { Some(read) })
}

/// A truth, which some clients send as text.
fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

const fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "text",
        Kind::Boolean => "true or false",
        Kind::Integer => "a whole number",
        Kind::DateTime => "an instant",
        Kind::Reference => "a URI",
        Kind::Binary => "base64",
        Kind::Complex => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ScimType;
    use crate::schema::{ENTERPRISE_SCHEMA, USER, USER_SCHEMA};
    use serde_json::json;

    #[test]
    fn attributes_come_in_any_case_and_go_by_their_names() {
        let resource = read(
            &json!({
                "Schemas": [USER_SCHEMA],
                "USERNAME": "Ada",
                "id": "mine",
                "meta": { "version": "7" },
                "groups": [{ "value": "x" }],
                "shoeSize": 37,
                "active": "False",
                "nickName": null,
                "photos": [],
                "Emails": { "VALUE": "ada@ward.example", "primary": true },
                ENTERPRISE_SCHEMA: { "department": "Ward 3", "manager": { "displayName": "Eve" } },
            }),
            &USER,
        );
        let expected = json!({
            "userName": "Ada",
            "active": false,
            "emails": [{ "value": "ada@ward.example", "primary": true }],
            ENTERPRISE_SCHEMA: { "department": "Ward 3" },
        });
        let resource = resource.unwrap();
        assert_eq!(Value::Object(resource.clone()), expected);
        assert_eq!(schemas_of(&resource, &USER), json!([USER_SCHEMA, ENTERPRISE_SCHEMA]));
    }

    #[test]
    fn what_has_another_form_is_refused() {
        for (body, kind) in [
            (json!([]), ScimType::InvalidSyntax),
            (json!({ "schemas": ["urn:other"] }), ScimType::InvalidSyntax),
            (json!({ "userName": "a", "username": "b" }), ScimType::InvalidSyntax),
            (json!({ "userName": 3 }), ScimType::InvalidValue),
            (json!({ "active": "maybe" }), ScimType::InvalidValue),
            (json!({ "name": "Ada" }), ScimType::InvalidValue),
            (json!({ "title": "x".repeat(8193) }), ScimType::InvalidValue),
            (
                json!({ "emails": [{ "value": "a", "primary": true }, { "value": "b", "primary": true }] }),
                ScimType::InvalidValue,
            ),
        ] {
            assert_eq!(read(&body, &USER).unwrap_err().kind, Some(kind), "{body}");
        }
        let nameless = read(&json!({ "schemas": [USER_SCHEMA] }), &USER).unwrap();
        assert_eq!(require(&nameless, &USER).unwrap_err().kind, Some(ScimType::InvalidValue));
    }
}
