"""The text of a live check, against a simulated OpenRouter on loopback."""

import datetime as dt
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from conftest import NOWHERE, CommandLine

from orchestration.cli.live_check import report
from orchestration.openrouter.client import Client, Exchange, Transcript
from orchestration.openrouter.live_check import Result, State
from orchestration.openrouter.simulator import Simulator
from orchestration.openrouter.simulator.api import KEY
from orchestration.openrouter.simulator.server import serve
from orchestration.openrouter.surfaces import PROVIDERS
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
    assert done.stdout.startswith(
        "# Live check: 9 of 9 checked surfaces can be used\n\n**Simulated: these responses are invented.**\n"
    )
    assert re.search(r"sent 11 requests to `http://127\.0\.0\.1:\d+/api/v1`, with a key, on 20", done.stdout)
    assert re.search(r"^\| providers \| as expected \| 60 \| 20\d\d-", done.stdout, re.MULTILINE)
    assert re.search(
        r"^11\. GET http://\S+/benchmarks\n   200, [\d,]+ bytes, \d+\.\d s\n   content-type: application/json$",
        done.stdout,
        re.MULTILINE,
    )
    assert "providers:\n\n```text\n[\n" in done.stdout
    assert done.stderr.splitlines()[0] == "checking rankings_export …"
    assert "## Problems" not in done.stdout
    assert not (tmp_path / "data").exists()


def test_difference_exits_3_and_failure_exits_1(live_check: LiveCheck) -> None:
    done = live_check("missing_field")
    assert done.returncode == 3, done.stdout
    assert done.stdout.startswith(
        "# Live check: 4 of 4 checked surfaces can be used, 1 differs from what is expected, 5 not checked\n"
    )
    assert "| rankings | needs a key |  |  |" in done.stdout
    assert re.search(
        r"## Problems\n\n```text\nmodels: `data\.\*` lacks the field `context_length` \(\d\d times\)\n```\n",
        done.stdout,
    )
    done = live_check("type_change")
    assert done.returncode == 1
    assert done.stdout.startswith("# Live check: 2 of 3 checked surfaces can be used, 6 not checked\n")
    assert "| endpoints | not checked |" in done.stdout
    assert "endpoints: no model with a price is known\n" in done.stdout


def test_unreachable_address_is_reported_without_excerpts(command_line: CommandLine) -> None:
    done = command_line("live-check", ROUTERSCOPE_BASE_URL=NOWHERE)
    assert done.returncode == 1
    assert done.stdout.startswith("# Live check: 0 of 3 checked surfaces can be used, 6 not checked\n\nRouterscope ")
    assert f"1. GET {NOWHERE}/datasets/exports/index.json\n   no response, 0 bytes, 0." in done.stdout
    assert "<details>" not in done.stdout


def text_of(*results: Result, exchanges: Sequence[Exchange] = ()) -> str:
    return report(Client(NOWHERE), Transcript(12, exchanges=list(exchanges)), results, dt.datetime.now(dt.UTC))


def outside_fences(text: str) -> str:
    """What Markdown interprets: a fence ends at a line of as many backticks as began it."""
    return re.sub(r"^(`{3,})text\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)


HOSTILE = ["````", "```\n# fine", "`@someone ![x](https://evil.example)", "</details>", "a | b", "\x1b[2J\u202e"]


def test_no_text_of_a_response_is_interpreted() -> None:
    text = text_of(
        Result(PROVIDERS, State.FAILED, tuple(HOSTILE), tuple(HOSTILE), excerpt="\n".join(HOSTILE)),
        exchanges=[Exchange(NOWHERE, 1.0, headers={"cache-control": "\n".join(HOSTILE)}, failure=HOSTILE[1])],
    )
    assert text.count("evil.example") == 4
    shown = outside_fences(text)
    assert "evil" not in shown
    assert shown.count("</details>") == 1
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_text_fits_into_an_issue_and_hides_keys() -> None:
    many = tuple(f"{number} " + "x" * 1000 for number in range(100))
    result = Result(PROVIDERS, State.FAILED, many, many, excerpt="sk-or-v1-abc " + "y\n" * 1000)
    text = text_of(*[result] * 9, exchanges=[Exchange("z" * 10_000, 1.0)] * 12)
    assert "… and 92 more" in text
    assert len(text) < 65_536
    assert "sk-or" not in text_of(result)
    assert "y" in text_of(result)
