//! The documents by which clients discover what a server does (RFC 7643 §5–§7).
use serde_json::{Value, json};

use super::attribute::{Attribute, Kind, Mutability, Returned, Uniqueness};
use super::{GROUP, ResourceType, Schema, USER, group, user};

const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";

/// What a server does at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Operations in one bulk request.
    pub bulk_operations: usize,
    /// The largest bulk request, in bytes.
    pub bulk_bytes: usize,
    /// Resources in one answer.
    pub results: usize,
}

/// The types of resources.
pub fn resource_types() -> [&'static ResourceType; 2] {
    [&USER, &GROUP]
}

/// The schemas.
pub fn schemas() -> [&'static Schema; 3] {
    [&user::USER, &user::ENTERPRISE, &group::GROUP]
}

/// A schema, as it is at `base`.
pub fn schema_document(schema: &Schema, base: &str) -> Value {
    let id = schema.id;
    json!({
        "schemas": [SCHEMA],
        "id": id,
        "name": schema.name,
        "description": schema.description,
        "attributes": schema.attributes.iter().map(attribute).collect::<Vec<_>>(),
        "meta": { "resourceType": "Schema", "location": format!("{base}/Schemas/{id}") },
    })
}

fn attribute(it: &Attribute) -> Value {
    let mut document = json!({
        "name": it.name,
        "type": it.kind.code(),
        "multiValued": it.multi_valued,
        "description": it.description,
        "required": it.required,
        "caseExact": it.case_exact,
        "mutability": match it.mutability {
            Mutability::ReadOnly => "readOnly",
            Mutability::ReadWrite => "readWrite",
            Mutability::Immutable => "immutable",
        },
        "returned": match it.returned {
            Returned::Always => "always",
            Returned::Default => "default",
        },
        "uniqueness": match it.uniqueness {
            Uniqueness::None => "none",
            Uniqueness::Server => "server",
        },
    });
    if !it.canonical.is_empty() {
        document["canonicalValues"] = it.canonical.into();
    }
    if it.kind == Kind::Reference {
        document["referenceTypes"] = it.references.into();
    }
    if it.kind == Kind::Complex {
        document["subAttributes"] = it.subs.iter().map(attribute).collect();
    }
    document
}

/// A type of resources, as it is at `base`.
pub fn resource_type_document(it: &ResourceType, base: &str) -> Value {
    let name = it.name;
    let extensions: Vec<_> = it
        .extensions
        .iter()
        .map(|extension| json!({ "schema": extension.id, "required": false }))
        .collect();
    json!({
        "schemas": [RESOURCE_TYPE],
        "id": name,
        "name": name,
        "description": it.description,
        "endpoint": it.endpoint,
        "schema": it.schema.id,
        "schemaExtensions": extensions,
        "meta": { "resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{name}") },
    })
}

/// What the server does (RFC 7643 §5).
pub fn service_provider_config(limits: &Limits, base: &str) -> Value {
    json!({
        "schemas": [CONFIG],
        "patch": { "supported": true },
        "bulk": {
            "supported": true,
            "maxOperations": limits.bulk_operations,
            "maxPayloadSize": limits.bulk_bytes,
        },
        "filter": { "supported": true, "maxResults": limits.results },
        "changePassword": { "supported": false },
        "sort": { "supported": true },
        "etag": { "supported": true },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "OAuth 2.0",
            "description": "An access token with the scope `scim`, by client credentials",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base}/ServiceProviderConfig"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_says_each_characteristic() {
        let document = schema_document(&user::USER, "https://imp.example/scim/v2");
        let names = &document["attributes"][0];
        assert_eq!(names["name"], "userName");
        assert_eq!(names["required"], true);
        assert_eq!(names["caseExact"], false);
        assert_eq!(names["uniqueness"], "server");
        let emails = document["attributes"].as_array().unwrap();
        let emails = emails.iter().find(|it| it["name"] == "emails").unwrap();
        assert_eq!(emails["type"], "complex");
        assert_eq!(emails["subAttributes"][2]["canonicalValues"], json!(["work", "home", "other"]));
        let location = &document["meta"]["location"];
        assert_eq!(location, &format!("https://imp.example/scim/v2/Schemas/{}", user::USER.id));
    }

    #[test]
    fn a_type_names_its_extensions() {
        let document = resource_type_document(&USER, "https://imp.example/scim/v2");
        assert_eq!(document["endpoint"], "/Users");
        assert_eq!(document["schemaExtensions"][0]["schema"], user::ENTERPRISE.id);
    }
}
