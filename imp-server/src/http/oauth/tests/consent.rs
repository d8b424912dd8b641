//! What people agree to, and how they take it back.
use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::code::interaction;
use super::house::{Answer, Browser, House, Registered};

/// The page on which somebody who is signed on is asked.
async fn asked(house: &House, browser: &Browser, answer: &Answer) -> String {
    let (id, binding) = interaction(answer);
    let cookies = format!("{}; {binding}", browser.cookie);
    let page = house.get(&format!("/sign-in?interaction={id}")).header("cookie", &cookies);
    let page = page.send().await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    page.text
}

#[tokio::test]
async fn consent_says_what_is_asked_for_by_whom_and_until_when() {
    let house = House::open().await;
    let document = json!({
        "imp_consent": "always",
        "imp_offline_access": "allowed",
        "scope": "openid profile offline_access",
    });
    let client = house.client(document).await;
    let ada = house.browser("ada").await;
    let answer = house.authorize(Some(&ada), &client, &[]).await;
    let page = asked(&house, &ada, &answer).await;
    for said in ["<strong>Charts</strong>", "id=\"place\">charts.example<", "your name"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    // The sign-on ends twelve hours after it began, and so does what is granted in it.
    assert!(page.contains("id=\"until\">2026-03-01 20:00<"), "{page}");
    assert!(page.contains("take it back"), "{page}");
    let longer = [("scope", "openid offline_access")];
    let answer = house.authorize(Some(&ada), &client, &longer).await;
    let page = asked(&house, &ada, &answer).await;
    assert!(page.contains("id=\"until\">2026-03-31 08:00<"), "thirty days: {page}");
    assert!(page.contains("when you are not"), "that it acts without her is said: {page}");
}

async fn account(house: &House, browser: &Browser) -> Answer {
    house.get("/account").by(browser).send().await
}

async fn withdraw(house: &House, browser: &Browser, client: &Registered) -> Answer {
    let ask = house.post("/account/applications/withdraw").by(browser);
    let ask = ask.header("origin", &house.app.issuer);
    ask.form(&[("client", &client.id.to_string())]).send().await
}

async fn refreshes(house: &House, client: &Registered, tokens: &Value) -> bool {
    let token = tokens["refresh_token"].as_str().unwrap();
    house.refresh(client, token).await.status.is_success()
}

#[tokio::test]
async fn people_see_what_applications_hold_in_their_name_and_take_it_back() {
    let house = House::open().await;
    let named = |name: &str| json!({ "client_name": name, "imp_consent": "first" });
    let (charts, rota) = (house.client(named("Charts")).await, house.client(named("Rota")).await);
    let (ada, bea) = (house.browser("ada").await, house.browser("bea").await);
    let (mut hers, mut others) = (vec![], vec![]);
    for client in [&charts, &rota] {
        for (browser, held) in [(&ada, &mut hers), (&bea, &mut others)] {
            let mut transaction = house.app.storage.begin().await.unwrap();
            let scope = "openid profile".parse().unwrap();
            let now = house.app.now();
            crate::store::Tables::oauth(&mut transaction)
                .consent(browser.user.id, client.id, &scope, now)
                .await
                .unwrap();
            transaction.commit().await.unwrap();
            held.push(house.tokens(browser, client).await);
        }
    }
    let page = account(&house, &ada).await.text;
    for client in [&charts, &rota] {
        assert!(page.contains(&format!("data-application=\"{}\"", client.id)), "{page}");
    }
    assert!(page.contains("2026-03-01 20:00"), "until when: {page}");

    let forged = house.post("/account/applications/withdraw").by(&ada);
    let forged = forged.header("origin", "https://evil.example");
    let forged = forged.form(&[("client", &charts.id.to_string())]).send().await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN, "a page of somebody else");

    assert_eq!(withdraw(&house, &ada, &charts).await.status, StatusCode::OK);
    assert!(house.events().await.iter().any(|kind| kind == "grant-revoked"));
    let access = hers[0]["access_token"].as_str().unwrap();
    assert_eq!(house.userinfo(access).await.error(), "invalid_token");
    assert!(!refreshes(&house, &charts, &hers[0]).await);
    assert!(refreshes(&house, &rota, &hers[1]).await, "another application's");
    assert!(refreshes(&house, &charts, &others[0]).await, "another person's");
    let page = account(&house, &ada).await.text;
    assert!(!page.contains(&format!("data-application=\"{}\"", charts.id)), "{page}");
    assert!(page.contains(&format!("data-application=\"{}\"", rota.id)), "{page}");
    // She is asked again.
    let none = house.authorize(Some(&ada), &charts, &[("prompt", "none")]).await;
    assert_eq!(none.sent("error").as_deref(), Some("consent_required"));
    assert_eq!(withdraw(&house, &ada, &charts).await.status, StatusCode::NOT_FOUND);

    house.advance(SignedDuration::from_mins(16));
    let late = withdraw(&house, &ada, &rota).await;
    assert_eq!(late.status, StatusCode::UNAUTHORIZED, "she has to prove who she is first");
}
