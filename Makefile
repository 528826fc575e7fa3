# Every target does its own set-up on a fresh machine: git, make, python3-venv and Python 3.11 are all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := $(HOME)/.cache/mlagent/peers
GROOVY := $(HOME)/.cache/mlagent/groovy-lint
STAMP := $(VENV)/installed
WHEELHOUSE := dist/wheelhouse
WHEEL = SOURCE_DATE_EPOCH=1735689600 PIP_CONSTRAINT=dist/build-requirements.txt \
  $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir $(WHEELHOUSE)
PARTS := $(addprefix tests/parts/,base beside certificates cluster cosign engine install kind kubernetes lives postgres runc-keep-oom-score with)
QUICK := -m 'not long' --durations 20
EXTRAS := worker,control,serve,image,deploy,loadtest,jenkins,store,postgres

.PHONY: demo test prepared e2e e2e-full parts parts-stop groovy bench bench-serving lint render wheelhouse wheel clean
.DELETE_ON_ERROR:

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[all,dev]'
	touch $@

# The main job on the embedded defaults: an insurer's risk model from generated data to its report, then again, which
# reuses everything. Interrupted, it goes on where it was.
demo: $(STAMP)
	test -d demo || $(BIN)/mlagent init demo --template insurance-risk
	$(BIN)/mlagent --project demo run
	@printf '\n%s\n' 'Once more, to show what is reused:'
	$(BIN)/mlagent --project demo run
	@printf '\n%s\n' 'No image was built: no registry is named (agent/docs/image.md). What images, and deployment to come, want here:'
	@$(BIN)/mlagent --project demo doctor --only machine

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/mlagent render --check

# Two rows that end at about the same time.
BESIDE := $(addprefix tests/pipeline/,bootstrap image loadtest serving training)
test: lint
	tests/parts/beside "$(BIN)/pytest tests/contract tests/pipeline $(addprefix --ignore ,$(BESIDE)) $(QUICK)" \
	  "$(BIN)/pytest tests/unit $(BESIDE) $(QUICK)"

# What the end-to-end tests want beside the real parts.
prepared: $(STAMP) $(PEERS)-evidently/installed $(PEERS)-conformance/installed $(PEERS)-browser/installed $(GROOVY)/installed

# Real parts, really run: the whole chain from a new project, broken on purpose, stopped in the middle, a real MLflow
# server, a real browser, a real Docker engine, real registries of images and a real Kubernetes. What tests/parts/with
# starts, it stops. The cluster's tests stand in one row, since some take its API server away; they mostly wait, while
# the others mostly compute. The server's own come after them, so that both rows end at about the same time.
OF_CLUSTER := tests/e2e/rollout tests/e2e/ledger/test_from_development_to_production.py tests/e2e/whole
SECOND := $(OF_CLUSTER) tests/e2e/serving
e2e: prepared
	MLAGENT_TEST_EVIDENTLY=$(PEERS)-evidently/bin/python MLAGENT_TEST_BROWSER=$(PEERS)-browser/bin/python \
	MLAGENT_TEST_CONFORMANCE=$(PEERS)-conformance/bin/python \
	tests/parts/with --cluster tests/parts/beside \
	  "$(BIN)/pytest tests/contract/test_engines.py tests/e2e $(addprefix --ignore ,$(SECOND)) $(QUICK)" \
	  "$(BIN)/pytest tests/contract/test_clusters.py $(SECOND) $(QUICK)" \
	  "nice make groovy"

# With the long forms: hundreds of kills.
e2e-full: $(STAMP) $(PEERS)-evidently/installed $(PEERS)-conformance/installed $(PEERS)-browser/installed groovy
	MLAGENT_TEST_EVIDENTLY=$(PEERS)-evidently/bin/python MLAGENT_TEST_BROWSER=$(PEERS)-browser/bin/python \
	MLAGENT_TEST_CONFORMANCE=$(PEERS)-conformance/bin/python \
	tests/parts/with --cluster $(BIN)/pytest tests/contract/test_engines.py tests/contract/test_clusters.py tests/pipeline tests/e2e

# The real parts alone, as the end-to-end tests have them: an engine, a cluster, a PostgreSQL, that run until `make parts-stop`.
parts:
	tests/parts/install cluster
	@echo "export MLAGENT_TEST_BASE=$$(tests/parts/base) MLAGENT_TEST_COSIGN=$$(tests/parts/cosign)" \
	  "MLAGENT_TEST_DOCKER_HOST=$$(tests/parts/engine start) MLAGENT_TEST_POSTGRES=$$(tests/parts/postgres start)" \
	  "MLAGENT_TEST_KUBECONFIG=$$(tests/parts/cluster start)"

parts-stop:
	tests/parts/cluster stop
	tests/parts/engine stop
	tests/parts/postgres stop

# The Jenkins library: its own harness, in which the real mlagent runs too, and the lints of Groovy and shell.
groovy: $(STAMP) $(GROOVY)/installed
	shellcheck resources/mlagent/bootstrap.sh tests/groovy/run $(PARTS)
	PATH="$(GROOVY)/node_modules/node/bin:$$PATH" $(GROOVY)/node_modules/.bin/npm-groovy-lint \
	  --path vars --files '**/*.groovy' --config $(CURDIR)/tests/groovy --failon warning --noserver
	MLAGENT_TEST_BIN=$(CURDIR)/$(BIN) tests/groovy/run

$(GROOVY)/installed:
	missing=; for one in groovy shellcheck npm java:default-jre-headless; do \
	  command -v $${one%:*} > /dev/null || missing="$$missing $${one#*:}"; \
	done; \
	test -z "$$missing" || { apt-get update && apt-get install --yes --quiet --no-install-recommends $$missing; }
	mkdir -p $(GROOVY)
	cd $(GROOVY) && npm install --silent --no-audit --no-fund npm-groovy-lint@18 node@22
	touch $@

# Against its peers, which live in an environment of their own, outside the work tree. BENCH names one, and may say more:
# make bench BENCH='image --only slim'.
bench: $(STAMP) $(PEERS)/bin/dvc $(PEERS)-data/installed $(PEERS)-lightning/installed $(PEERS)-bentoml/installed
	PATH="$$PATH:$(PEERS)/bin" MLAGENT_TEST_PEERS=$(PEERS)-data/bin/python \
	MLAGENT_TEST_LIGHTNING=$(PEERS)-lightning/bin/python MLAGENT_TEST_BENTOML=$(PEERS)-bentoml/bin/bentoml \
	tests/parts/with --cluster $(BIN)/python -m tests.bench $(BENCH)

# Our server beside those that teams use, each in an environment of its own: requests/s, latency and CPU by wrk, in turn.
# BENCH says less: make bench-serving BENCH='--only mlp --quick'.
# MLServer asks for any uvloop, and its workers do not start with those after 0.21.
SERVERS := mlflow mlserver kserve litserve fastapi
bench-serving: $(STAMP) $(PEERS)-bentoml/installed $(SERVERS:%=$(PEERS)-serving-%/installed)
	command -v wrk || { apt-get update && apt-get install --yes --quiet --no-install-recommends wrk; }
	MLAGENT_TEST_SERVING=$(PEERS)-serving MLAGENT_TEST_BENTOML=$(PEERS)-bentoml/bin/bentoml \
	$(BIN)/python -m tests.bench.serving $(BENCH)

$(PEERS)-serving-mlflow/installed: WANTS = mlflow==3.17.2 onnx==1.23.2
$(PEERS)-serving-mlserver/installed: WANTS = mlserver==1.7.1 uvloop==0.21.0
$(PEERS)-serving-kserve/installed: WANTS = kserve==0.21.0
$(PEERS)-serving-litserve/installed: WANTS = litserve==0.2.19 torch==2.13.0
$(PEERS)-serving-fastapi/installed: WANTS = fastapi==0.165.0 uvicorn==0.54.0 uvloop==0.23.0 httptools==0.9.0
$(PEERS)-serving-%/installed:
	$(PYTHON) -m venv $(PEERS)-serving-$*
	$(PEERS)-serving-$*/bin/pip install --quiet --disable-pip-version-check $(WANTS) onnxruntime==1.32.0 numpy==2.4.6
	touch $@

$(PEERS)/bin/dvc:
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check dvc==3.67.1

$(PEERS)-data/installed:
	$(PYTHON) -m venv $(PEERS)-data
	$(PEERS)-data/bin/pip install --quiet --disable-pip-version-check 'pandera[polars]==0.35.0' polars==2.1.0 pandas==3.1.1 pyarrow==26.0.1 great_expectations==1.24.1
	touch $@

$(PEERS)-lightning/installed: constraints.txt
	$(PYTHON) -m venv $(PEERS)-lightning
	$(PEERS)-lightning/bin/pip install --quiet --disable-pip-version-check -c constraints.txt torch numpy 'lightning>=2.5'
	touch $@

$(PEERS)-bentoml/installed:
	$(PYTHON) -m venv $(PEERS)-bentoml
	$(PEERS)-bentoml/bin/pip install --quiet --disable-pip-version-check bentoml==1.4.40 onnxruntime numpy
	touch $@

$(PEERS)-evidently/installed:
	$(PYTHON) -m venv $(PEERS)-evidently
	$(PEERS)-evidently/bin/pip install --quiet --disable-pip-version-check evidently==0.7.23 'pandas<3'
	touch $@

$(PEERS)-conformance/installed:
	$(PYTHON) -m venv $(PEERS)-conformance
	$(PEERS)-conformance/bin/pip install --quiet --disable-pip-version-check schemathesis==4.32.5 'tritonclient[http]==2.73.0'
	touch $@

$(PEERS)-browser/installed:
	command -v chromium || { apt-get update && apt-get install -y --no-install-recommends chromium; }
	$(PYTHON) -m venv $(PEERS)-browser
	$(PEERS)-browser/bin/pip install --quiet --disable-pip-version-check playwright==1.65.2 axe-playwright-python==0.1.8
	touch $@

render: $(STAMP)
	$(BIN)/mlagent render

# This checkout's wheel, the same bytes each time, with all that it needs; resources/mlagent/agent.txt pins their hashes,
# and is to be committed. Nodes install from the folder, or from a server of it, that MLAGENT_WHEELHOUSE names.
# python-jenkins wants multi_key_dict, which its makers give no wheel of: it is made here, the same bytes each time.
wheelhouse: wheel
	$(WHEEL) multi_key_dict
	$(BIN)/python -m mlagent.render.pins $(WHEELHOUSE)/multi_key_dict-*.whl
	$(BIN)/python -m pip download --quiet --find-links $(WHEELHOUSE) --disable-pip-version-check --only-binary :all: --constraint constraints.txt \
	  --dest $(WHEELHOUSE) "$$(echo $(WHEELHOUSE)/mlagent-*.whl)[$(EXTRAS)]"
	$(BIN)/mlagent render --pins $(WHEELHOUSE) --extras $(EXTRAS)

wheel: $(STAMP)
	rm -rf $(WHEELHOUSE)
	mkdir -p $(WHEELHOUSE)
	printf '%s\n' hatchling==1.27.0 setuptools==84.2.1 multi_key_dict==2.0.3 > dist/build-requirements.txt
	$(WHEEL) .
	$(BIN)/python -m mlagent.render.pins $(WHEELHOUSE)/mlagent-*.whl

clean:
	rm -rf $(VENV) demo
