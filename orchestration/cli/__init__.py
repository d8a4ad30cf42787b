"""The command line `routerscope`: one module per command, with options, wording and exit codes only.

What a command computes is in `access`, `ingest`, `storage` and `defs`. Modules that take long to import (Dagster, the
simulator, the HTTP client) are imported by the commands that need them, so that commands that only read start fast.
"""

from __future__ import annotations

import contextlib
import os
import sys

_INTERRUPTED = 130


def main() -> None:
    """Entry point of the command `routerscope`. After Ctrl-C, the process ends without waiting for its threads."""
    try:
        from orchestration.cli.app import run_app

        run_app()
    except KeyboardInterrupt:  # while modules are imported
        sys.stderr.write("Interrupted. Nothing was changed.\n")
    except SystemExit as ended:
        if ended.code != _INTERRUPTED:
            raise
    else:
        return
    # Threads may still wait for a response, and Python would wait for them. Every file is written in one step.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(_INTERRUPTED)
