#!/usr/bin/env bash
# Makes the Python environment in which other people's parsers read our documents.
# Usage: python.sh [bench|lock]     bench: instead, the runtimes that `make bench-faces` measures beside ours
#                                   lock: pin each requirements.in again, as requirements.txt with digests
# PYTHON names another interpreter than python3; it must be 3.11 or newer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

python=${PYTHON:-python3}
foreign=tests/foreign
faces=tests/bench/faces
place=${CARGO_TARGET_DIR:-target}/python

if ! "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "The tests need Python 3.11 or newer with venv: apt-get install python3-venv, or name one with PYTHON=" >&2
  exit 1
fi

lock() {
  local tools
  tools=$(mktemp -d)
  trap 'rm -rf "$tools"' RETURN
  "$python" -m venv "$tools"
  "$tools/bin/python" -m pip install --quiet --disable-pip-version-check pip-tools==7.6.2
  local folder
  for folder in "$foreign" "$faces"; do
    CUSTOM_COMPILE_COMMAND='tests/setup/python.sh lock' "$tools/bin/python" -m piptools compile --quiet \
      --generate-hashes --allow-unsafe --strip-extras --no-emit-find-links --no-emit-index-url --no-emit-trusted-host \
      --output-file "$folder/requirements.txt" "$folder/requirements.in"
  done
}

# What the environment is made of: the interpreter, and every pinned file.
recipe() {
  "$python" -c 'import sys; print(sys.executable, sys.version)'
  cat "$foreign/requirements.txt" "$foreign/requirements-any-python.txt"
}

make_environment() {
  rm -rf "$place"
  mkdir -p "$(dirname "$place")"
  "$python" -m venv "$place"
  "$place/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
    --requirement "$foreign/requirements.txt"
  "$place/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
    --ignore-requires-python --requirement "$foreign/requirements-any-python.txt"
  recipe >"$place/recipe"
}

make_bench_environment() {
  local place=${CARGO_TARGET_DIR:-target}/python-bench
  if [[ -f $place/recipe ]] && cmp --quiet "$faces/requirements.txt" "$place/recipe"; then
    return
  fi
  echo "Installing the runtimes to measure beside ours into $place"
  rm -rf "$place"
  mkdir -p "$(dirname "$place")"
  "$python" -m venv "$place"
  "$place/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
    --requirement "$faces/requirements.txt"
  cp "$faces/requirements.txt" "$place/recipe"
}

case ${1:-} in
  lock) lock ;;
  bench) make_bench_environment; exit ;;
  '') ;;
  *) echo "usage: ${0##*/} [bench|lock]" >&2; exit 2 ;;
esac

# Not through a pipe: a reader that finds no file to compare with leaves before the writers are done.
if [[ ! -f $place/recipe || $(recipe) != "$(<"$place/recipe")" ]]; then
  echo "Installing other people's parsers into $place"
  make_environment
fi
