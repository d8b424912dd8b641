//! Partial changes (RFC 7644 §3.5.2).
use std::str::FromStr;

use serde_json::Value;

use crate::error::{ScimError, ScimType, invalid_syntax, invalid_value};
use crate::filter::{Filter, LONGEST, Parser};
use crate::path::AttributePath;
use crate::resource::{Resource, require};
use crate::schema::{Attribute, Kind, Mutability, ResourceType, Schema, Target};

mod place;
#[cfg(test)]
mod tests;

use place::Place;

const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// The most operations of one patch.
const MOST: usize = 1000;

/// A patch: all of it happens, or nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    operations: Vec<Operation>,
}

#[derive(Clone, Debug, PartialEq)]
struct Operation {
    verb: Verb,
    path: Option<PatchPath>,
    value: Option<Value>,
}

/// What to do with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Add,
    Replace,
    Remove,
}

/// Where: an attribute, the values of it that fit a filter, a part of either.
#[derive(Clone, Debug, PartialEq)]
struct PatchPath {
    attribute: AttributePath,
    filter: Option<Filter>,
}

impl FromStr for PatchPath {
    type Err = ScimError;

    fn from_str(text: &str) -> Result<Self, ScimError> {
        let wrong = || ScimError::bad(ScimType::InvalidPath, format!("'{text}' is not a path"));
        if text.len() > LONGEST {
            return Err(ScimError::bad(ScimType::InvalidPath, "the path is too long"));
        }
        let mut parser = Parser::new(text).map_err(|_| wrong())?;
        let mut attribute = parser.path().map_err(|_| wrong())?;
        let mut filter = None;
        if parser.immediately('[') {
            let inner = parser.nested(']');
            let inner = inner.map_err(|it| ScimError::bad(ScimType::InvalidFilter, it.to_string()));
            filter = Some(inner?);
            if parser.immediately('.') {
                let part = parser.path().map_err(|_| wrong())?;
                let plain = part.schema.is_none() && part.sub.is_none();
                if !plain || attribute.sub.is_some() {
                    return Err(wrong());
                }
                attribute.sub = Some(part.name);
            }
        }
        if parser.at_end() { Ok(Self { attribute, filter }) } else { Err(wrong()) }
    }
}

impl Patch {
    /// Reads a patch.
    pub fn read(body: &Value) -> Result<Self, ScimError> {
        let object = body.as_object().ok_or_else(|| invalid_syntax("an object is expected"))?;
        let schemas = field(object, "schemas").and_then(Value::as_array);
        if !schemas.is_some_and(|list| list.iter().any(|it| it == SCHEMA)) {
            return Err(invalid_syntax(format!("'schemas' does not name {SCHEMA}")));
        }
        let operations = field(object, "Operations").and_then(Value::as_array);
        let operations = operations.filter(|it| (1..=MOST).contains(&it.len()));
        let operations = operations
            .ok_or_else(|| invalid_syntax(format!("1 to {MOST} operations are expected")))?;
        let operations = operations.iter().map(Operation::read).collect::<Result<_, _>>()?;
        Ok(Self { operations })
    }

    /// The resource after the patch.
    pub fn apply(&self, to: &Resource, of: &ResourceType) -> Result<Resource, ScimError> {
        let mut changed = to.clone();
        for operation in &self.operations {
            operation.apply(&mut changed, of)?;
        }
        require(&changed, of)?;
        Ok(changed)
    }
}

/// A field of a message, whatever its case.
pub(crate) fn field<'a>(object: &'a Resource, name: &str) -> Option<&'a Value> {
    let found = object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

impl Operation {
    fn read(body: &Value) -> Result<Self, ScimError> {
        let object = body.as_object().ok_or_else(|| invalid_syntax("an operation is an object"))?;
        let verb = field(object, "op").and_then(Value::as_str).unwrap_or_default();
        let verb = match verb.to_ascii_lowercase().as_str() {
            "add" => Verb::Add,
            "replace" => Verb::Replace,
            "remove" => Verb::Remove,
            _ => return Err(invalid_syntax("'op' must be add, replace or remove")),
        };
        let path = match field(object, "path") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.is_empty() => None,
            Some(Value::String(text)) => Some(text.parse()?),
            Some(_) => return Err(ScimError::bad(ScimType::InvalidPath, "'path' must be text")),
        };
        let value = field(object, "value").cloned();
        match (verb, &path, &value) {
            (Verb::Remove, None, _) => {
                Err(ScimError::bad(ScimType::NoTarget, "remove needs a path"))
            }
            (Verb::Add | Verb::Replace, _, None) => Err(invalid_value("a value is needed")),
            (_, _, _) => Ok(Self { verb, path, value }),
        }
    }

    fn apply(&self, to: &mut Resource, of: &ResourceType) -> Result<(), ScimError> {
        let value = self.value.as_ref();
        let Some(path) = &self.path else { return self.apply_each(to, of) };
        let Some(target) = of.resolve(&path.attribute) else {
            let detail = format!("{} has no attribute '{}'", of.name, path.attribute);
            return Err(ScimError::bad(ScimType::InvalidPath, detail));
        };
        change(to, target, path, self.verb, value)
    }

    /// Without a path, the value says which attributes. What the server alone sets, and what nobody knows, is passed over.
    fn apply_each(&self, to: &mut Resource, of: &ResourceType) -> Result<(), ScimError> {
        let values = self.value.as_ref().and_then(Value::as_object);
        let values = values.ok_or_else(|| invalid_value("without a path, an object is needed"))?;
        for (key, value) in values {
            let Ok(path) = key.parse::<PatchPath>() else { continue };
            let Some(target) = of.resolve(&path.attribute) else { continue };
            if !is_read_only(&target) {
                change(to, target, &path, self.verb, Some(value))?;
            }
        }
        Ok(())
    }
}

fn is_read_only(target: &Target) -> bool {
    match target {
        Target::Extension(_) => false,
        Target::Attribute { attribute, sub, .. } => {
            let read_only = |it: &Attribute| it.mutability == Mutability::ReadOnly;
            read_only(attribute) || sub.is_some_and(read_only)
        }
    }
}

fn change(
    to: &mut Resource,
    target: Target,
    path: &PatchPath,
    verb: Verb,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    if is_read_only(&target) {
        let detail = format!("'{}' is readOnly", path.attribute);
        return Err(ScimError::bad(ScimType::Mutability, detail));
    }
    match target {
        Target::Extension(schema) if path.filter.is_none() => extend(to, schema, verb, value),
        Target::Extension(_) => Err(ScimError::bad(ScimType::InvalidPath, "no filter fits here")),
        Target::Attribute { extension, attribute, sub } => {
            if path.filter.is_some() && !(attribute.multi_valued && attribute.kind == Kind::Complex)
            {
                let detail = format!("'{}' has no values to choose from", attribute.name);
                return Err(ScimError::bad(ScimType::InvalidPath, detail));
            }
            let place = Place { attribute, filter: path.filter.as_ref(), sub };
            within(to, extension, |holder| place.change(holder, verb, value))
        }
    }
}

/// Changes an extension as a whole.
fn extend(
    to: &mut Resource,
    schema: &'static Schema,
    verb: Verb,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    if verb == Verb::Remove || value == Some(&Value::Null) {
        to.remove(schema.id);
        return Ok(());
    }
    let values = value.and_then(Value::as_object);
    let values = values.ok_or_else(|| invalid_value(format!("'{}' is an object", schema.id)))?;
    for (key, value) in values {
        let Some(attribute) = schema.attribute(key) else { continue };
        if attribute.mutability != Mutability::ReadOnly {
            let place = Place { attribute, filter: None, sub: None };
            within(to, Some(schema), |holder| place.change(holder, verb, Some(value)))?;
        }
    }
    Ok(())
}

/// Works on the resource, or on one of its extensions; one that is empty then is not there.
fn within(
    to: &mut Resource,
    extension: Option<&'static Schema>,
    work: impl FnOnce(&mut Resource) -> Result<(), ScimError>,
) -> Result<(), ScimError> {
    let Some(schema) = extension else { return work(to) };
    let mut holder = match to.remove(schema.id) {
        Some(Value::Object(parts)) => parts,
        _ => Resource::new(),
    };
    work(&mut holder)?;
    if !holder.is_empty() {
        to.insert(schema.id.to_owned(), Value::Object(holder));
    }
    Ok(())
}
