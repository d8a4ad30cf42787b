"""What the pipeline reads from dbt: the manifest, the results of a build, and column lineage."""

import sys
from pathlib import Path

DBT_EXECUTABLE = Path(sys.executable).with_name("dbt")
