# Every target is a short word for the plain commands in the README.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo demo-clean up down deploy test lint bench lock

demo: $(VENV)/runtime
	$(BIN)/monstock-xero demo

demo-clean:
	rm -rf .demo

up: $(VENV)/runtime
	$(BIN)/monstock-xero up

down: $(VENV)/runtime
	$(BIN)/monstock-xero down

# All deployments to the Prefect server of PREFECT_API_URL, with their work pool.
deploy: $(VENV)/runtime
	$(BIN)/prefect work-pool inspect monstock-xero >/dev/null 2>&1 || \
		$(BIN)/prefect --no-prompt work-pool create monstock-xero --type process
	$(BIN)/prefect --no-prompt deploy --all
	$(BIN)/python -m deployments.automations

test: $(VENV)/dev lint
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev
	$(BIN)/python -m tests.benchmarks

# A virtual environment from the lock file: every version pinned, every file checked by its hash.
$(VENV)/runtime: requirements.lock pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
		(echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what requirements.lock pins into $(VENV), once ..."
	$(BIN)/python -m pip install --require-hashes -r requirements.lock -c requirements.lock
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps -e .
	$(BIN)/python -m compileall -q flows tasks deployments
	touch $@

$(VENV)/dev: requirements-dev.lock $(VENV)/runtime
	$(BIN)/python -m pip install --require-hashes -r requirements-dev.lock -c requirements-dev.lock
	touch $@

# Needs uv. Pins what pyproject.toml allows, for every supported Python.
LOCK := uv pip compile pyproject.toml --extra server --universal --generate-hashes --python-version 3.11 --no-header --no-annotate --quiet
lock:
	$(LOCK) --group build -o requirements.lock
	$(LOCK) --group build --group dev --group real -c requirements.lock -o requirements-dev.lock
