//! Whether a resource fits a filter.
use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Filter, Operator};
use crate::error::{ScimError, ScimType};
use crate::path::AttributePath;
use crate::resource::Resource;
use crate::schema::{Attribute, Kind, ResourceType, Target};

impl Filter {
    /// Refuses a filter that asks about an attribute which the resources do not have, or what cannot be asked of it.
    pub fn check(&self, of: &ResourceType) -> Result<(), ScimError> {
        match self {
            Self::And(terms) | Self::Or(terms) => terms.iter().try_for_each(|it| it.check(of)),
            Self::Not(term) => term.check(of),
            Self::Present(path) => resolve(path, of).map(drop),
            Self::Compare { path, operator, value } => {
                let attribute = match resolve(path, of)? {
                    Target::Attribute { attribute, sub, .. } => sub.unwrap_or(attribute).compared(),
                    Target::Extension(_) => return Err(not_comparable(path)),
                };
                comparable(attribute, *operator, value)
                    .then_some(())
                    .ok_or_else(|| not_comparable(path))
            }
            Self::Within { path, filter } => match resolve(path, of)? {
                Target::Attribute { attribute, sub: None, .. } => filter.check_parts(attribute),
                Target::Attribute { .. } | Target::Extension(_) => Err(not_comparable(path)),
            },
        }
    }

    /// The same for a filter on the parts of a complex attribute.
    pub(crate) fn check_parts(&self, of: &'static Attribute) -> Result<(), ScimError> {
        match self {
            Self::And(terms) | Self::Or(terms) => {
                terms.iter().try_for_each(|it| it.check_parts(of))
            }
            Self::Not(term) => term.check_parts(of),
            Self::Present(path) => part(path, of).map(drop),
            Self::Compare { path, operator, value } => {
                let part = part(path, of)?;
                comparable(part, *operator, value).then_some(()).ok_or_else(|| not_comparable(path))
            }
            Self::Within { path, .. } => Err(not_comparable(path)),
        }
    }

    /// Whether the resource fits. What the resources do not have fits nothing.
    pub fn fits(&self, resource: &Resource, of: &ResourceType) -> bool {
        match self {
            Self::And(terms) => terms.iter().all(|it| it.fits(resource, of)),
            Self::Or(terms) => terms.iter().any(|it| it.fits(resource, of)),
            Self::Not(term) => !term.fits(resource, of),
            Self::Present(path) => {
                resolve(path, of).is_ok_and(|it| values(resource, &it).into_iter().any(present))
            }
            Self::Compare { path, operator, value } => match resolve(path, of) {
                Ok(it @ Target::Attribute { attribute, sub, .. }) => {
                    let compared = sub.unwrap_or(attribute).compared();
                    any(&values(resource, &it), compared, *operator, value)
                }
                Ok(Target::Extension(_)) | Err(_) => false,
            },
            Self::Within { path, filter } => match resolve(path, of) {
                Ok(it @ Target::Attribute { attribute, .. }) => {
                    values(resource, &it).into_iter().any(|it| filter.fits_parts(it, attribute))
                }
                Ok(Target::Extension(_)) | Err(_) => false,
            },
        }
    }

    /// Whether one value of a complex attribute fits by its parts.
    pub(crate) fn fits_parts(&self, value: &Value, of: &'static Attribute) -> bool {
        match self {
            Self::And(terms) => terms.iter().all(|it| it.fits_parts(value, of)),
            Self::Or(terms) => terms.iter().any(|it| it.fits_parts(value, of)),
            Self::Not(term) => !term.fits_parts(value, of),
            Self::Present(path) => {
                part(path, of).is_ok_and(|it| part_of(value, it).is_some_and(present))
            }
            Self::Compare { path, operator, value: with } => part(path, of).is_ok_and(|it| {
                let found: Vec<_> = part_of(value, it).into_iter().collect();
                any(&found, it, *operator, with)
            }),
            Self::Within { .. } => false,
        }
    }
}

fn resolve(path: &AttributePath, of: &ResourceType) -> Result<Target, ScimError> {
    of.resolve(path).ok_or_else(|| {
        let name = of.name;
        ScimError::bad(ScimType::InvalidFilter, format!("{name} has no attribute '{path}'"))
    })
}

fn part(path: &AttributePath, of: &'static Attribute) -> Result<&'static Attribute, ScimError> {
    let plain = path.schema.is_none() && path.sub.is_none();
    // A simple multi-valued attribute is asked about by `value`.
    let found = plain.then(|| of.sub(&path.name)).flatten();
    found.ok_or_else(|| {
        ScimError::bad(ScimType::InvalidFilter, format!("'{}' has no part '{path}'", of.name))
    })
}

fn not_comparable(path: &AttributePath) -> ScimError {
    ScimError::bad(ScimType::InvalidFilter, format!("this cannot be asked of '{path}'"))
}

/// Whether the comparison means something.
fn comparable(attribute: &Attribute, operator: Operator, value: &Value) -> bool {
    let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    if value.is_null() {
        return equality;
    }
    match attribute.kind {
        Kind::String | Kind::Reference => value.is_string(),
        Kind::Binary => value.is_string() && equality,
        Kind::Boolean => value.is_boolean() && equality,
        Kind::Integer => value.is_number() && ordered(operator),
        Kind::DateTime => {
            value.as_str().is_some_and(|it| it.parse::<Timestamp>().is_ok()) && ordered(operator)
        }
        Kind::Complex => false,
    }
}

const fn ordered(operator: Operator) -> bool {
    !matches!(operator, Operator::Contains | Operator::StartsWith | Operator::EndsWith)
}

/// The values at a place, those of lists one by one.
pub(crate) fn values<'a>(resource: &'a Resource, at: &Target) -> Vec<&'a Value> {
    let Target::Attribute { extension, attribute, sub } = at else {
        let Target::Extension(schema) = at else { return vec![] };
        return resource.get(schema.id).into_iter().collect();
    };
    let holder: Option<&Map<_, _>> = match extension {
        None => Some(resource),
        Some(schema) => resource.get(schema.id).and_then(Value::as_object),
    };
    let found = holder.and_then(|it| it.get(attribute.name));
    let many = found.into_iter().flat_map(|it| match it.as_array() {
        Some(items) => items.as_slice(),
        None => std::slice::from_ref(it),
    });
    match sub {
        None => many.collect(),
        Some(sub) => many.filter_map(|it| it.get(sub.name)).collect(),
    }
}

/// What is compared in one value: itself, or its part `value`.
fn part_of<'a>(value: &'a Value, part: &Attribute) -> Option<&'a Value> {
    value.get(part.name)
}

fn present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(parts) => !parts.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// Whether one of the values stands to `with` like this; `ne` is the contrary of `eq`, so that it fits what has no value.
fn any(values: &[&Value], attribute: &Attribute, operator: Operator, with: &Value) -> bool {
    if with.is_null() {
        let there = values.iter().any(|it| present(it));
        return there == (operator == Operator::NotEqual);
    }
    let mut simple = values.iter().filter_map(|it| match it.as_object() {
        Some(parts) => parts.get(attribute.name),
        None => Some(*it),
    });
    if operator == Operator::NotEqual {
        return !simple.any(|it| stands(it, attribute, Operator::Equal, with));
    }
    simple.any(|it| stands(it, attribute, operator, with))
}

fn stands(value: &Value, attribute: &Attribute, operator: Operator, with: &Value) -> bool {
    match (value, with) {
        (Value::String(left), Value::String(right)) if attribute.kind == Kind::DateTime => {
            match (left.parse::<Timestamp>(), right.parse::<Timestamp>()) {
                (Ok(left), Ok(right)) => by_order(left.cmp(&right), operator),
                (_, _) => false,
            }
        }
        (Value::String(left), Value::String(right)) if attribute.case_exact => {
            by_text(left, right, operator)
        }
        (Value::String(left), Value::String(right)) => {
            by_text(&left.to_lowercase(), &right.to_lowercase(), operator)
        }
        (Value::Bool(left), Value::Bool(right)) => operator == Operator::Equal && left == right,
        (Value::Number(left), Value::Number(right)) => {
            let order = left.as_f64().partial_cmp(&right.as_f64());
            order.is_some_and(|it| by_order(it, operator))
        }
        (_, _) => false,
    }
}

fn by_text(left: &str, right: &str, operator: Operator) -> bool {
    match operator {
        Operator::Contains => left.contains(right),
        Operator::StartsWith => left.starts_with(right),
        Operator::EndsWith => left.ends_with(right),
        Operator::Equal
        | Operator::NotEqual
        | Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::Less
        | Operator::LessOrEqual => by_order(left.cmp(right), operator),
    }
}

const fn by_order(order: Ordering, operator: Operator) -> bool {
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Contains | Operator::StartsWith | Operator::EndsWith => false,
    }
}
