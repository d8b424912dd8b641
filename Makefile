# Everything a person needs on Debian 12 with a Rust toolchain: `make demo`, `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
# One selection of packages everywhere, so that nothing is built twice.
ALL := --workspace --locked

.PHONY: help demo ble-lab test bench bench-faces setup setup-tests build fmt lint units docs clean

help:       ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 14

demo: build ## the main job, on real photographs, in separate processes
	$${CARGO_TARGET_DIR:-target}/debug/imp-demo

ble-lab: setup ## the tap over a real Bluetooth stack, in a small virtual machine (release build)
	tests/setup/debian.sh lab
	$(CARGO) build --locked --release --package imp-server --package imp-client --package imp-phone --package imp-hardware
	tests/ble-lab/run.sh $${LAB_SCENARIOS:-link tap}

test: setup-tests fmt lint units docs ## formatting, lints, all tests (the demo is one of them), documentation

bench: setup ## what it costs: milliseconds, bytes, memory (release build)
	tests/setup/debian.sh bench
	tests/setup/node.sh
	tests/bench/run.sh

bench-faces: setup ## what recognising a face costs, beside onnxruntime and OpenCV dnn (release build)
	tests/setup/python.sh bench
	tests/bench/faces/run.sh

setup:      ## install what building needs (apt packages; asks for root)
	tests/setup/debian.sh build

setup-tests: ## install what building and testing need
	tests/setup/debian.sh build test
	tests/setup/python.sh
	tests/setup/node.sh

build: setup
	$(CARGO) build $(ALL) --bins

fmt:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy $(ALL) --all-targets --quiet -- -D warnings

# The binaries are built first: the tests of whole processes start them.
units:
	$(CARGO) build $(ALL) --bins --tests
	if $(CARGO) nextest --version >/dev/null 2>&1; then \
	  $(CARGO) nextest run $(ALL); \
	else \
	  $(CARGO) test $(ALL) --lib --bins --tests; \
	fi

docs:
	$(CARGO) test $(ALL) --doc --quiet
	if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --offline check bans licenses sources; fi

clean:
	$(CARGO) clean
