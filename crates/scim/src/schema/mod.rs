//! Schemas (RFC 7643 §7): what attributes resources have, and what may be done with them.
mod attribute;
mod document;
mod group;
mod user;

pub use attribute::{Attribute, Kind, Mutability, Returned, Uniqueness};
pub use document::{
    Limits, resource_type_document, resource_types, schema_document, schemas,
    service_provider_config,
};

use crate::path::AttributePath;

/// The schema of users.
pub const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The schema of groups.
pub const GROUP_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The schema of what employers add to users.
pub const ENTERPRISE_SCHEMA: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A schema.
#[derive(Debug)]
pub struct Schema {
    /// Its URN.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it describes.
    pub description: &'static str,
    /// The attributes, without those that every resource has.
    pub attributes: &'static [Attribute],
}

/// A type of resources (RFC 7643 §6).
#[derive(Debug)]
pub struct ResourceType {
    /// Its name.
    pub name: &'static str,
    /// Where it is served, below the base.
    pub endpoint: &'static str,
    /// What it is.
    pub description: &'static str,
    /// The schema that each resource has.
    pub schema: &'static Schema,
    /// Schemas that a resource may have besides.
    pub extensions: &'static [&'static Schema],
}

/// Users.
pub static USER: ResourceType = ResourceType {
    name: "User",
    endpoint: "/Users",
    description: "A member of staff",
    schema: &user::USER,
    extensions: &[&user::ENTERPRISE],
};

/// Groups.
pub static GROUP: ResourceType = ResourceType {
    name: "Group",
    endpoint: "/Groups",
    description: "A group of users",
    schema: &group::GROUP,
    extensions: &[],
};

/// What a path names.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// An extension as a whole.
    Extension(&'static Schema),
    /// An attribute.
    Attribute {
        /// The extension that it belongs to; `None` in the resource itself.
        extension: Option<&'static Schema>,
        /// Which.
        attribute: &'static Attribute,
        /// Which part of it.
        sub: Option<&'static Attribute>,
    },
}

impl Schema {
    /// The attribute of that name, whatever its case.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        attribute::named(self.attributes, name)
    }
}

impl ResourceType {
    /// The attributes of the resource itself, those included that every resource has.
    pub fn attributes(&self) -> impl Iterator<Item = &'static Attribute> {
        attribute::COMMON.iter().chain(self.schema.attributes)
    }

    /// The attribute of the resource itself of that name, whatever its case.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes().find(|known| known.name.eq_ignore_ascii_case(name))
    }

    /// The extension of that URN, whatever its case.
    pub fn extension(&self, id: &str) -> Option<&'static Schema> {
        self.extensions.iter().copied().find(|known| known.id.eq_ignore_ascii_case(id))
    }

    /// What a path names here.
    pub fn resolve(&self, path: &AttributePath) -> Option<Target> {
        if let Some(extension) = path.as_urn().and_then(|urn| self.extension(&urn)) {
            return Some(Target::Extension(extension));
        }
        let (extension, attribute) = match &path.schema {
            None => (None, self.attribute(&path.name)?),
            Some(id) if id.eq_ignore_ascii_case(self.schema.id) => {
                (None, self.attribute(&path.name)?)
            }
            Some(id) => {
                let extension = self.extension(id)?;
                (Some(extension), extension.attribute(&path.name)?)
            }
        };
        let sub = match &path.sub {
            None => None,
            Some(sub) => Some(attribute.sub(sub)?),
        };
        Some(Target::Attribute { extension, attribute, sub })
    }
}
