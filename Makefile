# Needs Python 3.11 to 3.13 with venv. Everything else is installed into .venv, from requirements.lock, hashes checked.

PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.set-up-from-lock
# sqlfluff has dbt compile the SQL, for which dbt wants a warehouse, be it empty.
LINT_DATA := target/lint

export DAGSTER_HOME ?= $(CURDIR)/dagster_home
ifdef SOURCE
export ROUTERSCOPE_SOURCE := $(SOURCE)
endif
ifdef REPLAY_DIR
export ROUTERSCOPE_REPLAY_DIR := $(REPLAY_DIR)
endif

.PHONY: help run simulator ui up rollback test bench docs lint format lock clean

help:
	@echo "make run                                     fetch, build, check, publish; SOURCE=live, or else simulator"
	@echo "make run SOURCE=replay REPLAY_DIR=<folder>   the same from recorded responses"
	@echo "make run ARGS=--help                         what else can be asked for"
	@echo "make simulator [PORT=8080]                   a synthetic OpenRouter on http://127.0.0.1:8080/api/v1"
	@echo "make ui [PORT=3000]                          Dagster's UI on http://127.0.0.1:3000, for looking"
	@echo "make up SOURCE=live [PORT=3000]              the same with schedules, alerts, and buttons that start runs"
	@echo "make rollback                                publish the generation before this one again"
	@echo "make test                                    every test"
	@echo "make bench                                   how long things take, and how much memory they need"
	@echo "make docs                                    write anew what programs make in README and docs/"
	@echo "make lint                                    formatting, lint, types"
	@echo "make format                                  mend what lint can mend"
	@echo "make lock [ARGS=--upgrade]                   pin what pyproject.toml asks for [in the newest versions]"
	@echo "make clean                                   remove what was built; data/ stays"

$(SETUP): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	    || { echo "Routerscope needs Python 3.11 to 3.13; $(PYTHON) is another. Give one: make run PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv from requirements.lock (once, about two minutes) …"
	@rm -rf .venv
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "No virtual environment could be made. On Debian: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run:
	@$(MAKE) --no-print-directory --silent $(SETUP)
	@$(BIN)/python -m orchestration.cli.run run $(ARGS)

simulator: $(SETUP)
	@$(BIN)/python -m orchestration.openrouter.simulator --port $(or $(PORT),8080)

ui up: $(SETUP)
	@$(BIN)/python -m orchestration.cli.run $@ --port $(or $(PORT),3000)

rollback: $(SETUP)
	@$(BIN)/python -m orchestration.cli.run rollback

test: $(SETUP)
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

bench: $(SETUP)
	@$(BIN)/python tests/benchmarks/bench.py

# From the recorded responses that the tests use.
docs: $(SETUP)
	@UPDATE_DOCS=1 $(BIN)/python -m pytest -q tests/pipeline/test_documents.py tests/pipeline/test_readme.py \
	    tests/pipeline/test_docs.py::test_the_command_line_is_what_help_says \
	    tests/faults/test_corruptions.py::test_documented_corruptions_are_the_tested_ones

lint: $(SETUP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@mkdir -p $(LINT_DATA) && ROUTERSCOPE_DATA_DIR=$(LINT_DATA) $(BIN)/sqlfluff lint models dbt_project/tests

format: $(SETUP)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@mkdir -p $(LINT_DATA) && ROUTERSCOPE_DATA_DIR=$(LINT_DATA) $(BIN)/sqlfluff fix models dbt_project/tests

# What is pinned stays so, unless pyproject.toml no longer admits it or ARGS=--upgrade. A lock that says the same is left
# untouched: a newer one has .venv made anew.
lock: $(SETUP)
	@mkdir -p target && cp requirements.lock target/
	@$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header --quiet \
	    --group dev --output-file target/requirements.lock $(ARGS) pyproject.toml
	@cmp --silent target/requirements.lock requirements.lock || cp target/requirements.lock requirements.lock

clean:
	rm -rf .venv target logs .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find dagster_home -mindepth 1 ! -name dagster.yaml -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
