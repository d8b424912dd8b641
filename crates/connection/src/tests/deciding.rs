use super::*;

fn says(policy: &Policy, asked: &Asked<'_>) -> (&'static str, Option<String>) {
    let decision = inventory().decide(policy, asked);
    (decision.word(), decision.rule().map(ToString::to_string))
}

#[test]
fn nothing_is_expected_that_no_rule_says() {
    let (one, two) = (device(1), device(3));
    assert_eq!(says(&Policy::empty(), &asked(&one, &two, 443)), ("no-rule", None));
}

#[test]
fn the_reason_is_the_nearest_rule() {
    let policy = policy(&[
        "pumps,class:infusion-pump,class:server,tcp,8443-8445,Programmes,",
        "old,class:infusion-pump & unit:ICU,class:server,tcp,9000,Old programmes,2026-01-01T00:00:00Z",
        "clock,class:analyser,class:server,udp,123,Time,",
    ]);
    let rule = |name: &str| Some(name.to_owned());
    let (icu, surgery, server, analyser) = (device(1), device(2), device(3), device(4));
    for (from, to, port, expected) in [
        (&icu, &server, 8443, ("expected", rule("pumps"))),
        (&surgery, &server, 8445, ("expected", rule("pumps"))),
        (&icu, &server, 8446, ("wrong-port", rule("old"))),
        (&icu, &server, 9000, ("rule-expired", rule("old"))),
        (&surgery, &server, 9000, ("wrong-port", rule("pumps"))),
        (&analyser, &server, 123, ("wrong-protocol", rule("clock"))),
        (&server, &icu, 8443, ("wrong-direction", rule("pumps"))),
        (&server, &icu, 22, ("no-rule", None)),
        (&icu, &surgery, 8443, ("no-rule", None)),
    ] {
        assert_eq!(says(&policy, &asked(from, to, port)), expected, "{from} {to} {port}");
    }
}

#[test]
fn a_rule_counts_until_its_time_and_not_at_it() {
    let until = NOW + SignedDuration::from_secs(1);
    let policy = policy(&[&format!("a,class:analyser,class:server,tcp,2575,HL7,{until}")]);
    let (from, to) = (device(4), device(3));
    let at = |at| inventory().decide(&policy, &Asked { at, ..asked(&from, &to, 2575) });
    assert!(at(NOW).is_expected());
    let over = Reason::Expired { rule: "a".parse().unwrap(), until };
    assert_eq!(at(until), Decision::Unexpected { reason: over });
}

#[test]
fn a_machine_that_is_not_in_use_is_expected_nowhere() {
    let policy = policy(&["a,zone:clinical,zone:clinical,tcp,*,Everything,"]);
    let (known, gone) = (device(1), device(99));
    let unknown = |side| Decision::Unexpected { reason: Reason::UnknownMachine { side } };
    let inventory = inventory();
    assert_eq!(inventory.decide(&policy, &asked(&gone, &known, 1)), unknown(Side::From));
    assert_eq!(inventory.decide(&policy, &asked(&known, &gone, 1)), unknown(Side::To));
    let stranger = SpiffeId { trust_domain: "other.example".parse().unwrap(), ..device(1) };
    assert_eq!(inventory.decide(&policy, &asked(&stranger, &known, 1)), unknown(Side::From));
}

#[test]
fn workstations_and_phones_have_their_class_by_their_names() {
    let policy = policy(&["a,class:workstation,class:server,tcp,443,Applications,"]);
    let (desk, phone, server) = (workstation(1), phone(1), device(3));
    assert_eq!(says(&policy, &asked(&desk, &server, 443)).0, "expected");
    assert_eq!(says(&policy, &asked(&phone, &server, 443)).0, "no-rule");
}

#[test]
fn of_several_rules_the_first_by_name_explains() {
    let policy = policy(&[
        "b,class:analyser,class:server,tcp,2575,Results,",
        "c,unit:Laboratory,zone:data centre,tcp,2575,Results,",
        "a,zone:clinical & unit:Laboratory,class:server,tcp,80,Pages,"
            .replace("zone:clinical & unit:Laboratory", "unit:Laboratory & zone:clinical")
            .as_str(),
    ]);
    let (from, to) = (device(4), device(3));
    assert_eq!(says(&policy, &asked(&from, &to, 2575)), ("expected", Some("b".to_owned())));
}

#[test]
fn names_of_rules_are_used_once() {
    let one = policy(&["a,class:analyser,class:server,tcp,1,A,"]).rules()[0].clone();
    let twice = Policy::new(1, vec![one.clone(), one]);
    assert!(matches!(twice, Err(PolicyError::Twice(_))), "{twice:?}");
}

#[test]
fn differences_are_named() {
    let before = policy(&["a,class:analyser,class:server,tcp,1,A,", "b,unit:x,unit:y,tcp,2,B,"]);
    let after = policy(&["b,unit:x,unit:y,tcp,2-3,B,", "c,unit:x,unit:z,udp,2,C,"]);
    let diff = Diff::between(&before, &after);
    let names = |rules: &[Rule]| rules.iter().map(|r| r.id.to_string()).collect::<Vec<_>>();
    assert_eq!((names(&diff.added), names(&diff.removed)), (vec!["c".into()], vec!["a".into()]));
    assert_eq!(diff.changed[0].after.ports.to_string(), "2-3");
    assert!(Diff::between(&after, &after).is_empty());
}

#[test]
fn a_dry_run_says_what_would_break_and_what_would_open() {
    let in_force = policy(&["a,class:infusion-pump,class:server,tcp,8443,A,"]);
    let tried = policy(&[
        "a,class:infusion-pump & unit:ICU,class:server,tcp,8443,A,",
        "b,class:analyser,class:server,tcp,2575,B,",
        "c,class:imaging,class:server,tcp,104,C,",
    ]);
    let observed = [
        seen(device(1), device(3), 8443, 5),
        seen(device(2), device(3), 8443, 5),
        seen(device(4), device(3), 2575, 5),
        seen(device(4), device(3), 22, 5),
    ];
    let run = dry_run(&in_force, &tried, &inventory(), &observed, NOW);
    let what: Vec<_> = run.judged.iter().map(|one| (one.would_break(), one.would_open())).collect();
    assert_eq!(what, [(false, false), (true, false), (false, true), (false, false)]);
    assert_eq!(run.unused, ["c".parse().unwrap()]);
}

#[test]
fn the_graph_follows_rules_from_class_to_class() {
    let policy = policy(&[
        "a,class:infusion-pump,class:gateway,tcp,443,A,",
        "b,class:gateway,class:server,tcp,443,B,",
        "c,class:server,class:imaging,tcp,104,C,2026-01-01T00:00:00Z",
        &format!("d,{},class:analyser,tcp,1,D,", device(3)),
    ]);
    let graph = reachability(&policy, &inventory(), NOW);
    assert_eq!(graph.edges.len(), 3, "what is over is left out");
    let pump = &graph.reach[&DeviceClass::InfusionPump];
    assert!(pump.contains(&DeviceClass::Server) && pump.contains(&DeviceClass::Analyser));
    assert!(!pump.contains(&DeviceClass::Imaging));
    let pumps = graph.nodes.iter().find(|node| node.id.to_string() == "class:infusion-pump");
    assert_eq!(pumps.unwrap().machines, 2);
    let json = serde_json::to_value(&graph).unwrap();
    assert_eq!(json["format"], "imp-reachability/1");
    assert_eq!(json["machines"][0]["nodes"][0], "class:infusion-pump");
}
