//! Users (RFC 7643 §4.1, §4.3). Passwords, entitlements and certificates are left out: people here have no passwords, and
//! their certificates are not the directory's.
use super::attribute::{Attribute, Kind};
use super::{ENTERPRISE_SCHEMA, Schema, USER_SCHEMA};

pub(super) static USER: Schema = Schema {
    id: USER_SCHEMA,
    name: "User",
    description: "A member of staff",
    attributes: &ATTRIBUTES,
};

pub(super) static ENTERPRISE: Schema = Schema {
    id: ENTERPRISE_SCHEMA,
    name: "EnterpriseUser",
    description: "What an employer says of a user",
    attributes: &EMPLOYER,
};

static ATTRIBUTES: [Attribute; 18] = [
    Attribute::text(
        "userName",
        "What she signs in as: 1 to 64 letters, digits, '.', '_' or '-'; kept in lower case",
    )
    .required()
    .unique(),
    Attribute::complex("name", "The parts of her name", &NAME),
    Attribute::text("displayName", "How she is shown to people, at most 128 characters"),
    Attribute::text("nickName", "What colleagues call her"),
    Attribute::of(Kind::Reference, "profileUrl", "A page about her").pointing_to(&["external"]),
    Attribute::text("title", "Her title or function"),
    Attribute::text("userType", "How she stands to the hospital"),
    Attribute::text("preferredLanguage", "What she likes to read (RFC 9110 §12.5.4)"),
    Attribute::text("locale", "How dates and numbers are written for her"),
    Attribute::text("timezone", "Her time zone (RFC 6557)"),
    Attribute::of(
        Kind::Boolean,
        "active",
        "Whether she may be authenticated; false ends everything that was given to her",
    ),
    Attribute::complex(
        "emails",
        "Her addresses; notices go to the primary one, or else to the first",
        &EMAIL,
    )
    .multi(),
    Attribute::complex("phoneNumbers", "Her telephone numbers", &PHONE).multi(),
    Attribute::complex("ims", "Her addresses for instant messages", &MESSENGER).multi(),
    Attribute::complex("photos", "Addresses of photographs; none is ever fetched", &PHOTO).multi(),
    Attribute::complex("addresses", "Her postal addresses", &ADDRESS).multi(),
    Attribute::complex("groups", "The groups that she is in", &MEMBERSHIP).multi().read_only(),
    Attribute::complex("roles", "What she may do here; one role", &ROLE).multi(),
];

static NAME: [Attribute; 6] = [
    Attribute::text("formatted", "The whole name"),
    Attribute::text("familyName", "The family name"),
    Attribute::text("givenName", "The given name"),
    Attribute::text("middleName", "Names between them"),
    Attribute::text("honorificPrefix", "What stands before"),
    Attribute::text("honorificSuffix", "What stands behind"),
];

const DISPLAY: Attribute = Attribute::text("display", "For people");
const PRIMARY: Attribute = Attribute::of(Kind::Boolean, "primary", "Whether it is preferred");
const TYPE: Attribute = Attribute::text("type", "What it is for");

static EMAIL: [Attribute; 4] = [
    Attribute::text("value", "The address"),
    DISPLAY,
    TYPE.usually(&["work", "home", "other"]),
    PRIMARY,
];

static PHONE: [Attribute; 4] = [
    Attribute::text("value", "The number (RFC 3966)"),
    DISPLAY,
    TYPE.usually(&["work", "home", "mobile", "fax", "pager", "other"]),
    PRIMARY,
];

static MESSENGER: [Attribute; 4] =
    [Attribute::text("value", "The address"), DISPLAY, TYPE, PRIMARY];

static PHOTO: [Attribute; 4] = [
    Attribute::of(Kind::Reference, "value", "The address").pointing_to(&["external"]),
    DISPLAY,
    TYPE.usually(&["photo", "thumbnail"]),
    PRIMARY,
];

static ADDRESS: [Attribute; 8] = [
    Attribute::text("formatted", "The whole address"),
    Attribute::text("streetAddress", "Street and number"),
    Attribute::text("locality", "Town"),
    Attribute::text("region", "Region"),
    Attribute::text("postalCode", "Postal code"),
    Attribute::text("country", "Country (ISO 3166-1 alpha-2)"),
    TYPE.usually(&["work", "home", "other"]),
    PRIMARY,
];

static MEMBERSHIP: [Attribute; 4] = [
    Attribute::text("value", "The group").exact().read_only(),
    Attribute::of(Kind::Reference, "$ref", "Where it is").pointing_to(&["Group"]).read_only(),
    Attribute::text("display", "What it is called").read_only(),
    Attribute::text("type", "Whether she is in it herself").usually(&["direct"]).read_only(),
];

static ROLE: [Attribute; 1] = [Attribute::text("value", "The role").usually(&["staff", "officer"])];

static EMPLOYER: [Attribute; 6] = [
    Attribute::text("employeeNumber", "The employer's number for her"),
    Attribute::text("costCenter", "Her cost centre"),
    Attribute::text("organization", "Her organization"),
    Attribute::text("division", "Her division"),
    Attribute::text("department", "Her ward or department, at most 128 characters"),
    Attribute::complex("manager", "Whom she reports to", &MANAGER),
];

static MANAGER: [Attribute; 3] = [
    Attribute::text("value", "The user").exact(),
    Attribute::of(Kind::Reference, "$ref", "Where she is").pointing_to(&["User"]),
    Attribute::text("displayName", "What she is called").read_only(),
];
