# Everything here works on a fresh clone with Python >= 3.11, make and pip.
PYTHON ?= python3
PYTEST_ARGS ?= -n 2
MINUTES ?= 60
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run demo test test-llm test-prefect check audit bench requirements format clean lock

run: .venv/run.stamp ## set everything up and serve on the embedded database
	@$(BIN)/tocsin serve

demo: .venv/run.stamp ## play captured requests through a running gateway
	@$(BIN)/tocsin demo

test: .venv/dev.stamp check ## set everything up and run every test
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh tests/system-packages.sh
	$(BIN)/python -m pytest $(PYTEST_ARGS)
	@$(BIN)/python -m tests.requirements

test-llm: .venv/llm.stamp ## failure summaries with a real, small model on this machine (takes a while)
	$(BIN)/python -m tests.summarizer.evaluation --model --minutes $(MINUTES)

test-prefect: .venv/dev.stamp .venv-prefect/stamp ## real flows on a real Prefect server, and what becomes of them (some minutes)
	$(BIN)/python -m pytest tests/upstream/prefect_trial/trial.py

check: .venv/dev.stamp audit ## lint, types, floors, packages
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: .venv/dev.stamp ## packages: pinned by hash, licences, and known holes where they can be asked
	@$(BIN)/python -m tests.audit

bench: .venv/dev.stamp ## speed, as ratios measured in one run
	$(BIN)/python -m tests.bench

requirements: .venv/dev.stamp ## each requirement with its tests
	$(BIN)/python -m tests.requirements --list

format: .venv/dev.stamp
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: ## write the lock files anew (needs uv)
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 pyproject.toml --group build -o requirements.lock
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 pyproject.toml --extra otel --group build --group dev -o requirements-dev.lock
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 pyproject.toml --extra otel --group build -c requirements.lock -o requirements-otel.lock
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 --group llm -o requirements-llm.lock
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 --group prefect -o requirements-prefect.lock

clean:
	rm -rf .venv .venv-prefect

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tocsin needs Python 3.11 or newer; say which: make run PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

.venv/run.stamp: requirements.lock pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/run.stamp
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

.venv/llm.stamp: requirements-llm.lock .venv/dev.stamp
	$(BIN)/pip install --quiet --require-hashes -r requirements-llm.lock
	@touch $@

.venv-prefect/stamp: requirements-prefect.lock | .venv/bin/python
	$(BIN)/python -m venv .venv-prefect
	.venv-prefect/bin/pip install --quiet --require-hashes -r requirements-prefect.lock
	@touch $@
