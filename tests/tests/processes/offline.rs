//! A kill -9 of the agent at each step of a tap that it decides without the server, and of telling the server: every tap stands in the log once.
use std::collections::BTreeMap;

use imp_tests::demo::Narrator;
use imp_tests::demo::hospital::{Hospital, Phone};
use imp_tests::process::{self, PATIENCE};
use imp_tests::world::faces;
use serde_json::{Value, json};

struct Ward<'a> {
    hospital: Hospital<'a>,
    _phone: Phone<'a>,
}

impl<'a> Ward<'a> {
    /// Ada is enrolled, and the agent has a roster by which it may decide.
    fn open(folder: &'a std::path::Path, narrator: &'a Narrator) -> Self {
        let mut hospital = Hospital::new(folder, "hospital", narrator).expect("a hospital");
        hospital.open().expect("a server");
        for (username, role) in [("olga", "officer"), ("ada", "staff")] {
            let add = ["user", "add", username, "--name", username, "--role", role];
            hospital.administer(&add).expect("a user");
        }
        let shown = hospital.administer(&["policy", "show"]).expect("the policy");
        let mut policy: Value = serde_json::from_str(&shown).expect("JSON");
        policy["offline"] = json!("PT2H");
        let file = folder.join("policy.json");
        std::fs::write(&file, policy.to_string()).expect("a file");
        let set = ["policy", "set", file.to_str().expect("a path")];
        hospital.administer(&set).expect("the policy counts");
        hospital.equip("Ward 3 left", "olga").expect("a workstation");
        hospital.camera_sees(&[faces::path(faces::ADA_ENROLLED[0])]).expect("a face");
        let mut phone = Phone::new(folder, "phone-a", narrator);
        hospital.enrol("ada", &mut phone).expect("an enrolment");
        let mut ward = Self { hospital, _phone: phone };
        // It asks for the roster when it starts: Ada's reference is in it.
        ward.restart(None);
        ward.is_let_in();
        ward
    }

    fn restart(&mut self, abort_at: Option<&str>) {
        self.hospital.kill_agent();
        self.hospital.start_agent(abort_at).expect("an agent");
    }

    fn is_let_in(&self) {
        let mut last = Value::Null;
        let accepted = process::eventually(PATIENCE, || {
            let tapped = self.hospital.tap(&["--purpose", "tap-in"]).ok()?;
            last.clone_from(&tapped.report);
            (tapped.outcome() == "accepted").then_some(())
        });
        assert!(accepted.is_some(), "{last}");
    }

    /// The offline taps in the log: how often each of them stands there.
    fn offline_taps(&self) -> BTreeMap<String, usize> {
        let printed = self.hospital.administer(&["events", "--all", "--json"]).expect("events");
        let stream = serde_json::Deserializer::from_str(&printed).into_iter::<Value>();
        let values: Vec<Value> = stream.map(|value| value.expect("JSON")).collect();
        let events = match values.as_slice() {
            [Value::Array(events)] => events.clone(),
            _ => values,
        };
        let mut taps = BTreeMap::new();
        for event in events.iter().map(|event| &event["record"]["event"]) {
            if event["type"] == "offline-tap-reconciled" {
                assert_eq!(event["outcome"], "accepted", "{event}");
                *taps.entry(event["tap"].to_string()).or_default() += 1;
            }
        }
        taps
    }

    /// Waits until the log has so many offline taps, each once.
    fn log_has(&self, taps: usize, after: &str) {
        let mut last = BTreeMap::new();
        let found = process::eventually(PATIENCE, || {
            last = self.offline_taps();
            (last.len() == taps).then_some(())
        });
        assert!(found.is_some(), "after {after}: {last:?}");
        assert!(last.values().all(|times| *times == 1), "after {after}: {last:?}");
    }
}

#[test]
fn a_crash_at_any_step_without_the_server_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut ward = Ward::open(folder.path(), &narrator);
    let mut taps = 0;
    // Before it is written down nobody is let in; afterwards it will be told, though nobody was let in.
    for (point, written) in [("offline:decided", 0), ("offline:written", 1), ("tap:unlocked", 1)] {
        ward.restart(Some(point));
        ward.hospital.kill_server();
        let died = process::eventually(PATIENCE, || {
            let _no_answer = ward.hospital.tap(&["--purpose", "tap-in"]);
            (!ward.hospital.agent().is_some_and(process::Running::is_running)).then_some(())
        });
        assert!(died.is_some(), "the agent does not come to {point}");
        ward.restart(None);
        ward.is_let_in();
        ward.hospital.reopen().expect("the server again");
        taps += written + 1;
        ward.log_has(taps, point);
    }
    for point in ["offline:told", "offline:settled"] {
        ward.hospital.kill_server();
        ward.is_let_in();
        ward.hospital.kill_agent();
        ward.hospital.reopen().expect("the server again");
        // It tells the server when it starts, and dies of it.
        ward.hospital.start_agent(Some(point)).expect("an agent that dies");
        let died = process::eventually(PATIENCE, || {
            (!ward.hospital.agent().is_some_and(process::Running::is_running)).then_some(())
        });
        assert!(died.is_some(), "the agent does not come to {point}");
        ward.restart(None);
        taps += 1;
        ward.log_has(taps, point);
    }
    ward.is_let_in();
    ward.log_has(taps, "a tap that the server decided");
}
