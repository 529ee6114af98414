# Every target sets up its own virtualenv on a bare machine: python3 >= 3.11 with venv, make, git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
RUN_STAMP := $(VENV)/.run-requirements
DEV_STAMP := $(VENV)/.dev-requirements
# The programs start many times in a test run: an environment that forbids compiled modules would double their starts.
unexport PYTHONDONTWRITEBYTECODE
ASYNC_VENV := .venv-ib-async
ASYNC_STAMP := $(ASYNC_VENV)/.requirements
CLIENTS := .venv-clients
CLIENTS_STAMP := $(CLIENTS)/.requirements
MUTATION := .venv-mutation
MUTATION_STAMP := $(MUTATION)/.requirements
CLIENT_FILES := tests/conformance/clients
NOT_AGAIN := --ignore tests/conformance/test_other_library.py --ignore tests/conformance/test_other_clients.py

.DEFAULT_GOAL := help
.PHONY: help setup run test test-history conformance conformance-ib-insync conformance-ib-async clients fuzz campaign planted mutate check pictures bench drill presses docs clean clean-venv

help: ## what there is to do
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

ifeq ($(UV),)
install = $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1) && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
else
install = VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip install --quiet --require-hashes -r $(1) && \
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation -e .
endif

$(RUN_STAMP): requirements.txt pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV) (once)"
	@$(call install,requirements.txt)
	@touch $@

$(DEV_STAMP): requirements-dev.txt pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV) with the development tools (once)"
	@$(call install,requirements-dev.txt)
	@touch $@ $(RUN_STAMP)

setup: $(RUN_STAMP) ## virtualenv with what the bot needs

run: $(RUN_STAMP) ## the whole story on a simulated gateway: about fifteen sessions in two to four minutes
	@$(BIN)/condor sim --scenario flip --state var/run --fresh --web

test: $(DEV_STAMP) ## the whole test suite
	@$(BIN)/python -m pytest -n 2 --dist worksteal

test-history: $(DEV_STAMP) ## real market days end to end (needs the folder of market data; minutes)
	@$(BIN)/python -m pytest -m "slow" tests/flow -p no:xdist

$(ASYNC_STAMP): tests/conformance/requirements-ib-async.txt
	@echo "setting up $(ASYNC_VENV) (once)"
	@$(PYTHON) -m venv $(ASYNC_VENV)
	@$(ASYNC_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

conformance: $(DEV_STAMP) $(ASYNC_STAMP) ## one suite, two client libraries side by side, five protocol versions, over TCP
	@$(MAKE) --no-print-directory -j2 --output-sync=target conformance-ib-insync conformance-ib-async

conformance-%: export CONFORMANCE_VERSIONS := 157,163,164,170,176
conformance-%: export CONDOR_PYTHON := $(CURDIR)/$(BIN)/python
conformance-ib-insync:
	@$(BIN)/python -m pytest -p no:xdist tests/conformance $(NOT_AGAIN)
conformance-ib-async:
	@$(ASYNC_VENV)/bin/python -m pytest --confcutdir tests/conformance tests/conformance $(NOT_AGAIN)

clients: $(DEV_STAMP) $(CLIENTS_STAMP) ## clients of other makers (IB's own, three versions; Node) check themselves
	@$(BIN)/python -m pytest -p no:xdist -rs tests/conformance/test_other_clients.py

$(CLIENTS_STAMP): $(wildcard $(CLIENT_FILES)/requirements-*.txt) $(CLIENT_FILES)/node/package-lock.json
	@echo "setting up $(CLIENTS) (once)"
	@for version in 9.81 10.19 10.46; do \
		$(PYTHON) -m venv $(CLIENTS)/ibapi-$$version && \
		$(CLIENTS)/ibapi-$$version/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
			-r $(CLIENT_FILES)/requirements-ibapi-$$version.txt || exit 1; \
	done
	@mkdir -p $(CLIENTS)/node && cp $(CLIENT_FILES)/node/package*.json $(CLIENTS)/node
	@if command -v npm >/dev/null; then npm ci --silent --prefix $(CLIENTS)/node; \
		else echo "npm is not here: the Node client is left out"; fi
	@touch $@

fuzz: $(DEV_STAMP) ## a million hostile frames against the gateway (a few minutes)
	@$(BIN)/python -m pytest -n 2 -m slow tests/sim/fuzz

SEEDS ?= 0..99
campaign: $(DEV_STAMP) ## simulated hours under faults by lot, judged by the gateway's ledger (SEEDS=A..B, four families)
	@$(BIN)/python -W ignore -m tests.campaign --seeds $(SEEDS)

planted: $(DEV_STAMP) ## plants dozens of small wrong changes, one at a time; a test must find each (half an hour)
	@$(BIN)/python -m tests.planted

$(MUTATION_STAMP): tests/mutation/requirements.txt
	@echo "setting up $(MUTATION) (once)"
	@$(PYTHON) -m venv $(MUTATION)
	@$(MUTATION)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

mutate: $(DEV_STAMP) $(MUTATION_STAMP) ## mutation testing of the gate and the order machine (hours)
	@$(BIN)/python -m tests.mutation

check: $(DEV_STAMP) ## style, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

pictures: $(DEV_STAMP) ## pictures of dashboard and report in docs/pictures (needs chromium; minutes)
	@$(BIN)/python -m benchmarks.pictures

bench: $(DEV_STAMP) ## measured ratios against peers, in one table each
	@$(BIN)/python -m benchmarks

drill: $(RUN_STAMP) ## presses every kill trigger and FLATTEN against a simulated gateway and times it (ten minutes)
	@$(BIN)/python -m benchmarks.drill var
	@$(BIN)/python -m benchmarks.kill_press

presses: $(DEV_STAMP) ## ten thousand kill presses at random steps of the loop on virtual time (hours)
	@$(BIN)/python -W ignore -m tests.campaign --presses 10000

docs: $(DEV_STAMP) ## regenerate the parts of docs/ that are made from the code
	@$(BIN)/python -m bot.docs

clean: ## remove what running and testing left behind
	rm -rf var .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

clean-venv: ## remove the virtualenv
	rm -rf $(VENV) $(ASYNC_VENV) $(CLIENTS) $(MUTATION) .venv-bench
