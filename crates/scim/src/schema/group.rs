//! Groups (RFC 7643 §4.2). Members are users; groups have no groups in them.
use super::attribute::{Attribute, Kind};
use super::{GROUP_SCHEMA, Schema};

pub(super) static GROUP: Schema = Schema {
    id: GROUP_SCHEMA,
    name: "Group",
    description: "A group of users",
    attributes: &ATTRIBUTES,
};

static ATTRIBUTES: [Attribute; 2] = [
    Attribute::text("displayName", "What it is called, 1 to 128 characters").required().unique(),
    Attribute::complex("members", "Who is in it", &MEMBER).multi(),
];

static MEMBER: [Attribute; 3] = [
    Attribute::text("value", "The user").exact().immutable(),
    Attribute::of(Kind::Reference, "$ref", "Where she is").pointing_to(&["User"]).immutable(),
    Attribute::text("type", "What is a member").usually(&["User"]).immutable(),
];
