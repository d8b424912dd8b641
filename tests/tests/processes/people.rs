//! People at the real programs: a browser that her phone signs on, a desktop that her phone alone unlocks, an emergency.
use std::path::Path;
use std::sync::Arc;

use imp_identity::Digest;
use imp_identity::clock::SystemClock;
use imp_tests::browser::Browser;
use imp_tests::demo::Narrator;
use imp_tests::demo::hospital::{Hospital, Phone};
use imp_tests::process;
use imp_tests::world::faces;
use reqwest::StatusCode;
use serde_json::{Value, json};

/// A ward with Ada, enrolled, before the camera, and a browser somewhere.
struct House<'a> {
    hospital: Hospital<'a>,
    ada: Phone<'a>,
    browser: Browser,
}

impl<'a> House<'a> {
    fn open(folder: &'a Path, narrator: &'a Narrator) -> Self {
        let mut hospital = Hospital::new(folder, "hospital", narrator).expect("a hospital");
        let greeting = hospital.open().expect("a server");
        let said = |n: usize| greeting[n].rsplit(' ').next().expect("a word").to_owned();
        let (_, port) = greeting[0].rsplit_once(':').expect("a port");
        let port: String = port.chars().take_while(char::is_ascii_digit).collect();
        let ca: Digest = said(1).parse().expect("a fingerprint");
        let issuer = format!("https://localhost:{port}");
        let browser = Browser::new(&issuer, ca, Arc::new(SystemClock));
        for (username, role) in [("olga", "officer"), ("ada", "staff"), ("bea", "staff")] {
            let add = ["user", "add", username, "--name", username, "--role", role];
            hospital.administer(&add).expect("a user");
        }
        hospital.equip("Ward 3 left", "olga").expect("a workstation");
        hospital.camera_sees(&[faces::path(faces::ADA_ENROLLED[0])]).expect("a face");
        let mut ada = Phone::new(folder, "phone-a", narrator);
        hospital.enrol("ada", &mut ada).expect("an enrolment");
        Self { hospital, ada, browser }
    }

    /// Changes the policy, as an administrator does: shows it, edits it, and puts it in force.
    fn set_policy(&self, folder: &Path, change: impl FnOnce(&mut Value)) {
        let shown = self.hospital.administer(&["policy", "show"]).expect("the policy");
        let mut policy: Value = serde_json::from_str(&shown).expect("JSON");
        change(&mut policy);
        let file = folder.join("policy.json");
        std::fs::write(&file, policy.to_string()).expect("a file");
        let set = ["policy", "set", file.to_str().expect("a path")];
        self.hospital.administer(&set).expect("the policy counts");
    }

    fn events(&self) -> Vec<Value> {
        let printed = self.hospital.administer(&["events", "--all", "--json"]).expect("events");
        let stream = serde_json::Deserializer::from_str(&printed).into_iter::<Value>();
        let values: Vec<Value> = stream.map(|value| value.expect("JSON")).collect();
        let events = match values.as_slice() {
            [Value::Array(events)] => events.clone(),
            _ => values,
        };
        events.into_iter().map(|event| event["record"]["event"].clone()).collect()
    }

    fn tap_succeeds(&self, more: &[&str]) -> Value {
        let mut last = Value::Null;
        let accepted = process::eventually(std::time::Duration::from_secs(30), || {
            let tapped = self.hospital.tap(more).ok()?;
            last.clone_from(&tapped.report);
            (tapped.outcome() == "accepted").then_some(())
        });
        assert!(accepted.is_some(), "{more:?}: {last}");
        last
    }

    /// The account page sends the browser to sign in, and the page shows a code for a phone: the interaction, the text and the number.
    async fn phone_is_asked(&mut self) -> (String, String, u64) {
        self.browser.forget();
        let page = self.browser.open("/account").await.page();
        let interaction = page.query("interaction").expect("the sign-in page");
        let body = json!({ "interaction": interaction });
        let (status, asked) = self.browser.script("/sign-in/phone/begin", &body).await;
        assert_eq!(status, StatusCode::OK, "{asked}");
        let text = asked["text"].as_str().expect("a text").to_owned();
        (interaction, text, asked["number"].as_u64().expect("a number"))
    }

    async fn polled(&mut self, interaction: &str) -> (StatusCode, Value) {
        let body = json!({ "interaction": interaction });
        self.browser.script("/sign-in/phone/poll", &body).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_signs_on_the_browser_whose_number_it_is_told_and_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut house = House::open(folder.path(), &narrator);
    let (interaction, text, number) = house.phone_is_asked().await;
    let (_, waiting) = house.polled(&interaction).await;
    assert_eq!(waiting["next"], Value::Null, "the page waits");
    let number = number.to_string();
    let said = house.ada.ask(&["sign-in", &text, "--number", &number]).expect("it signs");
    assert!(said.contains("a browser wants to sign in to Your account"), "{said}");
    assert!(said.contains(&format!("begin with {}", house.browser.origin())), "{said}");
    assert!(said.ends_with("the browser goes on\n"), "{said}");
    let (status, next) = house.polled(&interaction).await;
    assert_eq!(status, StatusCode::OK, "{next}");
    assert!(house.browser.has_cookie("__Host-imp-sign-on"));
    let kinds: Vec<_> = house.events().iter().map(|event| event["type"].clone()).collect();
    assert!(kinds.contains(&json!("sign-on-established")), "{kinds:?}");

    // Another number than the page's: somebody else's page.
    let (interaction, text, number) = house.phone_is_asked().await;
    let wrong = if number == 10 { 11 } else { 10 };
    let refused = house.ada.ask(&["sign-in", &text, "--number", &wrong.to_string()]);
    assert!(refused.is_err(), "{refused:?}");
    let (status, told) = house.polled(&interaction).await;
    assert_eq!((status, told["detail"].as_str()), (StatusCode::FORBIDDEN, Some("other-browser")));
    assert!(!house.browser.has_cookie("__Host-imp-sign-on"));
    let again = house.ada.ask(&["sign-in", &text, "--number", &number.to_string()]);
    assert!(again.is_err(), "the first answer counts: {again:?}");
}

#[test]
fn a_phone_alone_unlocks_at_the_real_programs_when_the_policy_lets_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let house = House::open(folder.path(), &narrator);
    house.tap_succeeds(&[]);
    house.hospital.client(&["lock"]).expect("locked");
    let refused = house.hospital.tap(&["--phone-alone"]).expect("a report");
    assert_eq!((refused.code, refused.reason()), (Some(1), "one-factor-insufficient"));
    house.set_policy(folder.path(), |policy| policy["session"]["reauthentication"] = json!("PT5M"));
    let report = house.tap_succeeds(&["--phone-alone"]);
    assert_eq!((&report["purpose"], &report["means"]), (&json!("unlock"), &json!("phone")));
    let status = house.hospital.client(&["status"]).expect("a status");
    assert!(status.contains("By phone alone"), "{status}");
    let events = house.events();
    let last = events.iter().rev().find(|event| event["type"] == "session-reauthenticated");
    assert_eq!(last.expect("it is in the log")["means"], "phone");
}

#[test]
fn an_emergency_at_the_real_programs_takes_a_second_person_and_owes_a_review() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let house = House::open(folder.path(), &narrator);
    let enter = ["break-glass", "--user", "bea", "--reason", "Cardiac arrest in bed 7"];
    assert!(house.hospital.client(&enter).is_err(), "without a policy nobody enters so");
    house.set_policy(folder.path(), |policy| policy["break_glass"] = json!({}));
    let asked = house.hospital.client(&enter).expect_err("nobody vouches yet").to_string();
    assert!(asked.contains("vouch"), "it says what is missing: {asked}");
    house.tap_succeeds(&[]);
    let entered = house.hospital.client(&enter).expect("Ada vouched");
    assert!(entered.contains("bea"), "{entered}");
    let status = house.hospital.client(&["status"]).expect("a status");
    assert!(status.contains("BEA"), "who is at work is the largest thing to see: {status}");
    let owed = house.hospital.administer(&["break-glass", "list"]).expect("what is owed");
    assert!(owed.contains("bea") && owed.contains("Cardiac arrest"), "{owed}");
    let kinds: Vec<_> = house.events().iter().map(|event| event["type"].clone()).collect();
    assert!(kinds.contains(&json!("break-glass-used")), "{kinds:?}");
}
