//! Policy: who, where, when.
use imp_identity::Refusal;
use imp_identity::policy::{Hours, ModelSetFloor, Rule};
use imp_identity::user::Role;
use jiff::civil::time;

use super::Ward;

#[tokio::test(flavor = "multi_thread")]
async fn each_condition_of_policy_refuses_with_its_own_reason() {
    let ward = Ward::open().await;
    let lab = vec!["Laboratory".parse().expect("a name")];
    let night = Hours { from: time(20, 0, 0, 0), to: time(6, 0, 0, 0) };
    let rules = [
        (Rule { roles: vec![Role::Officer], ..Rule::default() }, Refusal::PolicyRole),
        (Rule { workstation_units: lab, ..Rule::default() }, Refusal::PolicyPlace),
        (Rule { hours: Some(night), ..Rule::default() }, Refusal::PolicyHour),
    ];
    for (rule, reason) in rules {
        ward.world.set_policy(|policy| policy.rules = vec![rule]).await;
        ward.must_refuse(reason).await;
    }
    let floor =
        ModelSetFloor { model_set: "another@1".to_owned(), similarity: 0.3, bona_fide: 0.5 };
    let change = |policy: &mut imp_identity::policy::Policy| {
        policy.rules.clear();
        policy.model_sets = vec![floor];
    };
    ward.world.set_policy(change).await;
    ward.must_refuse(Refusal::ModelSetRefused).await;
    ward.world.set_policy(|policy| policy.model_sets.clear()).await;
    ward.workstation.admits("ada").await;
}
