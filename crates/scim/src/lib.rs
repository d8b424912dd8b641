//! SCIM 2.0 (RFC 7643, RFC 7644): schemas, resources, filters, patches and bulk requests. No input or output.
//!
//! A resource is a JSON object whose attributes have the names that its schema gives them; [`resource::read`] makes one of
//! what a client sent, and everything else here works with those.
pub mod bulk;
pub mod error;
pub mod etag;
pub mod filter;
pub mod list;
pub mod patch;
pub mod path;
pub mod projection;
pub mod resource;
pub mod schema;

pub use error::{ScimError, ScimType};
pub use filter::Filter;
pub use path::AttributePath;
pub use resource::Resource;
pub use schema::{GROUP, ResourceType, USER};

/// The media type of requests and answers (RFC 7644 §3.1).
pub const MEDIA_TYPE: &str = "application/scim+json";
