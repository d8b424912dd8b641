//! What holds for every policy.
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const UNITS: [&str; 3] = ["ICU", "Laboratory", "IT"];
const ZONES: [&str; 2] = ["clinical", "imaging"];

fn class() -> impl Strategy<Value = DeviceClass> {
    select(DeviceClass::ALL.to_vec())
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let name = |names: &[&str]| {
        option::of(select(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()))
    };
    let group = (option::of(class()), name(&UNITS), name(&ZONES))
        .prop_filter("says something", |(class, unit, zone)| {
            class.is_some() || unit.is_some() || zone.is_some()
        })
        .prop_map(|(class, unit, zone)| Endpoint::Group(Group { class, unit, zone }));
    prop_oneof![3 => group, 1 => (0..6_u8).prop_map(|number| Endpoint::Machine(device(number)))]
}

fn protocol() -> impl Strategy<Value = Protocol> {
    select(vec![Protocol::Tcp, Protocol::Udp])
}

/// Ends, protocol, ports, and when its time is over in hours.
type Line = (Endpoint, Endpoint, Protocol, u16, u16, Option<i64>);

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let rule = (endpoint(), endpoint(), protocol(), 1..6_u16, 0..4_u16, option::of(-5..5_i64));
    vec(rule, 0..40).prop_map(|rules| {
        let rule = |(number, (from, to, protocol, first, more, until)): (usize, Line)| Rule {
            id: format!("r{number}").parse().unwrap(),
            from,
            to,
            protocol,
            ports: Ports::range(first, first + more).unwrap(),
            purpose: "A".parse().unwrap(),
            until: until.map(|hours| NOW + SignedDuration::from_hours(hours)),
        };
        rules.into_iter().enumerate().map(rule).collect()
    })
}

fn members() -> impl Strategy<Value = Vec<Member>> {
    let place = (class(), option::of(select(UNITS.to_vec())), option::of(select(ZONES.to_vec())));
    vec(place, 6).prop_map(|places| {
        let member = |(number, (class, unit, zone)): (u8, (_, Option<&str>, Option<&str>))| {
            member(device(number), class, unit.unwrap_or_default(), zone.unwrap_or_default())
        };
        (0..).zip(places).map(member).collect()
    })
}

/// Looks at every rule.
fn naive(policy: &Policy, attempt: &Attempt<'_>) -> Option<RuleId> {
    policy.rules().iter().find(|rule| rule.expects(attempt)).map(|rule| rule.id.clone())
}

proptest! {
    #[test]
    fn what_one_machine_may_know_decides_about_it_as_the_whole_does(
        rules in rules(), members in members(), own in 0..6_u8, other in 0..6_u8,
        port in 1..10_u16, hours in -6..6_i64,
    ) {
        let (issued_at, valid_until) = (NOW, NOW + SignedDuration::from_hours(24));
        let inventory = Inventory::new(domain(), members);
        let whole = PolicyCopy {
            policy: Policy::new(1, rules).unwrap(), inventory, issued_at, valid_until,
        };
        let (own, other, at) = (device(own), device(other), NOW + SignedDuration::from_hours(hours));
        let part = whole.of(&own).unwrap();
        for (from, to) in [(&own, &other), (&other, &own)] {
            let by = |copy: &PolicyCopy| copy.decide(from, to, (Protocol::Tcp, port), at);
            let (expected, decision) = (by(&whole), by(&part));
            if expected.is_expected() {
                prop_assert_eq!(decision, expected);
            } else {
                prop_assert!(!decision.is_expected(), "{decision:?}");
            }
        }
        prop_assert_eq!(part.edition(), whole.edition());
    }

    #[test]
    fn the_index_finds_what_looking_at_every_rule_finds(
        rules in rules(), members in members(), from in 0..6_u8, to in 0..6_u8,
        protocol in protocol(), port in 1..10_u16, hours in -6..6_i64,
    ) {
        let policy = Policy::new(1, rules).unwrap();
        let inventory = Inventory::new(domain(), members);
        let (from, to) = (device(from), device(to));
        let at = NOW + SignedDuration::from_hours(hours);
        let (from, to) = (inventory.party(&from).unwrap(), inventory.party(&to).unwrap());
        let attempt = Attempt { from, to, protocol, port, at };
        let decision = policy.decide(&attempt);
        if let Some(rule) = naive(&policy, &attempt) {
            prop_assert_eq!(decision, Decision::Expected { rule });
        } else {
            prop_assert!(!decision.is_expected());
            // Whatever is said to have come near lies between the two, one way or the other.
            if let Some(rule) = decision.rule() {
                let rule = policy.rule(rule).unwrap();
                let here = rule.from.covers(&from) && rule.to.covers(&to);
                let back = rule.from.covers(&to) && rule.to.covers(&from);
                prop_assert!(here || back);
            }
        }
    }

    #[test]
    fn a_proposal_covers_what_was_seen_and_no_further_classes_or_ports(
        members in members(),
        observed in vec((0..6_u8, 0..6_u8, 1..8_u16, protocol()), 1..30),
    ) {
        let inventory = Inventory::new(domain(), members);
        let observed: Vec<_> = observed.into_iter().map(|(from, to, port, protocol)| {
            Observation { protocol, ..seen(device(from), device(to), port, 1) }
        }).collect();
        let proposal = propose(&Policy::empty(), &inventory, &observed, (1, None), NOW);
        let rules: Vec<_> = proposal.rules.iter().map(|proposed| proposed.rule.clone()).collect();
        let policy = Policy::new(1, rules.clone()).unwrap();
        for Observation { from, to, protocol, port, .. } in &observed {
            let asked = Asked { from, to, protocol: *protocol, port: *port, at: NOW };
            prop_assert!(inventory.decide(&policy, &asked).is_expected());
        }
        let class = |machine: &SpiffeId| inventory.party(machine).unwrap().class;
        let of = |end: &Endpoint| match end {
            Endpoint::Machine(machine) => class(machine),
            Endpoint::Group(group) => group.class.unwrap(),
        };
        for rule in &rules {
            for port in rule.ports.first()..=rule.ports.last() {
                let was_seen = observed.iter().any(|one| {
                    class(&one.from) == of(&rule.from) && class(&one.to) == of(&rule.to)
                        && one.protocol == rule.protocol && one.port == port
                });
                prop_assert!(was_seen, "{:?} port {}", rule, port);
            }
        }
    }

    #[test]
    fn documents_and_tables_are_read_as_they_are_written(rules in rules()) {
        let policy = Policy::new(3, rules).unwrap();
        let read = Policy::parse(policy.document().as_bytes()).unwrap();
        prop_assert_eq!(read.digest(), policy.digest());
        prop_assert_eq!(&Policy::new(3, csv::read(&csv::write(&policy)).unwrap()).unwrap(), &policy);
    }

    #[test]
    fn no_text_breaks_the_readers(text in ".{0,200}") {
        if let Ok(end) = text.parse::<Endpoint>() {
            prop_assert_eq!(end.to_string(), text.clone());
        }
        let _ = Policy::parse(text.as_bytes());
        let _ = csv::read(&text);
        let _ = Mud::parse(text.as_bytes());
        let _ = SignedPolicy::parse(text.as_bytes());
    }
}
