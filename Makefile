# Hiroba. `make` alone lists what there is; everything runs on a bare machine with Python 3.11.

BIN := .venv/bin
LOCKS := requirements/tools.txt requirements/dev.txt
# The first interpreter that runs and is new enough; override with `make PYTHON=…`.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
# Arguments for pytest: `make test PYTEST="-k survey"`. Two workers, because CI has two cores.
PYTEST ?= -n 2

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format bench faults lock

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready ## Make .venv from the hash-locked requirements (instant the second time)
	@:

# Locks first, then the project itself without another download.
.venv/.ready: pyproject.toml $(LOCKS)
	@test -n "$(PYTHON)" || { echo "Hiroba needs Python 3.11 or newer: install it, or run make PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/tools.txt
	@# A machine whose package mirror is known to pip alone is served by pip, more slowly.
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes $(LOCKS) \
		|| $(BIN)/python -m pip install --quiet --require-hashes $(LOCKS:%=-r %)
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## Start the sample community on SQLite and print what to open
	@$(BIN)/hiroba demo

test: setup check ## Check the house, then run every test
	@$(BIN)/pytest $(PYTEST)

check: setup ## Lint, format, types, imports, Dockerfile
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/hadolint Dockerfile

format: setup ## Format the code and apply the safe fixes
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

bench: setup ## Measure speed and memory beside a naive baseline (docs/figures/)
	@$(BIN)/python -m tests.bench

faults: setup ## Kill it 200 times and count what was lost or doubled
	@$(BIN)/python -m tests.faults

lock: setup ## Lock the dependencies of pyproject.toml again
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 \
		--group tools -o requirements/tools.txt
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 \
		pyproject.toml -o requirements/base.txt
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 \
		pyproject.toml --group dev -o requirements/dev.txt
