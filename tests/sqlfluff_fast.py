"""The command line of sqlfluff with rare garbage collection, which otherwise takes half of its time.

    python tests/sqlfluff_fast.py lint --processes 0 <files>

sqlfluff allocates large trees, and Python walks them again and again. The processes it starts execute this file too,
and thereby collect as rarely. What it finds is the same.
"""

from __future__ import annotations

import atexit
import gc

# Only the newest objects, after two million of them: without any collection, a process grows to 2 GB.
gc.set_threshold(2_000_000, 1_000, 1_000)

if __name__ == "__main__":
    from sqlfluff.cli.commands import cli

    atexit.register(gc.collect)  # else Python warns of semaphores that are not released
    cli()
