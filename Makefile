# About eight verbs. Each sets up what it needs in .venv and touches nothing else on the machine.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
READY := $(VENV)/.ready
CLIENTS := $(VENV)/.clients
OLDER_SDK := $(VENV)/.older-sdk/.ready

.PHONY: help demo run sandbox test clients image check chaos bench lock clean
.DEFAULT_GOAL := help

help: ## what each verb does
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/'

demo: $(READY) ## the whole story on the embedded sandbox, then exit
	$(BIN)/psa-connector demo

run: $(READY) ## the service with everything local, until Ctrl-C
	$(BIN)/psa-connector run --sandbox

sandbox: $(READY) ## only the outside world: a local Service Bus and Dataverse
	$(BIN)/psa-connector sandbox

test: $(READY) ## every test
	$(BIN)/python -m pytest -q -n 4

clients: $(CLIENTS) $(OLDER_SDK) ## other people's clients against the sandbox: Microsoft's for Python, and npm's where Node is
	$(BIN)/python -m pytest -q tests/sandbox/clients -o python_files='client_*.py'

image: $(READY) ## what the container image would hold, made and started without a container
	$(BIN)/python -m pytest -q tests/infra -o python_files='image_*.py'

check: $(READY) ## lint, format, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

chaos: $(READY) ## entries and invoices through storms, and known mistakes found out; CHAOS_SEED repeats one
	$(BIN)/python -m pytest -q -p no:randomly tests/chaos -o python_files='chaos_*.py' -o python_functions='chaos_*' -o timeout=3600 -s

bench: $(READY) ## timings as ratios, one JSON object a line; BENCH_FULL=1 for all circumstances
	$(BIN)/python -m pytest -q -p no:randomly tests/benchmarks -o python_files='bench_*.py' -o python_functions='bench_*' -s

lock: $(READY) ## resolve the dependencies anew
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --group dev pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --group clients -c requirements.lock pyproject.toml -o requirements-clients.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --all-extras -c requirements.lock pyproject.toml -o requirements-runtime.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --group pyproject.toml:build -c requirements.lock -o requirements-build.lock
	echo azure-servicebus==7.14.3 | $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header - -o requirements-older-sdk.lock

clean: ## remove what the other verbs made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("PSA Connector needs Python 3.11 or newer; this is %d.%d. Try: make PYTHON=python3.12" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(READY)

$(CLIENTS): $(READY) requirements-clients.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-clients.lock
	touch $(CLIENTS)

$(OLDER_SDK): $(READY) requirements-older-sdk.lock
	$(PYTHON) -m venv $(VENV)/.older-sdk
	$(patsubst $(VENV)/%,$(VENV)/.older-sdk/%,$(BIN))/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-older-sdk.lock
	touch $(OLDER_SDK)
