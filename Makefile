# Everything a newcomer types. `make play` and `make test` set up their own environment first.
PYTHON ?= python3
VENV := .venv
# Of the tests: some wait for processes of their own, so one more than there are cores.
WORKERS := $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )))
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LIVE := $(VENV)/.live

.PHONY: play setup test check live prove prove-one record conformance format lint types imports bench clean

play: setup
	@$(BIN)/dropprod play payment-pool

setup: $(READY)

$(READY): pyproject.toml hatch_build.py simulator/engine/kernel.py simulator/engine/kernel.pxd simulator/engine/codes.py
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $(READY)

test: setup
	$(BIN)/python -m pytest -n $(WORKERS)

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports

check: lint types imports test prove-one

# What takes a browser, a whole build, kills or thousands of requests: tests/live, five minutes on two idle cores. What the machine lacks is skipped.
# After it, in full, what a plain run only samples.
$(LIVE): $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,browser,fuzz]'
	@touch $(LIVE)

live: $(LIVE)
	DROPPROD_LIVE=1 $(BIN)/python -m pytest -n 0 -rs tests/live
	DROPPROD_LIVE=1 $(BIN)/python -m pytest -n auto $$(grep -rlE --include='*.py' 'DROPPROD_LIVE|tests\.depth' tests/agent tests/simulator)

# The schema of every scenario and the cause that its file names: two minutes on two cores.
prove-one: setup
	$(BIN)/dropprod lint --seed 1 --progress

# Every scenario and every variant of its cause: ten minutes on two cores. One of them: `dropprod lint ID`.
prove: setup
	$(BIN)/dropprod lint --progress

# Ask the real tools again (kubectl 1.32, prometheus, psql and PostgreSQL 15, redis 7): fixtures of the differential tests.
PG_BIN ?= /usr/lib/postgresql/15/bin
KUBECTL ?= kubectl

record: setup
	$(BIN)/python -m tests.simulator.recorders.kubectl $(KUBECTL)
	$(BIN)/python -m tests.simulator.recorders.promql
	$(BIN)/python -m tests.simulator.recorders.psql $(PG_BIN)
	$(BIN)/python -m tests.simulator.recorders.redis
	$(BIN)/python -m benchmarks.tools --write

# A few networks in both engines, half a minute: fails when a bar is missed that was met.
conformance: setup
	$(BIN)/python -m benchmarks.conformance --quick

bench: setup
	$(BIN)/dropprod bench

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
