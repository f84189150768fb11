# The whole of levada in a few words: `make build`, `make test`.
#   make build MODEL=tfc-w2a2 BOARD=pynq-z2 FLOW=simulate   an accelerator under build/MODEL-BOARD/
#   make train MODEL=tfc-w2a2                               trains a network of models/ again
MODEL ?= tfc-w2a2
BOARD ?= pynq-z2
FLOW  ?= simulate
ARGS  ?=
VENV  ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := build
.PHONY: setup build test test-deep bench bench-search bench-methods bench-designs qbench train cost-samples cost-fit cost-networks lint clean

setup: $(READY)

# finn-plus pins versions (brevitas 0.13.0, matplotlib, cmake, ...) that fit neither the
# current torch nor each other, yet its graph passes run with the newer ones; hls4ml is
# wanted only for the open ap_int/hls_stream headers in its wheel. So both are installed
# without dependencies, after the ones that their code really imports (pyproject.toml).
$(READY): pyproject.toml driver/pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "levada: $(PYTHON) must be Python 3.11 or newer with venv; on Debian: apt install python3-venv" >&2; exit 3; }
	@command -v g++ >/dev/null || { echo "levada: g++ is missing; on Debian: apt install g++" >&2; exit 3; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ./driver -e '.[dev]'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt finn-plus hls4ml
	$(BIN)/python -m levada.sim.prepare
	@touch $@

build: $(READY)
	$(BIN)/levada build $(MODEL) --board $(BOARD) --flow $(FLOW) $(ARGS)

train: $(READY)
	$(BIN)/levada train $(MODEL) $(ARGS)

test: $(READY)
	$(BIN)/pytest -n 2 --dist worksteal -m 'not deep' $(ARGS)

test-deep: $(READY)
	$(BIN)/pytest -n 2 --dist worksteal --deep $(ARGS)

bench: $(READY)
	$(BIN)/python -m tests.bench $(ARGS)

bench-search: $(READY)
	$(BIN)/python -m tests.bench_search
	$(BIN)/python -m tests.search_bars $(ARGS)
	$(BIN)/python -m tests.supernet_check

bench-methods: $(READY)
	$(BIN)/python -m tests.method_effects $(ARGS)

bench-designs: $(READY)
	$(BIN)/python -m tests.designs $(ARGS)

qbench: $(READY)
	$(BIN)/python -m tests.qbench $(ARGS)

cost-samples: $(READY)
	$(BIN)/python -m levada.cost.sampling

cost-fit: $(READY)
	$(BIN)/python -m levada.cost.fit

cost-networks: $(READY)
	$(BIN)/python -m levada.cost.networks $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.lint_hardware

clean:
	rm -rf build
