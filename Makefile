# Ringbridge: everything a person or a machine types. `make help` lists it.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
# uv is five times as fast; pip itself is for where uv cannot be had or does not find what pip finds.
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
UV = UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url)}}" \
  $(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --compile-bytecode --require-hashes
# Compiled modules are kept, whatever the shell says: without them each process compiles everything at its start.
export PYTHONDONTWRITEBYTECODE :=
SEED ?= 1
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup run demo test chaos soak bench lint audit format lock build stop clean

help: ## This list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP) ## Put everything into .venv/ and the shared cache
	@$(BIN)/ringbridge stack fetch

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer is needed as $(PYTHON): apt install python3, or make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "Python cannot make virtual environments here: apt install python3-venv" >&2; exit 1; }
	@echo "Installing Python packages into .venv, hashes checked: half a minute or so ..."
	@$(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/[^\]$$/p' requirements.lock > .venv/uv.lock
	@{ $(PIP) -r .venv/uv.lock && $(UV) -r requirements.lock; } 2>/dev/null || $(PIP) -r requirements.lock || \
	  { echo "The Python packages could not be installed: check the network, or name an index that can be reached" \
	    "in PIP_INDEX_URL, and that this disk has room; then try again" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: setup ## Start everything, place a real demo call, keep serving until Ctrl-C
	@exec $(BIN)/ringbridge run

demo: setup ## Place the demo call and exit; the call as JSON on the last line
	@$(BIN)/ringbridge demo

test: setup lint ## Every behaviour once, on a real Asterisk and Redis; WORKERS=n at a time
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

chaos: setup ## Faults at random under traffic, then an audit; seeded (SEED=n), two to three minutes
	@$(BIN)/python -m tests.chaos --seed $(SEED) $(ARGS)

soak: setup ## The full counts, seeded (SEED=n); results in soak-results/
	@$(PIP) -r requirements-fuzz.lock
	$(BIN)/python -m tests.soak --seed $(SEED)

bench: setup ## Side by side with bare Dial(); writes bench.json
	$(BIN)/python -m tests.bench

lint: $(STAMP) ## Style, types, floors
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

audit: $(STAMP) ## Known weaknesses of what is locked; 1: there are some, 3: nobody could be asked
	@$(BIN)/python -m tests.audit

format: $(STAMP) ## Let the tools put the style right
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(STAMP) ## Newest releases of all dependencies, with hashes and without addresses
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes --no-emit-index-url \
	  --no-header --extra dev --extra fast -o requirements.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes --no-emit-index-url \
	  --no-header --group fuzz -o requirements-fuzz.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes --no-emit-index-url \
	  --no-header --group audit -o requirements-audit.lock

build: $(STAMP) ## A wheel in dist/
	@$(BIN)/python -m build --wheel --no-isolation

stop: ## Stop the embedded servers of this folder
	@$(BIN)/ringbridge stack stop

clean: ## Remove what make made here (the shared cache stays)
	@[ ! -x $(BIN)/ringbridge ] || $(BIN)/ringbridge stack stop
	rm -rf .venv .ringbridge dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis soak-results bench.json
