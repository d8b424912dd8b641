//! Where the time of a network goes, by the runtime's own account of its nodes. Ignored: run it by name to see.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tract_onnx::tract_core::plan::eval;

use super::super::*;
use super::{network, picture};

const ROUNDS: u32 = 10;

#[test]
#[ignore = "prints times, and decides nothing"]
fn where_the_time_goes() {
    for (name, size) in [
        ("yunet", Some((320, 320))),
        ("yunet", Some((640, 640))),
        ("sface", None),
        ("minifasnet-v2", None),
        ("minifasnet-v1se", None),
    ] {
        let network = network(name, size);
        let values = network.planes(&picture(network.size()));
        let shape = [1, 3, network.height, network.width];
        let mut by_node: BTreeMap<String, Duration> = BTreeMap::new();
        let mut state = network.plan.spawn().unwrap();
        for _ in 0..ROUNDS {
            let input = Tensor::from_shape(&shape, &values).unwrap();
            let run = state.run_plan_with_eval(
                tvec!(input.into()),
                |context, op_state, node, input| -> TractResult<TVec<TValue>> {
                    let start = Instant::now();
                    let output = eval(context, op_state, node, input);
                    let key = format!("{} {:?}", node.op.name(), node.outputs[0].fact.shape);
                    *by_node.entry(key).or_default() += start.elapsed();
                    output
                },
            );
            run.unwrap();
        }
        let total: Duration = by_node.values().sum();
        println!("{name} {size:?}: {:?}", total / ROUNDS);
        let mut nodes: Vec<_> = by_node.into_iter().collect();
        nodes.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        for (node, time) in nodes.into_iter().take(16) {
            println!("  {:>8.2} ms  {node}", (time / ROUNDS).as_secs_f64() * 1e3);
        }
    }
}
