"""What the pipeline reads from dbt: the manifest, the results of a build, and column lineage."""

import json
import os
import sys

# dbt's command line without the program itself, which is DBT_PYTHON.
DBT_PYTHON = sys.executable
DBT_PROGRAM = ["-m", "orchestration.transform.dbt_program"]
# Data tests warn, so that dbt builds every model and runs every test even after a failure. Which results reject the
# build follows from the severities that the tests declare.
WARN_ONLY = ["--vars", json.dumps({"severity": "warn"})]
# dbt's output is read as UTF-8, and dagster-dbt passes on this process's environment.
os.environ["PYTHONUTF8"] = "1"
