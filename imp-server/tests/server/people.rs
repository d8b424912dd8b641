//! People: signing in, roles, and what each may do.
use imp_api::admin::{ContactUser, InviteWorkstation, PlaceWorkstation, PolicyDocument, SignIn};
use imp_api::{Client, ClientError};
use imp_identity::phone::Revocation;
use imp_identity::policy::Policy;
use imp_identity::user::Role;
use imp_identity::{PhoneId, Secret, SessionId, UserId, WorkstationId};
use jiff::SignedDuration;

use crate::hospital::{Hospital, problem, user};

#[tokio::test]
async fn the_administrator_token_makes_one_administrator() {
    let hospital = Hospital::open().await;
    let code = hospital.server.administrator_code().unwrap().clone();
    let without = SignIn { code: code.clone(), first_administrator: None };
    let stranger = hospital.stranger();
    assert_eq!(problem(stranger.sign_in(&without).await), "administrator-missing");
    let bad = SignIn { first_administrator: Some(user("Not A Name", Role::Staff)), ..without };
    assert_eq!(problem(stranger.sign_in(&bad).await), "body-invalid");
    let administrator = hospital.first_administrator().await;
    assert_eq!(administrator.users(None, 10).await.unwrap().users[0].role, Role::Administrator);
    let again = SignIn { code, first_administrator: Some(user("eve", Role::Staff)) };
    assert_eq!(problem(stranger.sign_in(&again).await), "code-invalid");
}

#[tokio::test]
async fn a_token_ends_with_its_time_and_with_its_person() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (bea, token) = hospital.person(&administrator, "bea", Role::Administrator).await;
    let client = hospital.stranger().with_token(token);
    client.policy().await.unwrap();
    administrator.disable_user(bea).await.unwrap();
    assert_eq!(problem(client.policy().await), "sign-in-required");
    assert_eq!(problem(administrator.disable_user(bea).await), "user-state");
    administrator.enable_user(bea).await.unwrap();
    let ada = administrator.users(None, 1).await.unwrap().users[0].id;
    administrator.disable_user(bea).await.unwrap();
    assert_eq!(problem(administrator.disable_user(ada).await), "last-administrator");
    let forged = hospital.stranger().with_token(Secret::new("forged".to_owned()));
    assert_eq!(problem(forged.policy().await), "sign-in-required");
    hospital.clock.advance(SignedDuration::from_hours(24 * 31));
    assert_eq!(problem(administrator.policy().await), "sign-in-required");
}

/// Every endpoint for people, by everybody.
#[tokio::test]
async fn each_role_may_do_what_it_is_for() {
    let hospital = Hospital::open().await;
    let ada = hospital.first_administrator().await;
    let mut callers = vec![(None, hospital.stranger()), (Some(Role::Administrator), ada.clone())];
    for role in [Role::Staff, Role::Officer, Role::Auditor] {
        let (_, token) = hospital.person(&ada, role.code(), role).await;
        callers.push((Some(role), hospital.stranger().with_token(token)));
    }
    for (role, client) in callers {
        for (endpoint, allowed) in ENDPOINTS {
            let expected = match role {
                None => Err("sign-in-required"),
                Some(role) if !allowed.contains(&role) => Err("role-insufficient"),
                Some(_) => Ok(()),
            };
            let got = call(&client, endpoint).await;
            let got = match &got {
                Ok(()) => Ok(()),
                Err(error) => Err(error.problem().unwrap_or_else(|| panic!("{error:?}")).code()),
            };
            // What is asked for does not exist, which only those learn who may ask.
            let got = if got == Err("not-found") { Ok(()) } else { got };
            assert_eq!(got, expected, "{endpoint} by {role:?}");
        }
    }
}

const ADMINISTRATOR: &[Role] = &[Role::Administrator];
const OFFICER: &[Role] = &[Role::Officer, Role::Administrator];
const POLICY_READER: &[Role] = &[Role::Auditor, Role::Administrator];
const ENDPOINTS: [(&str, &[Role]); 16] = [
    ("create user", ADMINISTRATOR),
    ("list users", OFFICER),
    ("find user", OFFICER),
    ("disable user", ADMINISTRATOR),
    ("enable user", ADMINISTRATOR),
    ("sign-in code", ADMINISTRATOR),
    ("list phones", OFFICER),
    ("invite workstation", ADMINISTRATOR),
    ("list workstations", OFFICER),
    ("revoke workstation", OFFICER),
    ("revoke phone", OFFICER),
    ("end session", ADMINISTRATOR),
    ("contact user", ADMINISTRATOR),
    ("place workstation", ADMINISTRATOR),
    ("show policy", POLICY_READER),
    ("set policy", ADMINISTRATOR),
];

async fn call(client: &Client, endpoint: &str) -> Result<(), ClientError> {
    let nobody = UserId::from_bytes([7; 16]);
    match endpoint {
        "create user" => client.create_user(&user("new", Role::Staff)).await.map(drop),
        "list users" => client.users(None, 10).await.map(drop),
        "find user" => client.user(nobody).await.map(drop),
        "disable user" => client.disable_user(nobody).await.map(drop),
        "enable user" => client.enable_user(nobody).await.map(drop),
        "sign-in code" => client.issue_sign_in_code(nobody).await.map(drop),
        "list phones" => client.phones(nobody).await.map(drop),
        "invite workstation" => {
            let body =
                InviteWorkstation { name: "W".to_owned(), unit: Some("U".to_owned()), site: None };
            client.invite_workstation(&body).await.map(drop)
        }
        "list workstations" => client.workstations(None, 10).await.map(drop),
        "revoke workstation" => {
            let id = WorkstationId::from_bytes([7; 16]);
            client.revoke_workstation(id, Revocation::Lost).await
        }
        "revoke phone" => client.revoke_phone(PhoneId::from_bytes([7; 16]), Revocation::Lost).await,
        "end session" => client.end_session(SessionId::from_bytes([7; 16])).await.map(drop),
        "contact user" => client.contact_user(nobody, &ContactUser { email: None }).await.map(drop),
        "place workstation" => {
            let (id, body) = (
                WorkstationId::from_bytes([7; 16]),
                PlaceWorkstation { unit: None, site: Some("North".to_owned()) },
            );
            client.place_workstation(id, &body).await.map(drop)
        }
        "show policy" => client.policy().await.map(drop),
        "set policy" => client.set_policy(&PolicyDocument(Policy::default())).await.map(drop),
        _ => panic!("{endpoint}"),
    }
}

#[tokio::test]
async fn the_policy_is_changed_by_whoever_saw_the_last_one() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let PolicyDocument(policy) = administrator.policy().await.unwrap();
    let zone = |zone: &str| PolicyDocument(Policy { time_zone: zone.to_owned(), ..policy.clone() });
    let PolicyDocument(changed) = administrator.set_policy(&zone("Europe/Rome")).await.unwrap();
    assert_eq!((changed.version, changed.time_zone.as_str()), (policy.version + 1, "Europe/Rome"));
    let late = administrator.set_policy(&zone("Europe/Paris")).await;
    assert_eq!(problem(late), "policy-conflict");
    let invalid = Policy { time_zone: "Mars/Olympus".to_owned(), ..changed };
    let invalid = administrator.set_policy(&PolicyDocument(invalid)).await;
    assert_eq!(problem(invalid), "policy-invalid");
}
