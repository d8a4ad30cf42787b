"""The text of a live check, against a simulated OpenRouter on loopback."""

import datetime as dt
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import CommandLine

from orchestration.openrouter.simulator import Simulator
from orchestration.openrouter.simulator.api import KEY
from orchestration.openrouter.simulator.server import serve
from orchestration.settings import Faults, Simulation

LiveCheck = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def live_check(command_line: CommandLine) -> LiveCheck:
    def start(drift: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        faults = Faults(drift=drift)  # type: ignore[arg-type]  # one of its values
        simulation = Simulation(models=60, days=45, observations=2, faults=faults)
        simulator = Simulator(simulation, lambda: dt.datetime.now(dt.UTC), dt.datetime.now(dt.UTC).date())
        with serve(simulator) as url:
            return command_line("live-check", ROUTERSCOPE_BASE_URL=url, **settings)

    return start


def test_verdict_table_and_transcript_can_be_pasted(live_check: LiveCheck, tmp_path: Path) -> None:
    done = live_check(OPENROUTER_API_KEY=KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("# Live check: every surface can be used\n\n**Simulated: these responses are inv")
    assert re.search(
        r"checked 9 of 9 surfaces of http://127\.0\.0\.1:\d+/api/v1 with a key, in 11 requests", done.stdout
    )
    assert re.search(r"^\| providers \| as expected \| 60 \| 20\d\d-", done.stdout, re.MULTILINE)
    assert re.search(
        r"^11\. GET http://\S+/benchmarks\n   200, [\d,]+ bytes, \d+\.\d s\n   content-type: application/json$",
        done.stdout,
        re.MULTILINE,
    )
    assert "providers:\n\n```\n{\n" in done.stdout
    assert done.stderr.splitlines()[0] == "checking rankings_export …"
    assert KEY not in done.stdout + done.stderr
    assert "## Problems" not in done.stdout
    assert not (tmp_path / "data").exists()


def test_difference_exits_3_and_failure_exits_1(live_check: LiveCheck) -> None:
    done = live_check("missing_field")
    assert done.returncode == 3, done.stdout
    assert done.stdout.startswith("# Live check: every surface can be used, 1 differs from the contract\n")
    assert "checked 4 of 9 surfaces" in done.stdout
    assert "| rankings | not checked (needs a key) |  |  |" in done.stdout
    assert re.search(r"## Problems\n\n- models: `data\.\*` has no `context_length` \(\d\d times\)\n\n", done.stdout)
    done = live_check("type_change")
    assert done.returncode == 1
    assert done.stdout.startswith("# Live check: 1 of 3 surfaces cannot be used\n")
    assert "| endpoints | not checked (needs a model with a price) |" in done.stdout


def test_unreachable_address_is_reported_without_excerpts(command_line: CommandLine) -> None:
    done = command_line("live-check", ROUTERSCOPE_BASE_URL="http://127.0.0.1:9/api/v1")
    assert done.returncode == 1
    assert done.stdout.startswith("# Live check: 3 of 3 surfaces cannot be used\n\nRouterscope ")
    assert "1. GET http://127.0.0.1:9/api/v1/datasets/exports/index.json\n   no response, 0 bytes, 0." in done.stdout
    assert "<details>" not in done.stdout
