#!/usr/bin/env bash
# Prints what recognising a face costs: each network beside onnxruntime and OpenCV dnn on one core, each step, and the whole
# decision on one and two cores. Worth something on a machine that does nothing else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
cargo=${CARGO:-cargo}
target=${CARGO_TARGET_DIR:-target}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$cargo" bench --locked --quiet -p imp-biometrics --bench networks -- "$folder"
"$target/python-bench/bin/python" tests/bench/faces/beside.py "$folder" models
printf '\nSteps, and the whole decision (goal: three frames in 250 ms on two cores)\n'
"$cargo" bench --locked --quiet -p imp-biometrics --bench steps
