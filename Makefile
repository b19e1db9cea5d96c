# Everything that is done with this repository. Needs Python 3.11 or newer, git and make.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

# Hundreds of short processes: let Python keep what it has compiled, whatever the caller prefers.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo test test-fast test-e2e check bench clean

help:
	@echo "make demo      a robot of five nodes, launched with one command, for some seconds"
	@echo "make install   peppy and its tools, into $(VENV)"
	@echo "make test      all tests: the fast ones, then those with real processes"
	@echo "make check     format, lint and types"
	@echo "make bench     measurements; QUICK=1 for fewer samples, in under two minutes"
	@echo "make clean     remove what these made"

install: $(INSTALLED)

$(INSTALLED): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "peppy needs Python 3.11 or newer; try: make PYTHON=python3.11")'
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "Installing peppy and its tools into $(VENV)..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(PY) -m compileall -q peppy peppylib
	@touch $@

demo: $(INSTALLED)
	@$(PY) examples/demo.py

test: test-fast test-e2e

test-fast: $(INSTALLED)
	$(PY) -m pytest -n 3 -m "not e2e"

# Four at a time: they wait for processes most of the time. In order: what computes comes first.
test-e2e: $(INSTALLED)
	$(PY) -m pytest -n 4 --dist loadfile --no-loadscope-reorder -m "e2e and not alone"
	$(PY) -m pytest -m alone tests/e2e

check: $(INSTALLED)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/pyright

bench: $(INSTALLED)
	@for bench in benchmarks/bench_*.py; do echo "== $$bench"; $(PY) $$bench $(if $(QUICK),--quick) || exit 1; done

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
