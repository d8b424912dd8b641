use imp_identity::authentication::Aal;
use imp_identity::user::Role;
use imp_identity::{ClientId, UserId};

use super::*;
use crate::caller::{Caller, Circumstances, Person, Subject};
use crate::decide::Decision;

fn operation(id: &str, callers: &[CallerKind], subject: SubjectKind) -> Operation {
    let groups = vec!["people/*".to_owned()];
    Operation { id: id.to_owned(), groups, callers: callers.to_vec(), subject }
}

fn operations() -> Vec<Operation> {
    vec![
        operation("users", &[CallerKind::User], SubjectKind::Hospital),
        operation("user", &[CallerKind::User], SubjectKind::User),
        operation("scim_users", &[CallerKind::Client], SubjectKind::Hospital),
        operation("health", &[CallerKind::Anyone], SubjectKind::Hospital),
    ]
}

fn load(text: &str) -> Result<Access, LoadError> {
    let file = PolicyText { name: "ward.cedar".to_owned(), text: text.to_owned() };
    Access::load(&operations(), &[file])
}

fn person(number: u8, role: Role, groups: &[&str]) -> Person {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    Person {
        id: UserId::from_bytes([number; 16]),
        role,
        unit: Some("ICU".to_owned()),
        groups,
        registered: None,
    }
}

fn ask(access: &Access, caller: Person, operation: &str, subject: &Subject, aal: Aal) -> Decision {
    let circumstances =
        Circumstances { aal: Some(aal), requires_aal2: true, ..Circumstances::default() };
    access.decide(&Caller::User(caller), operation, subject, &circumstances)
}

#[test]
fn nothing_is_permitted_that_no_policy_permits() {
    let access = load("").unwrap();
    let decision =
        access.decide(&Caller::Anyone, "health", &Subject::Hospital, &Circumstances::default());
    assert_eq!(decision, Decision { allowed: false, policies: vec![], advice: None });
}

#[test]
fn a_policy_that_forbids_wins_and_says_what_to_do() {
    let access = load(
        "@id(\"people\") permit (principal in Role::\"administrator\", action in Action::\"people/*\", resource);\n\
         @id(\"two\") @advice(\"Use your passkey.\") forbid (principal is User, action, resource)\n\
         when { context.requires_aal2 && context has aal && context.aal < 2 };",
    );
    let access = access.unwrap();
    let ada = || person(1, Role::Administrator, &[]);
    let sure = ask(&access, ada(), "users", &Subject::Hospital, Aal::Aal2);
    assert_eq!((sure.allowed, sure.policies, sure.advice), (true, vec!["people".to_owned()], None));
    let unsure = ask(&access, ada(), "users", &Subject::Hospital, Aal::Aal1);
    assert_eq!((unsure.allowed, unsure.policies), (false, vec!["two".to_owned()]));
    assert_eq!(unsure.advice.as_deref(), Some("Use your passkey."));
    let staff = person(2, Role::Staff, &[]);
    assert!(!ask(&access, staff, "users", &Subject::Hospital, Aal::Aal3).allowed);
}

#[test]
fn a_policy_sees_units_groups_and_whether_it_is_oneself() {
    let access = load(
        "@id(\"own\") permit (principal is User, action == Action::\"user\", resource is User) when { principal == resource };\n\
         @id(\"unit\") permit (principal in Group::\"charge-nurses\", action == Action::\"user\", resource is User)\n\
         when { principal has unit && resource has unit && principal.unit == resource.unit };",
    );
    let access = access.unwrap();
    assert!(access.reads_groups());
    let bea = || person(1, Role::Staff, &[]);
    let other = Subject::User(person(2, Role::Staff, &[]));
    let own = ask(&access, bea(), "user", &Subject::User(bea()), Aal::Aal1);
    assert_eq!(own.policies, ["own"]);
    assert!(!ask(&access, bea(), "user", &other, Aal::Aal1).allowed);
    let charge = person(1, Role::Staff, &["charge-nurses"]);
    assert_eq!(ask(&access, charge, "user", &other, Aal::Aal1).policies, ["unit"]);
}

#[test]
fn an_application_is_judged_by_the_scopes_of_its_token() {
    let access = load(
        "@id(\"scim\") permit (principal is Client, action == Action::\"scim_users\", resource)\n\
         when { principal.scopes.contains(\"scim\") };",
    );
    let access = access.unwrap();
    for (scope, allowed) in [("scim", true), ("scim2", false), ("", false)] {
        let scopes = vec![scope.to_owned()];
        let caller = Caller::Client { id: ClientId::from_bytes([7; 16]), scopes };
        let decision =
            access.decide(&caller, "scim_users", &Subject::Hospital, &Circumstances::default());
        assert_eq!(decision.allowed, allowed, "{scope}");
        assert!(
            !access.decide(&caller, "users", &Subject::Hospital, &Circumstances::default()).allowed
        );
    }
}

#[test]
fn a_slip_in_a_policy_is_named_with_its_line() {
    for (text, line, part) in [
        ("permit (principal,\n action\n resource);", Some(3), "unexpected token"),
        ("\npermit (principal, action == Action::\"usres\", resource);", Some(2), "usres"),
        ("\n\npermit (principal in Role::\"chief\", action, resource);", Some(3), "chief"),
        (
            "permit (principal, action == Action::\"users\", resource) when { principal.rank == 1 };",
            Some(1),
            "rank",
        ),
        // It could never matter: phones do not ask for people.
        (
            "permit (principal is Phone, action == Action::\"users\", resource);",
            Some(1),
            "applicable action",
        ),
        ("permit (principal == ?principal, action, resource);", None, "templates"),
        (
            "@id(\"a\") permit (principal is User, action, resource);\n@id(\"a\") permit (principal is Anyone, action, resource);",
            None,
            "two policies have the id a",
        ),
    ] {
        let error = load(text).unwrap_err();
        let LoadError::Policies(faults) = &error else { panic!("{error:?}") };
        let fault = &faults[0];
        assert_eq!(fault.line, line, "{text}: {fault}");
        assert!(fault.to_string().contains(part), "{text}: {fault}");
    }
}

#[test]
fn the_digest_changes_with_the_text_and_not_with_the_order() {
    let file = |name: &str, text: &str| PolicyText { name: name.into(), text: text.into() };
    let digest = |files: &[PolicyText]| Access::load(&operations(), files).unwrap().digest();
    let (a, b) = (file("a", "// a"), file("b", "// b"));
    assert_eq!(digest(&[a.clone(), b.clone()]), digest(&[b.clone(), a.clone()]));
    assert_ne!(digest(&[a.clone(), b]), digest(&[a, file("b", "// c")]));
}
