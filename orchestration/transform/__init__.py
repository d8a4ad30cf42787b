"""What the pipeline reads from dbt: the manifest, the results of a build, and column lineage."""

import os
import sys
from pathlib import Path

DBT_EXECUTABLE = Path(sys.executable).with_name("dbt")
# dbt's output is read as UTF-8, and dagster-dbt passes on this process's environment.
os.environ["PYTHONUTF8"] = "1"
