"""A run whose process is gone is told from one that is alive."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from orchestration.housekeeping import is_gone


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as started:
        yield started
        started.kill()


def test_a_process_that_was_just_heard_of_is_alive(process: subprocess.Popen[bytes]) -> None:
    assert not is_gone(process.pid, last_heard=time.time())


def test_a_run_may_be_created_long_before_its_process(process: subprocess.Popen[bytes]) -> None:
    time.sleep(2)
    assert not is_gone(process.pid, last_heard=time.time())


def test_a_process_that_endedis_gone(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    assert is_gone(process.pid, last_heard=time.time())


def test_another_process_that_has_taken_its_number_is_not_it(process: subprocess.Popen[bytes]) -> None:
    assert is_gone(process.pid, last_heard=time.time() - 3600)
