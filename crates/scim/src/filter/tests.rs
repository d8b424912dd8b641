use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::resource::Resource;
use crate::schema::USER;

fn person() -> Resource {
    let person = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "2819c223-7f76-453a-919d-413861904646",
        "externalId": "bjensen",
        "userName": "bjensen",
        "title": "Tour Guide",
        "userType": "Employee",
        "active": true,
        "name": { "familyName": "O'Malley", "givenName": "Barbara" },
        "emails": [
            { "value": "bjensen@example.com", "type": "work", "primary": true },
            { "value": "babs@jensen.org", "type": "home" },
        ],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "701984", "manager": { "displayName": "John Smith" },
        },
        "meta": {
            "resourceType": "User",
            "created": "2010-01-23T04:56:22Z",
            "lastModified": "2011-05-13T04:42:34Z",
        },
    });
    person.as_object().unwrap().clone()
}

fn fits(text: &str) -> bool {
    let filter = Filter::parse(text).unwrap();
    filter.check(&USER).unwrap();
    filter.fits(&person(), &USER)
}

/// The examples of RFC 7644 §3.4.2.2, and what they say of its example user.
#[test]
fn the_examples_of_the_rfc() {
    for (filter, expected) in [
        (r#"userName eq "bjensen""#, true),
        (r#"name.familyName co "O'Malley""#, true),
        (r#"userName sw "J""#, false),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "B""#, true),
        ("title pr", true),
        (r#"meta.lastModified gt "2011-05-13T04:42:34Z""#, false),
        (r#"meta.lastModified ge "2011-05-13T04:42:34Z""#, true),
        (r#"meta.lastModified lt "2011-05-13T06:42:35+02:00""#, true),
        (r#"meta.lastModified le "2011-05-13T04:42:34Z""#, true),
        (r#"title pr and userType eq "Employee""#, true),
        (r#"title pr or userType eq "Intern""#, true),
        (
            r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
            true,
        ),
        (
            r#"userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")"#,
            false,
        ),
        (r#"userType eq "Employee" and (emails.type eq "work")"#, true),
        (r#"userType eq "Employee" and emails[type eq "work" and value co "@example.com"]"#, true),
        (
            r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#,
            true,
        ),
        (
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "701984""#,
            true,
        ),
    ] {
        assert_eq!(fits(filter), expected, "{filter}");
    }
}

#[test]
fn and_binds_tighter_than_or_and_words_have_no_case() {
    assert!(fits(r#"title pr OR title pr And userName EQ "nobody""#));
    assert!(!fits(r#"(title pr or title pr) and userName eq "nobody""#));
    assert!(fits(r#"USERNAME eq "BJensen" and not (active eq false)"#));
    assert!(!fits(r#"externalId eq "BJensen""#), "it is case-exact");
}

#[test]
fn one_value_must_fit_all_that_stands_in_brackets() {
    assert!(fits(r#"emails.type eq "home" and emails.value co "example.com""#));
    assert!(!fits(r#"emails[type eq "home" and value co "example.com"]"#));
}

#[test]
fn what_is_not_there_differs_from_everything() {
    assert!(fits(r#"nickName ne "babs""#));
    assert!(fits("nickName eq null"));
    assert!(fits("title ne null"));
    assert!(!fits("nickName pr"));
    assert!(!fits(r#"emails ne "babs@jensen.org""#));
}

#[test]
fn what_is_not_a_filter_is_refused() {
    let deep = format!("{}title pr{}", "(".repeat(17), ")".repeat(17));
    let many = vec!["title pr"; 65].join(" or ");
    let long = format!("title eq \"{}\"", "a".repeat(4096));
    for text in [
        "",
        " ",
        "userName",
        "userName eq",
        "userName eq 'a'",
        "userName is \"a\"",
        "eq eq eq",
        "(title pr",
        "title pr)",
        "title pr and",
        "emails[type eq \"a\"",
        "not title pr x",
        "title eq \"\\x\"",
        "title eq \"a\" \"b\"",
        "title eq [1]",
        "active eq {}",
        "title eq 1.2.3",
        &deep,
        &many,
        &long,
    ] {
        let error = Filter::parse(text).unwrap_err();
        assert_eq!(error.kind, Some(ScimType::InvalidFilter), "{text}");
        assert_eq!(error.status, 400);
    }
}

#[test]
fn what_cannot_be_asked_of_an_attribute_is_refused() {
    for text in [
        "shoeSize eq 43",
        "active gt true",
        "active eq \"true\"",
        "title eq 3",
        "meta.created co \"2011-05-13T04:42:34Z\"",
        "meta.created gt \"yesterday\"",
        "name eq \"Barbara\"",
        "emails[shoeSize pr]",
        "emails[type[value pr]]",
        "name.givenName.first pr",
    ] {
        let refused = match Filter::parse(text) {
            Ok(filter) => filter.check(&USER),
            Err(error) => Err(error),
        };
        assert_eq!(refused.unwrap_err().kind, Some(ScimType::InvalidFilter), "{text}");
    }
}

#[test]
fn what_an_index_answers_is_found() {
    for (text, expected) in [
        (r#"userName eq "Ada""#, Some(Narrow::UserName("Ada"))),
        (r#"active eq true and externalId eq "7""#, Some(Narrow::ExternalId("7"))),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:id eq "x""#, Some(Narrow::Id("x"))),
        (r#"members[value eq "x"]"#, Some(Narrow::Member("x"))),
        (r#"members.value eq "x""#, Some(Narrow::Member("x"))),
        (r#"userName eq "a" or userName eq "b""#, None),
        (r#"not (userName eq "a")"#, None),
        (r#"userName sw "a""#, None),
    ] {
        assert_eq!(Filter::parse(text).unwrap().narrow(), expected, "{text}");
    }
}

/// What a filter is, written so that it must be read as the same.
fn written(filter: &Filter) -> String {
    let joined = |terms: &[Filter], word: &str| {
        let terms: Vec<_> = terms.iter().map(|it| format!("({})", written(it))).collect();
        terms.join(word)
    };
    match filter {
        Filter::And(terms) => joined(terms, " and "),
        Filter::Or(terms) => joined(terms, " or "),
        Filter::Not(term) => format!("not ({})", written(term)),
        Filter::Present(path) => format!("{path} pr"),
        Filter::Within { path, filter } => format!("{path}[{}]", written(filter)),
        Filter::Compare { path, operator, value } => {
            let word = match operator {
                Operator::Equal => "eq",
                Operator::NotEqual => "ne",
                Operator::Contains => "co",
                Operator::StartsWith => "sw",
                Operator::EndsWith => "ew",
                Operator::Greater => "gt",
                Operator::GreaterOrEqual => "ge",
                Operator::Less => "lt",
                Operator::LessOrEqual => "le",
            };
            format!("{path} {word} {value}")
        }
    }
}

fn filters() -> impl Strategy<Value = Filter> {
    let path =
        prop::sample::select(vec!["userName", "name.givenName", "emails.value", "not", "and"]);
    let path = path.prop_map(|text| text.parse::<AttributePath>().unwrap());
    let operator = prop::sample::select(vec![
        Operator::Equal,
        Operator::NotEqual,
        Operator::Contains,
        Operator::StartsWith,
        Operator::Less,
    ]);
    let value = prop_oneof![
        any::<String>().prop_filter("short", |it| it.len() < 40).prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    let leaf = prop_oneof![
        path.clone().prop_map(Filter::Present),
        (path, operator, value).prop_map(|(path, operator, value)| Filter::Compare {
            path,
            operator,
            value
        }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.clone().prop_map(|it| Filter::Not(Box::new(it))),
            inner.prop_map(|it| Filter::Within {
                path: "emails".parse().unwrap(),
                filter: Box::new(it)
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,200}") {
        let _ = Filter::parse(&text).map(|it| (it.check(&USER), it.fits(&person(), &USER)));
    }

    #[test]
    fn no_words_make_the_reader_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "(", ")", "[", "]", "not", "and", "or", "eq", "pr", "\"", "\\", "userName", "emails", "null", "1e9", "é",
            ]),
            0..60,
        )
    ) {
        let _ = Filter::parse(&words.join(" ")).map(|it| it.fits(&person(), &USER));
    }

    #[test]
    fn a_filter_is_read_as_it_was_written(filter in filters()) {
        let text = written(&filter);
        if text.len() <= LONGEST {
            prop_assert_eq!(Filter::parse(&text).unwrap(), filter, "{}", text);
        }
    }
}
