# make demo    a real case, from segmented meshes to a streamed print
# make test    sets everything up and passes all tests; what CI runs
# make check   the fast half, before each commit
# make bench   speed and memory as ratios against named peers, in one run
# make trials  long trials that CI does not wait for
# make kills   kill -9 of a sender at a hundred random moments: what its journal knows
# make storms  200 jobs of 5,000 lines for each firmware over a bad cable, and OctoPrint's own virtual printer
# make fuzz    looks for bytes that crash the readers of G-code, FUZZ_S seconds for each (60)
# make samples what becomes of every sample: renews tests/data/samples/README.md
# make told    what a fixed set of prints takes, told ahead and sliced: renews TOLD.md beside it
# make proofs  what three engines make of every sample: renews PROOFS.md beside it; ONLY=word for some of them
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
FUZZ_S ?= 60

.PHONY: setup engines demo test check lint bench trials kills storms fuzz samples told proofs clean

setup: .venv/.installed

.venv/.installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

engines:
	.ci/system-packages

demo: setup engines
	$(BIN)/printprep demo --out build/demo

test: setup lint
	.ci/system-packages test
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup -m 'not bench and not long'

check: setup lint
	$(BIN)/pytest -q -n $(WORKERS) -m 'not integration and not bench and not long'

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup engines
	$(BIN)/pytest -q -s tests/bench -m bench

trials: setup engines
	$(BIN)/pytest -q -m long

kills: setup
	$(BIN)/pytest -q tests/integration/test_kills.py

storms: setup
	$(BIN)/pytest -q -m long tests/unit/printers/test_storms.py tests/contract/test_octoprint_virtual.py

fuzz: setup
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[fuzz]'
	for target in reader binary embedded guard; do \
	  $(BIN)/python -m tests.fuzz.run $$target -max_total_time=$(FUZZ_S) -verbosity=0 || exit 1; done

samples: setup
	$(BIN)/python -m tests.docs.samples

told: setup engines
	$(BIN)/python -m tests.docs.told

proofs: setup
	$(BIN)/python -m tests.docs.proofs $(ONLY)

clean:
	rm -rf build .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
