//! Groups as resources, and resources as groups.
use imp_identity::UserId;
use imp_identity::name::Label;
use imp_identity::profile::ExternalId;
use imp_scim::{Resource, ScimError};
use serde_json::{Value, json};

use super::user_form::meta;
use super::{Rules, invalid};
use crate::store::StoredGroup;

/// What a resource says a group is to be.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) name: Label,
    pub(super) external_id: Option<ExternalId>,
    pub(super) members: Vec<UserId>,
}

/// A group as a resource.
pub(super) fn shown(stored: &StoredGroup, members: &[(UserId, Label)], rules: &Rules) -> Resource {
    let group = &stored.group;
    let mut resource = Resource::new();
    resource.insert("id".to_owned(), group.id.to_string().into());
    resource.insert("displayName".to_owned(), group.name.as_str().into());
    if let Some(id) = &group.external_id {
        resource.insert("externalId".to_owned(), id.as_str().into());
    }
    if !members.is_empty() {
        let member = |(id, _): &(UserId, Label)| {
            json!({
                "value": id.to_string(),
                "$ref": format!("{}/Users/{id}", rules.base),
                "type": "User",
            })
        };
        resource.insert("members".to_owned(), members.iter().map(member).collect());
    }
    let (uuid, changed) = (group.id.as_uuid(), Some(stored.changed_at));
    let meta = meta("Group", uuid, changed, stored.version, &rules.base);
    resource.insert("meta".to_owned(), meta);
    resource
}

/// What a resource says a group is to be.
pub(super) fn wanted(resource: &Resource) -> Result<Wanted, ScimError> {
    let text = |name: &str| resource.get(name).and_then(Value::as_str);
    let name = text("displayName").ok_or_else(|| invalid("displayName", "is required"))?;
    let external_id =
        text("externalId").map(|it| it.parse().map_err(|it| invalid("externalId", it)));
    let members = resource.get("members").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut members = members.iter().map(member).collect::<Result<Vec<_>, _>>()?;
    members.sort_unstable();
    members.dedup();
    Ok(Wanted {
        name: name.parse().map_err(|it| invalid("displayName", it))?,
        external_id: external_id.transpose()?,
        members,
    })
}

fn member(value: &Value) -> Result<UserId, ScimError> {
    let kind = value.get("type").and_then(Value::as_str).unwrap_or("User");
    if !kind.eq_ignore_ascii_case("User") {
        return Err(invalid("members", "only users can be members"));
    }
    let id = value.get("value").and_then(Value::as_str);
    let id = id.and_then(|it| it.parse().ok());
    id.ok_or_else(|| invalid("members", "a member is named by the identifier of a user"))
}
