# The two main commands: `make serve` installs and starts the service, and `make test` installs everything and runs all tests.
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
# Number of test files that run in parallel. Tests of a server mostly wait, so four files keep two cores busy.
JOBS ?= 4
# Files that the spelling check (PAGES) and the plain-English check (PROSE) read.
PAGES = $(wildcard *.md) $(wildcard docs/*.md) $(wildcard docs/contributing/*.md) docs/adr/002* docs/api/*.md clients/*/README.md examples/*.md .github
PROSE ?= $(wildcard *.md) docs clients examples models/README.md k8s tools .github service/backfill service/cache service/cleaning service/cli \
  service/documents service/generation service/http service/languages service/newsroom service/registry service/summarization \
  service/translation service/web service/app.py service/bounded.py service/domain.py service/errors.py service/events.py service/process.py service/results.py service/server.py \
  service/settings.py service/workers.py benchmarks container models/train models/marian models/pages
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' service/__init__.py)

.PHONY: serve production production-torch evaluation test check api bench eval lock rules pin-base pin-check sbom sign image clean
.PHONY: compose secrets types workflows prose docs ci version image-name smoke dist release-check release

serve: $(VENV)/.serve
	$(BIN)/depesche serve --host $(HOST) --port $(PORT)

test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/sizes.py
	$(BIN)/codespell $(PAGES)
	$(BIN)/python tools/prose.py $(PROSE)
	$(BIN)/python -m tools.api --check
	$(MAKE) workflows docs

types: $(VENV)/.test
	$(BIN)/mypy

# Works offline: zizmor does not call GitHub, and check-jsonschema includes these schemas.
workflows: $(VENV)/.test
	$(BIN)/zizmor --offline --no-progress --quiet --persona pedantic --strict-collection .github .pre-commit-config.yaml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/pre-commit validate-config

# Runs the plain-English check on everything. `make check` runs it only on $(PROSE), which already passes.
prose:
	$(PYTHON) tools/prose.py service models benchmarks container tests tools k8s examples docs .github $(wildcard *.md)

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Installs every program that a test may need, and runs the tests so that a skipped test fails.
ci:
	.ci/run

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks.load $(if $(AGAINST),--against $(AGAINST)) --record $(ARGS)
	$(BIN)/python -m benchmarks.latency $(if $(AGAINST),--against $(AGAINST)) --record
	$(if $(AGAINST),,$(BIN)/python -m benchmarks.engines --record)

eval: $(VENV)/.test
	$(BIN)/python -m benchmarks.quality --data $(DATA) $(ARGS)

# Writes docs/api from the models. `make check` fails if a file is out of date. ARGS=--breaking also writes breaking changes.
api: $(VENV)/.test
	$(BIN)/python -m tools.api $(ARGS)

# `lock` generates the requirements of the image, and `rules` the alerts for the Prometheus operator. Both are committed.
lock: $(VENV)/.test
	$(BIN)/python -m container.lock

rules:
	$(PYTHON) k8s/monitoring/prometheusrule.py

# These targets need Docker and a registry.
pin-base:
	$(PYTHON) -m container.pin

# Fails if an image has no digest. The release workflow runs it.
pin-check:
	$(PYTHON) -m container.pin --check

# Writes the bill of materials of the image to build/sbom-cpu.json. It needs neither Docker nor the packages themselves.
sbom:
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -e $(VENV)/.test || $(BIN)/python -m pip install --quiet --disable-pip-version-check "cyclonedx-bom>=7,<8"
	$(BIN)/python -m container.sbom

# Signs the pushed image NAME@DIGEST with the identity of the workflow, so no key has to be stored.
sign:
	cosign sign --yes "$(IMAGE)"

image:
	docker build --target $(TARGET) --tag $(IMAGE):$(VERSION)-$(TARGET) --build-arg VERSION=$(VERSION) \
	  --build-arg REVISION=$$(git rev-parse HEAD) $(if $(TORCH_INDEX_URL),--build-arg TORCH_INDEX_URL=$(TORCH_INDEX_URL)) .

# Builds and starts the services in compose.yaml. The secrets in .env stay the same, so that the cache stays readable.
compose: secrets
	docker compose up --build --detach --wait --wait-timeout 180

# Adds each missing secret to .env.
secrets:
	umask 077; touch .env
	grep -q '^DEPESCHE_CACHE_SEAL_KEY=' .env || printf 'DEPESCHE_CACHE_SEAL_KEY=%s\n' "$$(openssl rand -base64 32)" >> .env
	grep -q '^DEPESCHE_REDIS_PASSWORD=' .env || printf 'DEPESCHE_REDIS_PASSWORD=%s\n' "$$(openssl rand -hex 32)" >> .env

# Starts the services in compose.yaml with an existing image, and requests a translation and a summary.
smoke: secrets
	docker compose up --detach --no-build --wait --wait-timeout 180
	$(PYTHON) tools/smoke.py http://127.0.0.1:8000; status=$$?; \
	  test $$status = 0 || docker compose logs; docker compose down; exit $$status

version: # prints a line for GITHUB_OUTPUT in workflows
	@echo "version=$(VERSION)"

image-name:
	@echo "image=ghcr.io/$$(echo "$(GITHUB_REPOSITORY)" | tr '[:upper:]' '[:lower:]')"

dist: $(VENV)/.serve
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "hatchling>=1.27,<2"
	$(BIN)/python -m hatchling build

release-check:
	$(PYTHON) -m tools.release "$$TAG"

release: release-check
	mkdir -p build
	$(PYTHON) -m tools.release "$$TAG" > build/notes.md
	gh release create "$$TAG" --verify-tag --title "Depesche $$TAG" --notes-file build/notes.md dist/*

# Installs what `depesche models pull` needs. Neither converting safetensors nor serving the model requires torch.
production: $(VENV)/.serve
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[convert]"
	@echo "Next: $(BIN)/depesche models pull recommended"

# Also installs torch, which reads pickles (pytorch_model.bin) and compares converted models with their checkpoints.
production-torch: production
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[convert,torch]"

# Installs what `depesche evaluate` needs to score outputs against references.
evaluation: $(VENV)/.serve
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[evaluate]"

# Installs no torch, because the embedded models run on CTranslate2.
$(VENV)/.serve: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.test: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[convert,torch,train,dev]"
	touch $@ $(VENV)/.serve

# Installs only what the documentation site needs, without torch.
$(VENV)/.docs: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -e $(VENV)/.test || $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[docs]"
	touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis
