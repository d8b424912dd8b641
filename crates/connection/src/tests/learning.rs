use super::*;

fn proposed(observations: &[Observation], least: u64) -> (Vec<String>, Proposal) {
    let none = Policy::empty();
    let proposal = propose(&none, &inventory(), observations, (least, None), NOW);
    let rules = proposal.rules.iter().map(|Proposed { rule, .. }| {
        format!("{} -> {} {} {}", rule.from, rule.to, rule.protocol, rule.ports)
    });
    (rules.collect(), proposal)
}

#[test]
fn a_rule_is_as_narrow_as_what_was_seen() {
    let server = device(3);
    let one = [seen(device(1), device(3), 8443, 9)];
    assert_eq!(proposed(&one, 1).0, [format!("{} -> {server} tcp 8443", device(1))]);
    let both = [seen(device(1), device(3), 8443, 9), seen(device(2), device(3), 8443, 1)];
    let (rules, proposal) = proposed(&both, 1);
    assert_eq!(rules, [format!("class:infusion-pump & zone:clinical -> {server} tcp 8443")]);
    let evidence = &proposal.rules[0].evidence;
    assert_eq!((evidence.connections, evidence.from_machines, evidence.to_machines), (10, 2, 1));
}

#[test]
fn neighbouring_ports_are_one_rule_and_others_are_not() {
    let at = |port| seen(device(5), device(3), port, 1);
    let (rules, _) = proposed(&[at(106), at(104), at(105), at(108)], 1);
    let (from, to) = (device(5), device(3));
    assert_eq!(rules, [format!("{from} -> {to} tcp 104-106"), format!("{from} -> {to} tcp 108")]);
}

#[test]
fn what_is_rare_or_of_unknown_machines_is_left_out_and_named() {
    let (rules, proposal) =
        proposed(&[seen(device(1), device(3), 1, 2), seen(device(99), device(3), 1, 50)], 3);
    assert_eq!(rules, [] as [&str; 0]);
    let why: Vec<_> = proposal.left_out.iter().map(|left| left.why).collect();
    assert_eq!(why, [LeftOutReason::UnknownMachine, LeftOutReason::Rare]);
}

#[test]
fn what_is_expected_already_needs_no_rule() {
    let policy = policy(&["a,class:infusion-pump,class:server,tcp,8443,A,"]);
    let observed = [seen(device(1), device(3), 8443, 9)];
    let proposal = propose(&policy, &inventory(), &observed, (1, None), NOW);
    assert_eq!((proposal.rules, proposal.left_out), (vec![], vec![]));
}
