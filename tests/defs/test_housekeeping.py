"""A process is recognised by its identity, also after its number was reused."""

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


def test_identity_of_living_process_is_constant(process: subprocess.Popen[bytes]) -> None:
    assert identity(process.pid) == identity(process.pid)
    assert str(identity(process.pid)).startswith(f"{process.pid}/")


def test_ended_process_has_no_identity_even_as_zombie(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert identity(process.pid) is None  # a zombie
    process.wait()
    assert identity(process.pid) is None


def test_processes_differ_in_identity(process: subprocess.Popen[bytes]) -> None:
    assert str(identity(process.pid)).split("/")[2] != str(identity(os.getpid())).split("/")[2]
