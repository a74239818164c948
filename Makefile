# Two commands do everything: `make serve` sets up and serves, `make test` sets up and runs all tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The torch build that the models were trained and tested with; any 2.x works.
TORCH ?= torch==2.13.0
HOST ?= 127.0.0.1
PORT ?= 8000
DATA ?= data

.PHONY: serve test check bench eval clean

serve: $(VENV)/.serve
	$(BIN)/depesche serve --host $(HOST) --port $(PORT)

test: $(VENV)/.test
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks.engines
	$(BIN)/python -m benchmarks.load $(if $(wildcard $(DATA)/eval),--data $(DATA)) --record $(ARGS)

eval: $(VENV)/.test
	$(BIN)/python -m benchmarks.quality --data $(DATA) $(ARGS)

# Without torch: the embedded models run on CTranslate2.
$(VENV)/.serve: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.test: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[torch,train,dev]"
	touch $@ $(VENV)/.serve

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
