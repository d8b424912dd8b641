//! The activation `PReLU` as one pass over memory. The runtime's own takes three (compare, multiply, choose), which was
//! three quarters of the recogniser's time.
use std::sync::Arc;

use tract_onnx::Onnx;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{
    DimLike, EvalContext, EvalOp, Expansion, InferenceResult, Solver, StaticName, TensorProxy,
    TractErrorContext, args_1, as_op, check_input_arity, check_output_arity, ensure, expand,
    op_as_typed_op, op_out_of_plan,
};

/// Teaches `onnx` to use it.
pub(crate) fn register(onnx: &mut Onnx) {
    onnx.op_register.insert("PRelu", |_, _| Ok((expand(OnnxPrelu), vec![])));
}

/// The operator as ONNX writes it: input and slope.
#[derive(Clone, Debug)]
struct OnnxPrelu;

impl Expansion for OnnxPrelu {
    fn name(&self) -> StaticName {
        "ImpPrelu".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 2)?;
        check_output_arity(outputs, 1)?;
        solver.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        solver.equals(&inputs[0].shape, &outputs[0].shape)
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let slope =
            model.outlet_fact(inputs[1])?.konst.clone().context("the slope of PReLU varies")?;
        let channels = model.outlet_fact(inputs[0])?.shape[1].to_usize()?;
        ensure!(slope.len() == channels, "PReLU needs a slope for each channel");
        model.wire_node(prefix, Prelu { slope }, &inputs[..1])
    }
}

/// `x` where it is positive, else `slope × x`; a slope for each channel of NCHW.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Prelu {
    slope: Arc<Tensor>,
}

impl Op for Prelu {
    fn name(&self) -> StaticName {
        "ImpPrelu".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Prelu {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let mut tensor = args_1!(inputs).into_tensor();
        let plane: usize = tensor.shape()[2..].iter().product();
        let slope = self.slope.view();
        let slopes = slope.as_slice::<f32>()?;
        let mut view = tensor.view_mut();
        let values = view.as_slice_mut::<f32>()?;
        for (values, slope) in values.chunks_exact_mut(plane.max(1)).zip(slopes.iter().cycle()) {
            activate(values, *slope);
        }
        Ok(tvec!(tensor.into_tvalue()))
    }
}

/// `x` where it is positive, else `slope × x`. Written without a choice: half of the values are negative, in no order, and a
/// processor that guesses wrong every other time needs ten times as long.
pub(crate) fn activate(values: &mut [f32], slope: f32) {
    for value in values {
        let positive = if *value > 0.0 { *value } else { 0.0 };
        *value = positive + slope * (*value - positive);
    }
}

impl TypedOp for Prelu {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(inputs[0].without_value()))
    }

    as_op!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_values_are_scaled_by_their_channel() {
        let slope = tensor1(&[0.5f32, 2.0]).into_arc_tensor();
        let input = Tensor::from_shape(&[1, 2, 1, 2], &[1.0f32, -1.0, -3.0, 4.0]).unwrap();
        let output = Prelu { slope }.eval_out_of_plan(tvec!(input.into_tvalue())).unwrap().unwrap();
        assert_eq!(output[0].view().as_slice::<f32>().unwrap(), [1.0, -0.5, -6.0, 4.0]);
    }
}
