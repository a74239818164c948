# Two commands do everything: `make serve` sets up and serves, `make test` sets up and runs all tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The torch build that the models were trained and tested with; any 2.x works.
TORCH ?= torch==2.13.0
HOST ?= 127.0.0.1
PORT ?= 8000
DATA ?= data
IMAGE ?= depesche
TARGET ?= cpu
# Test files that run at once. Most wait for a server of theirs, which keeps to one core.
JOBS ?= 2
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' service/__init__.py)

.PHONY: serve test check bench eval lock rules pin-base image prove clean

serve: $(VENV)/.serve
	$(BIN)/depesche serve --host $(HOST) --port $(PORT)

test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile $(ARGS)

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks.load $(if $(AGAINST),--against $(AGAINST)) --record $(ARGS)
	$(BIN)/python -m benchmarks.latency $(if $(AGAINST),--against $(AGAINST)) --record
	$(if $(AGAINST),,$(BIN)/python -m benchmarks.engines --record)

eval: $(VENV)/.test
	$(BIN)/python -m benchmarks.quality --data $(DATA) $(ARGS)

# The image's requirements and the Prometheus operator's rules are written from their sources, and committed.
lock: $(VENV)/.test
	$(BIN)/python -m container.lock

rules:
	$(PYTHON) k8s/monitoring/prometheusrule.py

# These need a container engine and a registry; `make prove` needs neither, but root, debootstrap and buildah.
pin-base:
	$(PYTHON) -m container.pin

image:
	docker build --target $(TARGET) --tag $(IMAGE):$(VERSION)-$(TARGET) --build-arg VERSION=$(VERSION) \
	  --build-arg REVISION=$$(git rev-parse HEAD) $(if $(TORCH_INDEX_URL),--build-arg TORCH_INDEX_URL=$(TORCH_INDEX_URL)) .

prove:
	$(PYTHON) -m container.prove $(TARGET) $(ARGS)

# Without torch: the embedded models run on CTranslate2.
$(VENV)/.serve: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.test: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[convert,train,dev]"
	touch $@ $(VENV)/.serve

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis
