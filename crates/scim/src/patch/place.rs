//! One place in a resource, and what the operations do there.
use serde_json::{Map, Value};

use super::Verb;
use crate::error::{ScimError, ScimType};
use crate::filter::{Filter, Operator};
use crate::resource::{Resource, one, whole};
use crate::schema::{Attribute, Kind, Mutability};

/// An attribute, the values of it that fit a filter, or a part of either.
pub(super) struct Place<'a> {
    pub(super) attribute: &'static Attribute,
    pub(super) filter: Option<&'a Filter>,
    pub(super) sub: Option<&'static Attribute>,
}

impl Place<'_> {
    /// Adds, replaces or removes there. `holder` is the resource or an extension of it.
    pub(super) fn change(
        &self,
        holder: &mut Resource,
        verb: Verb,
        value: Option<&Value>,
    ) -> Result<(), ScimError> {
        // A value of null says that there is none (RFC 7643 §2.5).
        let verb = if value == Some(&Value::Null) { Verb::Remove } else { verb };
        match (self.attribute.multi_valued, self.filter, self.sub) {
            (false, _, None) => self.change_single(holder, verb, value),
            (false, _, Some(sub)) => self.change_part(holder, sub, verb, value),
            (true, None, None) => self.change_all(holder, verb, value),
            (true, filter, sub) => self.change_some(holder, filter, sub, verb, value),
        }
    }

    fn name(&self) -> &'static str {
        self.attribute.name
    }

    fn change_single(
        &self,
        holder: &mut Resource,
        verb: Verb,
        value: Option<&Value>,
    ) -> Result<(), ScimError> {
        let new = match (verb, value) {
            (Verb::Remove, _) | (_, None) => return self.remove(holder),
            (Verb::Add | Verb::Replace, Some(value)) => one(value, self.attribute)?,
        };
        let Some(new) = new else { return self.remove(holder) };
        match (holder.get_mut(self.name()), new) {
            (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
            (_, new) => {
                holder.insert(self.name().to_owned(), new);
            }
        }
        Ok(())
    }

    fn remove(&self, holder: &mut Resource) -> Result<(), ScimError> {
        if self.attribute.required {
            let detail = format!("'{}' is required", self.name());
            return Err(ScimError::bad(ScimType::Mutability, detail));
        }
        holder.remove(self.name());
        Ok(())
    }

    fn change_part(
        &self,
        holder: &mut Resource,
        sub: &'static Attribute,
        verb: Verb,
        value: Option<&Value>,
    ) -> Result<(), ScimError> {
        let mut parts = match holder.remove(self.name()) {
            Some(Value::Object(parts)) => parts,
            _ => Map::new(),
        };
        set_part(&mut parts, sub, verb, value)?;
        if !parts.is_empty() {
            holder.insert(self.name().to_owned(), Value::Object(parts));
        }
        Ok(())
    }

    /// All values of a list.
    fn change_all(
        &self,
        holder: &mut Resource,
        verb: Verb,
        value: Option<&Value>,
    ) -> Result<(), ScimError> {
        let given = match value {
            None | Some(Value::Null) => None,
            Some(value) => whole(value, self.attribute)?,
        };
        let given = match given {
            Some(Value::Array(items)) => items,
            _ => vec![],
        };
        let mut items = self.take(holder);
        match verb {
            Verb::Add => {
                for item in given {
                    if !items.contains(&item) {
                        items.push(item);
                        keep_one_primary(&mut items);
                    }
                }
            }
            Verb::Replace => items = given,
            // Some clients say in `value` which ones.
            Verb::Remove if given.is_empty() => items.clear(),
            Verb::Remove => items.retain(|item| !given.iter().any(|it| same(it, item))),
        }
        self.put(holder, items)
    }

    /// The values of a list that fit the filter, or all.
    fn change_some(
        &self,
        holder: &mut Resource,
        filter: Option<&Filter>,
        sub: Option<&'static Attribute>,
        verb: Verb,
        value: Option<&Value>,
    ) -> Result<(), ScimError> {
        if let Some(filter) = filter {
            filter.check_parts(self.attribute)?;
        }
        let mut items = self.take(holder);
        let fits = |item: &Value| filter.is_none_or(|it| it.fits_parts(item, self.attribute));
        let chosen: Vec<usize> = (0..items.len()).filter(|at| fits(&items[*at])).collect();
        if chosen.is_empty() && verb != Verb::Remove {
            let mut new = self.first(filter, verb)?;
            self.change_item(&mut new, sub, Verb::Add, value)?;
            items.push(new);
            keep_one_primary(&mut items);
            return self.put(holder, items);
        }
        for at in &chosen {
            let was_primary = is_primary(&items[*at]);
            self.change_item(&mut items[*at], sub, verb, value)?;
            if is_primary(&items[*at]) && !was_primary {
                // The one that was changed is primary now, and no other.
                let item = items.remove(*at);
                items.push(item);
                keep_one_primary(&mut items);
                items[*at..].rotate_right(1);
            }
        }
        items.retain(|item| item.as_object().is_none_or(|parts| !parts.is_empty()));
        self.put(holder, items)
    }

    fn change_item(
        &self,
        item: &mut Value,
        sub: Option<&'static Attribute>,
        verb: Verb,
        value: Option<&Value>,
    ) -> Result<(), ScimError> {
        let Value::Object(parts) = item else { return Ok(()) };
        if let Some(sub) = sub {
            return set_part(parts, sub, verb, value);
        }
        let new = match (verb, value) {
            (Verb::Remove, _) | (_, None) => {
                parts.clear();
                return Ok(());
            }
            (Verb::Add | Verb::Replace, Some(value)) => one(value, self.attribute)?,
        };
        let Some(Value::Object(new)) = new else { return Ok(()) };
        for (name, value) in &new {
            let changed = parts.get(name).is_some_and(|old| old != value);
            if changed && self.attribute.sub(name).is_some_and(is_immutable) {
                return Err(immutable(name));
            }
        }
        if verb == Verb::Replace {
            *parts = new;
        } else {
            parts.extend(new);
        }
        Ok(())
    }

    /// What begins a value where none fits the filter: the equalities of the filter. Only adding may do that (§3.5.2.3).
    fn first(&self, filter: Option<&Filter>, verb: Verb) -> Result<Value, ScimError> {
        let none =
            || ScimError::bad(ScimType::NoTarget, format!("no value of '{}' fits", self.name()));
        let mut parts = Map::new();
        match filter {
            None => {}
            Some(filter) if verb == Verb::Add => {
                begin(&mut parts, filter, self.attribute).ok_or_else(none)?;
            }
            Some(_) => return Err(none()),
        }
        Ok(Value::Object(parts))
    }

    fn take(&self, holder: &mut Resource) -> Vec<Value> {
        match holder.remove(self.name()) {
            Some(Value::Array(items)) => items,
            Some(single) => vec![single],
            None => vec![],
        }
    }

    fn put(&self, holder: &mut Resource, items: Vec<Value>) -> Result<(), ScimError> {
        if items.is_empty() {
            return self.remove(holder);
        }
        // Read once more: what grew together must be within the limits, too.
        match whole(&Value::Array(items), self.attribute)? {
            Some(items) => {
                holder.insert(self.name().to_owned(), items);
                Ok(())
            }
            None => self.remove(holder),
        }
    }
}

fn set_part(
    parts: &mut Map<String, Value>,
    sub: &'static Attribute,
    verb: Verb,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    let new = match (verb, value) {
        (Verb::Remove, _) | (_, None) => None,
        (Verb::Add | Verb::Replace, Some(value)) => whole(value, sub)?,
    };
    if is_immutable(sub) && parts.get(sub.name).is_some_and(|old| Some(old) != new.as_ref()) {
        return Err(immutable(sub.name));
    }
    match new {
        Some(new) => parts.insert(sub.name.to_owned(), new),
        None => parts.remove(sub.name),
    };
    Ok(())
}

fn is_immutable(attribute: &Attribute) -> bool {
    attribute.mutability == Mutability::Immutable
}

fn immutable(name: &str) -> ScimError {
    ScimError::bad(ScimType::Mutability, format!("'{name}' is immutable"))
}

fn is_primary(item: &Value) -> bool {
    item.get("primary") == Some(&Value::Bool(true))
}

/// The last one that says so stays the primary one (RFC 7644 §3.5.2).
fn keep_one_primary(items: &mut [Value]) {
    let Some(last) = items.iter().rposition(is_primary) else { return };
    for item in items[..last].iter_mut().filter(|it| is_primary(it)) {
        item["primary"] = false.into();
    }
}

/// Whether two values of a list are the same one: they have the same `value`, or are equal without one.
fn same(left: &Value, right: &Value) -> bool {
    match (left.get("value"), right.get("value")) {
        (Some(left), Some(right)) => left == right,
        (_, _) => left == right,
    }
}

/// Sets the parts that a conjunction of equalities names.
fn begin(
    parts: &mut Map<String, Value>,
    filter: &Filter,
    attribute: &'static Attribute,
) -> Option<()> {
    match filter {
        Filter::And(terms) => terms.iter().try_for_each(|it| begin(parts, it, attribute)),
        Filter::Compare { path, operator: Operator::Equal, value } => {
            let sub = attribute.sub(&path.name).filter(|it| it.kind != Kind::Complex)?;
            parts.insert(sub.name.to_owned(), one(value, sub).ok()??);
            Some(())
        }
        Filter::Or(_)
        | Filter::Not(_)
        | Filter::Compare { .. }
        | Filter::Present(_)
        | Filter::Within { .. } => None,
    }
}
