"""The job `own`: what a run records about a user's calls, and what it does not."""

import shutil
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from own_logs import FILES, MARKER
from own_release import NOW

from orchestration.definitions import defs
from orchestration.usage.build import MARTS
from orchestration.usage.intake import add_logs

pytestmark = pytest.mark.xdist_group("own_data")


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


def test_run_records_rows_and_checks_only(own_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(own_data / "own", tmp_path / "data" / "own")
    shutil.copytree(own_data / "releases", tmp_path / "data" / "releases")
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    add_logs(tmp_path / "data", [tmp_path / name for name in FILES], NOW)
    (tmp_path / "data" / "published").symlink_to(next((tmp_path / "data" / "releases").iterdir()))
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "simulator")
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs().resolve_job_def("own").execute_in_process(instance=instance)
        assert result.success
        rows = {
            event.asset_key.path[-1]: event.materialization.metadata["dagster/row_count"].value
            for event in result.get_asset_materialization_events()
            if event.asset_key
        }
        assert rows.keys() == set(MARTS)
        assert rows["own_usage"] == rows["own_cost"] > 0
        checks = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
        assert checks == {"matched": True, "explained": True}
        events = "\n".join(str(entry) for entry in instance.all_logs(result.run_id))
    assert "acme/" not in events
    assert "claude-opus-5" in text_of(tmp_path / "data" / "own"), "the logs with the marker were priced"
    assert MARKER not in events + text_of(tmp_path / "data" / "own")


def test_run_without_logs_prices_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who materializes all assets may have no logs."""
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "simulator")
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs().resolve_job_def("own").execute_in_process(instance=instance)
        assert result.success
        assert result.get_asset_materialization_events() == []
        events = "\n".join(str(entry) for entry in instance.all_logs(result.run_id))
    assert "No log of own calls was added" in events
