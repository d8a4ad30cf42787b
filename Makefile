# Needs Python 3.11 to 3.13 with venv. Everything else is installed into .venv from requirements.lock and, for tests,
# requirements-dev.lock, with hashes checked.
# The command line does the work: `.venv/bin/routerscope --help`.

PYTHON ?= python3
BIN := .venv/bin
ROUTERSCOPE := $(BIN)/routerscope
SETUP := .venv/.set-up
DEV_SETUP := .venv/.set-up-dev
PIP_OPTIONS := --quiet --disable-pip-version-check
# With the cache of compiled modules even if the environment switches it off: the tests start many processes.
PYTEST := env --unset=PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest
# One process more than cores, because tests wait for servers, browsers and runs that they share.
PYTEST_OPTIONS := --numprocesses $(shell expr $$(nproc) + 1) --maxprocesses 4 --dist loadgroup --no-loadscope-reorder
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header --quiet
# sqlfluff compiles the SQL with dbt, which needs a warehouse, even an empty one. It uses every core. The models about own
# calls have a target of their own.
LINT_DATA := target/lint
SQLFLUFF := $(BIN)/python tests/sqlfluff_fast.py
SQL_OPTIONS := --processes 0
OWN_SQL_OPTIONS := $(SQL_OPTIONS) --config models/own/.sqlfluff
LINT_ENVIRONMENT := ROUTERSCOPE_DATA_DIR=$(LINT_DATA)
OWN_LINT_ENVIRONMENT := $(LINT_ENVIRONMENT) DBT_TARGET_PATH=target/own-lint

ifdef SOURCE
export ROUTERSCOPE_SOURCE := $(SOURCE)
endif
ifdef REPLAY_DIR
export ROUTERSCOPE_REPLAY_DIR := $(REPLAY_DIR)
endif

.PHONY: help run live-check simulator ui up rollback test test-spark test-long contract bench bench-long docs lint format lock clean

help:
	@echo "make run                                     fetch, build, check and publish"
	@echo "make run SOURCE=live                         the same from OpenRouter; or SOURCE=sample, simulator"
	@echo "make run SOURCE=replay REPLAY_DIR=<folder>   the same from recorded responses"
	@echo "make run ARGS=--help                         show the options of run"
	@echo "make up SOURCE=live [PORT=3000]              serve Dagster's UI, run schedules and alerts"
	@echo "make ui [PORT=3000]                          serve Dagster's UI, read-only"
	@echo "make live-check                              check OpenRouter's API in at most 12 requests"
	@echo "make rollback                                publish the release before the current one"
	@echo "make simulator [PORT=8080]                   serve a simulated OpenRouter API"
	@echo "make test                                    run the tests"
	@echo "make test-spark                              price own calls with Spark and compare (needs Java)"
	@echo "make test-long                               run the long tests, which take hours"
	@echo "make contract                                load the exports into the tools they are for"
	@echo "make bench                                   measure time and memory (two minutes)"
	@echo "make bench-long                              medians of five, and a larger world"
	@echo "make docs                                    update the generated parts of README and docs/"
	@echo "make lint                                    check formatting, style, types and imports"
	@echo "make format                                  fix what lint can fix"
	@echo "make lock [ARGS=--upgrade]                   pin the dependencies [in their newest versions]"
	@echo "make clean                                   remove everything built; data/ stays"

$(SETUP): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	    || { echo "Routerscope needs Python 3.11 to 3.13, but $(PYTHON) is another version. Select one: make run PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv from requirements.lock (once, about a minute) …"
	@rm -rf .venv
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "The virtual environment could not be created. On Debian: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install $(PIP_OPTIONS) --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install $(PIP_OPTIONS) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_SETUP): $(SETUP) requirements-dev.lock
	@echo "Installing the tools of the tests from requirements-dev.lock (once, about a minute) …"
	@$(BIN)/python -m pip install $(PIP_OPTIONS) --require-hashes -r requirements-dev.lock
	@touch $@

run:
	@$(MAKE) --no-print-directory --silent $(SETUP)
	@$(ROUTERSCOPE) run $(ARGS)

# What setting up prints is not part of the text for an issue.
live-check:
	@$(MAKE) --no-print-directory --silent $(SETUP) >&2
	@$(ROUTERSCOPE) live-check

simulator: $(SETUP)
	@$(ROUTERSCOPE) simulator --port $(or $(PORT),8080)

ui up: $(SETUP)
	@$(ROUTERSCOPE) $@ --port $(or $(PORT),3000)

rollback: $(SETUP)
	@$(ROUTERSCOPE) rollback

test: $(DEV_SETUP)
	@$(PYTEST) $(PYTEST_OPTIONS)

test-spark: $(DEV_SETUP)
	@$(PYTEST) -m 'spark and not long' tests/usage

# More seeds, every corruption, a month under the real daemon, five days with Postgres, and many own calls on both engines.
test-long: $(DEV_SETUP)
	@$(PYTEST) -m long $(PYTEST_OPTIONS)
	@$(BIN)/python tests/soak.py target/soak
	@$(BIN)/python tests/soak.py target/soak-postgres --days 5 --postgres
	@$(BIN)/python tests/engines.py target/engines

contract: $(DEV_SETUP)
	@$(PYTEST) -m contract tests/contract

bench: $(DEV_SETUP)
	@$(BIN)/python tests/benchmarks/bench.py

bench-long: $(DEV_SETUP)
	@$(BIN)/python tests/benchmarks/bench.py --long

# The tests compare the documents with runs on recorded responses; with UPDATE_DOCS they write them.
docs: $(DEV_SETUP)
	@UPDATE_DOCS=1 $(PYTEST) -q $(PYTEST_OPTIONS) tests/pipeline/test_generated_docs.py tests/pipeline/test_readme.py \
	    tests/pipeline/test_docs.py::test_command_line_reference_is_current \
	    tests/usage/test_own_models.py::test_own_data_dictionary_matches_the_models \
	    tests/faults/test_corruptions.py::test_documented_corruptions_are_the_tested_ones

lint: $(DEV_SETUP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@mkdir -p $(LINT_DATA)/own
	@$(LINT_ENVIRONMENT) $(SQLFLUFF) lint $(SQL_OPTIONS) models/staging models/intermediate models/marts dbt_project/tests
	@$(OWN_LINT_ENVIRONMENT) $(SQLFLUFF) lint $(OWN_SQL_OPTIONS) models/own

format: $(DEV_SETUP)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@mkdir -p $(LINT_DATA)/own
	@$(LINT_ENVIRONMENT) $(SQLFLUFF) fix $(SQL_OPTIONS) models/staging models/intermediate models/marts dbt_project/tests
	@$(OWN_LINT_ENVIRONMENT) $(SQLFLUFF) fix $(OWN_SQL_OPTIONS) models/own

# Pins change only if pyproject.toml excludes them or ARGS=--upgrade is given. What both locks contain has the same pin. An
# equal lock is not touched, because a newer file would cause .venv to be rebuilt.
lock: $(DEV_SETUP)
	@mkdir -p target && cp requirements.lock requirements-dev.lock target/
	@$(COMPILE) --group setup --output-file target/requirements.lock $(ARGS) pyproject.toml
	@$(COMPILE) --group setup --group dev --constraints target/requirements.lock \
	    --output-file target/requirements-dev.lock $(ARGS) pyproject.toml
	@for lock in requirements.lock requirements-dev.lock; do cmp --silent target/$$lock $$lock || cp target/$$lock $$lock; done

# dagster_home has the history of runs from before each data folder kept its own. A data folder that has not run since then
# copies the states of its schedules from there, so it stays.
clean:
	rm -rf .venv target logs .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find dagster_home -mindepth 1 ! -name dagster.yaml ! -path 'dagster_home/schedules*' -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
