"""The command line `routerscope`: one module per command, with options, wording and exit codes only.

What a command computes is in `access`, `ingest`, `storage` and `defs`. Modules that take long to import (Dagster, the
simulator, the HTTP client) are imported by the commands that need them, so that commands that only read start fast.
"""

from __future__ import annotations


def main() -> None:
    """Entry point of the command `routerscope`."""
    from orchestration.cli.app import run_app

    run_app()
