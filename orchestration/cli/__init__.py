"""The command line `routerscope`: one module per verb, with options, wording and exit codes only.

What a verb computes is in `access`, `ingest`, `storage` and `defs`. Modules that take long to import (Dagster, the
simulator, the HTTP client) are imported by the verbs that need them, so that reading verbs start fast.
"""

from __future__ import annotations


def main() -> None:
    """Entry point of the command `routerscope`."""
    from orchestration.cli.app import run_app

    run_app()
