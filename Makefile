# make demo   a real case, from segmented meshes to a streamed print
# make test   everything that CI runs
# make check  the fast half, before each commit
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup check test demo bench clean
setup: .venv/.installed
.venv/.installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -e '.[dev]'
	touch $@

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n 2 -m 'not integration and not bench and not long'
