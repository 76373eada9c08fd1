# `make demo` and `make test` do everything from an empty machine: environment, install, run.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# EXTRAS=test,train also runs the tests of training, which need torch.
EXTRAS ?= test

.PHONY: demo test lint bench docs clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.core
	$(BIN)/mien demo --out demo

test: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

lint: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy

bench: $(VENV)/.test
	$(BIN)/pip install -q -e ".[bench]"
	for script in embedder route fpir search startup memory metrics; do $(BIN)/python benchmarks/$$script.py || exit; done

docs: $(VENV)/.test
	$(BIN)/python -m pip install -q -e ".[docs]"
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) build dist site demo .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.core: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -e .
	touch $@

$(VENV)/.test: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -e ".[$(EXTRAS)]"
	touch $@ $(VENV)/.core
