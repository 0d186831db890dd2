# make setup | demo | test | up | lint | bench | mutations
# Every target sets up by itself: a virtual environment in .venv, once, and again when
# pyproject.toml or constraints.txt change. Nothing outside this folder is touched.

SHELL     := /bin/sh
PYTHON    ?= python3
VENV      := .venv
BIN       := $(VENV)/bin
WORKSPACE ?= workspace
ARGS      ?=
# Processes the tests are spread over: one a core; 0 runs them in this one.
JOBS      ?= auto

# Somebody's own Python settings must not leak into the environment made here.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE PIP_TARGET PIP_PREFIX PIP_USER
export PIP_DISABLE_PIP_VERSION_CHECK := 1

INSTALL := $(BIN)/python -m pip install -qq -c constraints.txt

.PHONY: setup demo test up lint bench mutations
.DEFAULT_GOAL := setup

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("nurture needs Python 3.11 or newer; \"$(PYTHON)\" is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12")'
	@$(BIN)/python -c '' 2>/dev/null || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); } || { \
	  echo "No virtual environment could be made. On Debian or Ubuntu: apt install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@echo "Installing into $(VENV) (a minute or two, only when pyproject.toml or constraints.txt change)"
	@$(INSTALL) -e '.[test,lint]'
	@touch $@

$(VENV)/.ready-bench: $(VENV)/.ready
	@$(INSTALL) -e '.[bench]'
	@touch $@

demo: $(VENV)/.ready
	@$(BIN)/nurture demo $(ARGS)

up: $(VENV)/.ready
	@test -e $(WORKSPACE)/nurture.yaml || $(BIN)/nurture init $(WORKSPACE)
	@$(BIN)/nurture up --workspace $(WORKSPACE) $(ARGS)

test: $(VENV)/.ready
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

lint: $(VENV)/.ready
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python tests/architecture/size_gate.py

bench: $(VENV)/.ready-bench
	@$(BIN)/python -m benchmarks $(ARGS)

mutations: $(VENV)/.ready
	@$(BIN)/python -m tests.language.mutations $(ARGS)
