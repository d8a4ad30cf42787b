"""A run that is killed while dbt has the warehouse open."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

SECONDS_UNTIL_DBT = 120


def is_open_elsewhere(file: Path, process: int) -> bool:
    """Whether another process than this one has locked the file."""
    locks = [line.split() for line in Path("/proc/locks").read_text(encoding="utf-8").splitlines()]
    return file.exists() and any(
        lock[5].endswith(f":{file.stat().st_ino}") and lock[4] != str(process) for lock in locks
    )


def killed_run(
    kill: Callable[[int], None], warehouse: Path, command: Sequence[str], folder: Path, settings: Mapping[str, str]
) -> str:
    """The output of a command in a folder until `kill` is called with its process, while dbt has the warehouse open."""
    run = subprocess.Popen(
        command,
        cwd=folder,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        start_new_session=True,
    )
    assert run.stdout is not None
    output = ""
    for line in run.stdout:
        output += line
        if "building and checking" in line:
            break
    deadline = time.monotonic() + SECONDS_UNTIL_DBT
    while not is_open_elsewhere(warehouse, run.pid):
        assert time.monotonic() < deadline, output
        time.sleep(0.1)
    kill(run.pid)
    run.wait(timeout=10)
    run.stdout.close()
    return output
