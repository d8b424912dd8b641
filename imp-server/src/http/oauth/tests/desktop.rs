//! A workstation exchanges its session for an application of its desktop.
use imp_identity::authentication::Authentication;
use imp_identity::policy::Policy;
use imp_identity::session::Session;
use imp_identity::user::User;
use imp_identity::{SessionId, WorkstationId};
use serde_json::json;

use super::house::{Answer, House, Registered};
use crate::app;
use crate::http::caller::PeerCertificate;
use crate::store::Tables as _;

async fn session(house: &House, user: &User, at: WorkstationId) -> Session {
    let now = house.app.now();
    let id = SessionId::generate(now, &mut app::rng());
    let limits = Policy::default().session;
    let (session, _) = Session::open(id, user.id, at, Authentication::tap(now), &limits, now);
    let mut transaction = house.app.storage.begin().await.unwrap();
    transaction.sessions().add(&session).await.unwrap();
    transaction.commit().await.unwrap();
    session
}

async fn exchange(
    house: &House,
    client: &Registered,
    session: SessionId,
    peer: Option<&PeerCertificate>,
    extra: &[(&str, &str)],
) -> Answer {
    let (id, session) = (client.id.to_string(), session.to_string());
    let usual = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("client_id", id.as_str()),
        ("subject_token", session.as_str()),
        ("subject_token_type", "urn:imp:token-type:session"),
    ];
    let pairs = [&usual, extra].concat();
    let ask = house.post("/oauth/token").form(&pairs);
    match peer {
        Some(peer) => ask.over(peer).send().await,
        None => ask.send().await,
    }
}

async fn native(house: &House) -> Registered {
    let document = json!({
        "client_name": "Dictation",
        "redirect_uris": null,
        "grant_types": ["urn:ietf:params:oauth:grant-type:token-exchange"],
    });
    house.client(document).await
}

#[tokio::test]
async fn a_workstation_signs_its_user_on_to_an_application_while_her_session_is_active() {
    let house = House::open().await;
    let client = native(&house).await;
    let (desk, peer) = house.workstation("desk").await;
    let (_, elsewhere) = house.workstation("elsewhere").await;
    let ada = house.user("ada").await;
    let session = session(&house, &ada, desk).await;
    let tokens = exchange(&house, &client, session.id, Some(&peer), &[]).await.ok();
    assert_eq!(tokens["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    let access = tokens["access_token"].as_str().unwrap();
    let claims = house.claims(access, &house.app.issuer).await;
    assert_eq!(claims["act"]["sub"], peer.peer.spiffe_id.to_string());
    assert_eq!((&claims["sub"], &claims["amr"]), (&json!(ada.id), &json!(["face", "hwk", "mfa"])));
    house.userinfo(access).await.ok();
    // The same again is no second grant.
    exchange(&house, &client, session.id, Some(&peer), &[]).await.ok();
    let grants = house.events().await.iter().filter(|kind| *kind == "grant-made").count();
    assert_eq!(grants, 1);
    let identity = ("requested_token_type", "urn:ietf:params:oauth:token-type:id_token");
    let tokens = exchange(&house, &client, session.id, Some(&peer), &[identity]).await.ok();
    assert_eq!(tokens["token_type"], "N_A");
    let id = tokens["access_token"].as_str().unwrap();
    assert_eq!(house.claims(id, &client.id.to_string()).await["sub"], ada.id.to_string());

    let stolen = exchange(&house, &client, session.id, Some(&elsewhere), &[]).await;
    assert_eq!(stolen.error(), "invalid_grant");
    let bare = exchange(&house, &client, session.id, None, &[]).await;
    assert_eq!(bare.error(), "invalid_client");
    let other = house.client(json!({})).await;
    let refused = exchange(&house, &other, session.id, Some(&peer), &[]).await;
    assert_eq!(refused.error(), "invalid_client", "it is not registered for this");

    // She walks away: at once nothing counts any more.
    let limits = Policy::default().session;
    let (suspended, _) = session.suspend(&limits, house.app.now()).unwrap();
    let mut transaction = house.app.storage.begin().await.unwrap();
    transaction.sessions().update(&suspended).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(house.userinfo(access).await.error(), "invalid_token");
    let late = exchange(&house, &client, suspended.id, Some(&peer), &[]).await;
    assert_eq!(late.error(), "invalid_grant");
}

#[tokio::test]
async fn a_desktop_says_nothing_to_an_application_for_which_people_are_asked() {
    let house = House::open().await;
    let asking = json!({
        "client_name": "Dictation",
        "redirect_uris": null,
        "grant_types": ["urn:ietf:params:oauth:grant-type:token-exchange"],
        "imp_consent": "first",
    });
    let client = house.client(asking).await;
    let (desk, peer) = house.workstation("desk").await;
    let ada = house.user("ada").await;
    let session = session(&house, &ada, desk).await;
    let answer = exchange(&house, &client, session.id, Some(&peer), &[]).await;
    assert_eq!(answer.error(), "unauthorized_client");
}
