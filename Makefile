# Every target does its own set-up on a fresh machine: git, make, python3-venv and Python 3.11 are all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := $(HOME)/.cache/mlagent/peers
STAMP := $(VENV)/installed

.PHONY: demo test e2e e2e-full bench lint render clean
.DELETE_ON_ERROR:

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[all,dev]'
	touch $@

# The main job on the embedded defaults: a new project from the digits template, every stage, a table of verdicts.
demo: $(STAMP)
	test -d demo || $(BIN)/mlagent init demo --template digits
	$(BIN)/mlagent --project demo run

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/mlagent render --check

test: lint
	$(BIN)/pytest tests/unit tests/contract tests/pipeline -m 'not long'

# Real parts, really run: the whole chain from a new project, broken on purpose, stopped in the middle, a real MLflow server.
e2e: $(STAMP)
	$(BIN)/pytest tests/e2e -m 'not long'

# With the long forms: hundreds of kills.
e2e-full: $(STAMP)
	$(BIN)/pytest tests/pipeline tests/e2e

# Against its peers, which live in an environment of their own, outside the work tree.
bench: $(STAMP) $(PEERS)/bin/dvc
	PATH="$$PATH:$(PEERS)/bin" $(BIN)/python -m tests.bench

$(PEERS)/bin/dvc:
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check dvc==3.67.1

render: $(STAMP)
	$(BIN)/mlagent render

clean:
	rm -rf $(VENV) demo
