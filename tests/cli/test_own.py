"""`routerscope own add` and `forget`: what people read when logs are added and removed."""

from pathlib import Path

import pytest
from conftest import CommandLine
from own_logs import FILES, LITELLM, MARKER, PLAIN, as_csv, as_lines

from orchestration.cli.own import REASONS
from orchestration.usage.intake import MALFORMED, REFUSALS


def test_every_reason_has_words() -> None:
    assert {*REFUSALS, MALFORMED} <= REASONS.keys()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_added_logs_are_counted(command_line: CommandLine, data: Path, tmp_path: Path) -> None:
    plain, litellm = tmp_path / "plain.csv", tmp_path / "litellm.jsonl"
    plain.write_bytes(as_csv(*[PLAIN | {"model": f"sim/{number}"} for number in range(2)]))
    litellm.write_bytes(as_lines(LITELLM, LITELLM, LITELLM | {"request_id": "gen-2", "cache_hit": "True"}))
    added = command_line("own", "add", str(plain), str(litellm), "--data", str(data))
    assert added.returncode == 0, added.stderr
    assert f"{plain}: 2 rows of a plain table\n" in added.stdout
    assert "2 rows of LiteLLM's spend logs; skipped: 1 (answered by the gateway's cache)" in added.stdout
    again = command_line("own", "add", str(plain), "--data", str(data))
    assert "nothing new" in again.stdout


@pytest.mark.parametrize("name", FILES)
def test_nothing_of_a_log_is_printed(name: str, command_line: CommandLine, data: Path, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(FILES[name])
    done = command_line("own", "add", str(tmp_path / "log"), "--data", str(data))
    assert done.returncode == 0, done.stderr
    assert MARKER not in done.stdout + done.stderr


def test_unusable_log_exits_2(command_line: CommandLine, data: Path, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a,b\n1,2\n", encoding="utf-8")
    done = command_line("own", "add", str(tmp_path / "log"), "--data", str(data))
    assert done.returncode == 2
    assert "is of no known format" in done.stderr
    assert "openrouter: generation_id" in done.stderr
    assert command_line("own", "add", "log", "--keep-labels", "--data", str(data)).returncode == 2


def test_everything_is_forgotten(command_line: CommandLine, data: Path, tmp_path: Path) -> None:
    nothing = command_line("own", "--data", str(data))
    assert nothing.returncode == 2
    assert "Add one: routerscope own add FILE" in nothing.stderr
    assert "has nothing" in command_line("own", "forget", "--data", str(data)).stdout
    (tmp_path / "log").write_bytes(FILES["plain"])
    command_line("own", "add", str(tmp_path / "log"), "--data", str(data))
    assert command_line("own", "forget", "--yes", "--data", str(data)).returncode == 0
    assert not (data / "own").exists()
