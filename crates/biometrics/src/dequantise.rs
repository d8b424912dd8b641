//! Expands weights that are stored as int8 in blocks (ONNX `DequantizeLinear` with `block_size`, opset 21) to f32, so
//! that the publisher's small file can be used as it is by a runtime that does not know blocks.
use std::collections::HashMap;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{ModelProto, NodeProto, TensorProto};

/// The file uses quantisation in a way that is not understood.
#[derive(Debug, thiserror::Error)]
#[error("the quantised weight {0} is malformed")]
pub(crate) struct MalformedWeight(String);

/// Replaces each `DequantizeLinear` of constants by its result, removes what only training needs, and flushes
/// subnormal weights, which would slow inference several-fold.
pub(crate) fn expand(model: &mut ModelProto) -> Result<(), MalformedWeight> {
    let Some(graph) = model.graph.as_mut() else { return Ok(()) };
    let mut constants: HashMap<String, TensorProto> =
        graph.initializer.drain(..).map(|t| (t.name.clone(), t)).collect();
    let (quantised, others): (Vec<_>, Vec<_>) =
        graph.node.drain(..).partition(|node| node.op_type == "DequantizeLinear");
    for node in quantised {
        let tensor =
            dequantised(&node, &constants).ok_or_else(|| MalformedWeight(node.name.clone()))?;
        for input in &node.input {
            constants.remove(input);
        }
        constants.insert(tensor.name.clone(), tensor);
    }
    graph.node = without_dropout(others);
    constants.values_mut().for_each(flush_subnormals);
    let used = |name: &str| graph.node.iter().any(|n| n.input.iter().any(|i| i == name));
    graph.input.retain(|input| used(&input.name));
    graph.initializer = constants.into_values().collect();
    graph.initializer.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(())
}

/// `(quantised - zero point) × scale`, one scale and zero point for each block along the last axis.
fn dequantised(node: &NodeProto, constants: &HashMap<String, TensorProto>) -> Option<TensorProto> {
    let constant = |index: usize| constants.get(node.input.get(index)?);
    let (values, scales, zeros) = (constant(0)?, constant(1)?, constant(2)?);
    let int8 = DataType::Int8 as i32;
    if values.data_type != int8
        || zeros.data_type != int8
        || scales.data_type != DataType::Float as i32
    {
        return None;
    }
    let attribute = |name: &str| node.attribute.iter().find(|a| a.name == name).map(|a| a.i);
    let last = i64::try_from(values.dims.len()).ok()? - 1;
    let block = usize::try_from(attribute("block_size")?).ok().filter(|b| *b > 0)?;
    let columns = usize::try_from(*values.dims.last()?).ok().filter(|c| *c > 0)?;
    let blocks = columns.div_ceil(block);
    let rows = values.raw_data.len() / columns;
    let complete = scales.raw_data.len() == rows * blocks * 4
        && zeros.raw_data.len() == rows * blocks
        && values.raw_data.len() == rows * columns;
    if attribute("axis")? != last || !complete {
        return None;
    }
    let scales = scales.raw_data.as_chunks::<4>().0;
    let mut raw_data = Vec::with_capacity(values.raw_data.len() * 4);
    for (row, line) in values.raw_data.chunks_exact(columns).enumerate() {
        for (index, part) in line.chunks(block).enumerate() {
            let at = row * blocks + index;
            let (scale, zero) =
                (f32::from_le_bytes(scales[at]), i16::from(zeros.raw_data[at].cast_signed()));
            for value in part {
                let value = f32::from(i16::from(value.cast_signed()) - zero) * scale;
                raw_data.extend_from_slice(&value.to_le_bytes());
            }
        }
    }
    let (name, dims) = (node.output.first()?.clone(), values.dims.clone());
    Some(TensorProto {
        name,
        dims,
        data_type: DataType::Float as i32,
        raw_data,
        ..TensorProto::default()
    })
}

/// Drops `Dropout`, which does nothing outside training, and hands its input on.
fn without_dropout(nodes: Vec<NodeProto>) -> Vec<NodeProto> {
    let mut renamed = HashMap::new();
    let mut kept = Vec::with_capacity(nodes.len());
    for mut node in nodes {
        for input in &mut node.input {
            if let Some(name) = renamed.get(input) {
                input.clone_from(name);
            }
        }
        if node.op_type == "Dropout" && node.output.len() == 1 {
            renamed.insert(node.output[0].clone(), node.input[0].clone());
        } else {
            kept.push(node);
        }
    }
    kept
}

fn flush_subnormals(tensor: &mut TensorProto) {
    if tensor.data_type != DataType::Float as i32 {
        return;
    }
    for bytes in tensor.raw_data.as_chunks_mut::<4>().0 {
        if f32::from_le_bytes(*bytes).is_subnormal() {
            *bytes = [0; 4];
        }
    }
    for value in &mut tensor.float_data {
        if value.is_subnormal() {
            *value = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::{AttributeProto, GraphProto};

    fn tensor(name: &str, data_type: DataType, dims: &[i64], raw_data: Vec<u8>) -> TensorProto {
        let dims = dims.to_vec();
        TensorProto {
            name: name.into(),
            dims,
            data_type: data_type as i32,
            raw_data,
            ..TensorProto::default()
        }
    }

    fn model(zeros: Vec<u8>) -> ModelProto {
        let attribute =
            |name: &str, i| AttributeProto { name: name.into(), i, ..AttributeProto::default() };
        let scales: Vec<u8> = [0.5f32, 2.0].iter().flat_map(|s| s.to_le_bytes()).collect();
        let node = NodeProto {
            op_type: "DequantizeLinear".into(),
            input: vec!["q".into(), "s".into(), "z".into()],
            output: vec!["w".into()],
            attribute: vec![attribute("axis", 1), attribute("block_size", 2)],
            ..NodeProto::default()
        };
        let graph = GraphProto {
            node: vec![node],
            initializer: vec![
                tensor("q", DataType::Int8, &[1, 4], vec![1, 255, 10, 128]),
                tensor("s", DataType::Float, &[1, 2], scales),
                tensor("z", DataType::Int8, &[1, 2], zeros),
            ],
            ..GraphProto::default()
        };
        ModelProto { graph: Some(graph), ..ModelProto::default() }
    }

    #[test]
    fn each_block_has_its_own_scale_and_zero_point() {
        let mut model = model(vec![0, 1]);
        expand(&mut model).unwrap();
        let graph = model.graph.unwrap();
        assert!(graph.node.is_empty());
        assert_eq!(graph.initializer.len(), 1);
        let raw = &graph.initializer[0].raw_data;
        let values: Vec<f32> =
            raw.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        assert_eq!(values, [0.5, -0.5, 18.0, -258.0]);
    }

    #[test]
    fn missing_zero_points_are_refused() {
        expand(&mut model(vec![0])).unwrap_err();
    }

    #[test]
    fn subnormal_weights_become_zero() {
        let raw = [1e-39f32, 1.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let mut weights = tensor("w", DataType::Float, &[2], raw);
        flush_subnormals(&mut weights);
        assert_eq!(weights.raw_data[..4], [0; 4]);
        assert_eq!(weights.raw_data[4..], 1f32.to_le_bytes());
    }
}
