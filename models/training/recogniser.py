"""Fine-tunes the recogniser for face masks by self-distillation, on photographs that may be used for it.

    samples MODELS crops.u8 crops < list.txt   (example of imp-biometrics; path, or path<TAB>style<TAB>seed for a drawn mask)
    python3 recogniser.py MODEL.onnx OUT.onnx crops.u8 list.txt [--minutes 20] [--half 0]

The teacher is the recogniser as it is, and sees the bare face. The student starts as its copy, and learns to give the face
under a drawn mask the teacher's embedding of the same photograph without one (cosine distance), and to keep people apart
(cross-entropy to their mean embeddings). One picture in seven is bare, so that bare faces stay where they are.

A person is the folder of a photograph. Only half of the people are learned from, those whose folder's CRC-32 has `--half` as
its lowest bit; the other half is for the evaluation (`imp-client face evaluate`), which nothing may have been tuned on.
One to two rounds over a few thousand people are enough; more people help, more rounds do not. Needs jax, onnx, numpy; jax
uses a graphics processor if there is one.

The result is a model of its own: give it an entry in manifest.toml, with what it learned from, means of its own
(population.py) and a calibration.
"""
import argparse
import os
import random
import time
import zlib

import jax
import numpy as np
import onnx
from jax import lax
from jax import numpy as jnp
from onnx import helper, numpy_helper

SIDE = 112
ROW = 1 + SIDE * SIDE * 3
BATCH = 32
RATE = 1e-4
# Only training needs these, or they were computed once.
GONE = ("DequantizeLinear", "Reshape", "Constant", "Dropout")


def constants(graph):
    """Every constant of the graph as f32; weights in blocks of int8 are expanded, as imp-biometrics does, and reshaped."""
    values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            values[node.output[0]] = numpy_helper.to_array(helper.get_attribute_value(node.attribute[0]))
        if node.op_type == "DequantizeLinear":
            block = next(a.i for a in node.attribute if a.name == "block_size")
            quantised, scale, zero = (values.pop(i) for i in node.input)
            wide = lambda v: np.repeat(v, block, -1)[..., : quantised.shape[-1]]
            values[node.output[0]] = (quantised.astype("f4") - wide(zero)) * wide(scale)
        if node.op_type == "Reshape":
            weight, shape = (values.pop(i) for i in node.input)
            values[node.output[0]] = weight.reshape(shape.astype(int))
    return {name: value.astype("f4") for name, value in values.items()}


def apply_node(kind, x, rest, extra):
    channels = lambda v: v.reshape(1, -1, 1, 1)
    if kind == "Sub":
        return x - rest[0]
    if kind == "Mul":
        return x * rest[0]
    if kind == "Conv":
        top, left, bottom, right = extra.get("pads", [0, 0, 0, 0])
        strides, groups = extra.get("strides", [1, 1]), extra.get("group", 1)
        y = lax.conv_general_dilated(x, rest[0], strides, [(top, bottom), (left, right)], feature_group_count=groups)
        return y + channels(rest[1]) if len(rest) > 1 else y
    if kind == "BatchNormalization":
        scale, bias, mean, variance = (v if x.ndim == 2 else channels(v) for v in rest)
        return (x - mean) * lax.rsqrt(variance + extra.get("epsilon", 1e-5)) * scale + bias
    if kind == "PRelu":
        return jnp.where(x > 0, x, x * channels(rest[0]))
    if kind == "Flatten":
        return x.reshape(x.shape[0], -1)
    if kind == "Gemm":
        return x @ (rest[0].T if extra.get("transB", 0) else rest[0]) + rest[1]
    raise SystemExit(f"the recogniser has a {kind}, which this script does not know")


class Recogniser:
    """The ONNX graph of a recogniser, node by node; what convolutions, activations and the last layer weigh is learned."""

    def __init__(self, model):
        self.model = model
        values = constants(model.graph)
        self.alias = {n.output[0]: n.input[0] for n in model.graph.node if n.op_type == "Dropout"}
        self.nodes = [n for n in model.graph.node if n.op_type not in GONE]
        learned = {i for n in self.nodes if n.op_type in ("Conv", "PRelu", "Gemm") for i in n.input[1:]}
        self.weights = {n: jnp.asarray(v) for n, v in values.items() if n in learned}
        self.fixed = {n: v for n, v in values.items() if n not in learned}

    def embed(self, weights, picture):
        at = {**self.fixed, **weights, self.model.graph.input[0].name: picture}
        for node in self.nodes:
            x, *rest = (at[self.alias.get(i, i)] for i in node.input)
            extra = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            at[node.output[0]] = apply_node(node.op_type, x, rest, extra)
        y = at[self.model.graph.output[0].name]
        return y / jnp.linalg.norm(y, axis=-1, keepdims=True)

    def save(self, weights, path):
        """The same graph with the learned weights, in f32."""
        graph = self.model.graph
        used = {self.alias.get(i, i) for n in self.nodes for i in n.input}
        values = {**self.fixed, **{n: np.asarray(w) for n, w in weights.items()}}
        nodes = [n for n in graph.node if n.op_type not in GONE]
        for node in nodes:
            for index, name in enumerate(node.input):
                node.input[index] = self.alias.get(name, name)
        # Weights are listed as inputs beside the picture; the runtime wants the picture alone.
        del graph.node[:], graph.initializer[:], graph.value_info[:], graph.input[1:]
        graph.node.extend(nodes)
        graph.initializer.extend(numpy_helper.from_array(v, n) for n, v in values.items() if n in used)
        onnx.save(self.model, path)


def pixels(crops):
    """Crops as the network takes them: planes of red, green and blue, 0-255 (see the manifest)."""
    return np.ascontiguousarray(np.stack(crops).transpose(0, 3, 1, 2)).astype("f4")


def varied(crop, rng):
    """Another camera, another light, and landmarks seen elsewhere."""
    crop = np.roll(crop, (rng.randint(-2, 2), rng.randint(-2, 2)), (0, 1)).astype("f4")
    if rng.random() < 0.6:
        crop = crop * rng.uniform(0.6, 1.35) + rng.uniform(-18, 18)
    if rng.random() < 0.3:
        crop = crop * np.array([rng.uniform(0.9, 1.1) for _ in range(3)], "f4")
    if rng.random() < 0.2:
        crop = crop + np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(2, 9), crop.shape)
    return np.clip(crop, 0, 255)


def pairs(crops, lines, half):
    """(index of the bare crop, indices of the same photograph under masks, person) of the people that may be learned."""
    photographs = {}
    for index, line in enumerate(lines):
        path, *drawn = line.split("\t")
        if crops[index, 0]:
            bare, masked = photographs.setdefault(path, ([], []))
            (masked if drawn else bare).append(index)
    people = {}
    for path, (bare, masked) in photographs.items():
        name = os.path.basename(os.path.dirname(path))
        if bare and masked and zlib.crc32(name.encode()) & 1 == half:
            people.setdefault(name, []).append((bare[0], masked))
    return [(b, m, person) for person, name in enumerate(sorted(people)) for b, m in people[name]], len(people)


def targets(student, faces, work, people):
    """What the teacher says of each bare face and of its mirror image, and the mean for each person."""
    look = jax.jit(student.embed)
    shown = [crop for b, _, _ in work for crop in (faces[b], faces[b][:, ::-1])]
    parts = [np.asarray(look(student.weights, pixels(shown[i : i + BATCH]))) for i in range(0, len(shown), BATCH)]
    says = np.concatenate(parts).reshape(len(work), 2, -1)
    centres = np.zeros((people, says.shape[-1]), "f4")
    for (_, _, person), both in zip(work, says):
        centres[person] += both.sum(0)
    return says, jnp.asarray(centres / np.linalg.norm(centres, axis=1, keepdims=True))


def teach(student, faces, work, people, minutes):
    says, centres = targets(student, faces, work, people)

    def loss(weights, picture, target, who):
        embedding = student.embed(weights, picture)
        distance = (1 - (embedding * target).sum(1)).mean()
        logits = 30 * (embedding @ centres.T - 0.2 * jax.nn.one_hot(who, people))
        entropy = -jnp.take_along_axis(jax.nn.log_softmax(logits), who[:, None], 1).mean()
        return 4 * distance + 0.5 * entropy, distance

    @jax.jit
    def step(weights, moments, number, rate, picture, target, who):
        """Adam (Kingma, Ba 2015) with gradients of at most length 5."""
        (value, distance), gradient = jax.value_and_grad(loss, has_aux=True)(weights, picture, target, who)
        length = jnp.sqrt(sum((g**2).sum() for g in jax.tree.leaves(gradient)))
        gradient = jax.tree.map(lambda g: g * jnp.minimum(1, 5 / length), gradient)
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, moments[0], gradient)
        second = jax.tree.map(lambda m, g: 0.99 * m + 0.01 * g * g, moments[1], gradient)
        bias = lambda decay: 1 - decay**number
        moved = lambda w, m, s: w - rate * (m / bias(0.9)) / (jnp.sqrt(s / bias(0.99)) + 1e-8)
        return jax.tree.map(moved, weights, first, second), (first, second), value, distance

    zero = jax.tree.map(jnp.zeros_like, student.weights)
    weights, moments, number, rng = student.weights, (zero, zero), 0, random.Random(1)
    start = time.monotonic()
    while (share := (time.monotonic() - start) / 60 / minutes) < 1:
        number += 1
        rate = RATE * min(1, number / 20) * (0.5 + 0.5 * np.cos(np.pi * share))
        chosen = rng.choices(range(len(work)), k=BATCH)
        flips = [rng.random() < 0.5 for _ in chosen]
        shown = []
        for index, flip in zip(chosen, flips):
            bare, masked, _ = work[index]
            crop = varied(faces[bare if rng.random() < 1 / 7 else rng.choice(masked)], rng)
            shown.append(crop[:, ::-1] if flip else crop)
        target = says[chosen, [int(f) for f in flips]]
        who = np.array([work[i][2] for i in chosen])
        weights, moments, value, distance = step(weights, moments, number, rate, pixels(shown), target, who)
        if number % 20 == 1:
            print(f"step {number}, {100 * share:.0f} %: distance {distance:.3f}, loss {value:.3f}", flush=True)
    return weights


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("model", "out", "crops", "list"):
        parser.add_argument(name)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--half", type=int, choices=(0, 1), default=0)
    arguments = parser.parse_args()
    lines = [line.rstrip("\n") for line in open(arguments.list)]
    crops = np.fromfile(arguments.crops, "u1").reshape(-1, ROW)
    faces = crops[:, 1:].reshape(-1, SIDE, SIDE, 3)
    work, people = pairs(crops, lines, arguments.half)
    print(f"{len(work)} photographs of {people} people; the other half is for the evaluation")
    student = Recogniser(onnx.load(arguments.model))
    student.save(teach(student, faces, work, people, arguments.minutes), arguments.out)


main()
