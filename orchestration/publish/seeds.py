"""The seeds that Python reads: tables in the repository that dbt loads too."""

from __future__ import annotations

import csv
from pathlib import Path

from orchestration.folders import PROJECT_DIR

SEEDS = PROJECT_DIR / "seeds"


def read_seed(name: str, folder: Path = SEEDS) -> list[dict[str, str]]:
    """The rows of a seed: column → text."""
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
