use imp_authenticator::Signer as _;
use imp_connection::{
    Asked, CopyError, Inventory, Observation, Outcome, Pinned, Policy, Protocol, Rule, csv,
};
use imp_identity::connection::{MachineRefusal, MessageRefusal};
use imp_identity::device::{Description, Device, DeviceClass};
use imp_identity::event::Outcome as Fate;
use imp_identity::name::Remark;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::{Actor, DeviceId, Event, UserId};
use jiff::SignedDuration;
use uuid::Uuid;

use super::*;
use crate::command::connection::{
    DecideProposalError, ProposeRulesError, Refusal, ReportError, Reporter, RuleWish,
    SetConnectionPolicyError, approve_proposal, connection_policy, observations, propose_rules,
    purge_reports, reject_proposal, report_observations, report_refusals, set_connection_policy,
};
use crate::connections::Connections;
use crate::store::Tables as _;

fn rules(lines: &str) -> Vec<Rule> {
    csv::read(&format!("id,from,to,protocol,ports,purpose,until\n{lines}")).unwrap()
}

fn person(number: u8) -> Actor {
    Actor::User(UserId::from_bytes([number; 16]))
}

impl Hospital {
    fn spiffe(&self, device: &Device) -> SpiffeId {
        let machine = Machine::Device(device.id);
        SpiffeId { trust_domain: self.trust_domain.clone(), machine }
    }

    /// A device that has got its first certificate.
    async fn device(&mut self, name: &str, class: DeviceClass) -> Device {
        let description = Description {
            name: name.parse().unwrap(),
            class,
            manufacturer: None,
            model: None,
            serial_number: None,
            udi: None,
            unit: Some("ICU".parse().unwrap()),
            location: None,
            zone: Some("clinical".parse().unwrap()),
            mds2: None,
            names: vec![],
        };
        let now = self.now;
        let mut context = self.context();
        let id = DeviceId::generate(now, &mut context.rng);
        let (device, event) = Device::register(id, description, Actor::Server, now).unwrap();
        let mut transaction = context.storage.begin().await.unwrap();
        transaction.devices().add(&device).await.unwrap();
        context.append(&mut transaction, &Actor::Server, event).await.unwrap();
        let (device, event) = device.enrol(now).unwrap();
        transaction.devices().update(&device).await.unwrap();
        context.append(&mut transaction, &Actor::Server, event.unwrap()).await.unwrap();
        transaction.commit().await.unwrap();
        device
    }

    async fn quarantine(&mut self, device: Device) {
        let reason: Remark = "It behaves oddly.".parse().unwrap();
        let now = self.now;
        let mut context = self.context();
        let (device, event) = device.quarantine(reason, now).unwrap();
        let mut transaction = context.storage.begin().await.unwrap();
        transaction.devices().update(&device).await.unwrap();
        context.append(&mut transaction, &Actor::Server, event).await.unwrap();
        transaction.commit().await.unwrap();
    }

    fn seen(&self, from: &Device, to: &Device, port: u16) -> Observation {
        Observation {
            from: self.spiffe(from),
            to: self.spiffe(to),
            protocol: Protocol::Tcp,
            port,
            outcome: Outcome::Refused,
            count: 3,
            first: self.now - SignedDuration::from_hours(1),
            last: self.now,
        }
    }

    fn reporter(&self, device: &Device) -> Reporter {
        Reporter {
            machine: self.spiffe(device),
            actor: Actor::Device(device.id),
            class: Some(device.class),
        }
    }
}

#[tokio::test]
async fn each_change_of_the_rules_is_a_version_with_an_event() {
    for mut hospital in hospitals().await {
        let place = hospital.place().await;
        let one = rules("a,class:analyser,class:server,tcp,2575,Results,\n");
        let put = set_connection_policy(&mut hospital.context(), person(1), 0, one.clone()).await;
        let put = put.unwrap();
        assert_eq!(put.policy.version(), 1);
        let same = set_connection_policy(&mut hospital.context(), person(1), 1, one.clone()).await;
        assert_eq!(same.unwrap(), put, "the same rules are no new version");
        let late = set_connection_policy(&mut hospital.context(), person(1), 0, vec![]).await;
        assert!(matches!(late, Err(SetConnectionPolicyError::Conflict { current: 1 })), "{late:?}");
        let twice = [one.clone(), one].concat();
        let twice = set_connection_policy(&mut hospital.context(), person(1), 1, twice).await;
        assert!(matches!(twice, Err(SetConnectionPolicyError::Invalid(_))), "{twice:?}");
        set_connection_policy(&mut hospital.context(), person(2), 1, vec![]).await.unwrap();
        let stored = connection_policy(&hospital.storage, Some(1)).await.unwrap();
        assert_eq!(stored, Some(put.clone()));
        let current = connection_policy(&hospital.storage, None).await.unwrap().unwrap();
        assert_eq!((current.policy.version(), current.policy.rules().len()), (2, 0));
        let empty = Policy::new(2, vec![]).unwrap().digest();
        let changed = |version, policy| Event::ConnectionPolicyChanged { version, policy };
        let events = [changed(1, put.policy.digest()), changed(2, empty)];
        assert_eq!(hospital.facts_after(place).await, events);
    }
}

#[tokio::test]
async fn learned_rules_are_in_force_when_somebody_else_approves() {
    for mut hospital in hospitals().await {
        let wish = RuleWish { least: 1, ..RuleWish::default() };
        let nothing = propose_rules(&mut hospital.context(), person(1), wish).await;
        assert!(matches!(nothing, Err(ProposeRulesError::Nothing)), "{nothing:?}");
        let analyser = hospital.device("analyser", DeviceClass::Analyser).await;
        let server = hospital.device("server", DeviceClass::Server).await;
        let (reporter, seen) =
            (hospital.reporter(&server), hospital.seen(&analyser, &server, 2575));
        report_observations(&mut hospital.context(), &reporter, Uuid::from_u128(1), &[seen])
            .await
            .unwrap();
        let proposal = propose_rules(&mut hospital.context(), person(1), wish).await.unwrap();
        assert_eq!(proposal.rules.len(), 1);
        let own = approve_proposal(&mut hospital.context(), person(1), proposal.id).await;
        assert!(matches!(own, Err(DecideProposalError::Own)), "{own:?}");
        let in_force = connection_policy(&hospital.storage, None).await.unwrap().unwrap();
        assert_eq!(in_force.policy.version(), 0, "nothing is in force yet");

        let other = rules("a,class:imaging,class:server,tcp,104,Pictures,\n");
        set_connection_policy(&mut hospital.context(), person(2), 0, other).await.unwrap();
        let approved = approve_proposal(&mut hospital.context(), person(2), proposal.id).await;
        assert_eq!(approved.unwrap().verdict.unwrap().version, Some(2));
        let in_force = connection_policy(&hospital.storage, None).await.unwrap().unwrap().policy;
        assert_eq!(in_force.rules().len(), 2, "beside what was put in force meanwhile");
        let (from, to) = (hospital.spiffe(&analyser), hospital.spiffe(&server));
        let members = hospital
            .storage
            .read()
            .await
            .unwrap()
            .connections()
            .members(&hospital.trust_domain)
            .await;
        let inventory = Inventory::new(hospital.trust_domain.clone(), members.unwrap());
        let asked =
            Asked { from: &from, to: &to, protocol: Protocol::Tcp, port: 2575, at: hospital.now };
        assert!(inventory.decide(&in_force, &asked).is_expected());
        let again = approve_proposal(&mut hospital.context(), person(3), proposal.id).await;
        assert!(matches!(again, Err(DecideProposalError::Decided)), "{again:?}");
    }
}

#[tokio::test]
async fn a_rejected_proposal_changes_nothing_and_keeps_its_reason() {
    for mut hospital in hospitals().await {
        let analyser = hospital.device("analyser", DeviceClass::Analyser).await;
        let server = hospital.device("server", DeviceClass::Server).await;
        let (reporter, seen) =
            (hospital.reporter(&analyser), hospital.seen(&analyser, &server, 23));
        report_observations(&mut hospital.context(), &reporter, Uuid::from_u128(1), &[seen])
            .await
            .unwrap();
        let wish = RuleWish { least: 1, ..RuleWish::default() };
        let proposal = propose_rules(&mut hospital.context(), person(1), wish).await.unwrap();
        let reason: Remark = "Nobody needs Telnet.".parse().unwrap();
        let rejected =
            reject_proposal(&mut hospital.context(), person(1), proposal.id, reason).await.unwrap();
        let stored =
            hospital.storage.read().await.unwrap().connections().proposals(10).await.unwrap();
        assert_eq!(stored, [rejected]);
        assert_eq!(
            stored[0].verdict.as_ref().unwrap().remark.as_deref(),
            Some("Nobody needs Telnet.")
        );
        assert_eq!(
            connection_policy(&hospital.storage, None).await.unwrap().unwrap().policy.version(),
            0
        );
    }
}

#[tokio::test]
async fn what_is_reported_counts_once_and_is_added_up() {
    for mut hospital in hospitals().await {
        let analyser = hospital.device("analyser", DeviceClass::Analyser).await;
        let server = hospital.device("server", DeviceClass::Server).await;
        let reporter = hospital.reporter(&analyser);
        for report in [1, 1, 2] {
            let seen = hospital.seen(&analyser, &server, 2575);
            let report = Uuid::from_u128(report);
            report_observations(&mut hospital.context(), &reporter, report, &[seen]).await.unwrap();
            hospital.advance(SignedDuration::from_mins(1));
        }
        let seen = observations(&hospital.storage, None).await.unwrap();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].count, 6, "the second report was the first");
        assert_eq!(seen[0].last - SignedDuration::from_mins(62), seen[0].first);
        let late = observations(&hospital.storage, Some(hospital.now)).await.unwrap();
        assert_eq!(late, []);
        hospital.advance(SignedDuration::from_hours(24 * 8));
        assert_eq!(purge_reports(&mut hospital.context()).await.unwrap(), 2);
        hospital.advance(SignedDuration::from_hours(24 * 90));
        assert_eq!(purge_reports(&mut hospital.context()).await.unwrap(), 1);
        assert_eq!(observations(&hospital.storage, None).await.unwrap(), []);
    }
}

#[tokio::test]
async fn of_much_that_was_seen_the_latest_is_kept() {
    for mut hospital in hospitals().await {
        let analyser = hospital.device("analyser", DeviceClass::Analyser).await;
        let server = hospital.device("server", DeviceClass::Server).await;
        let mut transaction = hospital.storage.begin().await.unwrap();
        for port in 1..=5_u16 {
            let last = hospital.now + SignedDuration::from_secs(port.into());
            let seen = Observation { last, ..hospital.seen(&analyser, &server, port) };
            transaction.observations().add(&seen).await.unwrap();
        }
        let gone = transaction.observations().purge(hospital.now, 2).await.unwrap();
        let kept = transaction.observations().since(hospital.now, 10).await.unwrap();
        let ports: Vec<_> = kept.iter().map(|seen| seen.port).collect();
        assert_eq!((gone, ports), (3, vec![4, 5]));
        transaction.commit().await.unwrap();
    }
}

#[tokio::test]
async fn each_refusal_has_its_own_event_with_both_machines() {
    for mut hospital in hospitals().await {
        let pump = hospital.device("pump", DeviceClass::InfusionPump).await;
        let server = hospital.device("server", DeviceClass::Server).await;
        let reporter = hospital.reporter(&server);
        let (from, to) = (hospital.spiffe(&pump), hospital.spiffe(&server));
        let place = hospital.place().await;
        let connection =
            Refusal::Connection { from: from.clone(), to: to.clone(), let_through: false };
        let refusals = vec![
            connection.clone(),
            connection,
            Refusal::Machine {
                peer: "192.0.2.7".to_owned(),
                reason: MachineRefusal::UnknownIssuer,
            },
            Refusal::Message { sender: from.to_string(), reason: MessageRefusal::Replayed },
        ];
        for _ in 0..2 {
            let (report, refusals) = (Uuid::from_u128(1), refusals.clone());
            let taken = report_refusals(&mut hospital.context(), &reporter, report, refusals).await;
            taken.unwrap();
        }
        assert_eq!(
            hospital.facts_after(place).await,
            [
                Event::ConnectionUnexpected {
                    machine: from.clone(),
                    peer: to.to_string(),
                    outcome: Fate::Refused
                },
                Event::MachineRefused {
                    at: to.clone(),
                    peer: "192.0.2.7".to_owned(),
                    reason: MachineRefusal::UnknownIssuer
                },
                Event::MessageRefused {
                    receiver: to,
                    sender: from.to_string(),
                    reason: MessageRefusal::Replayed
                },
            ]
        );
    }
}

#[tokio::test]
async fn a_machine_reports_of_its_own_connections_and_a_gateway_of_others() {
    for mut hospital in hospitals().await {
        let pump = hospital.device("pump", DeviceClass::InfusionPump).await;
        let server = hospital.device("server", DeviceClass::Server).await;
        let analyser = hospital.device("analyser", DeviceClass::Analyser).await;
        let gateway = hospital.device("gateway", DeviceClass::Gateway).await;
        let seen = [hospital.seen(&pump, &server, 443)];
        for (who, may) in [(&pump, true), (&server, true), (&analyser, false), (&gateway, true)] {
            let reporter = hospital.reporter(who);
            let report = Uuid::from_u128(1);
            let taken =
                report_observations(&mut hospital.context(), &reporter, report, &seen).await;
            let refused = matches!(taken, Err(ReportError::Others));
            assert_eq!(refused, !may, "{}: {taken:?}", who.name);
            let refusals = vec![Refusal::Connection {
                from: hospital.spiffe(&pump),
                to: hospital.spiffe(&server),
                let_through: true,
            }];
            let report = Uuid::from_u128(2);
            let taken = report_refusals(&mut hospital.context(), &reporter, report, refusals).await;
            assert_eq!(taken.is_ok(), may, "{}: {taken:?}", who.name);
        }
        let future =
            Observation { last: hospital.now + SignedDuration::from_hours(1), ..seen[0].clone() };
        let reporter = hospital.reporter(&pump);
        let taken =
            report_observations(&mut hospital.context(), &reporter, Uuid::from_u128(3), &[future])
                .await;
        assert!(matches!(taken, Err(ReportError::Observation(_))), "{taken:?}");
    }
}

#[tokio::test]
async fn a_machine_that_reports_without_end_is_stopped() {
    for mut hospital in hospitals().await {
        let pump = hospital.device("pump", DeviceClass::InfusionPump).await;
        let reporter = hospital.reporter(&pump);
        let mut refused = None;
        for number in 0..1000 {
            let report = Uuid::from_u128(number);
            if report_refusals(&mut hospital.context(), &reporter, report, vec![]).await.is_err() {
                refused = Some(number);
                break;
            }
        }
        assert_eq!(refused, Some(360));
        hospital.advance(SignedDuration::from_mins(61));
        report_refusals(&mut hospital.context(), &reporter, Uuid::from_u128(5000), vec![])
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn what_decides_follows_the_log_and_the_copy_with_it() {
    for mut hospital in hospitals().await {
        let pump = hospital.device("pump", DeviceClass::InfusionPump).await;
        let server = hospital.device("server", DeviceClass::Server).await;
        let (from, to) = (hospital.spiffe(&pump), hospital.spiffe(&server));
        let connections =
            Connections::new(hospital.trust_domain.clone(), SignedDuration::from_hours(24));
        let asked = |at| Asked { from: &from, to: &to, protocol: Protocol::Tcp, port: 443, at };
        let word = |hospital: &Hospital| connections.snapshot().decide(&asked(hospital.now)).word();
        assert_eq!(word(&hospital), "unknown-machine", "nothing was read yet");
        connections.refresh(&hospital.storage).await.unwrap();
        assert_eq!(word(&hospital), "no-rule");
        let one = rules("a,class:infusion-pump & unit:ICU,class:server,tcp,443,Programmes,\n");
        set_connection_policy(&mut hospital.context(), person(1), 0, one).await.unwrap();
        connections.refresh(&hospital.storage).await.unwrap();
        assert_eq!(word(&hospital), "expected");

        let signer = hospital.signer.clone();
        let gateway = hospital.device("gateway", DeviceClass::Gateway).await;
        let gateway = hospital.spiffe(&gateway);
        let first = connections
            .copy(&hospital.storage, (signer.as_ref(), hospital.now), (&gateway, None))
            .await;
        let first = first.unwrap().unwrap();
        let domain = hospital.trust_domain.clone();
        let keys = [signer.public_key().to_vec()];
        let pinned = Pinned { trust_domain: &domain, keys: &keys };
        let copy = first.jws.verify(pinned, hospital.now, None).unwrap();
        assert!(copy.decide(&from, &to, (Protocol::Tcp, 443), hospital.now).is_expected());
        for (machine, rules) in [(&gateway, 1), (&from, 1), (&to, 1)] {
            let own = connections
                .copy(&hospital.storage, (signer.as_ref(), hospital.now), (machine, None))
                .await;
            let own = own.unwrap().unwrap().jws.verify(pinned, hospital.now, None).unwrap();
            assert_eq!(own.policy.rules().len(), rules, "{machine}");
            let all = machine == &gateway;
            assert_eq!(own.inventory.len() == copy.inventory.len(), all, "{machine}");
        }
        hospital.advance(SignedDuration::from_mins(30));
        let tag = first.tag();
        let again = connections
            .copy(&hospital.storage, (signer.as_ref(), hospital.now), (&gateway, Some(&tag)))
            .await;
        assert!(again.unwrap().is_none(), "it is still good");

        hospital.quarantine(pump).await;
        let second = connections
            .copy(&hospital.storage, (signer.as_ref(), hospital.now), (&gateway, Some(&tag)))
            .await;
        let second = second
            .unwrap()
            .unwrap()
            .jws
            .verify(pinned, hospital.now, Some(copy.edition()))
            .unwrap();
        let decision = second.decide(&from, &to, (Protocol::Tcp, 443), hospital.now);
        assert_eq!(decision.word(), "unknown-machine", "quarantine reaches enforcement points");
        let old = first.jws.verify(pinned, hospital.now, Some(second.edition()));
        assert!(matches!(old, Err(CopyError::Older { .. })), "{old:?}");
    }
}
