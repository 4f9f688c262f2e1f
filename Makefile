# Every command that a developer or CI runs. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FUZZ_SECONDS ?= 60
# Versions of Python packages are pinned there and nowhere else.
export PIP_CONSTRAINT := $(CURDIR)/.ci/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

ENOUGH_PYTHON := $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "loadcore needs Python 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)")'
RUST_SOURCES := Cargo.toml Cargo.lock $(shell find rust -name Cargo.toml -o -path '*/src/*' -name '*.rs')

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.for-demo ## Set up what it needs, then let 1,000 users log in to the reference gateway and use it
	$(BIN)/loadcore demo

.PHONY: setup
setup: $(VENV)/.for-development ## Make the virtual environment and build the engine

# What compiles fast serves all but benches: `quick` in Cargo.toml, whose engine costs a few per cent more.
$(VENV)/.for-demo: pyproject.toml .ci/constraints.txt $(RUST_SOURCES)
	@$(ENOUGH_PYTHON)
	@$(PYTHON) -m building.environment $(VENV) --for demo
	@touch $@

$(VENV)/.for-development: pyproject.toml .ci/constraints.txt $(RUST_SOURCES)
	@$(ENOUGH_PYTHON)
	@$(PYTHON) -m building.environment $(VENV) --for development
	@rm -f $(VENV)/.for-benches
	@touch $(VENV)/.for-demo $@

$(VENV)/.for-benches: $(VENV)/.for-development
	@$(PYTHON) -m building.environment $(VENV) --for development --profile release
	@touch $@

.PHONY: test
test: announce test-rust test-py ## Run all tests; says first what that installs and how long it takes

.PHONY: announce
announce:
	@$(PYTHON) -m building.suite

.PHONY: test-rust
test-rust: ## Run the engine's tests
	@$(PYTHON) -m building.suite engine cargo test --quiet --package loadcore-core --package loadcore-null --package loadcore-stamp

.PHONY: test-py
test-py: setup ## Run the tests of the package and of the gateway
	@$(PYTHON) -m building.suite package $(BIN)/python -m pytest

.PHONY: locust-conformance
locust-conformance: setup ## Run parts of Locust's own tests over the engine: make locust-conformance LOCUST=path
	@$(BIN)/python -m benches.locustfiles.conformance "$(LOCUST)"

.PHONY: locust-files
locust-files: setup ## Compare public Locust files over Locust and loadcore, closed in: make locust-files LIST=tsv MIRROR=path
	@$(BIN)/python -m benches.locustfiles.strangers "$(LIST)" "$(MIRROR)"

.PHONY: lint
lint: setup ## Check formats, lints, types and layers
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets -- -D warnings
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: setup ## Format all code
	cargo fmt --all
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

.PHONY: bench
bench: $(VENV)/.for-benches ## Measure CPU per request beside wrk, and all else in benches/
	$(BIN)/python -m benches

.PHONY: bench-counts
bench-counts: setup ## Count system calls, instructions and allocations per request; fail over a limit
	$(BIN)/python -m benches.counts

.PHONY: chaos
chaos: setup ## Run the long fault scenarios
	$(BIN)/python -m pytest tests/faults -m "chaos or not chaos"

.PHONY: verdict
verdict: setup ## Hold what runs conclude against servers' own logs: sick and healthy situations, three seeds, half an hour; root sees all
	$(BIN)/python -m tests.verdict $(VERDICT)

.PHONY: intervals
intervals: setup ## Count how often the intervals of percentiles hold the true one, in 3,000 simulated runs, five minutes
	$(BIN)/python -m tests.unit.results.simulated 200

.PHONY: bench-imports
bench-imports: setup ## Import files of yours and run each scenario once: make bench-imports KIND=har FILES="a.har b.har"
	@$(BIN)/python -m benches.imports $(KIND) $(FILES)

.PHONY: bench-gateway
bench-gateway: $(VENV)/.for-benches ## Measure the gateway: users, workers, replicas, caches, and other clients, half an hour; writes its page
	$(BIN)/python -m loadcore_target.benches --install

.PHONY: test-scale
test-scale: setup ## Let replicas come, go and die under load; needs haproxy, nginx-light
	$(BIN)/python -m pytest -m scale

.PHONY: kubernetes
kubernetes: setup ## Have Kubernetes' own code judge manifests; needs Go, compiles for minutes
	$(BIN)/python -m pytest tests/kubernetes -m kubernetes

.PHONY: image
image: setup ## Build the image as the Dockerfile says, and run a manifest's pods in it; needs Docker, or buildah and debootstrap
	$(BIN)/python -m building.image $(if $(WHEEL),--wheel $(WHEEL))
	LOADCORE_IMAGE_TREE=target/image/tree $(BIN)/python -m pytest tests/integration/test_pods.py

.PHONY: fuzz
fuzz: setup ## Fuzz the HTTP decoder for FUZZ_SECONDS, then the reader of damaged runs; needs a nightly toolchain and cargo-fuzz
	cd rust/loadcore-core && cargo +nightly fuzz run decoder -- -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -dict=fuzz/http.dict
	$(BIN)/python -m pytest --quiet tests/faults/test_damaged_files.py

.PHONY: docs
docs: setup ## Build the documentation into site/, check its links and run its examples
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	$(BIN)/python -m pytest tests/docs

.PHONY: wheel
wheel: setup ## Build the wheel of the commit for this machine into dist/, as it is released, several minutes
	$(BIN)/python -m building.package wheel dist

.PHONY: sdist
sdist: ## Build the source distribution of the commit into dist/
	PATH="$(CURDIR)/$(BIN):$$PATH" $(PYTHON) -m building.package sdist dist

.PHONY: vendor
vendor: ## Pack the sources of all crates into dist/, for building without a network
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(PYTHON) -m building.vendor dist

.PHONY: wheel-test
wheel-test: wheel ## Install the wheel with pip and uv into empty environments of Python 3.11 to 3.14, and run it
	$(BIN)/python -m building.wheel_test $$(ls -t dist/*.whl | head -1)

.PHONY: clean
clean: ## Remove what was built
	cargo clean
	rm -rf $(VENV) site dist python/loadcore/_core*.so
