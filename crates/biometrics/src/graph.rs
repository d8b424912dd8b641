//! Rewrites a graph before the runtime sees it, without changing what it computes: batch normalisations go into the
//! convolution before them, and depthwise convolutions take the activation after them along
//! ([`depthwise`](crate::depthwise)).
use std::collections::HashMap;

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

/// Our operator: input, weights, bias, slope for each channel.
pub(crate) const DEPTHWISE: &str = "ImpDepthwise";
/// Its attributes: top, left, bottom, right; and one number for both directions.
pub(crate) const PADS: &str = "pads";
pub(crate) const STRIDE: &str = "stride";

/// Constants by name.
type Constants = HashMap<String, TensorProto>;

/// Rewrites what can be rewritten; what is unlike the expected is left alone.
pub(crate) fn simplify(model: &mut ModelProto) {
    let Some(graph) = model.graph.as_mut() else { return };
    let mut constants: Constants =
        graph.initializer.drain(..).map(|t| (t.name.clone(), t)).collect();
    graph.node.retain(|node| reshaped(node, &mut constants).is_none());
    follow(graph, &mut constants, into_convolution);
    let depthwise: Vec<NodeProto> =
        graph.node.iter().map(|node| as_depthwise(node, &mut constants)).collect();
    graph.node = depthwise;
    follow(graph, &mut constants, with_activation);
    let used = |name: &String| graph.node.iter().any(|node| node.input.contains(name));
    constants.retain(|name, _| used(name) || graph.output.iter().any(|o| o.name == *name));
    // Older files name constants among the inputs.
    graph.input.retain(|input| graph.node.iter().any(|node| node.input.contains(&input.name)));
    graph.initializer = constants.into_values().collect();
    graph.initializer.sort_by(|a, b| a.name.cmp(&b.name));
}

/// Reshapes a constant at once.
fn reshaped(node: &NodeProto, constants: &mut Constants) -> Option<()> {
    let ([values, shape], [output]) = (node.input.as_slice(), node.output.as_slice()) else {
        return None;
    };
    let shape = constants.get(shape).filter(|shape| shape.data_type == DataType::Int64 as i32)?;
    let raw = shape.raw_data.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes));
    let dims: Vec<i64> =
        if shape.raw_data.is_empty() { shape.int64_data.clone() } else { raw.collect() };
    let values = constants.get(values)?;
    let same = dims.iter().product::<i64>() == values.dims.iter().product::<i64>();
    if node.op_type != "Reshape" || !same || dims.iter().any(|side| *side < 1) {
        return None;
    }
    let values = TensorProto { name: output.clone(), dims, ..values.clone() };
    constants.insert(output.clone(), values);
    Some(())
}

/// Offers each node that is the only one to follow another to `merge`, which may put it into the one before.
fn follow(
    graph: &mut GraphProto,
    constants: &mut Constants,
    merge: fn(&mut NodeProto, &NodeProto, &mut Constants) -> Option<()>,
) {
    let mut kept: Vec<NodeProto> = Vec::with_capacity(graph.node.len());
    let mut uses: HashMap<String, usize> = HashMap::new();
    for name in graph.node.iter().flat_map(|node| &node.input) {
        *uses.entry(name.clone()).or_default() += 1;
    }
    for name in &graph.output {
        *uses.entry(name.name.clone()).or_default() += 1;
    }
    for node in graph.node.drain(..) {
        let input = node.input.first();
        let before = kept.iter_mut().find(|before| before.output.first() == input);
        let merged = before.and_then(|before| {
            (before.output.len() == 1 && uses.get(&before.output[0]) == Some(&1)).then_some(())?;
            merge(before, &node, constants)?;
            before.output.clone_from(&node.output);
            Some(())
        });
        if merged.is_none() {
            kept.push(node);
        }
    }
    graph.node = kept;
}

/// A batch normalisation is a factor and a sum for each channel, and so are the weights and the bias before it.
fn into_convolution(
    before: &mut NodeProto,
    node: &NodeProto,
    constants: &mut Constants,
) -> Option<()> {
    if before.op_type != "Conv" || node.op_type != "BatchNormalization" || node.output.len() != 1 {
        return None;
    }
    let numbers = |index: usize| floats(constants.get(node.input.get(index)?)?);
    let (gamma, beta, mean, variance) = (numbers(1)?, numbers(2)?, numbers(3)?, numbers(4)?);
    let epsilon = attribute(node, "epsilon").map_or(1e-5, |a| a.f);
    let weights = constants.get(before.input.get(1)?)?;
    let channels = usize::try_from(*weights.dims.first()?).ok().filter(|count| *count > 0)?;
    let mut values = floats(weights)?;
    let mut bias = match before.input.get(2) {
        Some(name) => floats(constants.get(name)?)?,
        None => vec![0.0; channels],
    };
    let complete = [&gamma, &beta, &mean, &variance, &bias].iter().all(|v| v.len() == channels)
        && !values.is_empty()
        && values.len().is_multiple_of(channels);
    if !complete {
        return None;
    }
    let size = values.len() / channels;
    for (channel, values) in values.chunks_exact_mut(size).enumerate() {
        let factor =
            f64::from(gamma[channel]) / (f64::from(variance[channel]) + f64::from(epsilon)).sqrt();
        for value in values {
            *value = (f64::from(*value) * factor) as f32;
        }
        let moved = (f64::from(bias[channel]) - f64::from(mean[channel])) * factor;
        bias[channel] = (moved + f64::from(beta[channel])) as f32;
    }
    // Other nodes may use the same weights.
    let (dims, outputs) = (weights.dims.clone(), weights.dims[..1].to_vec());
    let (weights, offsets) = (named(node, "weights"), named(node, "bias"));
    before.input.truncate(1);
    before.input.extend([weights.clone(), offsets.clone()]);
    constants.insert(weights.clone(), tensor(weights, dims, &values));
    constants.insert(offsets.clone(), tensor(offsets, outputs, &bias));
    Some(())
}

/// The node as [`DEPTHWISE`] without an activation, if it is one.
fn as_depthwise(node: &NodeProto, constants: &mut Constants) -> NodeProto {
    depthwise(node, constants).unwrap_or_else(|| node.clone())
}

fn depthwise(node: &NodeProto, constants: &mut Constants) -> Option<NodeProto> {
    let weights = constants.get(node.input.get(1)?)?;
    let &[channels, 1, height, width] = weights.dims.as_slice() else { return None };
    let integers = |name: &str, otherwise: &[i64]| {
        attribute(node, name).map_or(otherwise.to_vec(), |a| a.ints.clone())
    };
    let (strides, pads) = (integers("strides", &[1, 1]), integers("pads", &[0; 4]));
    let padding = attribute(node, "auto_pad").is_none_or(|a| a.s == b"NOTSET");
    let fits = node.op_type == "Conv"
        && attribute(node, "group").is_some_and(|a| a.i == channels)
        && channels > 1
        && height == width
        && padding
        && integers("dilations", &[1, 1]) == [1, 1]
        && pads.len() == 4
        && strides.len() == 2
        && strides[0] == strides[1]
        && floats(weights).is_some();
    if !fits {
        return None;
    }
    let mut input = node.input.clone();
    let count = usize::try_from(channels).ok()?;
    let constant = |what: &str, value: f32, constants: &mut Constants| {
        let name = named(node, what);
        let values = vec![value; count];
        constants.insert(name.clone(), tensor(name.clone(), vec![channels], &values));
        name
    };
    if input.len() == 2 {
        input.push(constant("bias", 0.0, constants));
    }
    input.push(constant("slope", 1.0, constants));
    let ints = |name: &str, ints: Vec<i64>, kind: AttributeType| AttributeProto {
        name: name.to_owned(),
        r#type: kind as i32,
        i: ints[0],
        ints: if kind == AttributeType::Ints { ints } else { vec![] },
        ..AttributeProto::default()
    };
    Some(NodeProto {
        input,
        output: node.output.clone(),
        name: node.name.clone(),
        op_type: DEPTHWISE.to_owned(),
        attribute: vec![
            ints(PADS, pads, AttributeType::Ints),
            ints(STRIDE, strides, AttributeType::Int),
        ],
        ..NodeProto::default()
    })
}

/// The slope of a depthwise convolution without activation is 1.
fn with_activation(
    before: &mut NodeProto,
    node: &NodeProto,
    constants: &mut Constants,
) -> Option<()> {
    let slope = before.input.get(3).filter(|_| before.op_type == DEPTHWISE)?;
    let present = floats(constants.get(slope)?)?;
    if present.iter().any(|slope| slope.to_bits() != 1f32.to_bits()) {
        return None;
    }
    let values = match node.op_type.as_str() {
        "Relu" => vec![0.0; present.len()],
        "PRelu" => floats(constants.get(node.input.get(1)?)?)?,
        _ => return None,
    };
    if values.len() != present.len() {
        return None;
    }
    let (slope, count) = (slope.clone(), i64::try_from(values.len()).ok()?);
    constants.insert(slope.clone(), tensor(slope, vec![count], &values));
    Some(())
}

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

fn named(node: &NodeProto, what: &str) -> String {
    format!("imp.{what}.{}", node.output.first().map_or("", String::as_str))
}

/// The numbers of an f32 tensor.
fn floats(tensor: &TensorProto) -> Option<Vec<f32>> {
    if tensor.data_type != DataType::Float as i32 {
        return None;
    }
    let count: i64 = tensor.dims.iter().product();
    let values: Vec<f32> = if tensor.raw_data.is_empty() {
        tensor.float_data.clone()
    } else {
        tensor.raw_data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    };
    (usize::try_from(count).ok()? == values.len()).then_some(values)
}

fn tensor(name: String, dims: Vec<i64>, values: &[f32]) -> TensorProto {
    let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let data_type = DataType::Float as i32;
    TensorProto { name, dims, data_type, raw_data, ..TensorProto::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(op_type: &str, input: &[&str], output: &str) -> NodeProto {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        NodeProto {
            op_type: op_type.to_owned(),
            input: owned(input),
            output: owned(&[output]),
            ..NodeProto::default()
        }
    }

    fn with(mut node: NodeProto, name: &str, ints: &[i64]) -> NodeProto {
        let (i, ints) = (ints[0], ints.to_vec());
        node.attribute.push(AttributeProto {
            name: name.to_owned(),
            i,
            ints,
            ..Default::default()
        });
        node
    }

    fn simplified(node: Vec<NodeProto>, constants: &[(&str, &[i64], &[f32])]) -> GraphProto {
        let initializer = constants
            .iter()
            .map(|(name, dims, values)| tensor((*name).to_owned(), dims.to_vec(), values))
            .collect();
        let output = vec![tract_onnx::pb::ValueInfoProto {
            name: node.last().unwrap().output[0].clone(),
            ..Default::default()
        }];
        let graph = GraphProto { node, initializer, output, ..GraphProto::default() };
        let mut model = ModelProto { graph: Some(graph), ..ModelProto::default() };
        simplify(&mut model);
        model.graph.unwrap()
    }

    fn constant(graph: &GraphProto, name: &str) -> Vec<f32> {
        floats(graph.initializer.iter().find(|t| t.name == name).unwrap()).unwrap()
    }

    #[test]
    fn a_batch_normalisation_becomes_part_of_the_weights() {
        let nodes = vec![
            node("Conv", &["x", "w"], "c"),
            node("BatchNormalization", &["c", "g", "b", "m", "v"], "y"),
        ];
        let graph = simplified(
            nodes,
            &[
                ("w", &[2, 1, 1, 1], &[1.0, 2.0]),
                ("g", &[2], &[3.0, 1.0]),
                ("b", &[2], &[0.5, 0.0]),
                ("m", &[2], &[1.0, 4.0]),
                ("v", &[2], &[4.0 - 1e-5, 1.0 - 1e-5]),
            ],
        );
        let [conv] = graph.node.as_slice() else { panic!("{:?}", graph.node) };
        assert_eq!((conv.output[0].as_str(), conv.input.len()), ("y", 3));
        let close = |found: Vec<f32>, expected: [f32; 2]| {
            found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-5)
        };
        // (w x − m) · g / √v + b
        assert!(close(constant(&graph, &conv.input[1]), [1.5, 2.0]));
        assert!(close(constant(&graph, &conv.input[2]), [-1.0, -4.0]));
    }

    #[test]
    fn weights_that_are_reshaped_are_constants_too() {
        let nodes = vec![
            node("Reshape", &["flat", "shape"], "w"),
            with(node("Conv", &["x", "w"], "y"), "group", &[2]),
        ];
        let mut shape = tensor("shape".to_owned(), vec![4], &[]);
        shape.data_type = DataType::Int64 as i32;
        shape.int64_data = vec![2, 1, 1, 1];
        let initializer = vec![shape, tensor("flat".to_owned(), vec![2, 1], &[3.0, 4.0])];
        let graph = GraphProto { node: nodes, initializer, ..GraphProto::default() };
        let mut model = ModelProto { graph: Some(graph), ..ModelProto::default() };
        simplify(&mut model);
        let graph = model.graph.unwrap();
        let [conv] = graph.node.as_slice() else { panic!("{:?}", graph.node) };
        assert_eq!(conv.op_type, DEPTHWISE);
        assert_eq!(constant(&graph, "w"), [3.0, 4.0]);
        assert!(graph.initializer.iter().all(|t| t.name != "flat" && t.name != "shape"));
    }

    #[test]
    fn a_depthwise_convolution_takes_its_activation_along_and_others_do_not() {
        let depthwise = |output: &str| {
            let conv = with(node("Conv", &["x", "w"], output), "group", &[2]);
            with(with(conv, "strides", &[2, 2]), "pads", &[1, 1, 1, 1])
        };
        let weights: &[(&str, &[i64], &[f32])] =
            &[("w", &[2, 1, 3, 3], &[1.0; 18]), ("s", &[2, 1, 1], &[0.25, 0.5])];
        let graph = simplified(vec![depthwise("c"), node("PRelu", &["c", "s"], "y")], weights);
        let [one] = graph.node.as_slice() else { panic!("{:?}", graph.node) };
        assert_eq!((one.op_type.as_str(), one.output[0].as_str()), (DEPTHWISE, "y"));
        assert_eq!(constant(&graph, &one.input[3]), [0.25, 0.5]);
        assert_eq!(
            (attribute(one, STRIDE).unwrap().i, constant(&graph, &one.input[2])),
            (2, vec![0.0; 2])
        );

        let graph = simplified(vec![depthwise("c"), node("Relu", &["c"], "y")], weights);
        assert_eq!(constant(&graph, &graph.node[0].input[3]), [0.0, 0.0]);

        // Somebody else needs what is before the activation.
        let nodes = vec![depthwise("c"), node("Relu", &["c"], "r"), node("Add", &["c", "r"], "y")];
        let graph = simplified(nodes, weights);
        assert_eq!(graph.node.len(), 3);
        assert_eq!(constant(&graph, &graph.node[0].input[3]), [1.0, 1.0]);

        let dilated = with(depthwise("y"), "dilations", &[2, 2]);
        assert_eq!(simplified(vec![dilated], weights).node[0].op_type, "Conv");
    }
}
