use super::*;

/// As its manufacturer would write it: a controller, a cloud, its own kind, a service of its own, and what has no place here.
const MUD: &str = r#"{
  "ietf-mud:mud": {
    "mud-version": 1, "mud-url": "https://pumps.example/pump.json", "last-update": "2026-11-01T00:00:00+00:00",
    "cache-validity": 48, "is-supported": true, "systeminfo": "Pump 3", "mfg-name": "Pumps Ltd",
    "from-device-policy": {"access-lists": {"access-list": [{"name": "from-v4"}, {"name": "from-v6"}]}},
    "to-device-policy": {"access-lists": {"access-list": [{"name": "to-v4"}]}}
  },
  "ietf-access-control-list:acls": {"acl": [
    {"name": "from-v4", "type": "ipv4-acl-type", "aces": {"ace": [
      {"name": "control", "matches": {"ietf-mud:mud": {"my-controller": [null]}, "ipv4": {"protocol": 6},
        "tcp": {"ietf-mud:direction-initiated": "from-device", "destination-port": {"operator": "eq", "port": 8443}}},
        "actions": {"forwarding": "accept"}},
      {"name": "cloud", "matches": {"ipv4": {"ietf-acldns:dst-dnsname": "Updates.Pumps.example.", "protocol": 6},
        "tcp": {"ietf-mud:direction-initiated": "from-device", "destination-port": {"operator": "eq", "port": 443}}},
        "actions": {"forwarding": "accept"}},
      {"name": "other-cloud", "matches": {"ipv4": {"ietf-acldns:dst-dnsname": "ads.example", "protocol": 6},
        "tcp": {"ietf-mud:direction-initiated": "from-device", "destination-port": {"operator": "eq", "port": 443}}},
        "actions": {"forwarding": "accept"}},
      {"name": "siblings", "matches": {"ietf-mud:mud": {"same-manufacturer": [null]}, "ipv4": {"protocol": 17},
        "udp": {"destination-port": {"lower-port": 5000, "upper-port": 5002}}}, "actions": {"forwarding": "accept"}},
      {"name": "service-answers", "matches": {"ietf-mud:mud": {"local-networks": [null]}, "ipv4": {"protocol": 6},
        "tcp": {"ietf-mud:direction-initiated": "to-device", "source-port": {"operator": "eq", "port": 80}}},
        "actions": {"forwarding": "accept"}},
      {"name": "ping", "matches": {"ietf-mud:mud": {"my-controller": [null]}, "ipv4": {"protocol": 1}},
        "actions": {"forwarding": "accept"}},
      {"name": "address", "matches": {"ipv4": {"destination-ipv4-network": "192.0.2.0/24", "protocol": 6},
        "tcp": {"destination-port": {"operator": "eq", "port": 1}}}, "actions": {"forwarding": "accept"}},
      {"name": "anybody", "matches": {"ipv4": {"protocol": 6}, "tcp": {"destination-port": {"operator": "eq", "port": 22}}},
        "actions": {"forwarding": "accept"}},
      {"name": "not-22", "matches": {"ietf-mud:mud": {"my-controller": [null]},
        "tcp": {"destination-port": {"operator": "neq", "port": 22}}}, "actions": {"forwarding": "accept"}},
      {"name": "deny", "matches": {}, "actions": {"forwarding": "drop"}},
      {"name": "late", "matches": {"ietf-mud:mud": {"my-controller": [null]},
        "tcp": {"destination-port": {"operator": "eq", "port": 9}}}, "actions": {"forwarding": "accept"}}]}},
    {"name": "from-v6", "type": "ipv6-acl-type", "aces": {"ace": [
      {"name": "control6", "matches": {"ietf-mud:mud": {"my-controller": [null]}, "ipv6": {"protocol": 6},
        "tcp": {"ietf-mud:direction-initiated": "from-device", "destination-port": {"operator": "eq", "port": 8443}}},
        "actions": {"forwarding": "accept"}}]}},
    {"name": "to-v4", "type": "ipv4-acl-type", "aces": {"ace": [
      {"name": "control-answers", "matches": {"ietf-mud:mud": {"my-controller": [null]}, "ipv4": {"protocol": 6},
        "tcp": {"ietf-mud:direction-initiated": "from-device", "source-port": {"operator": "eq", "port": 8443}}},
        "actions": {"forwarding": "accept"}},
      {"name": "service", "matches": {"ietf-mud:mud": {"local-networks": [null]}, "ipv4": {"protocol": 6},
        "tcp": {"ietf-mud:direction-initiated": "to-device"}}, "actions": {"forwarding": "accept"}}]}}
  ]}
}"#;

fn meaning() -> MudMeaning {
    let mut meaning = MudMeaning::of(Endpoint::class(DeviceClass::InfusionPump));
    meaning.my_controller = Some("class:server & zone:data centre".parse().unwrap());
    meaning.same_manufacturer = Some("class:infusion-pump".parse().unwrap());
    meaning.local_networks = Some("zone:clinical".parse().unwrap());
    meaning.hosts.insert("updates.pumps.example".to_owned(), Endpoint::Machine(device(3)));
    meaning
}

#[test]
fn a_description_becomes_rules_and_what_has_no_place_is_named() {
    let import = Mud::parse(MUD.as_bytes()).unwrap().rules(&meaning());
    let rules: Vec<_> = import
        .rules
        .iter()
        .map(|rule| format!("{} -> {} {} {}", rule.from, rule.to, rule.protocol, rule.ports))
        .collect();
    let server = device(3);
    assert_eq!(
        rules,
        [
            "class:infusion-pump -> class:server & zone:data centre tcp 8443".to_owned(),
            format!("class:infusion-pump -> {server} tcp 443"),
            "class:infusion-pump -> class:infusion-pump udp 5000-5002".to_owned(),
            "zone:clinical -> class:infusion-pump tcp *".to_owned(),
        ]
    );
    assert_eq!(import.rules[0].purpose.as_str(), "MUD from-v4/control: Pump 3");
    assert_eq!(
        import.covered,
        ["from-v4/service-answers", "from-v4/deny", "to-v4/control-answers"]
    );
    assert_eq!(import.wide, [import.rules[3].id.clone()]);
    let refused: Vec<_> =
        import.refused.iter().map(|r| (r.entry.as_str(), r.term.as_str(), r.why)).collect();
    assert_eq!(
        refused,
        [
            ("from-v4/other-cloud", "ietf-acldns:dst-dnsname ads.example", Why::Meaning),
            ("from-v4/ping", "protocol 1", Why::NotInMatrix),
            ("from-v4/address", "destination-ipv4-network", Why::NotInMatrix),
            ("from-v4/anybody", "anybody", Why::Anybody),
            (
                "from-v4/not-22",
                r#"destination-port {"operator":"neq","port":22}"#,
                Why::NotInMatrix
            ),
            ("from-v4/late", "late", Why::AfterDeny),
        ]
    );
    Policy::new(1, import.rules).unwrap();
}

#[test]
fn what_nobody_gave_a_meaning_opens_nothing() {
    let meaning = MudMeaning::of(Endpoint::class(DeviceClass::InfusionPump));
    let import = Mud::parse(MUD.as_bytes()).unwrap().rules(&meaning);
    assert_eq!(import.rules, []);
    let unsaid = import.refused.iter().filter(|refused| refused.why == Why::Meaning).count();
    assert_eq!(unsaid, 10, "{:?}", import.refused);
}

#[test]
fn other_files_are_refused() {
    for (text, expected) in [
        ("{}", "JSON"),
        (&MUD.replace("\"mud-version\": 1", "\"mud-version\": 2"), "version 2"),
        (&MUD.replace("[{\"name\": \"to-v4\"}]", "[{\"name\": \"lost\"}]"), "`lost`"),
        (&" ".repeat(600 * 1024), "longer"),
    ] {
        let error = Mud::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn tables_are_read_as_they_are_written() {
    let policy = policy(&[
        "a,class:analyser,class:server,tcp,2575,\"Results, urgent\",2027-01-01T00:00:00Z",
        "b,\"unit:Ear, Nose & Throat\",class:server & zone:b,udp,*,Everything,",
    ]);
    let table = csv::write(&policy);
    assert_eq!(Policy::new(7, csv::read(&table).unwrap()).unwrap(), policy);
    assert_eq!(Policy::parse(policy.document().as_bytes()).unwrap(), policy);
}

#[test]
fn tables_of_spreadsheets_are_read() {
    let table = "\u{feff}purpose,ports,protocol,to,from\r\n# by hand\r\nResults, 2575 ,tcp,class:server,class:analyser\r\n";
    let rules = csv::read(table).unwrap();
    assert_eq!(rules[0].ports.to_string(), "2575");
    assert!(rules[0].id.as_str().starts_with("r-"), "{}", rules[0].id);
    assert_eq!(rules, csv::read(table).unwrap(), "the same line has the same name");
}

#[test]
fn every_fault_of_a_table_is_named_with_its_line() {
    let table = "id,from,to,protocol,ports,purpose,until\n\
        a,class:printer,class:server,tcp,1,A,\n\
        b,class:server,class:server,icmp,1,A,\n\
        c,class:server,class:server,tcp,0,A,\n\
        d,class:server,class:server,tcp,1,=A,\n\
        e,class:server,class:server,tcp,1,A,tomorrow\n\
        F,class:server,class:server,tcp,1,A,\n\
        short,line\n";
    let error = csv::read(table).unwrap_err().to_string();
    for part in [
        "line 2: from",
        "line 3: protocol",
        "line 4: ports",
        "line 5: purpose",
        "line 6: until",
        "line 7: id",
        "line 8:",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
    for (table, what) in [
        ("id,from\n", "missing"),
        ("id,id,from,to,protocol,ports,purpose\n", "twice"),
        ("a\n", "none of them"),
        ("", "none of them"),
    ] {
        let error = csv::read(table).unwrap_err().to_string();
        assert!(
            error.contains("first line") && (error.contains(what) || table.is_empty()),
            "{error}"
        );
    }
}
