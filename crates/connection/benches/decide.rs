//! How long a decision takes among 10,000 rules, and how long it takes to make them ready.
use criterion::{Criterion, criterion_group, criterion_main};
use imp_connection::{Asked, Endpoint, Group, Inventory, Member, Policy, Ports, Protocol, Rule};
use imp_identity::DeviceId;
use imp_identity::device::DeviceClass;
use imp_identity::spiffe::{Machine, SpiffeId, TrustDomain};
use jiff::Timestamp;

const RULES: u32 = 10_000;
const DEVICES: u32 = 10_000;
const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

fn device(domain: &TrustDomain, number: u32) -> SpiffeId {
    let id = DeviceId::from(uuid::Uuid::from_u128(u128::from(number)));
    SpiffeId { trust_domain: domain.clone(), machine: Machine::Device(id) }
}

fn class(number: u32) -> DeviceClass {
    let place = usize::try_from(number).unwrap_or_default() % DeviceClass::ALL.len();
    DeviceClass::ALL[place]
}

/// A third between classes and units, a third between single machines, a third from one class to another for one port each.
fn rule(domain: &TrustDomain, number: u32) -> Option<Rule> {
    let unit = |number: u32| Some(format!("Unit {}", number % 200));
    let (from, to) = match number % 3 {
        0 => {
            let group = Group { class: Some(class(number)), unit: unit(number), zone: None };
            (Endpoint::Group(group), Endpoint::class(DeviceClass::Server))
        }
        1 => (
            Endpoint::Machine(device(domain, number)),
            Endpoint::Machine(device(domain, number.wrapping_mul(7) % DEVICES)),
        ),
        _ => (Endpoint::class(DeviceClass::InfusionPump), Endpoint::class(DeviceClass::Server)),
    };
    let port = u16::try_from(1 + number).ok()?;
    Some(Rule {
        id: format!("rule-{number}").parse().ok()?,
        from,
        to,
        protocol: Protocol::Tcp,
        ports: Ports::one(port).ok()?,
        purpose: "Bench".parse().ok()?,
        until: None,
    })
}

fn decide(criterion: &mut Criterion) {
    let Ok(domain) = "hospital.example".parse::<TrustDomain>() else { return };
    let rules: Vec<_> = (0..RULES).filter_map(|number| rule(&domain, number)).collect();
    let Ok(policy) = Policy::new(1, rules.clone()) else { return };
    let members = (0..DEVICES).map(|number| Member {
        machine: device(&domain, number),
        class: class(number),
        unit: Some(format!("Unit {}", number % 200)),
        zone: None,
    });
    let inventory = Inventory::new(domain.clone(), members);
    let ends: Vec<_> = (0..DEVICES).map(|number| device(&domain, number)).collect();
    let mut number = 0_usize;
    criterion.bench_function("decide/10000-rules", |bencher| {
        bencher.iter(|| {
            number = (number + 7919) % ends.len();
            let (from, to) = (&ends[number], &ends[(number * 31) % ends.len()]);
            let asked = Asked { from, to, protocol: Protocol::Tcp, port: 443, at: NOW };
            inventory.decide(&policy, &asked)
        });
    });
    criterion.bench_function("make-ready/10000-rules", |bencher| {
        bencher.iter(|| Policy::new(1, rules.clone()).map(|policy| policy.rules().len()));
    });
}

criterion_group!(benches, decide);
criterion_main!(benches);
