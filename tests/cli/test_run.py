"""The command line as a whole: help, start-up, options of `run`, and the Dagster home of a data folder."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import dagster as dg
import psycopg2
import pytest
from conftest import PROJECT, CommandLine, environment, unpack_old_data_folder
from sqlalchemy.exc import OperationalError

from orchestration.cli.app import run_app
from orchestration.cli.dagster_home import TEMPLATE, dagster_home, history_errors, use_dagster_home
from orchestration.cli.maintain import tidy_home
from orchestration.cli.run import Job, RunRequest
from orchestration.errors import SettingsError, WarehouseError

VERBS = ["run", "up", "ui", "rollback", "tidy", "publish-to", "simulator", "live-check", "status", "query", "ask"]
VERBS += ["price", "find", "mcp", "cite", "trace", "own"]


def python(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=environment(home, COLUMNS="80"),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_an_example_and_exit_codes_in_80_columns(verb: str, command_line: CommandLine) -> None:
    done = command_line(verb, "--help", COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert command_line(verb, "-h", COLUMNS="80").stdout == done.stdout
    assert done.stdout.count(f"Example: {'ROUTERSCOPE_SOURCE=live ' if verb == 'up' else ''}routerscope {verb} ") == 1
    assert "Exit codes: 0 success" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_help_lists_every_verb_in_full(command_line: CommandLine) -> None:
    done = command_line("--help", COLUMNS="80")
    listed = done.stdout.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in listed] == VERBS
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


# Packages that take long to import, and the ones that each command needs of these.
SLOW = {"altair", "dagster", "dagster_dbt", "dbt", "duckdb", "httpx", "pyarrow", "sqlalchemy", "sqlglot"}
NEEDED = [
    ("--help", set()),
    ("run --help", set()),
    ("status --data nowhere", {"duckdb", "pyarrow"}),
    ("query --data nowhere", {"duckdb"}),
    ("price a/b --data nowhere", {"duckdb", "pyarrow"}),
    ("find --prompt 1 --data nowhere", {"duckdb", "pyarrow"}),
    ("mcp --data nowhere", {"duckdb", "pyarrow"}),
    ("cite --data nowhere", {"duckdb"}),
    ("trace --data nowhere", {"duckdb", "pyarrow"}),
    ("publish-to nowhere --data nowhere", {"duckdb", "pyarrow"}),
    ("own --data nowhere", {"duckdb", "pyarrow"}),
]


@pytest.mark.parametrize(("arguments", "needed"), NEEDED)
def test_command_imports_only_what_it_needs(arguments: str, needed: set[str], tmp_path: Path) -> None:
    code = f"""
import sys
from typer.testing import CliRunner
from orchestration.cli.app import app
CliRunner().invoke(app, {arguments.split()})
print(sorted({SLOW} & sys.modules.keys()))
"""
    assert python(tmp_path, "-c", code).stdout.strip() == str(sorted(needed))


@pytest.mark.parametrize(
    ("job", "first", "refetch", "message"),
    [
        (Job.refresh, "2026-11-01", True, "--refetch fetches all days; --from and --to select some"),
        (Job.refresh_prices, "2026-11-01", False, "The API has no history of prices and endpoints"),
        (Job.refresh_prices, "", True, "The API has no history of prices and endpoints"),
    ],
)
def test_options_that_exclude_each_other_are_refused(job: Job, first: str, refetch: bool, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        RunRequest(job, first, "", refetch, rebuild=False)


def test_wrong_setting_exits_2_on_standard_output(command_line: CommandLine, tmp_path: Path) -> None:
    """The first in a process of its own, to see the exit code and the output that a shell sees."""
    done = python(tmp_path, "-m", "orchestration.cli", "run", "--job", "refresh_prices", "--refetch")
    assert done.returncode == 2
    assert done.stdout.startswith("The API has no history of prices and endpoints. Nothing was fetched.")
    done = command_line("up")
    assert done.returncode == 2
    assert done.stdout == "ROUTERSCOPE_SOURCE is not set. Set it to live, sample, simulator or replay.\n"
    done = command_line("run", ROUTERSCOPE_REPLAY_DIR=tmp_path)
    assert done.returncode == 2
    assert "ROUTERSCOPE_REPLAY_DIR is set, but ROUTERSCOPE_SOURCE is not" in done.stdout


@pytest.mark.parametrize(
    "days", [("--from", "2026-13-01", "--to", "2026-13-02"), ("--from", "2026-01-01"), ("--to", "2099-01-01")]
)
def test_wrong_days_exit_2_before_anything_starts(
    command_line: CommandLine, days: tuple[str, ...], tmp_path: Path
) -> None:
    small = json.dumps({"models": 60, "days": 60, "observations": 0})
    settings = {"ROUTERSCOPE_SOURCE": "simulator", "ROUTERSCOPE_SIMULATOR": small}
    done = command_line("run", *days, ROUTERSCOPE_DATA_DIR=tmp_path / "data", **settings)
    assert done.returncode == 2, done.stdout
    assert "cannot be backfilled" in done.stdout
    assert not (tmp_path / "data").exists()


def test_rollback_without_release_exits_1(command_line: CommandLine, tmp_path: Path) -> None:
    done = command_line("rollback", "--data", str(tmp_path / "data"))
    assert done.returncode == 1
    assert "so nothing was changed" in done.stdout


@pytest.fixture
def project_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The `dagster_home` of a fresh project, whatever version 0.1 left in this one."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(TEMPLATE, folder)
    monkeypatch.setattr("orchestration.cli.dagster_home.TEMPLATE", folder / TEMPLATE.name)
    return folder


@pytest.mark.usefixtures("project_home")
def test_data_folder_has_its_own_dagster_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")  # and restored afterwards, whatever is set
    home = dagster_home(tmp_path / "data")
    assert home == tmp_path / "data" / "dagster_home"
    assert not home.exists()
    assert use_dagster_home(tmp_path / "data") == home
    assert os.environ["DAGSTER_HOME"] == str(home)
    assert (home / "dagster.yaml").read_bytes() == TEMPLATE.read_bytes()
    assert [path.name for path in home.iterdir()] == ["dagster.yaml"]


def test_new_home_takes_over_switched_schedules(
    project_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    unpack_old_data_folder(tmp_path)
    shutil.copytree(tmp_path / "dagster_home" / "schedules", project_home / "schedules")
    home = use_dagster_home(tmp_path / "new")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        states = {state.instigator_name: state.status.value for state in instance.all_instigator_state()}
    assert states == {"refresh_prices_intraday": "STOPPED", "refetch_rankings_weekly": "RUNNING"}


def test_damaged_schedules_of_the_old_home_are_reported(
    project_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    (project_home / "schedules").mkdir()
    (project_home / "schedules" / "schedules.db").write_bytes(b"not a database" * 100)
    home = use_dagster_home(tmp_path / "new")
    assert (home / "dagster.yaml").exists()
    assert "schedules.db cannot be read" in capfd.readouterr().out


def test_edited_dagster_yaml_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    (tmp_path / "dagster_home").mkdir()
    (tmp_path / "dagster_home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    use_dagster_home(tmp_path)
    assert (tmp_path / "dagster_home" / "dagster.yaml").read_text(encoding="utf-8") == "telemetry: {enabled: false}\n"


def test_dagster_home_of_the_user_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "mine"))
    assert use_dagster_home(tmp_path / "data") == tmp_path / "mine"
    assert list((tmp_path / "mine").iterdir()) == []
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("home", ["relative", "/nowhere/at/all"])
def test_unusable_dagster_home_is_refused(home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", home)
    with pytest.raises(SettingsError, match=f"DAGSTER_HOME is '{home}'.*or unset DAGSTER_HOME"):
        use_dagster_home(tmp_path)


def test_unwritable_default_home_is_a_plain_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    (tmp_path / "dagster_home").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(WarehouseError, match="cannot be created"):
        use_dagster_home(tmp_path)


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        sqlite3.OperationalError("database or disk is full"),
        OperationalError("insert", {}, sqlite3.OperationalError("database or disk is full")),
    ],
)
def test_full_disk_below_the_history_is_a_plain_error(error: Exception, tmp_path: Path) -> None:
    message = r"keeps the history of runs, cannot be used: .*(full|No space)"
    with pytest.raises(WarehouseError, match=message) as raised, history_errors(tmp_path):
        raise error
    assert "insert" not in str(raised.value)


def test_lost_database_is_a_plain_error(tmp_path: Path) -> None:
    from dagster_postgres.utils import DagsterPostgresException  # takes a second to import

    refused = OperationalError("insert", {}, psycopg2.OperationalError("Connection refused\n\tIs the server running?"))
    message = r"The database in which .* cannot be used: Connection refused\. Raw data .* Start the database"
    with pytest.raises(WarehouseError, match=message), history_errors(tmp_path):
        raise DagsterPostgresException("too many retries") from refused


def test_broken_pipe_is_no_error_of_the_history(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), history_errors(tmp_path):
        raise BrokenPipeError


def test_damaged_history_is_a_plain_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    home = use_dagster_home(tmp_path)
    (home / "history" / "runs").mkdir(parents=True, exist_ok=True)
    (home / "history" / "runs.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(WarehouseError, match=f"{home}.*file is not a database.*move the folder away"):
        tidy_home(tmp_path)


def test_error_of_the_disk_has_no_traceback(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied", "/data/raw")

    monkeypatch.setattr("orchestration.cli.app.app", refuse)
    with pytest.raises(SystemExit) as ended:
        run_app()
    assert ended.value.code == 1
    assert "/data/raw cannot be read or written: Permission denied." in capfd.readouterr().err
