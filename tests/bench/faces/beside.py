"""Runs the networks that `networks` measured in onnxruntime and OpenCV dnn, on the same pictures and one core.

Prints a table of milliseconds, and fails where an output of IMP's differs from onnxruntime's by more than 1e-4 of its size.

beside.py FOLDER MODELS
"""
import sys
import time
import tomllib
from pathlib import Path

import cv2
import numpy
import onnx
import onnxruntime

ROUNDS = 41
ALIKE = 1e-4
# How often each network runs for one frame: one look for a face, four closer looks, its crop in four views, once each
# for attacks. The finest look is for frames in which no face was found.
USES = {"yunet-320x320": 1, "yunet-128x128": 4, "yunet-640x640": 0, "sface-112x112": 4}
USES |= {"minifasnet-v2-80x80": 1, "minifasnet-v1se-80x80": 1}


def measured(work):
    """The middle time of a run, in milliseconds."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        result = work()
        times.append((time.perf_counter() - start) * 1e3)
    return result, sorted(times)[ROUNDS // 2]


def sized(path, width, height):
    """The model for pictures of another size than it was exported for."""
    model = expanded(onnx.load(path))
    constants = {constant.name for constant in model.graph.initializer}
    used = {name for node in model.graph.node for name in node.input}
    pictures = [i for i in model.graph.input if i.name not in constants and i.name in used]
    # An older file names constants among the inputs, and also some that it no longer has.
    picture = onnx.ValueInfoProto.FromString(pictures[0].SerializeToString())
    del model.graph.input[:]
    model.graph.input.append(picture)
    picture = model.graph.input[0]
    dimensions = picture.type.tensor_type.shape.dim
    if (dimensions[3].dim_value, dimensions[2].dim_value) != (width, height):
        dimensions[2].dim_value, dimensions[3].dim_value = height, width
        del model.graph.value_info[:]
        for output in model.graph.output:
            output.type.tensor_type.ClearField("shape")
    return model.SerializeToString(), picture.name


def expanded(model):
    """The model with weights of f32, as IMP expands int8 weights when it loads: others would do so in every run."""
    constants = {constant.name: onnx.numpy_helper.to_array(constant) for constant in model.graph.initializer}
    for node in [node for node in model.graph.node if node.op_type == "DequantizeLinear"]:
        values, scales, zeros = (constants[name] for name in node.input)
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        axis, block = attributes["axis"], attributes["block_size"]
        each = [numpy.repeat(v, block, axis).take(range(values.shape[axis]), axis) for v in (scales, zeros)]
        weights = (values.astype("f4") - each[1].astype("f4")) * each[0]
        model.graph.initializer.append(onnx.numpy_helper.from_array(weights, node.output[0]))
        model.graph.node.remove(node)
    return model


def with_onnxruntime(model, name, picture):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return measured(lambda: session.run(None, {name: picture}))


def with_opencv(model, picture):
    """Milliseconds, or None where OpenCV cannot read the model."""
    try:
        network = cv2.dnn.readNetFromONNX(numpy.frombuffer(model, numpy.uint8))
        names = network.getUnconnectedOutLayersNames()

        def run():
            network.setInput(picture)
            return network.forward(names)

        return measured(run)[1]
    except cv2.error:
        return None


def difference(ours, theirs):
    """The largest difference, as a part of the largest number."""
    return max(
        float(numpy.abs(a - b.ravel()).max() / max(1.0, numpy.abs(b).max()))
        for a, b in zip(ours, theirs, strict=True)
    )


def main(folder, models):
    cv2.setNumThreads(1)
    cv2.setUseOptimized(True)
    manifest = tomllib.loads((models / "manifest.toml").read_text())
    files = {model["name"]: models / model["file"] for model in manifest["model"]}
    print(f"onnxruntime {onnxruntime.__version__}, OpenCV {cv2.__version__}; milliseconds on one core")
    print(f"{'':24} {'IMP':>8} {'ort':>8} {'OpenCV':>8} {'IMP/ort':>8} {'differs':>9}")
    sums = [0.0, 0.0]
    worst = 0.0
    for line in (folder / "networks.tsv").read_text().splitlines():
        model, width, height, ours = line.split("\t")
        label, ours = f"{model}-{width}x{height}", float(ours)
        content, name = sized(files[model], int(width), int(height))
        picture = numpy.fromfile(folder / f"{label}.input", "<f4").reshape(1, 3, int(height), int(width))
        outputs, theirs = with_onnxruntime(content, name, picture)
        opencv = with_opencv(content, picture)
        given = [numpy.fromfile(folder / f"{label}.output{i}", "<f4") for i in range(len(outputs))]
        differs = difference(given, outputs)
        worst = max(worst, differs)
        uses = USES[label]
        sums = [sums[0] + uses * ours, sums[1] + uses * theirs]
        opencv = "-" if opencv is None else f"{opencv:.1f}"
        print(f"{label:24} {ours:8.1f} {theirs:8.1f} {opencv:>8} {ours / theirs:8.2f} {differs:9.1e}")
    print(f"{'one frame':24} {sums[0]:8.1f} {sums[1]:8.1f} {'':8} {sums[0] / sums[1]:8.2f}   (goal: 1.5)")
    if worst > ALIKE:
        sys.exit(f"an output differs by {worst:.1e}, more than {ALIKE:.0e}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
