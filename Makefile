# `make demo`, `make check` and `make test` do everything from an empty machine: environment,
# install, run. constraints.txt holds the version of torch, so that all test with the same one.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# EXTRAS=test leaves torch out; the tests of training are then skipped.
EXTRAS ?= test,train
comma := ,
READY := $(VENV)/.$(subst $(comma),-,$(EXTRAS))

.PHONY: demo check test test-web test-fuzz style types core lint bench docs clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.core
	$(BIN)/mien demo --out demo

# The fast part: everything but tests that are slow, or need weights or real pictures.
check: $(READY)
	$(MAKE) --jobs=2 --output-sync=target style types core

test: $(READY) style types
	$(BIN)/pytest -n auto

# The web page: its types and functions, whether the built files are those of the sources, and each
# screen in Chromium. Needs Node and Chromium (apt-get install nodejs npm chromium).
test-web: $(READY)
	$(BIN)/python -m pip install -q -e ".[page]"
	cd web && npm ci --no-audit --no-fund && npm run api && npm run check && npm run build
	git diff --exit-code --stat -- src/mien/server/static web/src/api
	MIEN_PAGE=1 $(BIN)/pytest tests/page

# Requests that schemathesis makes from the OpenAPI, 40 per operation: none may make the server fail.
test-fuzz: $(READY)
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[fuzz]"
	$(BIN)/pytest -n auto tests/server/test_fuzz.py

style: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

core: $(READY)
	$(BIN)/pytest -n auto -m "not slow and not weights and not realdata"

lint: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/pip install -q -e ".[bench]"
	for script in embedder route search startup memory metrics; do $(BIN)/python benchmarks/$$script.py || exit; done
	$(BIN)/python benchmarks/rates.py --vectors build/vectors

docs: $(READY)
	$(BIN)/python -m pip install -q -e ".[docs]"
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) build dist site demo .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.core: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -e .
	touch $@

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[$(EXTRAS)]"
	touch $@ $(VENV)/.core
