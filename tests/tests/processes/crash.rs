//! A kill -9 of agent, phone or server between any two steps: the next tap succeeds, and nothing is doubled.
mod phone;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use imp_tests::demo::Narrator;
use imp_tests::demo::hospital::{Hospital, Phone};
use imp_tests::process;
use imp_tests::world::faces;
use serde_json::Value;

struct Stage<'a> {
    hospital: Hospital<'a>,
    phone: Phone<'a>,
}

impl<'a> Stage<'a> {
    /// A ward with Ada before the camera; not enrolled yet.
    fn open(folder: &'a std::path::Path, narrator: &'a Narrator) -> Self {
        let mut hospital = Hospital::new(folder, "hospital", narrator).expect("a hospital");
        hospital.open().expect("a server");
        for (username, role) in [("olga", "officer"), ("ada", "staff")] {
            let add = ["user", "add", username, "--name", username, "--role", role];
            hospital.administer(&add).expect("a user");
        }
        hospital.equip("Ward 3 left", "olga").expect("a workstation");
        hospital.camera_sees(&[faces::path(faces::ADA_ENROLLED[0])]).expect("a face");
        Self { hospital, phone: Phone::new(folder, "phone-a", narrator) }
    }

    /// The same, with Ada enrolled.
    fn enrolled(folder: &'a std::path::Path, narrator: &'a Narrator) -> Self {
        let mut stage = Self::open(folder, narrator);
        stage.hospital.enrol("ada", &mut stage.phone).expect("an enrolment");
        stage
    }

    /// The next tap is let in, at the latest when agent and phone have found each other again.
    fn next_tap_succeeds(&self, after: &str) {
        let mut last = Value::Null;
        let accepted = process::eventually(Duration::from_secs(30), || {
            let tapped = self.hospital.tap(&[]).ok()?;
            last.clone_from(&tapped.report);
            (tapped.outcome() == "accepted").then_some(())
        });
        assert!(accepted.is_some(), "after {after}: {last}");
    }

    /// What the event log says.
    fn events(&self) -> Vec<Value> {
        let printed = self.hospital.administer(&["events", "--all", "--json"]).expect("events");
        let stream = serde_json::Deserializer::from_str(&printed).into_iter::<Value>();
        let values: Vec<Value> = stream.map(|value| value.expect("JSON")).collect();
        match values.as_slice() {
            [Value::Array(events)] => events.clone(),
            _ => values,
        }
    }

    /// No event twice, no tap decided twice, no session opened twice, at most one active for a user.
    fn nothing_is_doubled(&self, after: &str) {
        let events = self.events();
        let mut indexes = BTreeSet::new();
        let mut once = BTreeSet::new();
        let mut active = BTreeMap::new();
        for event in &events {
            let index = event["index"].as_u64().expect("an index");
            assert!(indexes.insert(index), "after {after}: event {index} twice");
            let what = &event["record"]["event"];
            let kind = what["type"].as_str().expect("a type");
            let key = match kind {
                "tap-accepted" | "tap-refused" | "tap-abandoned" => &what["tap"],
                "session-established" | "session-revoked" => &what["session"],
                "enrolment-completed" => &what["enrolment"],
                "reference-activated" => &what["reference"],
                _ => continue,
            };
            let key = (
                kind.replace("accepted", "decided").replace("refused", "decided"),
                key.to_string(),
            );
            assert!(once.insert(key), "after {after}: {kind} twice: {what}");
            match kind {
                "session-established" => {
                    let session = what["session"].to_string();
                    let before = active.insert(what["user"].to_string(), session);
                    assert_eq!(before, None, "after {after}: two sessions: {what}");
                }
                "session-revoked" => {
                    active.remove(&what["user"].to_string());
                }
                _ => {}
            }
        }
        assert!(!indexes.is_empty());
    }
}

#[test]
fn an_agent_that_dies_at_any_step_of_a_tap_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut stage = Stage::enrolled(folder.path(), &narrator);
    let points = imp_client::crash::POINTS.iter().filter(|point| {
        ["tap:", "lock:", "roster:", "outbox:"].iter().any(|part| point.starts_with(part))
    });
    for point in points {
        stage.hospital.kill_agent();
        stage.hospital.start_agent(Some(point)).expect("the agent starts or dies");
        // The agent dies somewhere here; what these say is not the point.
        let _died = stage.hospital.tap(&[]);
        let _died = stage.hospital.client(&["lock"]);
        if let Some(agent) = stage.hospital.agent() {
            let dead = agent.ended(Duration::from_secs(10)).is_ok();
            // Nothing has to be put in the outbox when the server answers.
            assert!(dead || *point == "outbox:stored", "{point} was not reached");
        }
        stage.hospital.kill_agent();
        stage.hospital.start_agent(None).expect("the agent starts again");
        stage.next_tap_succeeds(point);
        stage.nothing_is_doubled(point);
    }
}

#[test]
fn an_agent_that_dies_at_any_step_of_an_enrolment_takes_it_up_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut stage = Stage::open(folder.path(), &narrator);
    for point in imp_client::crash::POINTS.iter().filter(|point| point.starts_with("enrol:")) {
        let username = point.replace(':', "-");
        let add = ["user", "add", &username, "--name", &username];
        stage.hospital.administer(&add).expect("a user");
        stage.hospital.kill_agent();
        stage.hospital.start_agent(Some(point)).expect("the agent starts");
        let mut phone = Phone::new(folder.path(), &username, &narrator);
        // The agent dies on the way.
        let _died = stage.hospital.enrol(&username, &mut phone);
        let agent = stage.hospital.agent().expect("an agent was started");
        assert!(agent.ended(Duration::from_secs(20)).is_ok(), "{point} was not reached");
        stage.hospital.kill_agent();
        stage.hospital.start_agent(None).expect("the agent starts again");
        stage.hospital.resume_enrolment(&username, &mut phone).expect("it is taken up again");
        let mut last = Value::Null;
        let accepted = process::eventually(Duration::from_secs(30), || {
            let tapped = stage.hospital.tap(&["--user", &username]).ok()?;
            last.clone_from(&tapped.report);
            (tapped.outcome() == "accepted").then_some(())
        });
        assert!(accepted.is_some(), "after {point}: {last}");
        stage.nothing_is_doubled(point);
        phone.stop().expect("the phone stops");
    }
}

#[test]
fn a_phone_or_server_that_dies_during_a_tap_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut stage = Stage::enrolled(folder.path(), &narrator);
    stage.next_tap_succeeds("the enrolment");
    // From just after the press to after the end of a tap.
    for milliseconds in [0, 30, 80, 150, 250, 400, 600, 900, 1300] {
        for victim in ["phone", "server"] {
            let after = format!("{victim} killed after {milliseconds} ms");
            let mut tap = stage.hospital.begin_tap().expect("a press");
            let _ended_before = tap.ended(Duration::from_millis(milliseconds));
            if victim == "phone" {
                stage.phone.kill();
                tap.ended(process::PATIENCE).expect("the tap ends");
                stage.phone.run(&[]).expect("the phone starts again");
            } else {
                stage.hospital.kill_server();
                tap.ended(process::PATIENCE).expect("the tap ends");
                stage.hospital.reopen().expect("the server starts again");
            }
            stage.next_tap_succeeds(&after);
            stage.nothing_is_doubled(&after);
        }
    }
}
