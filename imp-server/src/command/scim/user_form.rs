//! Users as resources, and resources as users.
use imp_identity::name::{Email, Label, Username};
use imp_identity::profile::Profile;
use imp_identity::user::{Attributes, Role};
use imp_scim::schema::ENTERPRISE_SCHEMA;
use imp_scim::{Resource, ScimError, ScimType};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Rules, invalid};
use crate::store::{Person, StoredGroup};

/// What is kept elsewhere than in `other_attributes`.
const KEPT_APART: [&str; 7] =
    ["schemas", "id", "meta", "groups", "userName", "externalId", "active"];

/// What a resource says a user is to be.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) username: Username,
    pub(super) display_name: Label,
    pub(super) unit: Option<Label>,
    pub(super) email: Option<Email>,
    /// `None` when nothing is said of it.
    pub(super) role: Option<Role>,
    /// `None` when nothing is said of it.
    pub(super) active: Option<bool>,
    pub(super) profile: Profile,
}

impl Wanted {
    /// Her attributes with a role.
    pub(super) fn attributes(&self, role: Role) -> Attributes {
        Attributes {
            username: self.username.clone(),
            display_name: self.display_name.clone(),
            role,
            unit: self.unit.clone(),
            email: self.email.clone(),
        }
    }
}

/// What of a resource the server itself works with.
struct Chosen<'a> {
    display_name: Option<String>,
    unit: Option<&'a str>,
    email: Option<&'a str>,
    role: Option<&'a str>,
}

/// The display name, or else the name; the department; the primary address, or else the first; the role.
fn chosen(resource: &Resource) -> Chosen<'_> {
    let text = |name: &str| resource.get(name).and_then(Value::as_str);
    let name =
        |part: &str| resource.get("name").and_then(|it| it.get(part)).and_then(Value::as_str);
    let parts: Vec<_> = ["givenName", "familyName"].into_iter().filter_map(name).collect();
    let composed = (!parts.is_empty()).then(|| parts.join(" "));
    let formatted = name("formatted").map(str::to_owned).or(composed);
    Chosen {
        display_name: text("displayName").map(str::to_owned).or(formatted),
        unit: resource.get(ENTERPRISE_SCHEMA).and_then(|it| it.get("department")?.as_str()),
        email: primary(resource, "emails"),
        role: primary(resource, "roles"),
    }
}

fn primary<'a>(resource: &'a Resource, name: &str) -> Option<&'a str> {
    let items = resource.get(name)?.as_array()?;
    let primary = items.iter().find(|it| it.get("primary") == Some(&Value::Bool(true)));
    primary.or_else(|| items.first())?.get("value")?.as_str()
}

/// A user as a resource, with the groups that she is in.
pub(super) fn shown(person: &Person, groups: &[StoredGroup], rules: &Rules) -> Resource {
    let user = &person.user;
    let mut resource = stored(person);
    let known = chosen(&resource);
    let (unit, email) = (known.unit.map(str::to_owned), known.email.map(str::to_owned));
    let role = known.role.map_or(Some(Role::Staff), |it| it.parse().ok());
    // What was changed here since the directory said it wins over what the directory said.
    let said = known.display_name.as_deref().unwrap_or(user.username.as_str());
    if said != user.display_name.as_str() {
        resource.insert("displayName".to_owned(), user.display_name.as_str().into());
    }
    if role != Some(user.role) {
        resource.remove("roles");
        if user.role != Role::Staff {
            resource.insert("roles".to_owned(), json!([{ "value": user.role.code() }]));
        }
    }
    if email.as_deref() != user.email.as_ref().map(Email::expose) {
        resource.remove("emails");
        if let Some(email) = &user.email {
            let address = json!([{ "value": email.expose(), "type": "work", "primary": true }]);
            resource.insert("emails".to_owned(), address);
        }
    }
    if unit.as_deref() != user.unit.as_ref().map(Label::as_str) {
        set_department(&mut resource, user.unit.as_ref().map(Label::as_str));
    }
    resource.insert("id".to_owned(), user.id.to_string().into());
    resource.insert("userName".to_owned(), user.username.as_str().into());
    resource.insert("active".to_owned(), user.is_active().into());
    if let Some(id) = &person.profile.external_id {
        resource.insert("externalId".to_owned(), id.as_str().into());
    }
    if !groups.is_empty() {
        resource
            .insert("groups".to_owned(), groups.iter().map(|it| membership(it, rules)).collect());
    }
    let (uuid, changed) = (user.id.as_uuid(), person.changed_at);
    let meta = meta("User", uuid, changed, person.version, &rules.base);
    resource.insert("meta".to_owned(), meta);
    resource
}

fn stored(person: &Person) -> Resource {
    let stored = serde_json::from_str(person.profile.other.as_str());
    stored.unwrap_or_else(|error| {
        tracing::error!(user.id = %person.user.id, %error, "the stored attributes are no JSON");
        Resource::new()
    })
}

fn set_department(resource: &mut Resource, unit: Option<&str>) {
    let extension = resource.entry(ENTERPRISE_SCHEMA).or_insert_with(|| json!({}));
    if let Some(parts) = extension.as_object_mut() {
        match unit {
            Some(unit) => drop(parts.insert("department".to_owned(), unit.into())),
            None => drop(parts.remove("department")),
        }
        if parts.is_empty() {
            resource.remove(ENTERPRISE_SCHEMA);
        }
    }
}

fn membership(stored: &StoredGroup, rules: &Rules) -> Value {
    let group = &stored.group;
    json!({
        "value": group.id.to_string(),
        "$ref": format!("{}/Groups/{}", rules.base, group.id),
        "display": group.name.as_str(),
        "type": "direct",
    })
}

/// About a resource. When it was created stands in its identifier (RFC 9562 §5.7).
pub(super) fn meta(
    kind: &str,
    id: Uuid,
    changed_at: Option<Timestamp>,
    version: u64,
    base: &str,
) -> Value {
    let created = id.get_timestamp().and_then(|at| {
        let (seconds, nanos) = at.to_unix();
        Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
    });
    let created = created.unwrap_or(Timestamp::UNIX_EPOCH);
    json!({
        "resourceType": kind,
        "created": created.to_string(),
        "lastModified": changed_at.unwrap_or(created).max(created).to_string(),
        "location": format!("{base}/{kind}s/{id}"),
        "version": imp_scim::etag::tag(version),
    })
}

/// What a resource says a user is to be; `source` is who says it.
pub(super) fn wanted(resource: &Resource, source: Option<Label>) -> Result<Wanted, ScimError> {
    let text = |name: &str| resource.get(name).and_then(Value::as_str);
    let username = text("userName").ok_or_else(|| invalid("userName", "is required"))?;
    // It is compared without regard to case (RFC 7643 §4.1.1), and kept in lower case.
    let username: Username =
        username.to_lowercase().parse().map_err(|it| invalid("userName", it))?;
    let Chosen { display_name, unit, email, role } = chosen(resource);
    let display_name = display_name.as_deref().unwrap_or(username.as_str());
    let label = |name, text: Option<&str>| {
        text.map(|it| it.parse::<Label>().map_err(|why| invalid(name, why))).transpose()
    };
    let email = email.map(|it| it.parse::<Email>().map_err(|it| invalid("emails", it)));
    let roles = resource.get("roles").and_then(Value::as_array).map_or(0, Vec::len);
    if roles > 1 {
        return Err(invalid("roles", "a user has one role"));
    }
    Ok(Wanted {
        display_name: display_name.parse().map_err(|it| invalid("displayName", it))?,
        unit: label("department", unit)?,
        email: email.transpose()?,
        role: role.map(|it| it.parse().map_err(|it| invalid("roles", it))).transpose()?,
        active: resource.get("active").and_then(Value::as_bool),
        profile: profile(resource, source)?,
        username,
    })
}

fn profile(resource: &Resource, source: Option<Label>) -> Result<Profile, ScimError> {
    let external_id = resource.get("externalId").and_then(Value::as_str);
    let name = |part: &str| {
        let text = resource.get("name")?.get(part)?.as_str()?;
        text.parse::<Label>().ok()
    };
    let other: Resource = resource
        .iter()
        .filter(|(name, _)| !KEPT_APART.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let other = Value::Object(other).to_string().parse();
    Ok(Profile {
        source,
        external_id: external_id
            .map(|it| it.parse().map_err(|it| invalid("externalId", it)))
            .transpose()?,
        given_name: name("givenName"),
        family_name: name("familyName"),
        other: other.map_err(|_| {
            ScimError::bad(
                ScimType::InvalidValue,
                "The attributes are larger than 32 KiB together.",
            )
        })?,
    })
}
