# Everything is installed into .venv by pip, from the hash-pinned locks in requirements/, with the machine's own pip
# configuration. A stamp file for each set of packages makes every target quick when nothing has changed.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check

VENV_STAMP    := $(VENV)/.stamp-venv
RUNTIME_STAMP := $(VENV)/.stamp-runtime
DEV_STAMP     := $(VENV)/.stamp-dev
NODE_STAMP    := $(VENV)/.stamp-node
TOOLS_STAMP   := $(VENV)/.stamp-tools

# The project itself, editable. Its dependencies and its build backend are installed already, from the locks.
INSTALL_PROJECT := $(PIP) install --quiet --no-deps --no-build-isolation --editable .

# One resolution for every supported Python and platform: markers, not the machine that ran it, decide what is installed.
# (Python 3.11.2 needs async-timeout, for one, and 3.11.3 does not.) The hashes of all wheels are in the lock.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(UPGRADE)

# The page. Does nothing when it is up to date; finds a Node, or installs one into .venv.
PLAYGROUND := $(BIN)/python playground/build.py
# The scripts of /docs and /redoc. Does nothing when they are there; uses the npm of the Node above.
API_PAGES  := $(BIN)/python api_pages/fetch.py

# The image, and what builds it: a Docker engine where one runs, else podman, else buildah. The format is Docker's, because
# OCI's has no health check.
VERSION    := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
IMAGE      ?= mamba-server
BASE_IMAGE ?= python:3.11-slim
BUILDER    ?= $(shell if docker info > /dev/null 2>&1; then echo docker build; \
	elif command -v podman > /dev/null; then echo podman build --format docker; else echo buildah build --format docker; fi)

# Further arguments of the command that a target runs: make test ARGS="tests/domain -x", make run ARGS="--config-dir /etc/mamba".
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run install install-dev install-node test cover check format lint types imports repository \
	playground api-pages bench build wheels image lock sbom licenses audit clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# -- use ---------------------------------------------------------------------------------------------------------------

run: $(RUNTIME_STAMP) ## Start the server; with the offline demo model when there is no OpenAI key
	@$(PLAYGROUND) || echo "The server starts without its page; the API works."
	@$(API_PAGES) || echo "The server starts without /docs and /redoc; /openapi.json is served."
	@if [ -n "$$OPENAI_API_KEY$$MAMBA_OPENAI__API_KEY" ] \
		|| grep -qsE '^[^#]*(api_key|base_url|adapter)' settings.local.toml .secrets.toml config.local.yaml; then \
		exec $(BIN)/mamba-server serve $(ARGS); \
	else \
		echo "No OPENAI_API_KEY: serving the offline demo model (mamba-server serve --demo)."; \
		exec $(BIN)/mamba-server serve --demo $(ARGS); \
	fi

install: $(RUNTIME_STAMP) ## Install what the server needs into .venv

install-dev: $(DEV_STAMP) ## Install what the server, its extras, the tests and the checks need into .venv

install-node: $(NODE_STAMP) ## Install the npm clients that the tests run

playground: $(RUNTIME_STAMP) ## Build the page that the server shows at /
	@$(PLAYGROUND)

# After the page, which installs a Node where there is none.
api-pages: playground ## Fetch what the server shows at /docs and /redoc
	@$(API_PAGES)

# -- work --------------------------------------------------------------------------------------------------------------

test: $(DEV_STAMP) $(NODE_STAMP) ## Run the tests; ARGS="tests/domain -x" for some of them
	@$(PLAYGROUND) --dev
	@$(API_PAGES)
	$(BIN)/python -m pytest $(ARGS)

cover: $(DEV_STAMP) ## Run the domain's tests; every line and branch of the domain must be covered
	$(BIN)/python -m pytest tests/domain --cov=mamba_domain --cov-report=term --cov-fail-under=100 $(ARGS)

check: lint types imports repository ## Check format, lint, types, the import law, the locks and the repository's text

lint: $(DEV_STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(DEV_STAMP)
	$(BIN)/mypy

imports: $(DEV_STAMP)
	$(BIN)/lint-imports

repository: $(DEV_STAMP)
	$(BIN)/python -m pytest --quiet tests/architecture

format: $(DEV_STAMP) ## Format the source and fix what ruff can fix
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(DEV_STAMP) ## Measure what a relayed delta, a stream and a request cost, beside a bare relay
	$(BIN)/python -m tests.benchmarks $(ARGS)

# -- release -----------------------------------------------------------------------------------------------------------

build: $(RUNTIME_STAMP) playground api-pages ## Build the wheel into dist/, the same bytes for the same commit
	rm -f dist/*.whl
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(PIP) wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@sha256sum dist/*.whl

# For a base image with this machine's minor release of Python: then the image is built without a network. What only older
# patch releases need is fetched as well, because Debian's may be older than this machine's.
wheels: $(RUNTIME_STAMP) ## Download the wheels that the image installs into dist/wheels
	rm -rf dist/wheels
	@mkdir -p build
	sed -E "s/ ; python_full_version < '[0-9]+\.[0-9]+\.[0-9]+'//" requirements/image.lock > build/wheels.lock
	$(PIP) download --quiet --only-binary :all: --require-hashes --requirement build/wheels.lock --dest dist/wheels

image: build ## Build the image mamba-server; BASE_IMAGE=... for another base, BUILDER="podman build" for another tool
	$(BUILDER) --file Containerfile --tag $(IMAGE):$(VERSION) --tag $(IMAGE):latest \
		--build-arg BASE_IMAGE=$(BASE_IMAGE) --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) .

lock: $(TOOLS_STAMP) ## Renew requirements/*.lock from pyproject.toml; UPGRADE=--upgrade for newer releases
	$(LOCK) pyproject.toml --all-extras --group build --output-file requirements/dev.lock
	$(LOCK) pyproject.toml --constraint requirements/dev.lock --output-file requirements/runtime.lock
	$(LOCK) pyproject.toml --extra redis --extra otel --extra mcp --constraint requirements/dev.lock --output-file requirements/image.lock
	$(LOCK) --group build --constraint requirements/dev.lock --output-file requirements/build.lock
	$(LOCK) --group tools --constraint requirements/dev.lock --output-file requirements/tools.lock
	$(LOCK) --group page --constraint requirements/dev.lock --output-file requirements/page.lock

# The packages of the image alone, in an environment of their own, whose metadata the bill is made from.
sbom: $(TOOLS_STAMP) ## Write the bill of materials of the image's packages to dist/ (CycloneDX)
	rm -rf build/sbom
	$(BIN)/python -m venv --without-pip build/sbom
	$(PIP) --python build/sbom/bin/python install --quiet --require-hashes --requirement requirements/image.lock
	@mkdir -p dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/cyclonedx-py environment --pyproject pyproject.toml \
		--output-reproducible --output-format JSON --output-file dist/mamba-server-$(VERSION).cdx.json build/sbom/bin/python
	@ls -l dist/*.cdx.json

licenses: $(DEV_STAMP) ## List the licenses of what is shipped; fails for one that is not allowed
	$(BIN)/python supply_chain/licenses.py

audit: $(TOOLS_STAMP) ## Look up the locked packages in the database of known vulnerabilities
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements/image.lock \
		|| { echo "Not a clean audit: pip-audit says above what it found, or that it could not ask its database."; exit 1; }

clean: ## Remove .venv and everything that was built or cached
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
	rm -rf tests/sdk/node_modules playground/node_modules playground/.built
	rm -rf mamba_adapters/http/static/playground* mamba_adapters/http/static/api_pages
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- .venv -------------------------------------------------------------------------------------------------------------

$(VENV_STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: name one with  make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(RUNTIME_STAMP): $(VENV_STAMP) requirements/runtime.lock requirements/build.lock pyproject.toml
	$(PIP) install --quiet --require-hashes --requirement requirements/runtime.lock
	$(PIP) install --quiet --require-hashes --requirement requirements/build.lock
	$(INSTALL_PROJECT)
	@touch $@

# The development lock holds the runtime's and the build's packages too, at the same versions.
$(DEV_STAMP): $(VENV_STAMP) requirements/dev.lock requirements/runtime.lock requirements/build.lock pyproject.toml
	$(PIP) install --quiet --require-hashes --requirement requirements/dev.lock
	$(INSTALL_PROJECT)
	@touch $(RUNTIME_STAMP) $@

$(NODE_STAMP): $(DEV_STAMP) $(wildcard tests/sdk/install.py tests/sdk/package.json tests/sdk/package-lock.json)
	$(BIN)/python -m tests.sdk.install
	@touch $@

$(TOOLS_STAMP): $(DEV_STAMP) requirements/tools.lock
	$(PIP) install --quiet --require-hashes --requirement requirements/tools.lock
	@touch $@
