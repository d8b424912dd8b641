//! How long a decision takes.
use criterion::{Criterion, criterion_group, criterion_main};
use imp_access::{
    Access, Caller, CallerKind, Circumstances, Operation, Person, PolicyText, Subject, SubjectKind,
};
use imp_identity::UserId;
use imp_identity::authentication::Aal;
use imp_identity::user::Role;

const POLICIES: &str = r#"
permit (principal in Role::"administrator", action in [Action::"o1", Action::"o2", Action::"o3"], resource);
permit (principal in Role::"officer", action in [Action::"o3", Action::"o4"], resource);
permit (principal is User, action == Action::"o3", resource is User) when { principal == resource };
forbid (principal, action, resource) when { context has aal && context.requires_aal2 && context.aal < 2 };
"#;

fn decide(criterion: &mut Criterion) {
    let operations: Vec<_> = (0..150)
        .map(|number| Operation {
            id: format!("o{number}"),
            groups: vec!["all/*".to_owned()],
            callers: vec![CallerKind::User],
            subject: SubjectKind::User,
        })
        .collect();
    let text = PolicyText { name: "bench".to_owned(), text: POLICIES.to_owned() };
    let Ok(access) = Access::load(&operations, &[text]) else { return };
    let person = |number| Person {
        id: UserId::from_bytes([number; 16]),
        role: Role::Administrator,
        unit: Some("ICU".to_owned()),
        groups: vec![],
        registered: None,
    };
    let (caller, subject) = (Caller::User(person(1)), Subject::User(person(2)));
    let circumstances = Circumstances { aal: Some(Aal::Aal2), ..Circumstances::default() };
    criterion.bench_function("decide", |bencher| {
        bencher.iter(|| {
            let decision = access.decide(&caller, "o3", &subject, &circumstances);
            assert!(decision.allowed);
            decision
        });
    });
}

criterion_group!(benches, decide);
criterion_main!(benches);
