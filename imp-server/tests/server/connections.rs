//! The connection policy as administrators, machines and applications see it.
use imp_api::connection::{
    ConnectionPolicy, DryRun, Evaluated, EvaluationDecision, Observation, Observed, Proposal,
    ProposeRules, RefusalReport, Refused, RejectProposal, Rule, SetConnectionPolicy,
    TryConnectionPolicy,
};
use imp_connection::{Pinned, Protocol, SignedPolicy};
use imp_identity::connection::{MachineRefusal, MessageRefusal};
use imp_identity::user::Role;
use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::hospital::{Hospital, Machine, problem};

fn rule(from: &str, to: &str, ports: &str) -> Rule {
    Rule {
        id: None,
        from: from.to_owned(),
        to: to.to_owned(),
        protocol: "tcp".to_owned(),
        ports: ports.to_owned(),
        purpose: "Tests".to_owned(),
        until: None,
    }
}

fn question(from: &Machine, to: &Machine, port: u16) -> Value {
    json!({
        "subject": { "type": "machine", "id": from.credentials.spiffe_id.to_string() },
        "resource": { "type": "machine", "id": to.credentials.spiffe_id.to_string() },
        "action": { "name": "connect", "properties": { "protocol": "tcp", "port": port } },
    })
}

#[tokio::test]
async fn an_administrator_makes_the_policy_and_machines_ask_it() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (_, one) = hospital.workstation(&administrator).await;
    let (_, two) = hospital.workstation(&administrator).await;
    let before: ConnectionPolicy = administrator.get("v1/connections/rules").await.unwrap();
    assert_eq!((before.version, before.rules.len()), (0, 0));
    let ask = async |port| -> EvaluationDecision {
        one.client.post("access/v1/evaluation", &question(&one, &two, port)).await.unwrap()
    };
    assert_eq!(ask(443).await.context.reason, "no-rule");

    let rules = vec![rule("class:workstation", "class:workstation", "443")];
    let put = SetConnectionPolicy { version: 0, rules: rules.clone() };
    let set: ConnectionPolicy = administrator.put("v1/connections/rules", &put).await.unwrap();
    assert_eq!(set.version, 1);
    let decided = ask(443).await;
    assert!(decided.decision);
    assert_eq!(
        (decided.context.rule.as_ref(), decided.context.policy_version),
        (set.rules[0].id.as_ref(), 1)
    );
    assert_eq!(ask(22).await.context.reason, "wrong-port");
    let late = administrator.put::<ConnectionPolicy>("v1/connections/rules", &put).await;
    assert_eq!(problem(late), "policy-conflict");
    let wrong =
        SetConnectionPolicy { version: 1, rules: vec![rule("class:printer", "unit:a", "1")] };
    let wrong = administrator.put::<ConnectionPolicy>("v1/connections/rules", &wrong).await;
    assert_eq!(problem(wrong), "connection-policy-invalid");
    let checked: EvaluationDecision =
        administrator.post("v1/connections/check", &question(&one, &two, 443)).await.unwrap();
    assert!(checked.decision);
    let difference: Value = administrator.get("v1/connections/differences?from=0").await.unwrap();
    assert_eq!(difference["added"].as_array().unwrap().len(), 1, "{difference}");
    let graph: Value = administrator.get("v1/connections/reachability").await.unwrap();
    assert_eq!(graph["reach"]["workstation"], json!(["workstation"]));
    let tried = TryConnectionPolicy { rules: vec![] };
    let tried: DryRun = administrator.post("v1/connections/dry-run", &tried).await.unwrap();
    assert_eq!((tried.observations, tried.would_break.len()), (0, 0));
}

#[tokio::test]
async fn questions_are_answered_as_authzen_says() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (_, one) = hospital.workstation(&administrator).await;
    let (_, two) = hospital.workstation(&administrator).await;
    let put = SetConnectionPolicy {
        version: 0,
        rules: vec![rule("class:workstation", "class:workstation", "443")],
    };
    administrator.put::<ConnectionPolicy>("v1/connections/rules", &put).await.unwrap();
    let (http, url) = (hospital.http(Some(&one)), hospital.server.url().to_owned());
    let response = http
        .post(format!("{url}/access/v1/evaluation"))
        .header("X-Request-ID", "bfe9eb29")
        .json(&question(&one, &two, 443))
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["x-request-id"], "bfe9eb29");
    assert_eq!(response.json::<Value>().await.unwrap()["decision"], true);

    let ports = |semantic: &str| {
        let mut asked = question(&one, &two, 443);
        let port =
            |port: u16| json!({ "action": { "name": "connect", "properties": { "port": port } } });
        asked["evaluations"] = json!([{}, port(22), port(443)]);
        asked["options"] = json!({ "evaluations_semantic": semantic });
        asked
    };
    for (semantic, expected) in [
        ("execute_all", vec![true, false, true]),
        ("deny_on_first_deny", vec![true, false]),
        ("permit_on_first_permit", vec![true]),
    ] {
        let answered: Evaluated =
            one.client.post("access/v1/evaluations", &ports(semantic)).await.unwrap();
        let decisions: Vec<_> = answered.evaluations.iter().map(|one| one.decision).collect();
        assert_eq!(decisions, expected, "{semantic}");
    }
    let unknown = one.client.post::<Evaluated>("access/v1/evaluations", &ports("guess")).await;
    assert_eq!(problem(unknown), "evaluation-invalid");
    let incomplete = json!({ "evaluations": [{}] });
    let incomplete = one.client.post::<Evaluated>("access/v1/evaluations", &incomplete).await;
    assert_eq!(problem(incomplete), "evaluation-invalid");

    let single: EvaluationDecision =
        one.client.post("access/v1/evaluations", &question(&one, &two, 443)).await.unwrap();
    assert!(single.decision, "without a list there is one question");

    let mut other = question(&one, &two, 443);
    other["subject"]["type"] = json!("user");
    let other: EvaluationDecision = one.client.post("access/v1/evaluation", &other).await.unwrap();
    assert_eq!((other.decision, other.context.reason.as_str()), (false, "not-a-connection"));
    let metadata: Value =
        hospital.stranger().get(".well-known/authzen-configuration").await.unwrap();
    let endpoint = metadata["access_evaluation_endpoint"].as_str().unwrap();
    assert!(endpoint.ends_with("/access/v1/evaluation"), "{metadata}");
}

#[tokio::test]
async fn a_machine_carries_a_signed_copy_and_is_given_another_when_something_changes() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (_, one) = hospital.workstation(&administrator).await;
    let (_, two) = hospital.workstation(&administrator).await;
    let fetched = one.client.connection_policy(None).await.unwrap().unwrap();
    let domain = one.credentials.spiffe_id.trust_domain.clone();
    let keys: Vec<_> = one.credentials.statement_keys.iter().map(|key| key.0.clone()).collect();
    let pinned = Pinned { trust_domain: &domain, keys: &keys };
    let now = "2026-03-01T08:00:00Z".parse().unwrap();
    let copy = SignedPolicy::parse(&fetched.jws).unwrap().verify(pinned, now, None).unwrap();
    let (from, to) = (&one.credentials.spiffe_id, &two.credentials.spiffe_id);
    assert_eq!(copy.decide(from, to, (Protocol::Tcp, 443), now).word(), "no-rule");
    let tag = fetched.tag.as_deref();
    assert!(tag.is_some());
    assert_eq!(one.client.connection_policy(tag).await.unwrap(), None);

    let put = SetConnectionPolicy {
        version: 0,
        rules: vec![rule("class:workstation", "class:workstation", "443")],
    };
    administrator.put::<ConnectionPolicy>("v1/connections/rules", &put).await.unwrap();
    let fetched = one.client.connection_policy(tag).await.unwrap().unwrap();
    let signed = SignedPolicy::parse(&fetched.jws).unwrap();
    let later = signed.verify(pinned, now, Some(copy.edition())).unwrap();
    assert!(later.decide(from, to, (Protocol::Tcp, 443), now).is_expected());
    hospital.clock.advance(SignedDuration::from_hours(2));
    let renewed = one.client.connection_policy(fetched.tag.as_deref()).await.unwrap();
    assert!(renewed.is_some(), "a copy is renewed long before it ends");
}

#[tokio::test]
async fn what_machines_report_is_in_the_log_and_learned_by_two_people() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (_, one) = hospital.workstation(&administrator).await;
    let (_, two) = hospital.workstation(&administrator).await;
    let (from, to) = (one.credentials.spiffe_id.clone(), two.credentials.spiffe_id.clone());
    let at = "2026-03-01T07:59:00Z".parse().unwrap();
    let seen = Observation {
        from: from.clone(),
        to: to.clone(),
        protocol: "tcp".to_owned(),
        port: 2575,
        outcome: "refused".to_owned(),
        count: 12,
        first: at,
        last: at,
    };
    let observed = Observed { report: Uuid::from_u128(1), observations: vec![seen.clone()] };
    one.client.report_observations(&observed).await.unwrap();
    let port = Observation { port: 0, ..seen.clone() };
    let wrong = Observed { report: Uuid::from_u128(2), observations: vec![port] };
    assert_eq!(problem(one.client.report_observations(&wrong).await), "report-invalid");
    let many = Observed { report: Uuid::from_u128(3), observations: vec![seen; 501] };
    assert_eq!(problem(one.client.report_observations(&many).await), "report-invalid");

    let refused = Refused {
        report: Uuid::from_u128(4),
        refusals: vec![
            RefusalReport::Connection {
                from,
                to,
                protocol: "tcp".to_owned(),
                port: 2575,
                reason: "no-rule".to_owned(),
                let_through: false,
                at,
            },
            RefusalReport::Machine {
                // As long as a stranger can make it: else it would take the rest of the report with it.
                peer: format!("spiffe://{}/device/x (192.0.2.1)", "a".repeat(400)),
                reason: MachineRefusal::Expired,
                at,
            },
            RefusalReport::Message { sender: "?".to_owned(), reason: MessageRefusal::Altered, at },
        ],
    };
    two.client.report_refusals(&refused).await.unwrap();
    two.client.report_refusals(&refused).await.unwrap();
    let app = hospital.server.app();
    let events = imp_server::command::events_page(&app.storage, 0, 500).await.unwrap();
    for kind in ["connection-unexpected", "machine-refused", "message-refused"] {
        assert_eq!(events.iter().filter(|entry| entry.kind == kind).count(), 1, "{kind}");
    }
    let (_, third) = hospital.workstation(&administrator).await;
    let others = Refused { report: Uuid::from_u128(5), ..refused };
    assert_eq!(problem(third.client.report_refusals(&others).await), "report-of-others");

    let wish = ProposeRules { least: None, since: None, until: None };
    let proposal: Proposal = administrator.post("v1/connections/proposals", &wish).await.unwrap();
    assert_eq!((proposal.rules.len(), proposal.state.as_str()), (1, "open"));
    let approval = format!("v1/connections/proposals/{}/approval", proposal.id);
    let own = administrator.post::<Proposal>(&approval, &json!({})).await;
    assert_eq!(problem(own), "proposal-own");
    let (_, token) = hospital.person(&administrator, "bea", Role::Administrator).await;
    let bea = hospital.stranger().with_token(token);
    let approved: Proposal = bea.post(&approval, &json!({})).await.unwrap();
    assert_eq!((approved.state.as_str(), approved.version), ("approved", Some(1)));
    let rejection = format!("v1/connections/proposals/{}/rejection", proposal.id);
    let body = RejectProposal { reason: "Late.".parse().unwrap() };
    assert_eq!(problem(bea.post::<Proposal>(&rejection, &body).await), "proposal-state");
    let decided: EvaluationDecision =
        one.client.post("access/v1/evaluation", &question(&one, &two, 2575)).await.unwrap();
    assert!(decided.decision);
}
