//! `scim::*`, `import_directory`, `known_people`, and the cascade that all of them share
use imp_identity::challenge::Audience;
use imp_identity::credential::{Credential, CredentialKind};
use imp_identity::phone::Revocation;
use imp_identity::profile::Profile;
use imp_identity::session::End;
use imp_identity::tap::Purpose;
use imp_identity::user::Role;
use imp_identity::{Actor, ClientId, CredentialId, Event, UserId};
use imp_ldap::{Known, Plan};
use imp_scim::list::{Parameters, Query};
use imp_scim::patch::Patch;
use imp_scim::{GROUP, Resource, ScimType, USER, resource};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::hospital::Hospital;
use super::{Ward, hospitals, wards};
use crate::command;
use crate::command::scim::{
    self, Change, ProvisionError, Rules, Shown, Wish, change_group, change_user, create_group,
    create_user, remove_group, remove_user, select_groups, select_users,
};
use crate::store::Tables as _;

fn rules() -> Rules {
    Rules {
        grants: [Role::Staff, Role::Officer].into(),
        group_roles: vec![],
        base: "https://imp.example/scim/v2".to_owned(),
    }
}

fn client() -> Actor {
    Actor::Client(ClientId::from_bytes([7; 16]))
}

fn person(body: &Value) -> Resource {
    resource::read(body, &USER).unwrap()
}

fn patch(operations: &Value) -> Change {
    let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
    let body = json!({ "schemas": [schema], "Operations": operations });
    Change { if_match: None, to: Wish::Patch(Patch::read(&body).unwrap()) }
}

fn id(shown: &Shown) -> UserId {
    shown.resource["id"].as_str().unwrap().parse().unwrap()
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, ProvisionError>) -> (u16, Option<ScimType>) {
    match answer.unwrap_err() {
        ProvisionError::Refused(error) => (error.status, error.kind),
        ProvisionError::Storage(error) => panic!("{error:?}"),
    }
}

async fn create(hospital: &mut Hospital, body: &Value) -> Result<Shown, ProvisionError> {
    create_user(&mut hospital.context(), &client(), &rules(), &person(body)).await
}

async fn change(
    hospital: &mut Hospital,
    user: UserId,
    operations: &Value,
) -> Result<Shown, ProvisionError> {
    change_user(&mut hospital.context(), &client(), &rules(), user, &patch(operations)).await
}

#[tokio::test]
async fn a_leaver_is_refused_everywhere_by_the_time_the_answer_arrives() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        let user = nurse.user.id;
        let context = &mut hospital.context();
        let code = command::issue_sign_in_code(context, Actor::Server, user).await.unwrap().code;
        let ahead = hospital.signed(&nurse, &desk, Purpose::TapOut).await;
        let place = hospital.place().await;
        let left = json!([{ "op": "replace", "path": "active", "value": false }]);
        let shown = change(&mut hospital, user, &left).await.unwrap();
        assert_eq!(shown.resource["active"], false);
        assert_eq!(
            hospital.events_after(place).await,
            ["user-disabled", "session-revoked", "phone-revoked", "reference-revoked"]
        );
        let ended = hospital.facts_after(place).await.into_iter().nth(1).unwrap();
        assert!(matches!(ended, Event::SessionRevoked { reason: End::UserDisabled, .. }));
        let refused = command::redeem_sign_in_code(&mut hospital.context(), &code, None).await;
        assert!(refused.is_err());
        // A tap that was begun before is refused, too.
        let refused = hospital.submit(&desk, &ahead).await;
        assert!(refused.is_err(), "{refused:?}");

        // She comes back, but her phone does not.
        let back = json!([{ "op": "replace", "path": "active", "value": "True" }]);
        change(&mut hospital, user, &back).await.unwrap();
        let audience =
            Audience { workstation: desk.id, phone: nurse.phone, purpose: Purpose::TapIn };
        let context = &mut hospital.context();
        let refused = command::open_tap(context, audience, command::Occasion::Press).await;
        assert!(matches!(refused, Err(command::OpenTapError::Refused(_))), "{refused:?}");
        let phones = command::phones_of_user(&hospital.storage, user).await.unwrap();
        let revoked = |phone: &imp_identity::phone::Phone| {
            let reason = Revocation::Administrator;
            matches!(phone.state, imp_identity::phone::State::Revoked { reason: r, .. } if r == reason)
        };
        assert!(phones.iter().all(revoked));
    }
}

#[tokio::test]
async fn a_leavers_passkeys_are_removed_and_whoever_is_disabled_here_keeps_hers() {
    for mut hospital in hospitals().await {
        for (name, leaves) in [("ada", true), ("bea", false)] {
            let user = hospital.user(name, Role::Staff).await.id;
            let key = Credential {
                id: CredentialId::from_bytes([u8::from(leaves); 16]),
                user,
                handle: name.into(),
                name: "Laptop".parse().unwrap(),
                kind: CredentialKind::Passkey,
                aaguid: None,
                attested: false,
                public_part: "{}".to_owned(),
                registered_at: hospital.now,
                used_at: None,
            };
            let mut transaction = hospital.storage.begin().await.unwrap();
            transaction.credentials().add(&key).await.unwrap();
            transaction.commit().await.unwrap();
            let place = hospital.place().await;
            if leaves {
                let left = json!([{ "op": "replace", "path": "active", "value": false }]);
                change(&mut hospital, user, &left).await.unwrap();
            } else {
                command::disable_user(&mut hospital.context(), Actor::Server, user).await.unwrap();
            }
            let removed = hospital.events_after(place).await.contains(&"credential-removed");
            assert_eq!(removed, leaves, "{name}");
            let mut reading = hospital.storage.read().await.unwrap();
            let kept = reading.credentials().of_user(user).await.unwrap();
            assert_eq!(kept.len(), usize::from(!leaves), "{name}");
        }
    }
}

#[tokio::test]
async fn who_is_removed_leaves_her_name_to_another() {
    for mut hospital in hospitals().await {
        let body = json!({ "userName": "Ada", "externalId": "7", "name": { "givenName": "Ada" } });
        let ada = id(&create(&mut hospital, &body).await.unwrap());
        assert_eq!(refusal(create(&mut hospital, &body).await), (409, Some(ScimType::Uniqueness)));
        let members = json!({ "displayName": "Ward 3", "members": [{ "value": ada.to_string() }] });
        let members = resource::read(&members, &GROUP).unwrap();
        create_group(&mut hospital.context(), &client(), &rules(), &members).await.unwrap();
        let place = hospital.place().await;
        let stale =
            remove_user(&mut hospital.context(), &client(), &rules(), ada, Some("W/\"9\"")).await;
        assert_eq!(refusal(stale), (412, None));
        remove_user(&mut hospital.context(), &client(), &rules(), ada, None).await.unwrap();
        assert_eq!(
            hospital.events_after(place).await,
            ["user-disabled", "group-changed", "user-removed"]
        );
        let gone = scim::show_user(&hospital.storage, &rules(), ada).await;
        assert_eq!(refusal(gone), (404, None));
        let again = remove_user(&mut hospital.context(), &client(), &rules(), ada, None).await;
        assert_eq!(refusal(again), (404, None));
        // Her row speaks of her in the log.
        let row = command::find_user(&hospital.storage, ada).await.unwrap().unwrap();
        assert_eq!(row.username.as_str(), "ada");
        assert!(!row.is_active());
        let enabled = command::enable_user(&mut hospital.context(), Actor::Server, ada).await;
        assert!(enabled.is_err());
        let other = id(&create(&mut hospital, &body).await.unwrap());
        assert_ne!(other, ada);
        let listed = command::list_users(&hospital.storage, None, 10).await.unwrap();
        assert_eq!(listed.items.len(), 1);
    }
}

#[tokio::test]
async fn what_a_client_sends_is_answered_as_it_was_sent() {
    for mut hospital in hospitals().await {
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let body = json!({
            "userName": "ada",
            "externalId": "7",
            "name": { "givenName": "Ada", "familyName": "King", "middleName": "Byron" },
            "title": "Nurse",
            "emails": [{ "value": "ada@home.example", "type": "home" },
                       { "value": "ada@ward.example", "type": "work", "primary": true }],
            "roles": [{ "value": "officer" }],
            enterprise: { "department": "Ward 3", "costCenter": "12" },
        });
        let shown = create(&mut hospital, &body).await.unwrap();
        for (name, value) in body.as_object().unwrap() {
            assert_eq!(&shown.resource[name], value, "{name}");
        }
        assert_eq!(shown.version, 1);
        let user = command::find_user(&hospital.storage, id(&shown)).await.unwrap().unwrap();
        assert_eq!(user.display_name.as_str(), "Ada King");
        assert_eq!(user.email.as_ref().unwrap().expose(), "ada@ward.example");
        assert_eq!((user.unit.unwrap().as_str(), user.role), ("Ward 3", Role::Officer));

        // What is changed here is shown there.
        let context = &mut hospital.context();
        let email = Some("desk@ward.example".parse().unwrap());
        command::contact_user(context, Actor::Server, user.id, email).await.unwrap();
        let shown = scim::show_user(&hospital.storage, &rules(), user.id).await.unwrap();
        assert_eq!(shown.resource["emails"][0]["value"], "desk@ward.example");
        assert_eq!(shown.version, 2);

        // The same again is no change.
        let place = hospital.place().await;
        let same = json!([{ "op": "replace", "path": "title", "value": "Nurse" }]);
        assert_eq!(change(&mut hospital, user.id, &same).await.unwrap().version, 2);
        let new = json!([{ "op": "replace", "path": "title", "value": "Head nurse" }]);
        assert_eq!(change(&mut hospital, user.id, &new).await.unwrap().version, 3);
        let attributes = vec!["other".to_owned()];
        let expected = Event::UserChanged { user: user.id, attributes, role: None };
        assert_eq!(hospital.facts_after(place).await, [expected]);
    }
}

#[tokio::test]
async fn roles_are_given_only_as_the_configuration_says() {
    for mut hospital in hospitals().await {
        let root = hospital.user("root", Role::Administrator).await.id;
        let wish = json!({ "userName": "eve", "roles": [{ "value": "administrator" }] });
        assert_eq!(refusal(create(&mut hospital, &wish).await), (403, None));
        let eve = id(&create(&mut hospital, &json!({ "userName": "eve" })).await.unwrap());
        let officer = json!([{ "op": "add", "path": "roles", "value": [{ "value": "officer" }] }]);
        let shown = change(&mut hospital, eve, &officer).await.unwrap();
        assert_eq!(shown.resource["roles"], json!([{ "value": "officer" }]));
        let none = json!([{ "op": "remove", "path": "roles" }]);
        assert_eq!(change(&mut hospital, eve, &none).await.unwrap().resource.get("roles"), None);
        // An administrator is neither demoted nor, as the last one, disabled.
        let demoted = json!([{ "op": "remove", "path": "roles" }]);
        assert_eq!(refusal(change(&mut hospital, root, &demoted).await), (403, None));
        let left = json!([{ "op": "replace", "value": { "active": false } }]);
        assert_eq!(refusal(change(&mut hospital, root, &left).await), (403, None));
        let gone = remove_user(&mut hospital.context(), &client(), &rules(), root, None).await;
        assert_eq!(refusal(gone), (403, None));
        // Who watches is not theirs to change at all; officers leave like everybody.
        let watcher = hospital.user("watcher", Role::Auditor).await.id;
        let left = json!([{ "op": "replace", "path": "active", "value": false }]);
        assert_eq!(refusal(change(&mut hospital, watcher, &left).await), (403, None));
        let gone = remove_user(&mut hospital.context(), &client(), &rules(), watcher, None).await;
        assert_eq!(refusal(gone), (403, None));
        let desk = hospital.user("desk", Role::Officer).await.id;
        change(&mut hospital, desk, &left).await.unwrap();
    }
}

#[tokio::test]
async fn groups_give_roles_where_the_configuration_says_so() {
    for mut hospital in hospitals().await {
        let rules = Rules {
            group_roles: vec![
                ("Officers".parse().unwrap(), Role::Officer),
                ("Auditors".parse().unwrap(), Role::Auditor),
            ],
            ..rules()
        };
        let ada = id(&create(&mut hospital, &json!({ "userName": "ada" })).await.unwrap());
        let role = async |hospital: &Hospital| {
            command::find_user(&hospital.storage, ada).await.unwrap().unwrap().role
        };
        let mut groups = vec![];
        for name in ["officers", "Auditors"] {
            let member = json!([{ "value": ada.to_string(), "type": "User" }]);
            let body = json!({ "displayName": name, "members": member });
            let wish = resource::read(&body, &GROUP).unwrap();
            let context = &mut hospital.context();
            let shown = create_group(context, &client(), &rules, &wish).await.unwrap();
            groups.push(shown.resource["id"].as_str().unwrap().parse().unwrap());
        }
        assert_eq!(role(&hospital).await, Role::Auditor);
        let own = patch(&json!([{ "op": "replace", "path": "roles", "value": "officer" }]));
        let own = change_user(&mut hospital.context(), &client(), &rules, ada, &own).await;
        assert_eq!(refusal(own), (400, Some(ScimType::Mutability)));
        remove_group(&mut hospital.context(), &client(), &rules, groups[1], None).await.unwrap();
        assert_eq!(role(&hospital).await, Role::Officer);
        let place = hospital.place().await;
        let leave = format!("members[value eq \"{ada}\"]");
        let leave = patch(&json!([{ "op": "remove", "path": leave }]));
        let context = &mut hospital.context();
        change_group(context, &client(), &rules, groups[0], &leave).await.unwrap();
        assert_eq!(role(&hospital).await, Role::Staff);
        assert_eq!(hospital.events_after(place).await, ["group-changed", "user-changed"]);
    }
}

#[tokio::test]
async fn members_must_be_there_and_versions_must_match() {
    for mut hospital in hospitals().await {
        let ada = id(&create(&mut hospital, &json!({ "userName": "ada" })).await.unwrap());
        let group = |members: Value| {
            resource::read(&json!({ "displayName": "Ward 3", "members": members }), &GROUP).unwrap()
        };
        let nobody = UserId::from_bytes([9; 16]).to_string();
        for member in [
            json!({ "value": nobody }),
            json!({ "value": "x" }),
            json!({ "value": ada.to_string(), "type": "Group" }),
        ] {
            let wish = group(json!([member]));
            let refused = create_group(&mut hospital.context(), &client(), &rules(), &wish).await;
            assert_eq!(refusal(refused), (400, Some(ScimType::InvalidValue)));
        }
        let wish = group(json!([{ "value": ada.to_string() }]));
        let context = &mut hospital.context();
        let shown = create_group(context, &client(), &rules(), &wish).await.unwrap();
        let id = shown.resource["id"].as_str().unwrap().parse().unwrap();
        let again = create_group(&mut hospital.context(), &client(), &rules(), &wish).await;
        assert_eq!(refusal(again), (409, Some(ScimType::Uniqueness)));
        let mut rename = patch(&json!([{ "op": "replace", "path": "displayName", "value": "W" }]));
        rename.if_match = Some(imp_scim::etag::tag(shown.version + 1));
        let stale = change_group(&mut hospital.context(), &client(), &rules(), id, &rename).await;
        assert_eq!(refusal(stale), (412, None));
        rename.if_match = Some(imp_scim::etag::tag(shown.version));
        let context = &mut hospital.context();
        let shown = change_group(context, &client(), &rules(), id, &rename).await.unwrap();
        assert_eq!(shown.resource["displayName"], "W");
        assert_eq!(shown.resource["members"][0]["value"], ada.to_string());
        let groups = scim::show_user(&hospital.storage, &rules(), ada).await.unwrap();
        assert_eq!(groups.resource["groups"][0]["display"], "W");
    }
}

#[tokio::test]
async fn a_filter_finds_the_same_by_an_index_and_by_looking_at_everybody() {
    for mut hospital in hospitals().await {
        for name in ["ada", "bob", "cyd"] {
            let body = json!({ "userName": name, "externalId": format!("x-{name}") });
            create(&mut hospital, &body).await.unwrap();
            hospital.advance(SignedDuration::from_millis(1));
        }
        let find = async |filter: &str, count: i64| {
            let parameters = Parameters {
                filter: (!filter.is_empty()).then(|| filter.to_owned()),
                count: Some(count),
                ..Parameters::default()
            };
            let query = Query::read(&parameters, 200).unwrap();
            let listed = select_users(&hospital.storage, &rules(), &query).await.unwrap();
            let name = |it: &Shown| it.resource["userName"].as_str().unwrap().to_owned();
            (listed.total, listed.page.iter().map(name).collect::<Vec<_>>())
        };
        assert_eq!(find("", 2).await, (3, vec!["ada".to_owned(), "bob".to_owned()]));
        assert_eq!(find("", 0).await, (3, vec![]));
        for filter in [
            "userName eq \"BOB\"",
            "externalId eq \"x-bob\" and active eq true",
            "userName sw \"b\"",
            "not (userName eq \"ada\" or userName gt \"bob\")",
        ] {
            assert_eq!(find(filter, 10).await, (1, vec!["bob".to_owned()]), "{filter}");
        }
        assert_eq!(find("userName eq \"bob\" and active eq false", 10).await, (0, vec![]));
        for attribute in ["userName", "externalId", "id", "title"] {
            let nul = format!("{attribute} eq \"a\\u0000\"");
            assert_eq!(find(&nul, 10).await, (0, vec![]), "{nul}");
        }
        let filter = Some("displayName eq \"a\\u0000\"".to_owned());
        let query = Query::read(&Parameters { filter, ..Parameters::default() }, 200).unwrap();
        assert_eq!(select_groups(&hospital.storage, &rules(), &query).await.unwrap().total, 0);
        let query = Query::read(&Parameters::default(), 200).unwrap();
        let groups = select_groups(&hospital.storage, &rules(), &query).await.unwrap();
        assert_eq!((groups.total, groups.page.len()), (0, 0));
    }
}

#[tokio::test]
async fn a_plan_is_carried_out_and_said_in_the_log() {
    for mut hospital in hospitals().await {
        let source = "ad".parse().unwrap();
        let body = json!({ "userName": "eve" });
        let eve = id(&create(&mut hospital, &body).await.unwrap());
        let text =
            "url = \"ldaps://x\"\nbase = \"dc=x\"\nname = \"ad\"\nmost_leavers_percent = 100";
        let settings: imp_ldap::Settings = toml::from_str(text).unwrap();
        let there = |name: &str, unit: Option<&str>| imp_ldap::DirectoryPerson {
            external_id: format!("id-{name}").parse().unwrap(),
            username: name.parse().unwrap(),
            display_name: name.parse().unwrap(),
            given_name: None,
            family_name: None,
            email: None,
            unit: unit.map(|it| it.parse().unwrap()),
            role: None,
            active: true,
        };
        let plan = async |hospital: &Hospital, people| {
            let known: Vec<Known> = command::known_people(&hospital.storage).await.unwrap();
            imp_ldap::plan(people, &known, &settings).unwrap()
        };
        let first = plan(&hospital, vec![there("ada", None), there("bob", None)]).await;
        let context = &mut hospital.context();
        let done = command::import_directory(context, &Actor::Server, &source, &first).await;
        assert_eq!(done.unwrap().created, 2);
        let people = vec![there("ada", Some("Ward 3")), there("eve", None)];
        let second = plan(&hospital, people).await;
        assert_eq!(second.conflicts.len(), 1, "eve comes from elsewhere");
        let place = hospital.place().await;
        let context = &mut hospital.context();
        let done = command::import_directory(context, &Actor::Server, &source, &second).await;
        let done = done.unwrap();
        assert_eq!((done.created, done.changed, done.disabled), (0, 1, 1));
        assert_eq!(
            hospital.events_after(place).await,
            ["user-changed", "user-disabled", "directory-imported"]
        );
        let third = plan(&hospital, vec![there("ada", Some("Ward 3"))]).await;
        assert_eq!(third, Plan::default());
        let mut transaction = hospital.storage.begin().await.unwrap();
        let eve = transaction.profiles().find(eve).await.unwrap().unwrap();
        assert_ne!(eve.profile, Profile::default());
        assert!(eve.user.is_active());
    }
}

#[tokio::test]
async fn whom_somebody_here_disabled_no_directory_lets_in_again() {
    for mut hospital in hospitals().await {
        let body = json!({ "userName": "mallory", "externalId": "7" });
        let mallory = id(&create(&mut hospital, &body).await.unwrap());
        let set = |active: bool| json!([{ "op": "replace", "path": "active", "value": active }]);
        change(&mut hospital, mallory, &set(false)).await.unwrap();
        let back = change(&mut hospital, mallory, &set(true)).await.unwrap();
        assert_eq!(back.resource["active"], true, "who left by its word comes back by its word");
        let context = &mut hospital.context();
        command::disable_user(context, Actor::Server, mallory).await.unwrap();
        let kept = change(&mut hospital, mallory, &set(true)).await.unwrap();
        assert_eq!(kept.resource["active"], false);
        let known = command::known_people(&hospital.storage).await.unwrap();
        assert!(known.iter().all(|known| !known.has_left));
        command::enable_user(&mut hospital.context(), Actor::Server, mallory).await.unwrap();
    }
}
