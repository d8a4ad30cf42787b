"""An intake that was killed leaves nothing half, and the next one is whole."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import PROJECT, environment
from own_logs import PLAIN, as_csv

from orchestration.clock import RealClock
from orchestration.usage.intake import add_logs

ROWS = 1_500_000


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    head, row = as_csv(PLAIN).split(b"\n")[:2]
    path.write_bytes(head + b"\n" + (row + b"\n") * ROWS)
    return path


def test_next_intake_after_a_kill_is_whole(log: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-m", "orchestration.cli", "own", "add", str(log), "--data", str(data)]
    process = subprocess.Popen(command, cwd=PROJECT, env=environment(tmp_path), stdout=subprocess.DEVNULL)
    for _ in range(6_000):
        if list(data.glob("own/raw/*/*.tmp")) or process.poll() is not None:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(timeout=30) == -signal.SIGKILL
    assert list(data.glob("own/raw/*/*.tmp"))
    assert not list(data.glob("own/raw/*/*.parquet"))
    [added] = add_logs(data, [log], RealClock().now())
    assert (added.is_new, added.calls) == (True, ROWS)
    assert [path.suffix for path in data.glob("own/raw/*/*")] == [".parquet"]
