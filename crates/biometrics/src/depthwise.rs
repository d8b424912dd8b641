//! Depthwise convolution with its activation, as one pass over memory. The runtime's own goes through every output one by
//! one where the stride is 2, walks borders apart, and leaves the activation to another pass.
use std::sync::Arc;

use tract_onnx::Onnx;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{
    DimLike, EvalContext, EvalOp, Expansion, InferenceResult, Solver, StaticName, TensorProxy,
    TractErrorContext, args_1, as_op, check_output_arity, ensure, expand, op_as_typed_op,
    op_out_of_plan,
};

use crate::graph::{DEPTHWISE, PADS, STRIDE};
use crate::prelu::activate;

/// Teaches `onnx` to use it.
pub(crate) fn register(onnx: &mut Onnx) {
    onnx.op_register.insert(DEPTHWISE, |_, node| {
        let pads: Vec<i64> = node.get_attr_vec(PADS)?;
        let pads: Vec<usize> = pads.into_iter().map(usize::try_from).collect::<Result<_, _>>()?;
        let pads = <[usize; 4]>::try_from(pads).map_err(|_| format_err("four pads are needed"))?;
        let stride = node.get_attr::<i64>(STRIDE)?.try_into()?;
        Ok((expand(OnnxDepthwise { pads, stride }), vec![]))
    });
}

fn format_err(message: &'static str) -> TractError {
    TractError::msg(message)
}

/// The operator as it is written into the graph: input, weights, bias, slope of the activation.
#[derive(Clone, Debug)]
struct OnnxDepthwise {
    /// Top, left, bottom, right.
    pads: [usize; 4],
    stride: usize,
}

impl OnnxDepthwise {
    fn output(&self, [height, width]: [usize; 2], kernel: usize) -> [usize; 2] {
        let [top, left, bottom, right] = self.pads;
        let size = |size: usize| (size - kernel) / self.stride + 1;
        [size(height + top + bottom), size(width + left + right)]
    }
}

impl Expansion for OnnxDepthwise {
    fn name(&self) -> StaticName {
        DEPTHWISE.into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        ensure!(inputs.len() == 4, "input, weights, bias and slope are needed");
        check_output_arity(outputs, 1)?;
        solver.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        solver.given_2(&inputs[0].shape, &inputs[1].shape, move |solver, shape, kernel| {
            ensure!(shape.len() == 4 && kernel.len() == 4, "pictures have four dimensions");
            let [height, width, kernel] =
                [shape[2].to_usize()?, shape[3].to_usize()?, kernel[2].to_usize()?];
            let [down, across] = self.output([height, width], kernel);
            let shape = tvec![shape[0].clone(), shape[1].clone(), down.to_dim(), across.to_dim()];
            solver.equals(&outputs[0].shape, shape)
        })
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let constant = |index: usize| -> TractResult<Arc<Tensor>> {
            model.outlet_fact(inputs[index])?.konst.clone().context("a weight varies")
        };
        let (weights, bias, slope) = (constant(1)?, constant(2)?, constant(3)?);
        let shape = model.outlet_fact(inputs[0])?.shape.as_concrete().context("a size varies")?;
        let &[_, channels, height, width] = shape else {
            return Err(format_err("pictures have four dimensions"));
        };
        let &[maps, 1, kernel, across] = weights.shape() else {
            return Err(format_err("the weights are no depthwise convolution"));
        };
        ensure!(maps == channels && bias.len() == channels && slope.len() == channels);
        let [top, left, bottom, right] = self.pads;
        ensure!(kernel == across && self.stride > 0);
        ensure!(self.pads.iter().all(|pad| *pad < kernel), "more border than kernel");
        ensure!(height + top + bottom >= kernel && width + left + right >= kernel);
        let geometry = Geometry {
            input: [height, width],
            output: self.output([height, width], kernel),
            corner: [top, left],
            kernel,
            stride: self.stride,
        };
        model.wire_node(prefix, Depthwise { weights, bias, slope, geometry }, &inputs[..1])
    }
}

/// Where everything lies, in pixels; height and top come before width and left.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Geometry {
    input: [usize; 2],
    output: [usize; 2],
    corner: [usize; 2],
    kernel: usize,
    stride: usize,
}

/// The operator with its weights.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Depthwise {
    weights: Arc<Tensor>,
    bias: Arc<Tensor>,
    slope: Arc<Tensor>,
    geometry: Geometry,
}

impl Op for Depthwise {
    fn name(&self) -> StaticName {
        DEPTHWISE.into()
    }

    op_as_typed_op!();
}

impl EvalOp for Depthwise {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let &[count, channels, ..] = input.shape() else {
            return Err(format_err("pictures have four dimensions"));
        };
        let [down, across] = self.geometry.output;
        let mut output = vec![0f32; count * channels * down * across];
        let (weights, bias, slope) = (self.weights.view(), self.bias.view(), self.slope.view());
        let (weights, bias, slope) =
            (weights.as_slice::<f32>()?, bias.as_slice::<f32>()?, slope.as_slice::<f32>()?);
        let mut workspace = Workspace::new(&self.geometry);
        let input = input.view();
        let planes = input.as_slice::<f32>()?.chunks_exact(self.geometry.input.iter().product());
        let maps = weights.chunks_exact(self.geometry.kernel.pow(2)).zip(bias.iter().zip(slope));
        for ((plane, output), (taps, (bias, slope))) in
            planes.zip(output.chunks_exact_mut(down * across)).zip(maps.cycle())
        {
            workspace.fill(plane);
            let strips = output.chunks_mut(workspace.strip * across).enumerate();
            for (strip, output) in strips {
                workspace.convolve(strip, taps, *bias);
                workspace.hand_out(output);
                activate(output, *slope);
            }
        }
        let output = Tensor::from_shape(&[count, channels, down, across], &output)?;
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for Depthwise {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let mut shape = inputs[0].shape.clone();
        let [down, across] = self.geometry.output;
        shape.set(2, down.to_dim());
        shape.set(3, across.to_dim());
        Ok(tvec!(inputs[0].datum_type.fact(shape)))
    }

    as_op!();
}

/// One plane with its borders, sorted so that what a tap is multiplied with lies in one row.
///
/// With a stride of 2, even and odd rows and columns are kept apart: then the input of every output moves on by one as
/// the outputs do, and the outputs of a whole plane are one long vector, with some waste at the end of each row.
struct Workspace<'a> {
    geometry: &'a Geometry,
    /// For each phase of rows and of columns: `rows` × `pitch` numbers.
    phases: Vec<f32>,
    /// Of the outputs of one strip.
    sums: Vec<f32>,
    rows: usize,
    pitch: usize,
    /// Rows of outputs that are computed at a time.
    strip: usize,
}

/// Sums that are computed at a time: a few kilobytes, which stay in the nearest cache until they are handed out.
const AT_A_TIME: usize = 1024;

impl<'a> Workspace<'a> {
    fn new(geometry: &'a Geometry) -> Self {
        let [down, across] = geometry.output;
        let reach = (geometry.kernel - 1) / geometry.stride;
        let pitch = across + reach;
        let strip = (AT_A_TIME / pitch).clamp(1, down);
        // The last strip may end beyond the last row, and its waste reads one row more.
        let rows = down.div_ceil(strip) * strip + reach + 1;
        let phases = vec![0.0; geometry.stride.pow(2) * rows * pitch];
        Self { geometry, phases, sums: vec![0.0; strip * pitch], rows, pitch, strip }
    }

    /// Puts the plane into place; the borders stay 0.
    fn fill(&mut self, plane: &[f32]) {
        let &Geometry { input: [_, width], corner: [top, left], stride, .. } = self.geometry;
        let area = self.rows * self.pitch;
        for (y, line) in plane.chunks_exact(width).enumerate() {
            let (y, phase) = ((y + top) / stride, (y + top) % stride);
            if y >= self.rows {
                return;
            }
            for across in 0..stride {
                // The first pixel of this phase of columns, and where it goes.
                let skipped = (across + stride - left % stride) % stride;
                let start = (phase * stride + across) * area + y * self.pitch;
                let target = start + (skipped + left) / stride;
                let row = &mut self.phases[target..start + self.pitch];
                if stride == 1 {
                    let length = row.len().min(line.len());
                    row[..length].copy_from_slice(&line[..length]);
                } else {
                    let pixels = line[skipped.min(line.len())..].iter().step_by(stride);
                    row.iter_mut().zip(pixels).for_each(|(to, from)| *to = *from);
                }
            }
        }
    }

    /// The weighted sums of one strip.
    fn convolve(&mut self, strip: usize, taps: &[f32], bias: f32) {
        let &Geometry { kernel, stride, .. } = self.geometry;
        let (area, pitch, length) = (self.rows * self.pitch, self.pitch, self.sums.len());
        let first = strip * self.strip;
        let seen = |tap: usize| {
            let (y, x) = (tap / kernel, tap % kernel);
            let phase = (y % stride) * stride + x % stride;
            &self.phases[phase * area + (first + y / stride) * pitch + x / stride..][..length]
        };
        if let Ok(taps) = <&[f32; 9]>::try_from(taps) {
            nine(&mut self.sums, std::array::from_fn(seen), taps, bias);
        } else {
            self.sums.fill(bias);
            for (tap, weight) in taps.iter().enumerate() {
                self.sums.iter_mut().zip(seen(tap)).for_each(|(sum, value)| *sum += weight * value);
            }
        }
    }

    /// Copies the sums without the waste.
    fn hand_out(&self, output: &mut [f32]) {
        let across = self.geometry.output[1];
        for (to, from) in output.chunks_exact_mut(across).zip(self.sums.chunks_exact(self.pitch)) {
            to.copy_from_slice(&from[..across]);
        }
    }
}

/// A kernel of 3 × 3 at once, so that each sum is written once. All of `seen` are as long as `sums`.
#[expect(clippy::many_single_char_names, reason = "the nine places of the kernel, in order")]
fn nine(sums: &mut [f32], seen: [&[f32]; 9], taps: &[f32; 9], bias: f32) {
    let length = sums.len();
    let [a, b, c, d, e, f, g, h, i] = seen.map(|row| &row[..length]);
    for at in 0..length {
        let upper = taps[0] * a[at] + taps[1] * b[at] + taps[2] * c[at];
        let middle = taps[3] * d[at] + taps[4] * e[at] + taps[5] * f[at];
        let lower = taps[6] * g[at] + taps[7] * h[at] + taps[8] * i[at];
        sums[at] = bias + upper + middle + lower;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the definition of the operator says it, one output after the other.
    fn slowly(input: &[f32], taps: &[f32], bias: f32, slope: f32, geometry: &Geometry) -> Vec<f32> {
        let &Geometry { input: [height, width], output: [down, across], .. } = geometry;
        let &Geometry { corner: [top, left], kernel, stride, .. } = geometry;
        let mut output = Vec::new();
        for place in 0..down * across {
            let (y, x) = (place / across * stride, place % across * stride);
            let mut sum = bias;
            for (tap, weight) in taps.iter().enumerate() {
                let (row, column) = (y + tap / kernel, x + tap % kernel);
                let inside =
                    (top..top + height).contains(&row) && (left..left + width).contains(&column);
                if inside {
                    sum += weight * input[(row - top) * width + column - left];
                }
            }
            output.push(if sum > 0.0 { sum } else { slope * sum });
        }
        output
    }

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0).collect()
    }

    #[test]
    fn every_geometry_gives_what_the_definition_says() {
        for (input, kernel, stride, pads) in [
            ([7, 9], 3, 1, [1, 1, 1, 1]),
            ([70, 61], 3, 1, [1, 1, 1, 1]),
            ([65, 90], 3, 2, [1, 1, 1, 1]),
            ([8, 8], 3, 2, [1, 1, 1, 1]),
            ([7, 7], 3, 2, [1, 1, 1, 1]),
            ([9, 6], 3, 2, [0, 1, 1, 0]),
            ([5, 5], 5, 1, [0, 0, 0, 0]),
            ([11, 10], 5, 2, [2, 2, 2, 2]),
            ([10, 13], 3, 3, [1, 2, 1, 2]),
            ([1, 1], 1, 1, [0, 0, 0, 0]),
            ([4, 3], 3, 1, [2, 2, 2, 2]),
        ] {
            let op = OnnxDepthwise { pads, stride };
            let output = op.output(input, kernel);
            let corner = [pads[0], pads[1]];
            let geometry = Geometry { input, output, corner, kernel, stride };
            let channels = 3;
            let area: usize = input.iter().product();
            let values = numbers(channels * area, 1);
            let (taps, bias) = (numbers(channels * kernel * kernel, 2), numbers(channels, 3));
            let slope = [0.25f32, 0.0, 1.5];
            let expected: Vec<f32> = (0..channels)
                .flat_map(|c| {
                    let taps = &taps[c * kernel * kernel..][..kernel * kernel];
                    slowly(&values[c * area..][..area], taps, bias[c], slope[c], &geometry)
                })
                .collect();
            let depthwise = Depthwise {
                weights: Tensor::from_shape(&[channels, 1, kernel, kernel], &taps)
                    .unwrap()
                    .into_arc_tensor(),
                bias: tensor1(&bias).into_arc_tensor(),
                slope: tensor1(&slope).into_arc_tensor(),
                geometry,
            };
            let values = Tensor::from_shape(&[1, channels, input[0], input[1]], &values).unwrap();
            let found = depthwise.eval_out_of_plan(tvec!(values.into_tvalue())).unwrap().unwrap();
            let found = found[0].view();
            let found = found.as_slice::<f32>().unwrap();
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                assert!(
                    (found - expected).abs() < 1e-5,
                    "{input:?} {kernel} {stride}: {found} {expected}"
                );
            }
        }
    }
}
