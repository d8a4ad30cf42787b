"""The job `own`: what a run records about a user's calls, and what it does not."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from code_location import definitions
from own_logs import FILES, MARKER
from own_release import BIG, ENDPOINTS, EU, NOW, publish

from orchestration.usage.build import MARTS, own_file
from orchestration.usage.intake import add_logs

pytestmark = pytest.mark.xdist_group("own_data")


@dataclass(frozen=True)
class OwnRun:
    """A run of the job, with all events that it recorded as text."""

    data: Path
    result: dg.ExecuteInProcessResult
    events: str


def run_job(data: Path) -> OwnRun:
    with pytest.MonkeyPatch.context() as patched, dg.DagsterInstance.ephemeral() as instance:
        patched.setenv("ROUTERSCOPE_DATA_DIR", str(data))
        patched.setenv("ROUTERSCOPE_SOURCE", "simulator")
        result = definitions().resolve_job_def("own").execute_in_process(instance=instance)
        return OwnRun(data, result, "\n".join(str(entry) for entry in instance.all_logs(result.run_id)))


@pytest.fixture(scope="module")
def later_run(own_data: Path, tmp_path_factory: pytest.TempPathFactory) -> OwnRun:
    """A run over the priced logs, logs that contain `MARKER`, and a later release with new prices."""
    logs, data = tmp_path_factory.mktemp("logs"), tmp_path_factory.mktemp("data")
    shutil.copytree(own_data / "own", data / "own")
    for name, content in FILES.items():
        (logs / name).write_bytes(content)
    add_logs(data, [logs / name for name in FILES], NOW)
    endpoints = [
        *ENDPOINTS,
        ("acme/tiered", "Acme", "acme", BIG, "2026-09-01 09:00:00", "2026-09-02 09:00:00"),
        ("acme/plain", "New", "new", EU, "2026-09-01 09:00:00", "2026-09-02 09:00:00"),
    ]
    publish(data, "20260902T090000.000000Z", endpoints, "2026-09-02 09:00:00")
    return run_job(data)


def text_of(folder: Path) -> str:
    """Everything in the DuckDB files and the text files of a folder."""
    found = []
    for path in folder.rglob("*"):
        if path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as connection:
                for schema, table in connection.sql("select schema_name, table_name from duckdb_tables()").fetchall():
                    found.append(str(connection.sql(f'from "{schema}"."{table}"').fetchall()))
        elif path.is_file():
            found.append(path.read_bytes().decode("utf-8", errors="replace"))
    return "\n".join(found)


def test_run_records_rows_and_checks_only(later_run: OwnRun) -> None:
    assert later_run.result.success
    rows = {
        event.asset_key.path[-1]: event.materialization.metadata["dagster/row_count"].value
        for event in later_run.result.get_asset_materialization_events()
        if event.asset_key
    }
    assert rows.keys() == set(MARTS)
    assert rows["own_usage"] == rows["own_cost"] > 0
    checks = {one.check_name: one.passed for one in later_run.result.get_asset_check_evaluations()}
    assert checks == {"matched": True, "explained": True}
    assert "acme/" not in later_run.events
    stored = text_of(later_run.data / "own")
    assert "claude-opus-5" in stored, "the logs with the marker were priced"
    assert MARKER not in later_run.events + stored


def closed_days(data: Path) -> list[Any]:
    """The costs of the days before the first release, of the models of the release."""
    with duckdb.connect(str(own_file(data)), read_only=True) as connection:
        return connection.sql(
            "select * exclude (price_age_hours, price_checked_at) from own_cost "
            "where date < '2026-08-20' and starts_with(model_permaslug, 'acme/') order by all"
        ).fetchall()


def test_closed_days_do_not_change_with_later_prices(own_data: Path, later_run: OwnRun) -> None:
    before = closed_days(own_data)
    assert len(before) > 100
    assert closed_days(later_run.data) == before


def test_run_without_logs_prices_nothing(tmp_path: Path) -> None:
    """Somebody who materializes all assets may have no logs."""
    run = run_job(tmp_path / "data")
    assert run.result.success
    assert run.result.get_asset_materialization_events() == []
    assert "No log of own calls was added" in run.events
