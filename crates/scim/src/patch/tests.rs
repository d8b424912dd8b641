use serde_json::json;

use super::*;
use crate::schema::{ENTERPRISE_SCHEMA, GROUP, USER};

fn resource(value: &Value) -> Resource {
    value.as_object().unwrap().clone()
}

fn ada() -> Resource {
    resource(&json!({
        "id": "1",
        "userName": "ada",
        "name": { "givenName": "Ada", "familyName": "King" },
        "emails": [
            { "value": "ada@ward.example", "type": "work", "primary": true },
            { "value": "ada@home.example", "type": "home" },
        ],
        "addresses": [{ "type": "work", "locality": "Rome" }],
    }))
}

fn patched(to: &Resource, operations: &Value, of: &ResourceType) -> Result<Value, ScimError> {
    let body = json!({ "schemas": [SCHEMA], "Operations": operations });
    Ok(Value::Object(Patch::read(&body)?.apply(to, of)?))
}

fn user(operations: &Value) -> Value {
    patched(&ada(), operations, &USER).unwrap()
}

fn refused(operations: &Value) -> ScimType {
    patched(&ada(), operations, &USER).unwrap_err().kind.unwrap()
}

/// RFC 7644 §3.5.2.1: a member is added once.
#[test]
fn members_are_added_once() {
    let group = resource(&json!({ "displayName": "Tour guides", "members": [{ "value": "a" }] }));
    let add =
        json!([{ "op": "add", "path": "members", "value": [{ "value": "a" }, { "value": "b" }] }]);
    let after = patched(&group, &add, &GROUP).unwrap();
    assert_eq!(after["members"], json!([{ "value": "a" }, { "value": "b" }]));
}

/// RFC 7644 §3.5.2.2: the examples of removing.
#[test]
fn members_are_removed_one_by_one_or_all() {
    let group = resource(
        &json!({ "displayName": "Tour guides", "members": [{ "value": "a" }, { "value": "b" }] }),
    );
    for (operation, left) in [
        (json!([{ "op": "remove", "path": "members[value eq \"a\"]" }]), json!([{ "value": "b" }])),
        (json!([{ "op": "remove", "path": "members" }]), Value::Null),
        // As Microsoft Entra ID says it.
        (
            json!([{ "op": "Remove", "path": "members", "value": [{ "value": "b" }] }]),
            json!([{ "value": "a" }]),
        ),
        (
            json!([
                { "op": "remove", "path": "members[value eq \"a\"]" },
                { "op": "add", "path": "members", "value": [{ "value": "c" }] },
            ]),
            json!([{ "value": "b" }, { "value": "c" }]),
        ),
        (
            json!([{ "op": "replace", "path": "members", "value": [{ "value": "c" }] }]),
            json!([{ "value": "c" }]),
        ),
        (
            json!([{ "op": "remove", "path": "members[value eq \"z\"]" }]),
            json!([{ "value": "a" }, { "value": "b" }]),
        ),
    ] {
        let after = patched(&group, &operation, &GROUP).unwrap();
        assert_eq!(after.get("members").cloned().unwrap_or_default(), left, "{operation}");
    }
}

/// RFC 7644 §3.5.2.3: the examples of replacing.
#[test]
fn what_a_path_chooses_is_replaced() {
    let after = user(&json!([{
        "op": "replace",
        "path": "addresses[type eq \"work\"]",
        "value": { "type": "work", "streetAddress": "911 Universal City Plaza", "country": "US" },
    }]));
    assert_eq!(
        after["addresses"],
        json!([{ "type": "work", "streetAddress": "911 Universal City Plaza", "country": "US" }])
    );
    let after = user(
        &json!([{ "op": "replace", "path": "addresses[type eq \"work\"].streetAddress", "value": "1010 Broadway" }]),
    );
    assert_eq!(
        after["addresses"],
        json!([{ "type": "work", "locality": "Rome", "streetAddress": "1010 Broadway" }])
    );
    let after = user(&json!([{ "op": "replace", "value": {
        "emails": [{ "value": "bjensen@example.com", "type": "work", "primary": true }],
        "nickName": "Babs",
        "id": "not hers",
    } }]));
    assert_eq!(after["emails"].as_array().unwrap().len(), 1);
    assert_eq!((&after["nickName"], &after["id"]), (&json!("Babs"), &json!("1")));
}

#[test]
fn parts_of_a_complex_attribute_are_merged_and_removed() {
    let after = user(&json!([
        { "op": "add", "path": "name", "value": { "givenName": "Augusta" } },
        { "op": "replace", "path": "NAME.honorificPrefix", "value": "Dr" },
        { "op": "remove", "path": "name.familyName" },
        { "op": "replace", "value": { "name.middleName": "Byron" } },
    ]));
    assert_eq!(
        after["name"],
        json!({ "givenName": "Augusta", "honorificPrefix": "Dr", "middleName": "Byron" })
    );
}

#[test]
fn only_the_value_that_was_set_last_is_primary() {
    let after = user(
        &json!([{ "op": "replace", "path": "emails[type eq \"home\"].primary", "value": true }]),
    );
    assert_eq!(after["emails"][0]["primary"], false);
    assert_eq!(after["emails"][1]["primary"], true);
    let after = user(
        &json!([{ "op": "add", "path": "emails", "value": { "value": "x@y.example", "primary": true } }]),
    );
    let emails = after["emails"].as_array().unwrap();
    let primaries: Vec<_> = emails.iter().map(|it| it["primary"] == json!(true)).collect();
    assert_eq!(primaries, [false, false, true]);
}

#[test]
fn adding_begins_the_value_that_the_filter_describes_and_replacing_does_not() {
    let path = "phoneNumbers[type eq \"mobile\"].value";
    let after = user(&json!([{ "op": "Add", "path": path, "value": "tel:+39-6-1" }]));
    assert_eq!(after["phoneNumbers"], json!([{ "type": "mobile", "value": "tel:+39-6-1" }]));
    let replace = json!([{ "op": "replace", "path": path, "value": "tel:+39-6-1" }]);
    assert_eq!(refused(&replace), ScimType::NoTarget);
}

#[test]
fn extensions_are_patched_by_their_urn() {
    let after = user(&json!([
        { "op": "add", "path": format!("{ENTERPRISE_SCHEMA}:department"), "value": "Ward 3" },
        { "op": "add", "value": { ENTERPRISE_SCHEMA: { "costCenter": "7" } } },
        { "op": "replace", "path": ENTERPRISE_SCHEMA, "value": { "division": "Surgery" } },
    ]));
    let employer = json!({ "department": "Ward 3", "costCenter": "7", "division": "Surgery" });
    assert_eq!(after[ENTERPRISE_SCHEMA], employer);
    let all = json!([
        { "op": "add", "path": format!("{ENTERPRISE_SCHEMA}:department"), "value": "Ward 3" },
        { "op": "remove", "path": format!("{ENTERPRISE_SCHEMA}:department") },
    ]);
    assert_eq!(user(&all).get(ENTERPRISE_SCHEMA), None);
}

#[test]
fn null_and_text_for_truths_are_understood() {
    let after = user(&json!([
        { "op": "Replace", "path": "active", "value": "False" },
        { "op": "replace", "path": "name", "value": null },
    ]));
    assert_eq!((&after["active"], after.get("name")), (&json!(false), None));
}

#[test]
fn what_may_not_be_changed_is_refused_and_says_why() {
    for (operations, kind) in [
        (json!([{ "op": "replace", "path": "id", "value": "2" }]), ScimType::Mutability),
        (
            json!([{ "op": "add", "path": "groups", "value": [{ "value": "g" }] }]),
            ScimType::Mutability,
        ),
        (json!([{ "op": "remove", "path": "meta.created" }]), ScimType::Mutability),
        (json!([{ "op": "remove", "path": "userName" }]), ScimType::Mutability),
        (json!([{ "op": "remove" }]), ScimType::NoTarget),
        (json!([{ "op": "add", "path": "title" }]), ScimType::InvalidValue),
        (json!([{ "op": "add", "value": "x" }]), ScimType::InvalidValue),
        (json!([{ "op": "add", "path": "title", "value": 3 }]), ScimType::InvalidValue),
        (json!([{ "op": "add", "path": "shoeSize", "value": 43 }]), ScimType::InvalidPath),
        (json!([{ "op": "add", "path": "a b", "value": 43 }]), ScimType::InvalidPath),
        (json!([{ "op": "add", "path": "title[x pr]", "value": 43 }]), ScimType::InvalidPath),
        (json!([{ "op": "add", "path": "emails[x", "value": 43 }]), ScimType::InvalidFilter),
        (
            json!([{ "op": "add", "path": "emails[x pr].value", "value": "v" }]),
            ScimType::InvalidFilter,
        ),
        (json!([{ "op": "test", "path": "title", "value": 43 }]), ScimType::InvalidSyntax),
        (json!([]), ScimType::InvalidSyntax),
    ] {
        assert_eq!(refused(&operations), kind, "{operations}");
    }
    let group = resource(&json!({ "displayName": "g", "members": [{ "value": "a" }] }));
    let other = json!([{ "op": "replace", "path": "members[value eq \"a\"].value", "value": "b" }]);
    let error = patched(&group, &other, &GROUP).unwrap_err();
    assert_eq!(error.kind, Some(ScimType::Mutability));
    let body = json!({ "Operations": [{ "op": "remove", "path": "title" }] });
    assert_eq!(Patch::read(&body).unwrap_err().kind, Some(ScimType::InvalidSyntax));
}
