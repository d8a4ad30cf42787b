"""A run whose process is gone is told from one that is alive."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from orchestration.defs.housekeeping import identity


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as started:
        yield started
        started.kill()


def test_a_process_that_is_alive_is_told_by_the_same_words(process: subprocess.Popen[bytes]) -> None:
    assert identity(process.pid) == identity(process.pid)
    assert str(identity(process.pid)).startswith(f"{process.pid}/")


def test_a_process_that_ended_has_none_even_if_nobody_asked_how(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert identity(process.pid) is None  # a zombie
    process.wait()
    assert identity(process.pid) is None


def test_another_process_is_told_by_other_words(process: subprocess.Popen[bytes]) -> None:
    assert str(identity(process.pid)).split("/")[2] != str(identity(os.getpid())).split("/")[2]
